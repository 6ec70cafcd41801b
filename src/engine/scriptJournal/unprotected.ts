// Writes where there are no transactions: standalone servers, other vendors, capped and time-series collections. The
// journal comes first, then the write, then how it ended. Weaker than a transaction in one point: where only the server
// can tell what an update makes of a document, what others do to it between the two reads counts as done by the script.
import type { DoorCommand, UpstreamChannel } from '../../wire/door';
import { diff, printOf, type Patch } from '../../transfer/patch';
import type { JournalEntry } from '../../transfer/journalPack';
import { element, idOf, keyOf, objectValue, sameBytes, stringValue, document } from '../../transfer/raw';
import { predictedInserts } from './changes';
import { hangUp, rowsTaken } from './failures';
import type { Keeper } from './keeper';
import { predict } from './predict';
import { Answer } from './progress';
import { batchOf, isOk, listIn, numberIn, valueIn } from './reply';
import {
  byIds,
  findParts,
  isWriteKind,
  lookups,
  type Lookup,
  type Statement,
  type WriteCommand,
} from './statements';
import { asBuffer } from './transaction';

const durable = objectValue(document([element('w', stringValue('majority'))]));

/** Commands on the script's connection outside of any transaction. */
export class Direct {
  constructor(private readonly upstream: UpstreamChannel) {}

  async send(
    database: string,
    parts: readonly Buffer[],
    sequence?: { identifier: string; documents: readonly Buffer[] },
  ): Promise<Buffer> {
    const body = document([...parts, element('$db', stringValue(database))]);
    const sequences = sequence && [{ identifier: sequence.identifier, documents: [...sequence.documents] }];
    try {
      return asBuffer(await this.upstream.sendRaw(body, sequences));
    } catch (error) {
      throw hangUp(error instanceof Error ? error.message : String(error));
    }
  }

  async read(
    { database, collection, variables }: Pick<WriteCommand, 'database' | 'collection' | 'variables'>,
    all: readonly Lookup[],
  ): Promise<Map<string, Buffer>> {
    const images = new Map<string, Buffer>();
    for (const lookup of all) {
      let reply = await this.send(database, findParts(collection, lookup, { variables }));
      for (;;) {
        if (!isOk(reply)) throw new Answer(reply);
        const { documents, cursor } = batchOf(reply);
        for (const raw of documents) images.set(keyOf(idOf(raw)), raw);
        if (!cursor) break;
        reply = await this.send(database, [
          element('getMore', cursor),
          element('collection', stringValue(collection)),
        ]);
      }
    }
    return images;
  }
}

/** Journals and sends some statements of a command; gives the server's reply. */
export async function writeUnprotected(
  keeper: Keeper,
  command: DoorCommand,
  write: WriteCommand,
  statements: readonly Statement[],
): Promise<Buffer> {
  const { rows } = keeper;
  const direct = new Direct(command.upstream);
  const facts = await keeper.namespaces.facts(write.database, write.collection);
  if (facts?.kind === 'timeseries') return writeUnkept(keeper, direct, command, write, statements);
  const before = await readBefore(direct, write, statements);
  const planned = plan(write, statements, before);
  const { seq, rows: first } = rows.documents(write, planned, true);
  if (planned.length > 0) await insertDirect(direct, keeper, first);
  const reply = await sendWrite(direct, command, write, statements);
  const ids = planned.map(({ id }) => id);
  const made = listIn(reply, 'upserted').flatMap((item) => valueIn(item, '_id') ?? []);
  const wanted = [...ids, ...made];
  const now =
    wanted.length > 0
      ? await direct.read(write, [{ filter: byIds(wanted), collation: undefined }])
      : new Map<string, Buffer>();
  const entries = compare(write, before, now, outcomes(write, statements, before));
  if (entries.length > 0) await insertDirect(direct, keeper, rows.documents(write, entries).rows);
  if (planned.length > 0) await rows.remove([seq]);
  return reply;
}

/** The command with its own session and write concern, as the server would have got it. */
function sendWrite(
  direct: Direct,
  command: DoorCommand,
  write: WriteCommand,
  statements: readonly Statement[],
): Promise<Buffer> {
  const body = asBuffer(command.raw.body);
  const whole = statements.length === write.statements.length;
  const parts = [...write.parts];
  // Numbered as the script has numbered it, so that the server knows it again when it is sent again.
  for (const name of whole && isWriteKind(command.name)
    ? ['lsid', 'txnNumber', 'writeConcern']
    : ['writeConcern']) {
    const value = valueIn(body, name);
    if (value) parts.push(element(name, value));
  }
  const documents = statements.map(({ raw }) => raw);
  return direct.send(write.database, parts, { identifier: write.list, documents });
}

async function readBefore(
  direct: Direct,
  write: WriteCommand,
  statements: readonly Statement[],
): Promise<Map<string, Buffer>> {
  if (write.kind !== 'insert') return direct.read(write, lookups(statements));
  // A document that is there already makes the insert fail, and is not ours.
  const ids = statements.map(({ raw }) => idOf(raw));
  return direct.read(write, [{ filter: byIds(ids), collation: undefined }]);
}

/** The journal before the write: what each document may become, as far as that can be told. */
function plan(
  write: WriteCommand,
  statements: readonly Statement[],
  before: Map<string, Buffer>,
): JournalEntry[] {
  if (write.kind === 'insert') {
    const entries = predictedInserts(statements) ?? statements.map(({ raw }) => created(raw));
    return entries.filter(({ id }) => !before.has(keyOf(id)));
  }
  const known = outcomes(write, statements, before);
  return [...before].map(([key, raw]) => {
    const id = idOf(raw);
    if (write.kind === 'delete') return { id, before: raw, patch: { kind: 'whole', after: undefined } };
    return { id, before: raw, patch: known.get(key) ?? { kind: 'paths', touched: [] } };
  });
}

/** What the statements make of documents, where that can be told without the server. */
function outcomes(
  write: WriteCommand,
  statements: readonly Statement[],
  before: ReadonlyMap<string, Buffer>,
): Map<string, Patch> {
  const known = new Map<string, Patch>();
  if (write.kind !== 'update') return known;
  const [first] = statements;
  const only = statements.length === 1 && first?.many ? first : undefined;
  // Several statements may meet in one document: of them together nothing is known.
  if (!only && statements.some(({ id }) => !id)) return known;
  const byId = new Map<string, Statement | 'several'>();
  for (const statement of statements) {
    const key = statement.id ? keyOf(statement.id) : '';
    byId.set(key, byId.has(key) ? 'several' : statement);
  }
  for (const [key, raw] of before) {
    const statement = only ?? byId.get(key);
    const patch = statement && statement !== 'several' ? predict(raw, statement.raw) : undefined;
    if (patch) known.set(key, patch);
  }
  return known;
}

function created(raw: Buffer): JournalEntry {
  return { id: idOf(raw), before: undefined, patch: printOf(raw) };
}

/** What is different may be the work of others too: what is known of our own is all that may be taken back. */
function compare(
  { kind }: WriteCommand,
  before: Map<string, Buffer>,
  now: Map<string, Buffer>,
  known: ReadonlyMap<string, Patch>,
): JournalEntry[] {
  const entries: JournalEntry[] = [];
  for (const [key, raw] of before) {
    const after = now.get(key);
    // An update deletes nothing: a document that is gone was deleted by somebody else.
    if (after ? sameBytes(raw, after) : kind !== 'delete') continue;
    const patch = after
      ? (known.get(key) ?? diff(raw, after))
      : ({ kind: 'whole', after: undefined } as const);
    entries.push({ id: idOf(raw), before: raw, patch });
  }
  for (const [key, raw] of now) if (!before.has(key)) entries.push(created(raw));
  return entries;
}

export async function insertDirect(
  direct: Direct,
  { rows }: Keeper,
  documents: readonly Buffer[],
): Promise<void> {
  for (let at = 0; at < documents.length; at += 3) {
    const parts = [element('insert', stringValue(rows.name)), element('writeConcern', durable)];
    const reply = await direct.send(rows.database, parts, {
      identifier: 'documents',
      documents: documents.slice(at, at + 3),
    });
    if (!rowsTaken(reply)) throw hangUp('the journal could not be written');
  }
}

/** Measurements have no `_id` that is unique: how many were written is all that can be known. */
async function writeUnkept(
  keeper: Keeper,
  direct: Direct,
  command: DoorCommand,
  write: WriteCommand,
  statements: readonly Statement[],
): Promise<Buffer> {
  const { rows } = keeper;
  const { database, collection } = write;
  const seq = await rows.note('unkept', { database, collection, command: write.kind, n: statements.length });
  keeper.warn(`"${collection}" is a time-series collection: what is written to it has no journal.`);
  const reply = await sendWrite(direct, command, write, statements);
  await rows.complete(seq, { n: numberIn(reply, 'n') ?? 0 });
  return reply;
}

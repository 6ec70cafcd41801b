// findAndModify of a script: which document it will take is found first, then the command is sent for that document
// alone, in one transaction with the journal (ours, or the one that the script has opened).
import type { DoorCommand } from '../../wire/door';
import { printOf, diff, type Patch } from '../../transfer/patch';
import type { JournalEntry } from '../../transfer/journalPack';
import { pause } from '../../transfer/transaction';
import {
  arrayValue,
  BsonType,
  document,
  element,
  emptyDocument,
  idOf,
  objectValue,
  sameBytes,
} from '../../transfer/raw';
import { committed, wasCommitted } from './commit';
import { hangUp, judge, rowsTaken } from './failures';
import { insertRows } from './insertRows';
import { createForWrite, type Keeper } from './keeper';
import { isEmpty, predict } from './predict';
import { Answer, retryKey } from './progress';
import { batchOf, documentIn, isOk, numberIn, valueIn, withElements } from './reply';
import { keepRows, transactionOf } from './scriptTransaction';
import { byIds, exactId, findParts } from './statements';
import { asBuffer, bare, type Transaction } from './transaction';
import { Direct, insertDirect } from './unprotected';

interface Call {
  database: string;
  collection: string;
  body: Buffer;
  parts: Buffer[];
  query: Buffer;
  removes: boolean;
  upserts: boolean;
}

/** Commands, in a transaction or not. */
type Sender = Pick<Transaction, 'send'>;

interface Outcome {
  reply: Buffer;
  /** Missing where the server refused. */
  entries?: JournalEntry[];
}

export class FindAndModify {
  readonly #lost = new Map<string, { transaction: Transaction; reply: Buffer; seq: number }>();

  constructor(private readonly keeper: Keeper) {}

  async run(command: DoorCommand): Promise<Uint8Array> {
    const { keeper } = this;
    const call = callOf(command);
    const { database, collection } = call;
    if (command.inTransaction) return this.#inTransaction(command, call);
    const facts = await keeper.namespaces.facts(database, collection);
    if (!facts && call.upserts) await createForWrite(keeper, database, collection);
    if (!keeper.options.transactions || facts?.kind === 'capped') return this.#unprotected(command, call);
    const key = retryKey(command);
    const earlier = key === undefined ? undefined : this.#lost.get(key);
    if (key !== undefined) this.#lost.delete(key);
    if (earlier && (await wasCommitted(earlier.transaction, earlier.seq, command.upstream, keeper.rows)))
      return earlier.reply;
    try {
      return await this.#own(command, call, key);
    } catch (error) {
      if (error instanceof Answer) return error.reply;
      throw error;
    }
  }

  async #own(command: DoorCommand, call: Call, key: string | undefined): Promise<Uint8Array> {
    const { keeper } = this;
    const session = await keeper.session(command);
    for (let tries = 0; ; tries++) {
      keeper.signal.throwIfAborted();
      if (tries > 0) await pause(Math.min(500, 2 ** tries), keeper.signal);
      const transaction = session.begin(command.upstream);
      const { reply, entries } = await modify(transaction, call);
      if (!entries) {
        const failure = judge(reply);
        if (failure === 'moved') throw hangUp('the primary has changed');
        if (failure === 'no-transaction') return this.#unprotected(command, call);
        if (failure === 'final') return withElements(reply, { errorLabels: undefined });
        continue;
      }
      if (entries.length === 0) {
        transaction.abort().catch(() => undefined);
        return reply;
      }
      const { seq, rows } = keeper.rows.documents(call, entries);
      if (key !== undefined) this.#lost.set(key, { transaction, reply, seq });
      const [taken, last] = await Promise.all([
        insertRows(transaction, keeper.rows, rows),
        transaction.commit(),
      ]);
      const end = taken.every((row) => rowsTaken(row)) && (await committed(transaction, last, keeper.signal));
      if (key !== undefined) this.#lost.delete(key);
      if (end) return withTimes(reply, end);
    }
  }

  async #inTransaction(command: DoorCommand, call: Call): Promise<Uint8Array> {
    const transaction = await transactionOf(this.keeper, command);
    const { reply, entries } = await modify(transaction, call);
    if (!entries?.length) return reply;
    const { rows } = this.keeper.rows.documents(call, entries);
    return (await keepRows(transaction, this.keeper, rows)) ?? reply;
  }

  /** The image before is in the journal first; how it ended comes after. */
  async #unprotected(command: DoorCommand, call: Call): Promise<Uint8Array> {
    const { rows } = this.keeper;
    const direct = new Direct(command.upstream);
    let seq: number | undefined;
    const { reply, entries } = await modify(direct, call, async (before) => {
      const patch: Patch = call.removes
        ? { kind: 'whole', after: undefined }
        : (predict(before, statementOf(call)) ?? { kind: 'paths', touched: [] });
      const planned = rows.documents(call, [{ id: idOf(before), before, patch }], true);
      seq = planned.seq;
      await insertDirect(direct, this.keeper, planned.rows);
    });
    if (entries?.length) await insertDirect(direct, this.keeper, rows.documents(call, entries).rows);
    if (seq !== undefined) await rows.remove([seq]);
    return reply;
  }
}

function callOf(command: DoorCommand): Call {
  const body = asBuffer(command.raw.body);
  return {
    database: command.target,
    collection: command.collection ?? '',
    body,
    parts: bare(body),
    query: documentIn(body, 'query') ?? emptyDocument,
    removes: numberIn(body, 'remove') === 1,
    upserts: numberIn(body, 'upsert') === 1,
  };
}

/** The same as a statement of an update. */
function statementOf({ body }: Call): Buffer {
  const update = valueIn(body, 'update');
  const filters = valueIn(body, 'arrayFilters');
  return document([
    ...(update ? [element('u', update)] : []),
    ...(filters ? [element('arrayFilters', filters)] : []),
  ]);
}

async function modify(
  sender: Sender,
  call: Call,
  planned?: (before: Buffer) => Promise<void>,
): Promise<Outcome> {
  const { database } = call;
  const named = exactId(call.query) !== undefined && !valueIn(call.body, 'collation') && !planned;
  // Where the `_id` is named both go back to back; otherwise the command has to be told which document was found.
  const [found, together] = await Promise.all([
    sender.send(database, lookup(call)),
    named ? sender.send(database, call.parts) : undefined,
  ]);
  const [before] = isOk(found) ? batchOf(found).documents : [];
  if (before) await planned?.(before);
  // Where the read fails so does the command, and its words are the ones to hand on.
  const reply = together ?? (await sender.send(database, before ? pinned(call, before) : call.parts));
  if (!isOk(reply)) return { reply };
  if (!isOk(found)) throw new Error('the document could not be read before its change');
  return { reply, entries: await entriesOf(sender, call, before, reply) };
}

function lookup({ collection, body, query }: Call): Buffer[] {
  const extra = ['sort', 'hint'].flatMap((name) => {
    const value = valueIn(body, name);
    return value ? [element(name, value)] : [];
  });
  const one = { filter: query, collation: valueIn(body, 'collation') };
  return findParts(collection, one, { limit: 1, variables: valueIn(body, 'let'), extra });
}

function pinned({ body, query }: Call, before: Buffer): Buffer[] {
  const q = document([element('$and', arrayValue([byIds([idOf(before)]), query].map(objectValue)))]);
  return bare(withElements(body, { upsert: undefined, query: objectValue(q) })).toSorted(commandFirst);
}

/** `withElements` puts what it changes last; the command's name has to stay in front. */
function commandFirst(a: Buffer, b: Buffer): number {
  return Number(isName(b)) - Number(isName(a));
}

function isName(part: Buffer): boolean {
  return part[0] === BsonType.string && part.toString('latin1', 1, 14).toLowerCase() === 'findandmodify';
}

async function entriesOf(
  sender: Sender,
  call: Call,
  before: Buffer | undefined,
  reply: Buffer,
): Promise<JournalEntry[]> {
  const done = documentIn(reply, 'lastErrorObject') ?? emptyDocument;
  const created = valueIn(done, 'upserted');
  if ((numberIn(done, 'n') ?? 0) === 0) return [];
  const read = async (filter: Buffer): Promise<Buffer | undefined> => {
    const parts = findParts(call.collection, { filter, collation: undefined }, { limit: 1 });
    return batchOf(await sender.send(call.database, parts)).documents[0];
  };
  if (created) {
    const made = await read(byIds([created]));
    return made ? [{ id: idOf(made), before: undefined, patch: printOf(made) }] : [];
  }
  if (!before) return [];
  const id = idOf(before);
  if (call.removes) return [{ id, before, patch: { kind: 'whole', after: undefined } }];
  const foreseen = predict(before, statementOf(call));
  if (foreseen) return isEmpty(foreseen) ? [] : [{ id, before, patch: foreseen }];
  const after = await read(byIds([id]));
  return !after || sameBytes(before, after) ? [] : [{ id, before, patch: diff(before, after) }];
}

/** The clocks of the commit, so that what the script reads next sees its own write. */
export function withTimes(reply: Buffer, end: Buffer): Buffer {
  return withElements(reply, {
    operationTime: valueIn(end, 'operationTime'),
    $clusterTime: valueIn(end, '$clusterTime'),
    writeConcernError: valueIn(end, 'writeConcernError'),
  });
}

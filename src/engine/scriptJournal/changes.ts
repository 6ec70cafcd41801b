// Some statements of a write command inside a transaction: what they are about to change is read, the command itself is
// sent unchanged in meaning, and what it did is told as entries of the journal. Nothing is committed here.
import { diff, printOf } from '../../transfer/patch';
import type { JournalEntry } from '../../transfer/journalPack';
import {
  arrayValue,
  BsonType,
  document,
  element,
  idOf,
  keyOf,
  objectValue,
  sameBytes,
} from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { byKey, Images, ReadFailed, TooMany } from './images';
import { isEmpty, predict, stored } from './predict';
import { batchOf, isOk, listIn, numberIn, replaced, valueIn, withElements } from './reply';
import { byIds, findParts, lookups, type Lookup, type Statement, type WriteCommand } from './statements';
import type { Transaction } from './transaction';

/** What became of the statements. `entries` is missing where the server refused something: the transaction is over. */
export interface Changes {
  reply: Buffer;
  entries?: JournalEntry[];
}

export interface ChangeOptions {
  /** Documents that may be read beyond one for each statement. */
  most: number;
  /** The transaction cannot be tried again: everything is read to its end before the command is sent. */
  onlyOnce?: boolean;
}

/** Documents of a lookup that are read in one go, and those that are read on with their cursor. */
const spare = 100;

export async function makeChanges(
  transaction: Transaction,
  write: WriteCommand,
  statements: readonly Statement[],
  options: ChangeOptions,
): Promise<Changes> {
  if (write.kind === 'insert') return insert(transaction, write, statements);
  const known = !options.onlyOnce && statements.every(({ id }) => id !== undefined);
  const images = new Images(transaction, write);
  return known
    ? changeKnown(transaction, write, statements, images)
    : changeFound(transaction, write, statements, images, options);
}

function sendWrite(
  transaction: Transaction,
  write: WriteCommand,
  statements: readonly Statement[],
): Promise<Buffer> {
  const documents = statements.map(({ raw }) => raw);
  return transaction.send(write.database, write.parts, { identifier: write.list, documents });
}

function refused(reply: Buffer): boolean {
  return !isOk(reply) || valueIn(reply, 'writeErrors') !== undefined;
}

/** Inserts have no past; what they made is known by its hash. */
async function insert(
  transaction: Transaction,
  write: WriteCommand,
  statements: readonly Statement[],
): Promise<Changes> {
  const reply = await sendWrite(transaction, write, statements);
  if (refused(reply)) return { reply };
  return { reply, entries: await insertedEntries(transaction, write, statements) };
}

async function insertedEntries(
  transaction: Transaction,
  write: WriteCommand,
  statements: readonly Statement[],
): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  const unknown: RawValue[] = [];
  for (const { raw } of statements) {
    const made = stored(raw);
    if (made) entries.push(createdEntry(made));
    else unknown.push(idOf(raw));
  }
  if (unknown.length > 0) {
    const found = await new Images(transaction, write).read([
      { filter: byIds(unknown), collation: undefined },
    ]);
    entries.push(...[...found.values()].map(createdEntry));
  }
  return entries;
}

/** What an insert will store, if that can be told before it is sent. */
export function storedDocuments(statements: readonly Statement[]): Buffer[] | undefined {
  const documents: Buffer[] = [];
  for (const { raw } of statements) {
    const made = stored(raw);
    if (!made) return undefined;
    documents.push(made);
  }
  return documents;
}

/** Hashes of so many documents keep nobody else waiting. */
const hashedAtOnce = 100;

/** Lets what is being sent go on meanwhile. */
export async function createdEntries(made: readonly Buffer[]): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (const document of made) {
    if (entries.length % hashedAtOnce === hashedAtOnce - 1) await new Promise(setImmediate);
    entries.push(createdEntry(document));
  }
  return entries;
}

/** The entries of an insert, if they can be told before it is sent. */
export function predictedInserts(statements: readonly Statement[]): JournalEntry[] | undefined {
  return storedDocuments(statements)?.map(createdEntry);
}

function createdEntry(made: Buffer): JournalEntry {
  return { id: idOf(made), before: undefined, patch: printOf(made) };
}

/** Each statement names its `_id`: reads and write go back to back. */
async function changeKnown(
  transaction: Transaction,
  write: WriteCommand,
  statements: readonly Statement[],
  images: Images,
): Promise<Changes> {
  const wanted = lookups(statements);
  const foreseeable =
    write.kind === 'delete' || (isDistinct(statements, wanted) && statements.every(isSimple));
  const [[found], reply, after] = await Promise.all([
    images.ask(wanted),
    sendWrite(transaction, write, statements),
    foreseeable ? undefined : images.ask(wanted),
  ]);
  if (!found || !isOk(found)) throw new ReadFailed(found ?? reply);
  if (refused(reply)) return { reply };
  const first = batchOf(found);
  // What did not fit into one reply was read on after the change: half as many will fit.
  if (first.cursor) throw new TooMany();
  const before = byKey(first.documents);
  const foreseen = foreseeable ? foresee(write, statements, before, reply) : undefined;
  if (foreseen) {
    return { reply, entries: [...foreseen, ...(await upserted(images, reply, before))] };
  }
  const second = after?.[0] && batchOf(after[0]);
  const now = second && !second.cursor ? byKey(second.documents) : await images.read(wanted);
  const changed = compared(before, now, statements);
  return { reply, entries: [...changed, ...(await upserted(images, reply, before))] };
}

/** Operators that may be foreseen; which of them are depends on the document too. */
const simple = ['$set\0', '$setO', '$unse', '$inc\0', '$push'];

function isSimple({ raw }: Statement): boolean {
  const u = valueIn(raw, 'u');
  if (u?.type !== BsonType.object) return false;
  const bytes = u.bytes as Buffer;
  const name = bytes.toString('latin1', 5, 10);
  return bytes[5] !== 0x24 || simple.some((known) => name.startsWith(known));
}

function isDistinct(statements: readonly Statement[], [wanted]: readonly Lookup[]): boolean {
  if (statements.length < 2 || !wanted) return true;
  const keys = new Set(statements.map(({ id }) => id && keyOf(id)));
  return keys.size === statements.length;
}

/** The entries without a second read, where the counts of the reply leave no doubt. */
function foresee(
  write: WriteCommand,
  statements: readonly Statement[],
  before: Map<string, Buffer>,
  reply: Buffer,
): JournalEntry[] | undefined {
  const made = listIn(reply, 'upserted').length;
  if ((numberIn(reply, 'n') ?? 0) - made !== before.size) return undefined;
  const entries: JournalEntry[] = [];
  if (write.kind === 'delete') {
    for (const [, raw] of before) entries.push(deletedEntry(raw));
    return entries;
  }
  for (const { id, raw } of statements) {
    const image = id && before.get(keyOf(id));
    if (!image) continue;
    const patch = predict(image, raw);
    if (!patch) return undefined;
    if (!isEmpty(patch)) entries.push({ id: idOf(image), before: image, patch });
  }
  return entries.length === (numberIn(reply, 'nModified') ?? 0) ? entries : undefined;
}

/** Some statement finds its document by other fields: first everything is read that they may mean. */
async function changeFound(
  transaction: Transaction,
  write: WriteCommand,
  statements: readonly Statement[],
  images: Images,
  { most }: ChangeOptions,
): Promise<Changes> {
  const before = await images.read(lookups(statements), statements.length + spare + most);
  const reply = await sendWrite(transaction, write, statements);
  if (refused(reply)) return { reply };
  const ids = [...before.values()].map(idOf);
  const now =
    ids.length > 0
      ? await images.read([{ filter: byIds(ids), collation: undefined }])
      : new Map<string, Buffer>();
  const changed = compared(before, now, []);
  return { reply, entries: [...changed, ...(await upserted(images, reply, before))] };
}

/** What is different between two readings, in the order of the statements where they name their documents. */
function compared(
  before: Map<string, Buffer>,
  now: Map<string, Buffer>,
  statements: readonly Statement[],
): JournalEntry[] {
  const order = new Map(statements.map(({ id }, i) => [id ? keyOf(id) : '', i]));
  const entries: { entry: JournalEntry; at: number }[] = [];
  for (const [key, raw] of before) {
    const after = now.get(key);
    if (after && sameBytes(raw, after)) continue;
    const entry = after ? { id: idOf(raw), before: raw, patch: diff(raw, after) } : deletedEntry(raw);
    entries.push({ entry, at: order.get(key) ?? 0 });
  }
  return entries.sort((a, b) => a.at - b.at).map(({ entry }) => entry);
}

function deletedEntry(raw: Buffer): JournalEntry {
  return { id: idOf(raw), before: raw, patch: { kind: 'whole', after: undefined } };
}

async function upserted(images: Images, reply: Buffer, before: Map<string, Buffer>): Promise<JournalEntry[]> {
  const ids = listIn(reply, 'upserted').flatMap((item) => valueIn(item, '_id') ?? []);
  if (ids.length === 0) return [];
  const made = await images.read([{ filter: byIds(ids), collation: undefined }]);
  return [...made].flatMap(([key, raw]) => (before.has(key) ? [] : [createdEntry(raw)]));
}

/**
 * Which document a single statement will change, and the same statement for that document alone: the way where its
 * filter would mean too many. Undefined if it finds none.
 */
export async function pinned(
  transaction: Transaction,
  write: WriteCommand,
  statement: Statement,
): Promise<Statement | undefined> {
  const [lookup] = lookups([statement]);
  if (!lookup) return undefined;
  const extra = ['sort', 'hint'].flatMap((name) => {
    const value = valueIn(statement.raw, name);
    return value ? [element(name, value)] : [];
  });
  const parts = findParts(write.collection, lookup, { limit: 1, variables: write.variables, extra });
  const reply = await transaction.send(write.database, parts);
  if (!isOk(reply)) throw new ReadFailed(reply);
  const [found] = batchOf(reply).documents;
  return found && pinnedTo(statement, [idOf(found)]);
}

/** The statement for some of the documents that it means. */
export function pinnedTo(statement: Statement, ids: readonly RawValue[]): Statement {
  // It is no longer the whole statement, which alone may insert.
  const raw = withElements(statement.raw, { upsert: undefined });
  const q = document([element('$and', arrayValue([byIds(ids), statement.q].map(objectValue)))]);
  const id = ids.length === 1 && !valueIn(statement.raw, 'collation') ? ids[0] : undefined;
  return { ...statement, raw: replaced(raw, 'q', objectValue(q)), q, id, upsert: false };
}

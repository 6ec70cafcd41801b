// Writing documents without transactions: a document is replaced only if it still is, byte for byte in the server's
// eyes, what was read. The guard stands inside the update and fails it, because a guard in the filter would not say
// which of many documents it kept back.
import type { Db } from 'mongodb';
import { RawList, sendWrites, writeIdQuery, type WriteFailure } from './command';
import { arrayValue, BsonType, document, element, intValue, keyOf, objectValue, stringValue } from './raw';
import type { RawValue } from './raw';
import { readByIds } from './source';

export interface GuardedEntry {
  id: RawValue;
  /** What was read; undefined = the document must not exist yet. */
  before: Buffer | undefined;
  /** What it becomes; undefined = it is deleted. */
  after: Buffer | undefined;
}

export interface GuardedReply {
  /** Positions of documents that are no longer what was read. */
  changed: number[];
  /** Positions of documents that the server refused, with its reason. */
  refused: WriteFailure[];
  /** Documents that are gone. */
  missing: number;
}

const durable = { w: 'majority', j: true } as const;
const changedText = 'migratory: changed since it was read';
const duplicateKey = 11000;
/** Both versions of a document stand in one statement of 16 MB. */
const mostBytes = 16 * 1024 * 1024 - 1024;
const tooLarge = 'it is too large to be changed safely on a server without transactions';

/** Each document at most once: after an unclear failure it is the caller's to look again. */
export async function writeGuarded(
  db: Db,
  collection: string,
  entries: readonly GuardedEntry[],
  options: { bypass?: boolean } = {},
): Promise<GuardedReply> {
  const inserts: number[] = [];
  const updates: number[] = [];
  const deletes: number[] = [];
  const reply: GuardedReply = { changed: [], refused: [], missing: 0 };
  for (const [index, { before, after }] of entries.entries()) {
    if (before && before.length + (after ?? before).length > mostBytes) {
      reply.refused.push({ index, code: 10334, message: tooLarge });
    } else (before ? (after ? updates : deletes) : inserts).push(index);
  }
  const write = { ordered: false, writeConcern: durable, bypassDocumentValidation: options.bypass };
  if (inserts.length > 0) {
    const rows = inserts.map((i) => entries[i]!.after!);
    sort(await sendWrites(db, 'insert', collection, rows, write), inserts, reply);
  }
  if (updates.length > 0) {
    const statements = new RawList();
    // Both versions of every document: a buffer that grew to this would be copied again and again.
    statements.writer.ensure(updates.reduce((sum, i) => sum + statementBytes(entries[i]!), 0));
    for (const i of updates) addGuarded(statements, entries[i]!);
    const sent = await sendWrites(db, 'update', collection, statements, write);
    reply.missing += statements.length - sent.n - sent.failures.length;
    sort(sent, updates, reply);
  }
  if (deletes.length > 0) {
    const statements = deletes.map((i) => deleteStatement(entries[i]!));
    const sent = await sendWrites(db, 'delete', collection, statements, write);
    sort(sent, deletes, reply);
    if (sent.n + sent.failures.length < deletes.length)
      await findKept(db, collection, entries, deletes, reply);
  }
  return reply;
}

function sort(sent: { failures: WriteFailure[] }, positions: readonly number[], reply: GuardedReply): void {
  for (const failure of sent.failures) {
    const index = positions[failure.index]!;
    const changed =
      failure.code === duplicateKey ? isIdTwice(failure) : failure.message.includes(changedText);
    if (changed) reply.changed.push(index);
    else reply.refused.push({ ...failure, index });
  }
}

/** Somebody inserted the document meanwhile (any other unique index is a refusal). */
function isIdTwice(failure: WriteFailure): boolean {
  return failure.message.includes('index: _id_ ');
}

function operator(name: string, ...args: RawValue[]): RawValue {
  return objectValue(document([element(name, args.length === 1 ? args[0]! : arrayValue(args))]));
}

const root = stringValue('$$ROOT');

/** Fails to convert a text that depends on the document (a constant one would fail before any document is looked at). */
const failing = operator(
  '$toInt',
  operator('$concat', stringValue(`${changedText} `), operator('$type', stringValue('$$ROOT'))),
);

/** `{q: {_id}, u: [{$replaceWith: {$cond: [<still what was read>, <what it becomes>, <fail>]}}]}` */
function addGuarded(statements: RawList, { before, after }: GuardedEntry): void {
  const { writer } = statements;
  const open = (type: number, name: string): number => {
    writer.name(type, name);
    return writer.begin();
  };
  const literal = (name: string, value: Buffer): void => {
    const begun = open(BsonType.object, name);
    writer.name(BsonType.object, '$literal');
    writer.copy(value);
    writer.end(begun);
  };
  const statement = writer.begin();
  writer.name(BsonType.object, 'q');
  writeIdQuery(writer, before!);
  const u = open(BsonType.array, 'u');
  const stage = open(BsonType.object, '0');
  const replaceWith = open(BsonType.object, '$replaceWith');
  const cond = open(BsonType.array, '$cond');
  const same = open(BsonType.object, '0');
  const eq = open(BsonType.array, '$eq');
  writer.element('0', root);
  literal('1', before!);
  writer.end(eq);
  writer.end(same);
  // A literal version is stored as it is; expressions would straighten what stands in it.
  literal('1', after!);
  writer.element('2', failing);
  for (const begun of [cond, replaceWith, stage, u, statement]) writer.end(begun);
  statements.added();
}

/** About how long a guarded update is. */
function statementBytes({ before, after }: GuardedEntry): number {
  return (before?.length ?? 0) + (after?.length ?? 0) + 256;
}

function deleteStatement({ id, before }: GuardedEntry): Buffer {
  const differs = operator('$ne', root, operator('$literal', objectValue(before!)));
  // MongoDB 4.4 fails at `$eq` here: it takes the whole document for a field that it could look up.
  const q = document([element('_id', id), element('$expr', operator('$not', arrayValue([differs])))]);
  return document([element('q', objectValue(q)), element('limit', intValue(1))]);
}

/** A delete does not say which documents its guard kept: they are the ones that are still there. */
async function findKept(
  db: Db,
  collection: string,
  entries: readonly GuardedEntry[],
  deletes: readonly number[],
  reply: GuardedReply,
): Promise<void> {
  const ids = deletes.map((i) => entries[i]!.id);
  const there = await readByIds(db.collection(collection), ids, {});
  const known = new Set(reply.refused.map((failure) => failure.index));
  for (const i of deletes) if (there.has(keyOf(entries[i]!.id)) && !known.has(i)) reply.changed.push(i);
}

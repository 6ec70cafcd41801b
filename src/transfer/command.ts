// Commands with raw documents: the driver's public helpers decode and re-encode everything, so reads ask for raw
// buffers and writes go out as document sequences, the driver's own form for documents that are already bytes.
import type { ClientSession, Collection, Db, Document } from 'mongodb';
import { BSON, Int32, Long, ObjectId } from 'mongodb';
import { DocumentSequence } from 'mongodb/lib/cmap/commands.js';
import {
  arrayValue,
  boolValue,
  document,
  element,
  elements,
  emptyDocument,
  idOf,
  nameOf,
  objectValue,
  valueOf,
  BsonType,
} from './raw';
import { mayWrite } from './fence';
import { PlainUpdate } from './plainUpdate';
import { idEnd } from './scan';
import { borrowWriter, nameBytes, RawWriter, returnWriter } from './writer';
import type { RawValue } from './raw';

/** Bytes of statements in one command; a message may have 48 MB. */
const commandBytes = 24 * 1024 * 1024;
/** Statements in one command (the server's maxWriteBatchSize is 100,000). */
const commandStatements = 50_000;

/** A write error of one document, by its position in the list that was handed over. */
export interface WriteFailure {
  index: number;
  code: number;
  message: string;
}

export interface WriteReply {
  /** Documents matched (update), inserted or deleted. */
  n: number;
  modified: number;
  failures: WriteFailure[];
  /** Positions of the updates that inserted a document. */
  upserted: number[];
}

export interface WriteOptions {
  session?: ClientSession;
  /** Stop at the first failure; default true. */
  ordered?: boolean;
  writeConcern?: { w: 'majority' | number; j?: boolean };
  bypassDocumentValidation?: boolean;
}

type WriteKind = 'insert' | 'update' | 'delete';
const listOf = { insert: 'documents', update: 'updates', delete: 'deletes' } as const;

const queryName = nameBytes('q');

/** Raw documents one after the other in one buffer, to be sent once. */
export class RawList {
  writer = borrowWriter();
  /** Where each of them ends. */
  readonly ends: number[] = [];

  get length(): number {
    return this.ends.length;
  }

  /** `{q: {_id}, u}` for the document. */
  addUpdate(raw: Buffer, u: RawValue | PlainUpdate): void {
    const { writer } = this;
    const begun = writer.begin();
    writer.named(BsonType.object, queryName);
    writeIdQuery(writer, raw);
    if (u instanceof PlainUpdate) u.writeUpdate(writer);
    else writer.element('u', u);
    writer.end(begun);
    this.added();
  }

  /** What has been written since the last one is one of them. */
  added(): void {
    this.ends.push(this.writer.at);
  }

  add(item: Buffer): void {
    this.writer.copy(item);
    this.added();
  }

  /** The server has answered: nobody reads the bytes any more. */
  sent(): void {
    returnWriter(this.writer);
    this.writer = new RawWriter(0);
  }
}

/** The `{_id}` of a document. */
export function writeIdQuery(writer: RawWriter, raw: Buffer): void {
  const end = idEnd(raw);
  if (end < 0) return writer.copy(idQuery(idOf(raw)));
  const begun = writer.begin();
  writer.copy(raw, 4, end);
  writer.end(begun);
}

/** Sends raw documents, updates or deletes, once, in as many commands as they need. Throws what the whole command throws. */
export async function sendWrites(
  db: Db,
  kind: WriteKind,
  collection: string,
  items: readonly Buffer[] | RawList,
  options: WriteOptions = {},
): Promise<WriteReply> {
  const total: WriteReply = { n: 0, modified: 0, failures: [], upserted: [] };
  const ordered = options.ordered ?? true;
  const list = items instanceof RawList ? items : listOfBuffers(items);
  let first = 0;
  while (first < list.length) {
    const from = first === 0 ? 0 : list.ends[first - 1]!;
    let next = first + 1;
    while (next < list.length && next - first < commandStatements && list.ends[next]! - from < commandBytes)
      next++;
    const sequence = new DocumentSequence(listOf[kind]);
    sequence.push({}, list.writer.buffer.subarray(from, list.ends[next - 1]));
    mayWrite(db);
    const reply = await db.command(
      {
        [kind]: collection,
        ordered,
        ...(options.bypassDocumentValidation ? { bypassDocumentValidation: true } : {}),
        ...(options.writeConcern && !options.session ? { writeConcern: options.writeConcern } : {}),
        [listOf[kind]]: sequence,
      },
      { session: options.session },
    );
    collect(total, reply, first);
    if (total.failures.length > 0 && ordered) break;
    first = next;
  }
  // After a failure of the whole command its bytes may still be on their way.
  list.sent();
  return total;
}

function listOfBuffers(items: readonly Buffer[]): RawList {
  const list = new RawList();
  for (const item of items) list.add(item);
  return list;
}

function collect(total: WriteReply, reply: Document, first: number): void {
  total.n += Number(reply['n'] ?? 0);
  total.modified += Number(reply['nModified'] ?? 0);
  for (const item of (reply['upserted'] ?? []) as { index: number }[])
    total.upserted.push(first + item.index);
  for (const item of (reply['writeErrors'] ?? []) as Document[]) {
    total.failures.push({
      index: first + Number(item['index']),
      code: Number(item['code']),
      message: reasonOf(item),
    });
  }
}

/** The server's message, with the validator's own details where it gives them. */
function reasonOf(error: Document): string {
  const message = String(error['errmsg'] ?? 'the server refused the write');
  const info: unknown = error['errInfo'];
  return info === undefined ? message : `${message}: ${BSON.EJSON.stringify(info, { relaxed: true })}`;
}

/** The raw statement of an update of one document by a query. */
export function updateStatement(
  q: Buffer,
  u: RawValue,
  options: { upsert?: boolean; multi?: boolean; c?: Buffer; upsertSupplied?: boolean } = {},
): Buffer {
  const parts = [element('q', objectValue(q)), element('u', u)];
  if (options.c) parts.push(element('c', objectValue(options.c)));
  if (options.multi) parts.push(element('multi', boolValue(true)));
  if (options.upsert) parts.push(element('upsert', boolValue(true)));
  if (options.upsertSupplied) parts.push(element('upsertSupplied', boolValue(true)));
  return document(parts);
}

/** `{_id: value}` */
export function idQuery(id: RawValue): Buffer {
  return document([element('_id', id)]);
}

/** A user's filter or pipeline as bytes; `undefined` members are left out, as the driver does for queries. */
export function rawDocument(value: Document | undefined): Buffer {
  return value ? Buffer.from(BSON.serialize(value, { ignoreUndefined: true })) : emptyDocument;
}

export function rawPipeline(stages: readonly Document[]): RawValue {
  return arrayValue(stages.map((stage) => objectValue(rawDocument(stage))));
}

/** An `_id` that the driver's classes cannot hold, so that it cannot stand in a command. */
export class UnspeakableId extends Error {
  override readonly name = 'UnspeakableId';
}

/** A stored value as something that the driver writes back as the same bytes. */
export function speakable(value: RawValue): unknown {
  const bytes = value.bytes as Buffer;
  if (value.type === BsonType.objectId) return new ObjectId(Buffer.from(bytes));
  if (value.type === BsonType.int) return new Int32(bytes.readInt32LE(0));
  if (value.type === BsonType.object) return speakableDocument(Buffer.from(bytes));
  const wrapped = document([element('v', value)]);
  const decoded = BSON.deserialize(wrapped, { promoteValues: false, bsonRegExp: true });
  if (!wrapped.equals(BSON.serialize(decoded)))
    throw new UnspeakableId('the driver cannot write this _id back');
  return decoded['v'] as unknown;
}

function speakableDocument(bytes: Buffer): Map<string, unknown> {
  const map = new Map<string, unknown>();
  for (const item of elements(bytes)) {
    const name = nameOf(bytes, item);
    if (map.has(name)) throw new UnspeakableId('a field name occurs twice inside _id');
    map.set(name, speakable(valueOf(bytes, item)));
  }
  return map;
}

/** The documents of a cursor that was opened with `raw`. */
export function rawDocuments(cursor: AsyncIterable<unknown>): AsyncIterable<Buffer> {
  return cursor as AsyncIterable<Buffer>;
}

/** Runs a command that answers with a cursor, to its end, and hands its documents over as bytes. */
export async function readAll(db: Db, command: Document, session?: ClientSession): Promise<Buffer[]> {
  const found: Buffer[] = [];
  let reply = await db.command(command, { raw: true, session });
  for (;;) {
    const cursor = cursorOf(reply, found);
    if (cursor.isZero()) return found;
    const collection = String(command['find'] ?? command['aggregate']);
    reply = await db.command({ getMore: cursor, collection }, { raw: true, session });
  }
}

/** Adds the documents of a reply's batch; answers the cursor's id. */
function cursorOf(reply: Document, found: Buffer[]): Long {
  const cursor = reply['cursor'] as Buffer;
  let id = Long.ZERO;
  for (const item of elements(cursor)) {
    const name = nameOf(cursor, item);
    if (name === 'id') id = Long.fromBytesLE([...cursor.subarray(item.value, item.end)]);
    if (name === 'firstBatch' || name === 'nextBatch') addDocuments(cursor, item.value, found);
  }
  return id;
}

/** Adds the documents of an array that holds nothing else. */
export function addDocuments(buffer: Buffer, offset: number, found: Buffer[]): void {
  const last = offset + buffer.readInt32LE(offset) - 1;
  let at = offset + 4;
  while (at < last) {
    // Type and position, a number as text.
    do at++;
    while (buffer[at] !== 0);
    at++;
    const size = buffer.readInt32LE(at);
    found.push(buffer.subarray(at, at + size));
    at += size;
  }
}

export interface RangeRead {
  filter?: Document;
  min?: RawValue;
  max?: RawValue;
  /** Documents at most; a reply ends there or at 16 MB. */
  limit: number;
  skip?: number;
  projection?: Document;
  session?: ClientSession;
}

/**
 * Documents in the order of the `_id` index, raw, from `min` (inclusive) to `max` (exclusive). Index bounds compare
 * across BSON types and in the collection's own collation, so no `_id` is passed over. One reply: at most 16 MB.
 */
export async function readRange(collection: Collection, read: RangeRead): Promise<Buffer[]> {
  const command: Document = {
    find: collection.collectionName,
    filter: read.filter ?? {},
    hint: { _id: 1 },
    sort: { _id: 1 },
    singleBatch: true,
    limit: read.limit,
    batchSize: read.limit,
    ...(read.min ? { min: { _id: speakable(read.min) } } : {}),
    ...(read.max ? { max: { _id: speakable(read.max) } } : {}),
    ...(read.skip ? { skip: read.skip } : {}),
    ...(read.projection ? { projection: read.projection } : {}),
  };
  return readAll(collection.db, command, read.session);
}

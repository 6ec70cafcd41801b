// Commands with raw documents: the driver's public helpers decode and re-encode everything, so reads ask for raw
// buffers and writes go out as document sequences, the driver's own form for documents that are already bytes.
import type { ClientSession, Collection, Db, Document } from 'mongodb';
import { BSON } from 'mongodb';
import { DocumentSequence } from 'mongodb/lib/cmap/commands.js';
import { arrayValue, boolValue, document, element, emptyDocument, objectValue, BsonType } from './raw';
import type { RawValue } from './raw';

/** Bytes of statements in one command; the server takes 48 MB a message. */
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

/** Sends raw documents, updates or deletes in as many commands as they need. Throws what the whole command throws. */
export async function sendWrites(
  db: Db,
  kind: WriteKind,
  collection: string,
  items: readonly Buffer[],
  options: WriteOptions = {},
): Promise<WriteReply> {
  const total: WriteReply = { n: 0, modified: 0, failures: [], upserted: [] };
  let at = 0;
  while (at < items.length) {
    const sequence = new DocumentSequence(listOf[kind]);
    const first = at;
    let bytes = 0;
    do {
      bytes = sequence.push({}, items[at]!);
      at++;
    } while (at < items.length && at - first < commandStatements && bytes + items[at]!.length < commandBytes);
    const reply = await db.command(
      {
        [kind]: collection,
        ordered: options.ordered ?? true,
        ...(options.bypassDocumentValidation ? { bypassDocumentValidation: true } : {}),
        ...(options.writeConcern && !options.session ? { writeConcern: options.writeConcern } : {}),
        [listOf[kind]]: sequence,
      },
      { session: options.session },
    );
    collect(total, reply, first);
    if (total.failures.length > 0 && (options.ordered ?? true)) break;
  }
  return total;
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
  return info === undefined
    ? message
    : `${message}: ${BSON.EJSON.stringify(info as Document, { relaxed: true })}`;
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
  if (value.type === BsonType.object) {
    const bytes = Buffer.from(value.bytes);
    const parts = BSON.onDemand.parseToElements(bytes);
    const map = new Map<string, unknown>();
    for (const [type, nameOffset, nameLength, offset, length] of parts) {
      const name = bytes.toString('utf8', nameOffset, nameOffset + nameLength);
      if (map.has(name)) throw new UnspeakableId('a field name occurs twice inside _id');
      map.set(name, speakable({ type, bytes: bytes.subarray(offset, offset + length) }));
    }
    return map;
  }
  const wrapped = document([element('v', value)]);
  const decoded = BSON.deserialize(wrapped, { promoteValues: false, bsonRegExp: true });
  if (!wrapped.equals(BSON.serialize(decoded)))
    throw new UnspeakableId('the driver cannot write this _id back');
  return decoded['v'] as unknown;
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
  signal?: AbortSignal;
}

/**
 * Documents in the order of the `_id` index, raw, from `min` (inclusive) to `max` (exclusive). Index bounds compare
 * across BSON types and in the collection's own collation, so no `_id` is passed over. One reply: at most 16 MB.
 */
export async function readRange(collection: Collection, read: RangeRead): Promise<Buffer[]> {
  const cursor = collection.find(read.filter ?? {}, {
    raw: true,
    hint: { _id: 1 },
    sort: { _id: 1 },
    singleBatch: true,
    ...(read.min ? { min: { _id: speakable(read.min) } } : {}),
    ...(read.max ? { max: { _id: speakable(read.max) } } : {}),
    limit: read.limit,
    batchSize: read.limit,
    ...(read.skip ? { skip: read.skip } : {}),
    ...(read.projection ? { projection: read.projection } : {}),
    ...(read.session ? { session: read.session } : {}),
    ...(read.signal ? { signal: read.signal } : {}),
  });
  return (await cursor.toArray()) as unknown as Buffer[];
}

// Reading documents of a collection, raw: a range of its `_id` index as one batch, or some documents by `_id`.
import type { ClientSession, Collection, Document } from 'mongodb';
import { MaxKey } from 'mongodb';
import { rawDocuments, readAll, readRange, speakable, UnspeakableId } from './command';
import { boundary, type Bounds } from './ranges';
import { BsonType, idOf, keyOf } from './raw';
import type { RawValue } from './raw';

export interface Batch {
  documents: Buffer[];
  bytes: number;
  /** What did not fit into one reply; the batch ends where it begins. */
  rest: Bounds[];
  to?: RawValue;
}

export interface ReadOptions {
  filter?: Document;
  projection?: Document;
  limit: number;
  session?: ClientSession;
}

/** A reply may hold 16 MB; above this it may have been cut off. */
const wholeBytes = 8 * 1024 * 1024;

/** The documents of a range that match; of a range that has too many, the first ones and what is left. */
export async function readBatch(
  collection: Collection,
  bounds: Bounds,
  options: ReadOptions,
): Promise<Batch> {
  const { limit, session } = options;
  if (bounds.from?.type === BsonType.maxKey) return { ...(await readLastKey(collection, options)), rest: [] };
  const documents = await readRange(collection, {
    ...options,
    min: bounds.from,
    max: bounds.to,
    // One more than wanted: it is where the rest would begin.
    limit: limit + 1,
  });
  const bytes = sizeOf(documents);
  if (documents.length <= limit && bytes < wholeBytes) {
    if (!bounds.from || bounds.to) return { documents, bytes, rest: [], to: bounds.to };
    const last = await readLastKey(collection, options);
    return { documents: [...documents, ...last.documents], bytes: bytes + last.bytes, rest: [] };
  }
  if (documents.length > 1) {
    // A range can only begin at an _id that can stand in a command.
    for (let keep = documents.length - 1; keep > 0; keep--) {
      const to = idOf(documents[keep]!);
      if (!isSpeakable(to)) continue;
      const kept = documents.slice(0, keep);
      return { documents: kept, bytes: sizeOf(kept), rest: [{ from: to, to: bounds.to }], to };
    }
  }
  const next = await boundary(collection, bounds, 1, session);
  if (!next) return { documents, bytes, rest: [], to: bounds.to };
  return { documents, bytes, rest: [{ from: next, to: bounds.to }], to: next };
}

/** The document whose `_id` is MaxKey: an index range with a lower bound leaves it out. */
async function readLastKey(
  collection: Collection,
  { filter = {}, projection, session }: ReadOptions,
): Promise<{ documents: Buffer[]; bytes: number }> {
  const wanted: Document = { $and: [{ _id: new MaxKey() }, filter] };
  const cursor = collection.find(wanted, {
    raw: true,
    ...(projection ? { projection } : {}),
    ...(session ? { session } : {}),
  });
  const documents: Buffer[] = [];
  for await (const raw of rawDocuments(cursor)) documents.push(Buffer.from(raw));
  return { documents, bytes: sizeOf(documents) };
}

function isSpeakable(id: RawValue): boolean {
  try {
    speakable(id);
    return true;
  } catch (error) {
    if (error instanceof UnspeakableId) return false;
    throw error;
  }
}

function sizeOf(documents: readonly Buffer[]): number {
  return documents.reduce((sum, document) => sum + document.length, 0);
}

/** Reads in one go; `_id` lists above this become several queries. */
const idsPerQuery = 5000;

/** The documents with these `_id`s that exist, by key of their `_id`. */
export async function readByIds(
  collection: Collection,
  ids: readonly RawValue[],
  options: { filter?: Document; projection?: Document; session?: ClientSession },
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (let at = 0; at < ids.length; at += idsPerQuery) {
    const values = ids.slice(at, at + idsPerQuery).map(speakable);
    const wanted: Document = { _id: { $in: values } };
    const command = {
      find: collection.collectionName,
      filter: options.filter ? { $and: [wanted, options.filter] } : wanted,
      batchSize: idsPerQuery,
      ...(options.projection ? { projection: options.projection } : {}),
    };
    for (const raw of await readAll(collection.db, command, options.session))
      found.set(keyOf(idOf(raw)), raw);
  }
  return found;
}

/** The same as a batch. */
export async function readListed(
  collection: Collection,
  ids: readonly RawValue[],
  options: { filter?: Document; session?: ClientSession },
): Promise<Batch> {
  const documents = [...(await readByIds(collection, ids, options)).values()];
  return { documents, bytes: sizeOf(documents), rest: [] };
}

// Copies of collections, server-side and with everything that belongs to them: what a dry run's scratch databases are
// made of. Which copies there are, and when, is scratch.ts.
import { createHash } from 'node:crypto';
import type { Db, Document } from 'mongodb';

const longestDatabaseName = 63;
/** Documents of one insert, where the server cannot copy by itself. */
const together = 1000;

/** What a collection was like when a rehearsal first looked at it. */
export interface TouchedCollection {
  database: string;
  collection: string;
  exists: boolean;
  type: string;
  options: Document;
  indexes: Document[];
  /** Documents copied, and how many there are. */
  copied: number;
  of: number;
}

/** Of a collection that does not exist. */
export function notThere(database: string, collection: string): TouchedCollection {
  const options = {};
  return { database, collection, exists: false, type: 'collection', options, indexes: [], copied: 0, of: 0 };
}

/** What a collection of `from` is like; counts are left to the caller. */
export async function lookAt(from: Db, database: string, collection: string): Promise<TouchedCollection> {
  const [info] = await from.listCollections({ name: collection }).toArray();
  const type = info?.type ?? 'collection';
  const options = (info as { options?: Document } | undefined)?.options ?? {};
  const exists = info !== undefined;
  const indexes = exists && type !== 'view' ? await from.collection(collection).listIndexes().toArray() : [];
  return { database, collection, exists, type, options, indexes, copied: 0, of: 0 };
}

export async function createLike(db: Db, { collection, options }: TouchedCollection): Promise<void> {
  // As a bare command: the server's own words for the options go back as they came.
  await db.command({ create: collection, ...options });
}

/** Copies the documents; `$out` into an existing collection keeps its options. Capped ones refuse it and are merged. */
export async function fill(
  from: Db,
  into: Db,
  { collection, options, type }: TouchedCollection,
  pipeline: Document[] = [],
): Promise<void> {
  const [there] = await into.listCollections({ name: collection }).toArray();
  if (there?.type === 'timeseries') return insertInto(from, into, collection, pipeline);
  const target = { db: into.databaseName, coll: collection };
  const capped = options['capped'] === true && type === 'collection' && there !== undefined;
  const write = capped ? { $merge: { into: target } } : { $out: target };
  await from
    .collection(collection)
    .aggregate([...pipeline, write], { allowDiskUse: true, bypassDocumentValidation: true })
    .toArray();
}

/** No aggregation of older servers writes into time series. */
async function insertInto(from: Db, into: Db, collection: string, pipeline: Document[]): Promise<void> {
  let batch: Document[] = [];
  const target = into.collection(collection);
  for await (const document of from.collection(collection).aggregate(pipeline, { promoteValues: false })) {
    batch.push(document);
    if (batch.length >= together) await target.insertMany(batch.splice(0));
  }
  if (batch.length > 0) await target.insertMany(batch);
}

export async function indexLike(db: Db, { collection, indexes }: TouchedCollection): Promise<void> {
  const wanted = indexes.filter((index) => index['name'] !== '_id_').map(({ ns: _ns, ...spec }) => spec);
  if (wanted.length === 0) return;
  await db.command({ createIndexes: collection, indexes: wanted });
}

/** Cuts a database name so that the suffix fits; a hash keeps cut names apart. */
export function fit(database: string, suffix: string): string {
  const whole = `${database}${suffix}`;
  if (Buffer.byteLength(whole) <= longestDatabaseName) return whole;
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 8);
  let kept = database;
  while (Buffer.byteLength(`${kept}~${hash}${suffix}`) > longestDatabaseName) kept = kept.slice(0, -1);
  return `${kept}~${hash}${suffix}`;
}

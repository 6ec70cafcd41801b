// What a database is, as far as a migration can make it: its collections and views with their options, indexes and
// documents, all types kept.
import type { Db, Document } from 'mongodb';
import { UserError } from '../../protocol/errors';
import { decodeExact } from '../documents';
import { ownCollection, type Scratch } from '../dryRun/scratch';

/** A squashed migration is a file that people read. */
const mostBytes = 8 * 1024 * 1024;

export interface CollectionShape {
  name: string;
  /** `collection`, `view` or `timeseries`. */
  type: string;
  options: Document;
  /** Without that of `_id`. */
  indexes: Document[];
  /** In the order in which the server gives them. */
  documents: Document[];
  /** The bytes of each document. */
  raw: Buffer[];
  /** Its validator would not let some of the documents in. */
  invalid: boolean;
}

export interface Shape {
  db: Db;
  /** By name, views last. */
  collections: CollectionShape[];
}

/** @throws UserError when another database was written too, or there is too much for a file. */
export async function readShape(scratch: Scratch, database: string): Promise<Shape> {
  for (const other of new Set((await scratch.touched()).map((each) => each.database))) {
    if (other === database || (await namesIn(scratch.database(other))).length === 0) continue;
    throw new UserError(
      `The migrations write into the database "${other}" too; a squashed one is of one database. Nothing was squashed.`,
    );
  }
  const db = scratch.database(database);
  const collections: CollectionShape[] = [];
  let bytes = 0;
  for (const info of await namesIn(db)) {
    const shape = await readCollection(db, info);
    bytes += shape.raw.reduce((sum, { length }) => sum + length, 0);
    if (bytes > mostBytes)
      throw new UserError(
        'The migrations bring more than 8 MB of documents into an empty database, which is too much for one file. ' +
          'Nothing was squashed.',
      );
    collections.push(shape);
  }
  const isView = ({ type }: CollectionShape): number => (type === 'view' ? 1 : 0);
  return { db, collections: collections.sort((a, b) => isView(a) - isView(b)) };
}

type Info = Pick<CollectionShape, 'name' | 'type' | 'options'>;

async function namesIn(db: Db): Promise<Info[]> {
  const found = await db.listCollections().toArray();
  return found
    .filter(({ name }) => !ownCollection.test(name))
    .map((info): Info => {
      const { options = {} } = info as { options?: Document };
      return { name: info.name, type: info.type ?? 'collection', options };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readCollection(db: Db, { name, type, options }: Info): Promise<CollectionShape> {
  if (type === 'view') return { name, type, options, indexes: [], documents: [], raw: [], invalid: false };
  const collection = db.collection(name);
  const indexes = await collection.listIndexes().toArray();
  const raw: Buffer[] = [];
  // The driver reuses the buffer of a batch.
  for await (const one of collection.find({}, { raw: true }) as unknown as AsyncIterable<Buffer>)
    raw.push(Buffer.from(one));
  const validator = options['validator'] as Document | undefined;
  const refused =
    validator === undefined || raw.length === 0 ? null : await collection.findOne({ $nor: [validator] });
  return {
    name,
    type,
    options,
    // The server makes these by itself.
    indexes: indexes.filter((index) => index['name'] !== '_id_' && index['clustered'] !== true),
    documents: raw.map((one) => decodeExact(one)),
    raw,
    invalid: refused !== null,
  };
}

// Ways to change every document of the corpus: each kind of migration, as authors write it. What each must leave
// behind is said beside it.
import type { Collection, Db, Document } from 'mongodb';
import type { Migration } from '../../../src/migration/kinds';
import { corpusOfIds, documentOf, element, type CorpusDocument } from '../../support/corpus';

export type On = 'a replica set' | 'a standalone';

export interface Change {
  migrations: () => Migration[];
  /**
   * What must be there afterwards: each document with one more field and not one other byte changed; what the server
   * makes of the same command; or whatever the author's own driver makes of it.
   */
  leaves: 'one more field' | 'what the server makes of it' | 'what the driver makes of it';
  /** Documents that it cannot be asked to change; tests of their own say what happens to them. */
  refuses?: (document: CorpusDocument, on: On) => boolean;
  /** The collection that is written, when it is not the source. */
  into?: string;
}

export const source = 'things';
const field: Document = { touched: true };
const set: Document = { $set: field };
const onServer: Document[] = [set];

/** The bytes of a document with the field that the changes add. */
export function withField(bytes: Buffer): Buffer {
  return documentOf(bytes.subarray(4, -1), element(0x08, 'touched', Buffer.from([1])));
}

const things = (db: Db): Collection<any> => db.collection<any>(source);

/** The `_id`s with their types, as a careful author reads them. */
const ids = (db: Db): Promise<Document[]> =>
  things(db)
    .find({}, { projection: { _id: 1 }, promoteValues: false, bsonRegExp: true })
    .toArray();

/** A driver that reads such an `_id` names another one. */
const unspeakable = (document: CorpusDocument): boolean =>
  corpusOfIds.includes(document) && !document.survivesDriver;
/** Which of the two fields the function has given back nobody can tell. */
const twins = ({ name }: CorpusDocument): boolean => name === 'a name twice at the top';

export const changes: Record<string, Change> = {
  'a transform that answers $set': {
    migrations: () => [{ source, transform: () => set }],
    leaves: 'one more field',
  },
  'a transform that answers the whole document': {
    migrations: () => [{ source, transform: (doc) => ({ ...doc, ...field }) }],
    leaves: 'one more field',
    refuses: twins,
  },
  'a transform that changes the document it is given': {
    migrations: () => [{ source, transform: (doc) => Object.assign(doc, field) }],
    leaves: 'one more field',
    refuses: twins,
  },
  'a transform into another collection': {
    migrations: () => [{ source, into: 'copy', transform: () => set }],
    leaves: 'one more field',
    into: 'copy',
  },
  'an update pipeline': {
    migrations: () => [{ source, update: onServer }],
    leaves: 'what the server makes of it',
  },
  'a pipeline into another collection': {
    migrations: () => [{ source, pipeline: onServer, into: 'copy' }],
    // The server merges on no such `_id`.
    refuses: ({ name }) => name === 'null',
    leaves: 'what the server makes of it',
    into: 'copy',
  },
  'ctx.batch with a function': {
    migrations: () => [{ up: (_db, _client, ctx) => ctx.batch(source, {}, () => set) }],
    leaves: 'one more field',
  },
  'ctx.batch with a pipeline': {
    migrations: () => [{ up: (_db, _client, ctx) => ctx.batch(source, {}, onServer) }],
    leaves: 'what the server makes of it',
  },
  'a script with updateMany': {
    migrations: () => [{ up: (db) => things(db).updateMany({}, set) }],
    leaves: 'one more field',
  },
  'a script with a bulk of updates': {
    migrations: () => [
      {
        up: async (db) => {
          const operations = (await ids(db)).map(({ _id }) => ({
            updateOne: { filter: { _id }, update: set },
          }));
          await things(db).bulkWrite(operations);
        },
      },
    ],
    refuses: unspeakable,
    leaves: 'one more field',
  },
  'a script with single updates': {
    migrations: () => [
      {
        up: async (db) => {
          for (const { _id } of await ids(db)) await things(db).updateOne({ _id }, set);
        },
      },
    ],
    refuses: unspeakable,
    leaves: 'one more field',
  },
  'a script with findOneAndUpdate': {
    migrations: () => [
      {
        up: async (db) => {
          for (const { _id } of await ids(db))
            await things(db).findOneAndUpdate({ _id }, set, { projection: { _id: 1 } });
        },
      },
    ],
    refuses: unspeakable,
    leaves: 'one more field',
  },
  'a script that replaces by what the driver decodes': {
    migrations: () => [
      {
        up: async (db) => {
          const all = await things(db).find({}, { enableUtf8Validation: false }).toArray();
          for (const [at, { _id }] of (await ids(db)).entries()) {
            const { _id: _, ...rest } = all[at]!;
            // The driver takes such a value for one of its classes and cannot encode it again.
            if (rest['value']?._bsontype === 'ObjectId' && rest['value'].id === undefined) continue;
            await things(db)
              .replaceOne({ _id }, { ...rest, ...field })
              .catch(unlessServerRefuses);
          }
        },
      },
    ],
    // A standalone server's pipelines, which guard what is put back, hold no name twice: such documents are conflicts.
    refuses: (document, on) =>
      unspeakable(document) || (on === 'a standalone' && document.name.startsWith('a name twice')),
    leaves: 'what the driver makes of it',
  },
  'a script that deletes': {
    migrations: () => [{ up: (db) => things(db).deleteMany({}) }],
    leaves: 'what the server makes of it',
  },
  'a script that drops the collection': {
    migrations: () => [{ up: (db) => things(db).drop() }],
    leaves: 'what the server makes of it',
  },
  'a script that writes over the collection with $out': {
    migrations: () => [
      {
        up: async (db) => {
          await db.collection('others').insertOne({ _id: 'other' as never });
          await db
            .collection('others')
            .aggregate([{ $out: source }])
            .toArray();
        },
      },
    ],
    leaves: 'what the server makes of it',
  },
};

/** A replacement with, say, a name that begins with a dollar: the author's own business. */
function unlessServerRefuses(error: { code?: unknown }): void {
  if (typeof error.code !== 'number') throw error;
}

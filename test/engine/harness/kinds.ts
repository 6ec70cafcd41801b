// Every kind of migration once, on data that has something of each: what the harness, the crash matrix and the fault
// matrix run through execute(). Everything here is applied twice visibly if it is applied twice.
import assert from 'node:assert/strict';
import { Decimal128, Double, Int32, Long, type Db, type Document } from 'mongodb';
import type { Migration } from '../../../src/migration/kinds';

/** A migration, or several of one file, and what must hold once they are applied. */
export interface Kind {
  migrations: () => Migration[];
  check: (db: Db) => Promise<void>;
  /** What of it needs more than every server has. */
  needs?: 'transactions';
  /** Why `down` does not give every byte back although the author wrote it right. */
  inexactDown?: string;
}

export const people = 600;
const cities = 20;

/** People in mixed order of `_id`s, with a unique and a plain index; orders and cities for joins. */
export async function seed(db: Db, count = people): Promise<void> {
  const { version } = await db.admin().serverInfo();
  // MongoDB 4.4 lets nobody update a document that holds such a name.
  const dollars = Number.parseInt(String(version), 10) >= 5;
  await db.collection('people').insertMany(
    Array.from({ length: count }, (_, n) => ({
      _id: (n % 3 === 0 ? n : `id ${n}`) as never,
      n,
      x: n,
      ratio: new Double(n),
      big: Long.fromNumber(n),
      price: Decimal128.fromString(`${n}.50`),
      born: `19${10 + (n % 90)}-03-0${1 + (n % 9)}`,
      address: { 'city.id': n % cities, city: n % cities, ...(dollars ? { $note: 'kept' } : {}) },
      tags: ['a', new Int32(n), null],
      ...(n % 2 === 0 ? { old: `old ${n}` } : {}),
    })),
  );
  await db.collection('people').createIndex({ n: 1 }, { unique: true });
  await db.collection('people').createIndex({ born: 1, x: -1 }, { name: 'by birth' });
  await db.collection<{ _id: number }>('cities').insertMany(
    Array.from({ length: cities }, (_, _id) => ({
      _id,
      name: `City ${_id}`,
      zips: [`${_id}0`, `${_id}1`],
    })),
  );
  await db.createCollection('profiles', {
    collation: { locale: 'en', strength: 2 },
    validator: { name: { $type: 'string' } },
    validationLevel: 'moderate',
  });
  await db.collection('profiles').insertMany(
    Array.from({ length: 50 }, (_, n) => ({
      _id: (n % 2 === 0 ? n * 3 : `p${n}`) as never,
      name: `Profile ${n}`,
      seen: 1,
    })),
  );
  await db.collection('profiles').createIndex({ name: 1 });
}

const all = (db: Db, filter: Document, count = people): Promise<void> => counts(db, 'people', filter, count);

async function counts(db: Db, collection: string, filter: Document, expected: number): Promise<void> {
  const found = await db.collection(collection).countDocuments(filter);
  assert.equal(found, expected, `${collection} ${JSON.stringify(filter)}`);
}

/** Once, and not twice: x is 100 above what it was. */
const onceMore: Document = { $expr: { $eq: ['$x', { $add: ['$n', 100] }] } };
const plusOnServer: Document[] = [{ $set: { x: { $add: ['$x', 100] } } }];

/** Joins each person with its city and unwinds the zips: two documents of a person. */
const joined: Document[] = [
  { $lookup: { from: 'cities', localField: 'address.city', foreignField: '_id', as: 'place' } },
  { $unwind: '$place' },
  { $unwind: '$place.zips' },
  {
    $project: {
      _id: { $concat: [{ $toString: '$n' }, '-', '$place.zips'] },
      n: 1,
      name: '$place.name',
      zip: '$place.zips',
    },
  },
];
/** Ten of the fifty profiles have the `_id` of a person. */
const named: Document[] = [{ $project: { name: { $concat: ['Person ', { $toString: '$n' }] }, x: 1 } }];

function merging(whenMatched: 'replace' | 'keepExisting' | 'merge' | 'fail' | Document[]): Migration[] {
  return [{ source: 'people', pipeline: named, into: 'profiles', whenMatched }];
}
const matched: Document = {
  _id: { $type: 'int', $mod: [3, 0] },
  seen: { $exists: true },
  x: { $exists: true },
};
const everybody = people + 50 - 25;

export const kinds: Record<string, Kind> = {
  'a script with down': {
    migrations: () => [
      {
        up: async (db) => {
          await db.collection('people').updateMany({}, { $inc: { x: 100 } });
          await db.collection('people').createIndex({ tags: 1 });
        },
        down: async (db) => {
          await db.collection('people').dropIndex('tags_1');
          await db.collection('people').updateMany({}, { $inc: { x: -100 } });
        },
      },
    ],
    check: (db) => all(db, onceMore),
  },
  'a script that creates and fills a collection, with down': {
    migrations: () => [
      {
        up: async (db) => {
          await db.createCollection('fresh', { validator: { a: { $exists: true } } });
          await db
            .collection('fresh')
            .insertMany(Array.from({ length: 300 }, (_, a) => ({ _id: a as never, a })));
          await db.collection('fresh').createIndex({ a: 1 });
        },
        down: (db) => db.collection('fresh').drop(),
      },
    ],
    check: (db) => counts(db, 'fresh', {}, 300),
  },
  'a script without down that writes in every way': {
    migrations: () => [
      {
        up: async (db) => {
          const collection = db.collection<any>('people');
          await collection.updateMany({}, { $inc: { x: 100 } });
          await collection.updateOne({ n: 5 }, { $set: { name: 'five' }, $unset: { born: '' } });
          await collection.replaceOne({ n: 7 }, { n: 7, x: 107, replaced: true });
          await collection.deleteMany({ n: { $gte: people - 10 } });
          await collection.insertMany(
            Array.from({ length: 10 }, (_, i) => ({ n: people - 10 + i, x: people + 90 + i })),
          );
          await collection.findOneAndUpdate({ n: 9 }, { $push: { tags: 'new' } } as never);
          await collection.bulkWrite([
            { updateOne: { filter: { n: 11 }, update: { $set: { bulk: true } } } },
            { deleteOne: { filter: { n: 12 } } },
            { insertOne: { document: { n: 12, x: 112 } } },
          ]);
          await db.collection('created').insertOne({ a: 1 });
        },
      },
    ],
    check: (db) => all(db, onceMore),
  },
  'a script without down that changes the catalogue': {
    migrations: () => [
      {
        up: async (db) => {
          await db.collection('people').dropIndex('by birth');
          await db.collection('people').createIndex({ x: 1 });
          await db.collection('people').updateMany({}, { $inc: { x: 100 } });
          await db.command({ collMod: 'profiles', validator: {}, validationLevel: 'strict' });
          await db.collection('cities').rename('towns');
          await db.createCollection('tidy', { viewOn: 'people', pipeline: [{ $project: { n: 1 } }] });
          await db.collection('profiles').drop();
          await db.createCollection('log', { capped: true, size: 4096 });
        },
      },
    ],
    check: async (db) => {
      await all(db, onceMore);
      await counts(db, 'towns', {}, cities);
      await counts(db, 'tidy', {}, people);
      await counts(db, 'profiles', {}, 0);
    },
  },
  'a script with ctx.batch': {
    migrations: () => [
      {
        up: async (db, _client, ctx) => {
          await ctx.batch('people', {}, (doc) => ({ $set: { x: doc['x'] + 50 } }));
          await db.collection('profiles').updateMany({}, { $set: { between: true } });
          await ctx.batch('people', {}, [{ $set: { x: { $add: ['$x', 50] } } }]);
        },
      },
    ],
    check: (db) => all(db, onceMore),
  },
  'a transform that answers $set': {
    migrations: () => [
      { source: 'people', transform: (doc) => ({ $set: { x: doc['x'] + 100, seen: true } }) },
    ],
    check: (db) => all(db, { ...onceMore, seen: true, ratio: { $type: 'double' } }),
  },
  'a transform that answers an update pipeline': {
    migrations: () => [{ source: 'people', transform: () => plusOnServer }],
    check: (db) => all(db, onceMore),
  },
  'a transform that answers a replacement': {
    migrations: () => [
      { source: 'people', transform: (doc) => ({ ...doc, x: doc['x'] + 100, born: new Date(doc['born']) }) },
    ],
    check: (db) => all(db, { ...onceMore, born: { $type: 'date' }, big: { $type: 'long' } }),
  },
  'a transform whose undefined fields go': {
    migrations: () => [
      {
        source: 'people',
        transform: (doc) => ({ ...doc, x: doc['x'] + 100, old: undefined, born: undefined }),
      },
    ],
    check: (db) => all(db, { ...onceMore, old: { $exists: false }, born: { $exists: false } }),
  },
  'a transform that answers nothing for half of them': {
    migrations: () => [
      {
        source: 'people',
        transform: (doc) => (doc['n'] % 2 === 0 ? undefined : { $inc: { x: 100 } }),
      },
    ],
    check: (db) => all(db, onceMore, people / 2),
  },
  'a transform behind a filter on what it changes': {
    migrations: () => [
      {
        source: 'people',
        filter: { old: { $exists: true } },
        transform: () => ({ $inc: { x: 100 }, $unset: { old: '' } }),
      },
    ],
    check: (db) => all(db, onceMore, people / 2),
  },
  'a transform with revert': {
    migrations: () => [
      {
        source: 'people',
        transform: (doc) => ({ $set: { x: doc['x'] + 100 } }),
        revert: (doc) => ({ $set: { x: doc['x'] - 100 } }),
      },
    ],
    check: (db) => all(db, onceMore),
  },
  'a transform with revertPipeline and without journal': {
    migrations: () => [
      {
        source: 'people',
        backup: 'none',
        transform: (doc) => ({ $set: { x: doc['x'] + 100 } }),
        revertPipeline: [{ $set: { x: { $subtract: ['$x', 100] } } }],
      },
    ],
    check: (db) => all(db, onceMore),
  },
  'an update pipeline': {
    migrations: () => [{ source: 'people', update: [...plusOnServer, { $unset: 'old' }] }],
    check: (db) => all(db, { ...onceMore, old: { $exists: false } }),
  },
  'a transform into a new collection': {
    migrations: () => [
      { source: 'people', into: 'copy', transform: (doc) => ({ $set: { x: doc['x'] + 100 } }) },
    ],
    check: async (db) => {
      await counts(db, 'copy', onceMore, people);
      await all(db, onceMore, 0);
    },
  },
  'a transform into a collection that has some of them': {
    migrations: () => [
      {
        source: 'people',
        into: 'profiles',
        transform: (doc) => ({ _id: doc['_id'], name: `Person ${doc['n']}` }),
      },
    ],
    check: (db) => counts(db, 'profiles', {}, everybody),
  },
  'an update pipeline into a new collection': {
    migrations: () => [{ source: 'people', into: 'copy', update: plusOnServer }],
    check: (db) => counts(db, 'copy', onceMore, people),
  },
  'a pipeline that joins, unwinds and projects': {
    migrations: () => [
      { source: 'people', pipeline: joined, into: 'places', on: '_id', whenMatched: 'replace' },
    ],
    check: (db) => counts(db, 'places', { name: /^City / }, people * 2),
  },
  'a pipeline that replaces': {
    migrations: () => merging('replace'),
    check: async (db) => {
      await counts(db, 'profiles', {}, everybody);
      await counts(db, 'profiles', matched, 0);
    },
  },
  'a pipeline that keeps what is there': {
    migrations: () => merging('keepExisting'),
    check: async (db) => {
      await counts(db, 'profiles', {}, everybody);
      await counts(db, 'profiles', { name: /^Profile/ }, 50);
    },
  },
  'a pipeline that merges': {
    migrations: () => merging('merge'),
    check: async (db) => {
      await counts(db, 'profiles', {}, everybody);
      await counts(db, 'profiles', { ...matched, name: /^Person/ }, 25);
    },
  },
  'a pipeline that merges by a pipeline': {
    migrations: () => merging([{ $set: { seen: { $add: ['$seen', 100] }, name: '$$new.name' } }]),
    check: (db) => counts(db, 'profiles', { seen: 101, name: /^Person/ }, 25),
  },
  'a pipeline that fails on a match and meets none': {
    migrations: () => [{ source: 'people', pipeline: joined, into: 'places', whenMatched: 'fail' }],
    check: (db) => counts(db, 'places', {}, people * 2),
  },
  'a pipeline that discards what has no match': {
    migrations: () => [
      {
        source: 'people',
        pipeline: named,
        into: 'profiles',
        whenMatched: 'merge',
        whenNotMatched: 'discard',
      },
    ],
    check: (db) => counts(db, 'profiles', { name: /^Person/ }, 25),
  },
  'several of one file': {
    migrations: () => [
      { name: 'first', source: 'people', transform: (doc) => ({ $set: { x: doc['x'] + 60 } }) },
      { name: 'second', source: 'people', pipeline: joined, into: 'places' },
      {
        name: 'third',
        up: (db) => db.collection('people').updateMany({}, { $inc: { x: 40 } }),
        down: (db) => db.collection('people').updateMany({}, { $inc: { x: -40 } }),
      },
      { name: 'fourth', source: 'people', update: [{ $set: { seen: true } }] },
    ],
    check: async (db) => {
      await all(db, { ...onceMore, seen: true });
      await counts(db, 'places', {}, people * 2);
    },
  },
};

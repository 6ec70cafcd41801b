// Every way in which a script can change collections, indexes and options: run, undo, and everything is as it was.
import assert from 'node:assert/strict';
import { GridFSBucket, type Collection, type Db } from 'mongodb';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { skipBelow } from '../../support/skip';
import { Bench, type Up } from './support';

const rows = (db: Db): Collection<any> => db.collection<any>('rows');

async function seed(db: Db): Promise<void> {
  await db.createCollection('rows', {
    validator: { name: { $type: 'string' } },
    validationLevel: 'moderate',
    collation: { locale: 'en', strength: 2 },
  });
  await rows(db).insertMany(
    Array.from({ length: 30 }, (_, i) => ({ _id: i, name: `n${i}`, at: new Date(), '1': i })),
  );
  await rows(db).createIndex(
    { name: 1 },
    { unique: true, partialFilterExpression: { name: { $exists: true } } },
  );
  await rows(db).createIndex({ at: 1 }, { expireAfterSeconds: 86_400, name: 'ttl' });
  await rows(db).createIndex(
    new Map([
      ['name', -1],
      ['1', 1],
    ]),
    { collation: { locale: 'fr' } },
  );
  await rows(db).createIndex({ name: 'text' }, { weights: { name: 3 }, collation: { locale: 'simple' } });
  await db.collection<any>('other').insertOne({ _id: 1 });
  await db.createCollection('view', { viewOn: 'rows', pipeline: [{ $match: { name: 'n1' } }] });
}

const works: Record<string, Up> = {
  createCollection: (db) => db.createCollection('made', { validator: { a: { $gt: 1 } } }),
  'createCollection and fill it': async (db) => {
    await db.createCollection('made');
    await db.collection('made').insertMany([{ a: 1 }, { a: 2 }]);
  },
  'create a capped collection and fill it': async (db) => {
    await db.createCollection('made', { capped: true, size: 100_000 });
    await db.collection('made').insertOne({ a: 1 });
  },
  'create a time series and fill it': async (db) => {
    await db.createCollection('made', { timeseries: { timeField: 't' } });
    await db.collection('made').insertOne({ t: new Date(), v: 1 });
  },
  'create a view': (db) => db.createCollection('made', { viewOn: 'rows', pipeline: [] }),
  createIndex: (db) => rows(db).createIndex({ a: 1 }, { unique: true, sparse: true }),
  'createIndex on a new collection': (db) => db.collection('made').createIndex({ a: 1 }),
  'createIndexes, some of them there': (db) =>
    rows(db).createIndexes([
      { key: { a: 1 }, name: 'a' },
      { key: { at: 1 }, name: 'ttl', expireAfterSeconds: 86_400 },
    ]),
  dropIndex: (db) => rows(db).dropIndex('ttl'),
  'dropIndex by key': (db) => db.command({ dropIndexes: 'rows', index: { at: 1 } }),
  dropIndexes: (db) => rows(db).dropIndexes(),
  'collMod of the validator': (db) =>
    db.command({ collMod: 'rows', validator: { name: { $exists: true } }, validationLevel: 'strict' }),
  'collMod that gives a validator': (db) =>
    db.command({ collMod: 'other', validator: { a: { $exists: false } }, validationAction: 'warn' }),
  'collMod of a TTL': (db) =>
    db.command({ collMod: 'rows', index: { name: 'ttl', expireAfterSeconds: 7200 } }),
  'collMod that hides an index': (db) =>
    db.command({ collMod: 'rows', index: { keyPattern: { at: 1 }, hidden: true } }),
  'collMod of a view': (db) =>
    db.command({ collMod: 'view', viewOn: 'rows', pipeline: [{ $match: { name: 'n2' } }] }),
  'pre- and post-images': (db) =>
    db.command({ collMod: 'other', changeStreamPreAndPostImages: { enabled: true } }),
  drop: (db) => rows(db).drop(),
  'drop and make again': async (db) => {
    await rows(db).drop();
    await db.createCollection('rows');
    await rows(db).insertOne({ _id: 1, name: 'other' });
  },
  'drop a view': (db) => db.collection('view').drop(),
  rename: (db) => rows(db).rename('renamed'),
  'rename over another': (db) => rows(db).rename('other', { dropTarget: true }),
  'rename and change': async (db) => {
    await rows(db).updateOne({ _id: 1 }, { $set: { name: 'before' } });
    await rows(db).rename('renamed');
    await db.collection<any>('renamed').updateOne({ _id: 1 }, { $set: { name: 'after' } });
    await db.collection<any>('renamed').insertOne({ _id: 'new', name: 'new' });
  },
  dropDatabase: (db) => db.dropDatabase(),
  'dropDatabase and start again': async (db) => {
    await db.dropDatabase();
    await rows(db).insertOne({ _id: 1, name: 'again' });
  },
  GridFS: async (db) => {
    const bucket = new GridFSBucket(db);
    const upload = bucket.openUploadStream('a.bin');
    upload.end(Buffer.alloc(700_000, 7));
    await new Promise((resolve, reject) => upload.once('finish', resolve).once('error', reject));
  },
  'a whole migration': async (db) => {
    await rows(db).updateMany({}, { $set: { full: 'x' } });
    await rows(db).createIndex({ full: 1 });
    await rows(db).dropIndex('ttl');
    await db.command({ collMod: 'rows', validator: { full: { $type: 'string' } } });
    await rows(db).insertOne({ _id: 'made', full: 'y' });
    await rows(db).rename('full_rows');
    await db.collection('full_rows').deleteMany({ full: 'x' });
  },
};
const needsReplication = ['pre- and post-images'];
/** The version that knows it, and what it is. */
const newer: Record<string, [number, string]> = {
  'create a time series and fill it': [5, 'time series'],
  'create a capped collection and fill it': [5, 'deleting from a capped collection'],
  'pre- and post-images': [6, 'changeStreamPreAndPostImages'],
};

for (const [kind, server] of [
  ['a replica set', replicaSet],
  ['a standalone', standalone],
] as [string, () => Promise<TestServer>][]) {
  describe(`the journal of scripts on ${kind}: catalogue`, function () {
    this.timeout(60_000);
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(await server());
      await seed(bench.db);
    });
    afterEach(() => bench.close());

    for (const [name, up] of Object.entries(works)) {
      if (kind === 'a standalone' && needsReplication.includes(name)) continue;
      it(`${name}: undone and run again`, async function () {
        const [major, what] = newer[name] ?? [];
        if (major && what) await skipBelow(this, bench.db, major, what);
        const before = await bench.state();
        const first = await bench.up(up);
        assert.equal(first.exitCode, 0, JSON.stringify(first.run.error));
        assert.notDeepEqual(await bench.state(), before);
        const undone = await bench.down();
        assert.equal(undone.exitCode, 0, JSON.stringify([undone.run.error, bench.conflicts]));
        assert.deepEqual(await bench.state(), before);
        const left = await bench.db.listCollections({ name: /^_migratory_(journal|undo)/ }).toArray();
        assert.deepEqual(left, []);
        const second = await bench.up(up);
        assert.equal(second.exitCode, 0, JSON.stringify(second.run.error));
      });
    }
  });
}

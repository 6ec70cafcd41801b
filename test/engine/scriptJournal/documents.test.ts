// Every way in which a script can change documents: run, undo, and everything is as it was, byte for byte; run again.
import assert from 'node:assert/strict';
import { type Collection, type Db, Long } from 'mongodb';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { Bench, type Up } from './support';

async function seed(db: Db): Promise<void> {
  const rows = Array.from({ length: 50 }, (_, i) => ({
    _id: i,
    name: `n${i}`,
    group: i % 5,
    big: Long.fromNumber(i),
    nested: {
      a: i,
      b: [
        { x: i, y: 'old' },
        { x: i + 1, y: 'old' },
      ],
    },
    tags: ['red', 'green'],
  }));
  await db.collection<any>('rows').insertMany(rows);
  await db.collection('rows').createIndex({ name: 1 }, { unique: true });
}

const rows = (db: Db): Collection<any> => db.collection<any>('rows');

/** Each has to change something. */
const works: Record<string, Up> = {
  insertOne: (db) => rows(db).insertOne({ _id: 'new', name: 'new' }),
  'insertOne without _id': (db) => rows(db).insertOne({ name: 'new' }),
  insertMany: (db) =>
    rows(db).insertMany(Array.from({ length: 2500 }, (_, i) => ({ _id: `new${i}`, name: `new${i}` }))),
  'insert into a new collection': (db) => db.collection('fresh').insertOne({ a: 1 }),
  'updateOne by _id, $set': (db) =>
    rows(db).updateOne({ _id: 3 }, { $set: { name: 'changed', 'nested.c.d': 1 } }),
  'updateOne by _id, $unset': (db) =>
    rows(db).updateOne({ _id: 3 }, { $unset: { name: '', 'nested.a': '' } }),
  'updateOne by _id, $inc': (db) => rows(db).updateOne({ _id: 3 }, { $inc: { big: 1 } }),
  'updateOne by another field': (db) => rows(db).updateOne({ name: 'n7' }, { $set: { a: 1 } }),
  'updateOne of one among many': (db) => rows(db).updateOne({ group: 2 }, { $set: { a: 1 } }),
  'updateOne with a pipeline': (db) =>
    rows(db).updateOne({ _id: 3 }, [{ $set: { twice: { $add: ['$big', '$big'] } } }]),
  'updateOne with a positional operator': (db) =>
    rows(db).updateOne({ 'nested.b.x': 9 }, { $set: { 'nested.b.$.y': 'new' } }),
  'updateOne with arrayFilters': (db) =>
    rows(db).updateOne({ _id: 4 }, { $set: { 'nested.b.$[e].y': 'new' } }, { arrayFilters: [{ 'e.x': 5 }] }),
  'updateOne with a collation': (db) =>
    rows(db).updateOne({ name: 'N8' }, { $set: { a: 1 } }, { collation: { locale: 'en', strength: 2 } }),
  'updateOne that upserts': (db) => rows(db).updateOne({ _id: 'up' }, { $set: { a: 1 } }, { upsert: true }),
  'updateOne that upserts by another field': (db) =>
    rows(db).updateOne({ name: 'up' }, { $set: { a: 1 } }, { upsert: true }),
  'updateOne that might upsert': (db) => rows(db).updateOne({ _id: 3 }, { $set: { a: 1 } }, { upsert: true }),
  'updateOne that makes an array longer': (db) =>
    rows(db).updateOne({ _id: 3 }, { $push: { tags: 'blue' } as never }),
  'updateOne that renames': (db) => rows(db).updateOne({ _id: 3 }, { $rename: { name: 'title' } }),
  replaceOne: (db) => rows(db).replaceOne({ _id: 3 }, { name: 'replaced' }),
  'replaceOne that upserts': (db) => rows(db).replaceOne({ _id: 'up' }, { name: 'up' }, { upsert: true }),
  deleteOne: (db) => rows(db).deleteOne({ _id: 3 }),
  'deleteOne of one among many': (db) => rows(db).deleteOne({ group: 2 }),
  'updateMany of a few': (db) => rows(db).updateMany({ group: 1 }, { $set: { a: 1 } }),
  'updateMany that upserts': (db) => rows(db).updateMany({ name: 'x' }, { $set: { a: 1 } }, { upsert: true }),
  'updateMany with arrayFilters': (db) =>
    rows(db).updateMany(
      {},
      { $set: { 'nested.b.$[e].y': 'new' } },
      { arrayFilters: [{ 'e.x': { $gt: 5 } }] },
    ),
  'deleteMany of a few': (db) => rows(db).deleteMany({ group: 1 }),
  findOneAndUpdate: (db) =>
    rows(db).findOneAndUpdate({ group: 3 }, { $inc: { big: 1 } }, { sort: { big: -1 } }),
  'findOneAndUpdate by _id': (db) => rows(db).findOneAndUpdate({ _id: 5 }, { $set: { a: 1 } }),
  'findOneAndUpdate that upserts': (db) =>
    rows(db).findOneAndUpdate({ _id: 'up' }, { $set: { a: 1 } }, { upsert: true, returnDocument: 'after' }),
  findOneAndReplace: (db) => rows(db).findOneAndReplace({ name: 'n4' }, { name: 'replaced' }),
  findOneAndDelete: (db) =>
    rows(db).findOneAndDelete({ group: 3 }, { sort: { big: -1 }, projection: { name: 1, _id: 0 } }),
  bulkWrite: (db) =>
    rows(db).bulkWrite([
      { insertOne: { document: { _id: 'new', name: 'new' } } },
      { updateOne: { filter: { _id: 'new' }, update: { $set: { a: 1 } } } },
      { updateOne: { filter: { _id: 1 }, update: { $set: { a: 1 } } } },
      { updateOne: { filter: { _id: 1 }, update: { $inc: { a: 1 } } } },
      { updateOne: { filter: { a: 2 }, update: { $set: { b: 1 } } } },
      { updateMany: { filter: { group: 4 }, update: { $set: { c: 1 } } } },
      { replaceOne: { filter: { _id: 2 }, replacement: { name: 'replaced' } } },
      { deleteOne: { filter: { _id: 3 } } },
      { deleteMany: { filter: { group: 0 } } },
      { updateOne: { filter: { _id: 'up' }, update: { $set: { a: 1 } }, upsert: true } },
    ]),
  'bulkWrite, unordered': (db) =>
    rows(db).bulkWrite(
      Array.from({ length: 1500 }, (_, i) => ({
        updateOne: { filter: { _id: i }, update: { $set: { a: i, name: `b${i}` } }, upsert: true },
      })),
      { ordered: false },
    ),
  'db.command': (db) =>
    db.command({ update: 'rows', updates: [{ q: { _id: 1 }, u: { $set: { a: 1 } } }], ordered: true }),
  'w: 0': async (db) => {
    await db.collection<any>('rows', { writeConcern: { w: 0 } }).updateOne({ _id: 1 }, { $set: { a: 1 } });
    while ((await rows(db).countDocuments({ a: 1 })) === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
  },
  'the same document again and again': async (db) => {
    for (let i = 0; i < 30; i++)
      await rows(db).updateOne({ _id: 1 }, { $set: { a: i }, $push: { tags: `t${i}` } as never });
    await rows(db).deleteOne({ _id: 1 });
    await rows(db).insertOne({ _id: 1, name: 'again' });
    await rows(db).updateOne({ _id: 1 }, { $set: { name: 'and again' } });
  },
  'a unique value handed on': async (db) => {
    await rows(db).updateOne({ _id: 1 }, { $set: { name: 'between' } });
    await rows(db).updateOne({ _id: 2 }, { $set: { name: 'n1' } });
    await rows(db).updateOne({ _id: 1 }, { $set: { name: 'n2' } });
  },
  'another database': async (_db, client) => {
    const other = client.db(`${_db.databaseName}_b`);
    await other.collection('there').insertOne({ a: 1 });
  },
};

for (const [kind, server] of [
  ['a replica set', replicaSet],
  ['a standalone', standalone],
] as [string, () => Promise<TestServer>][]) {
  describe(`the journal of scripts on ${kind}: documents`, function () {
    this.timeout(60_000);
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(await server());
    });
    afterEach(async () => {
      await bench.client.db(`${bench.db.databaseName}_b`).dropDatabase();
      await bench.close();
    });

    it('keeps writes with w: 0 that a script ends with', async () => {
      await seed(bench.db);
      const before = await bench.state();
      const run = await bench.up(async (db) => {
        const quick = db.collection<any>('rows', { writeConcern: { w: 0 } });
        for (let i = 0; i < 50; i++) await quick.updateOne({ _id: i }, { $set: { quick: i } });
        await quick.insertOne({ _id: 'last', name: 'last' });
      });
      assert.equal(run.exitCode, 0, JSON.stringify(run.run.error));
      assert.equal(await rows(bench.db).countDocuments({ $expr: { $eq: ['$quick', '$_id'] } }), 50);
      assert.equal(await rows(bench.db).countDocuments({ _id: 'last' }), 1);
      assert.equal((await bench.down()).exitCode, 0);
      assert.deepEqual(await bench.state(), before);
    });

    for (const [name, up] of Object.entries(works)) {
      it(`${name}: undone and run again`, async () => {
        await seed(bench.db);
        const other = bench.client.db(`${bench.db.databaseName}_b`);
        const before = [await bench.state(), await bench.state(other)];
        const first = await bench.up(up);
        assert.equal(first.exitCode, 0, JSON.stringify(first.run.error));
        const after = [await bench.state(), await bench.state(other)];
        assert.notDeepEqual(after, before);
        const undone = await bench.down();
        assert.equal(undone.exitCode, 0, JSON.stringify(undone.run.error));
        assert.deepEqual([await bench.state(), await bench.state(other)], before);
        assert.deepEqual(bench.conflicts, []);
        const left = await bench.db.listCollections({ name: /^_migratory_(journal|undo)/ }).toArray();
        assert.deepEqual(left, []);
        const second = await bench.up(up);
        assert.equal(second.exitCode, 0, JSON.stringify(second.run.error));
      });
    }
  });
}

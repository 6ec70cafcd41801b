// $out and $merge of a script: the same outcome as without a journal, undone byte for byte, and run again.
import assert from 'node:assert/strict';
import type { Collection, Db, Document } from 'mongodb';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { Bench } from './support';

const on = (db: Db, name: string): Collection<any> => db.collection<any>(name);

/** With types, but in any order of fields: where `$merge` upserts, the server sorts them by name. */
function documents(collection: Collection): Promise<Document[]> {
  return collection.find({}, { sort: { _id: 1 }, promoteValues: false }).toArray();
}

async function seed(db: Db): Promise<void> {
  await on(db, 'source').insertMany(
    Array.from({ length: 2500 }, (_, i) => ({ _id: i, group: i % 7, n: i, key: `k${i}` })),
  );
  await db.createCollection('target', { validator: { n: { $not: { $type: 'string' } } } });
  await on(db, 'target').insertMany(
    Array.from({ length: 50 }, (_, i) => ({ _id: i * 2, n: -1, own: true, key: `k${i}` })),
  );
  await on(db, 'target').createIndex({ key: 1 }, { unique: true });
}

const works: Record<string, (db: Db) => Promise<unknown>> = {
  '$out over another collection': (db) =>
    on(db, 'source')
      .aggregate([{ $match: { n: { $gte: 10 } } }, { $out: 'target' }])
      .toArray(),
  '$out to a new collection': (db) =>
    on(db, 'source')
      .aggregate([{ $group: { _id: '$group', n: { $sum: '$n' } } }, { $out: 'made' }])
      .toArray(),
  '$out of a collection to itself': (db) =>
    on(db, 'source')
      .aggregate([{ $match: { n: { $lt: 1000 } } }, { $set: { n: '$key' } }, { $out: 'source' }])
      .toArray(),
  '$out to another database': (db) =>
    on(db, 'source')
      .aggregate([{ $limit: 20 }, { $out: { db: `${db.databaseName}_b`, coll: 'made' } }])
      .toArray(),
  $merge: (db) =>
    on(db, 'source')
      .aggregate([
        { $limit: 200 },
        { $sort: { _id: 1 } },
        { $set: { key: { $concat: ['m', '$key'] } } },
        { $merge: 'target' },
      ])
      .toArray(),
  '$merge on another field': (db) =>
    on(db, 'source')
      .aggregate([
        { $project: { _id: 0, key: 1, n: 1 } },
        { $merge: { into: 'target', on: 'key', whenMatched: 'merge', whenNotMatched: 'discard' } },
      ])
      .toArray(),
  '$merge with a pipeline': (db) =>
    on(db, 'source')
      .aggregate([
        { $limit: 100 },
        {
          $merge: {
            into: 'target',
            whenMatched: [{ $set: { n: { $add: ['$n', '$$new.n'] } } }],
            whenNotMatched: 'discard',
          },
        },
      ])
      .toArray(),
  '$merge to a new collection': (db) =>
    on(db, 'source')
      .aggregate([{ $merge: { into: 'made' } }])
      .toArray(),
};

for (const [kind, server] of [
  ['a replica set', replicaSet],
  ['a standalone', standalone],
] as [string, () => Promise<TestServer>][]) {
  describe(`the journal of scripts on ${kind}: $out and $merge`, function () {
    this.timeout(60_000);
    let bench: Bench;
    let bare: { db: Db };
    beforeEach(async () => {
      bench = await Bench.open(await server());
      bare = await (await server()).database('bare');
      await seed(bench.db);
      await seed(bare.db);
    });
    afterEach(async () => {
      await bench.client.db(`${bench.db.databaseName}_b`).dropDatabase();
      await bench.close();
    });

    for (const [name, work] of Object.entries(works)) {
      it(`${name}: as without a journal, undone, and run again`, async () => {
        await work(bare.db);
        const before = await bench.state();
        const first = await bench.up((db) => work(db));
        assert.equal(first.exitCode, 0, JSON.stringify(first.run.error));
        for (const collection of ['source', 'target', 'made']) {
          const [is, should] = await Promise.all(
            [bench.db, bare.db].map((db) => documents(db.collection(collection))),
          );
          assert.deepEqual(is, should, collection);
        }
        const undone = await bench.down();
        assert.equal(undone.exitCode, 0, JSON.stringify([undone.run.error, bench.conflicts]));
        assert.deepEqual(await bench.state(), before);
        assert.deepEqual(await bench.state(bench.client.db(`${bench.db.databaseName}_b`)), {});
        const second = await bench.up((db) => work(db));
        assert.equal(second.exitCode, 0, JSON.stringify(second.run.error));
      });
    }
  });
}

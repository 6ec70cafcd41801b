// The npm library over a real server, with the drivers that its users have.
import assert from 'node:assert/strict';
import { MongoClient, type Collection, type Db } from 'mongodb';
import { MongoClient as MongoClient4, ObjectId as ObjectId4 } from 'mongodb4';
import { MongoClient as MongoClient5 } from 'mongodb5';
import { MongoClient as MongoClient6 } from 'mongodb6';
import { BatchMigrator, MigrationMonitor, MigrationRunner, SafeMigration } from '../../../src/index';
import type { BatchProgress, Migration } from '../../../src/index';
import { guardedServer, replicaSet } from '../../support/server';

const drivers = { 4: MongoClient4, 5: MongoClient5, 6: MongoClient6, 7: MongoClient } as unknown as Record<
  string,
  typeof MongoClient
>;

async function people(db: Db, count: number): Promise<Collection> {
  const rows = Array.from({ length: count }, (_, id) => ({ _id: id as never, n: id }));
  await db.collection('people').insertMany(rows);
  return db.collection('people');
}

describe('MigrationRunner', function () {
  this.timeout(60_000);

  const migrations: Migration[] = [
    {
      name: 'second by name, first in the array',
      up: (db) => db.collection('people').updateMany({}, { $set: { a: 1 } }),
      down: (db) => db.collection('people').updateMany({}, { $unset: { a: '' } }),
    },
    { name: 'a transform', source: 'people', transform: (doc) => ({ $set: { b: Number(doc['n']) * 2 } }) },
  ];

  for (const [major, Client] of Object.entries(drivers)) {
    it(`runs, shows and rolls back with a Db of driver ${major}`, async () => {
      const { uri, name } = await (await replicaSet()).database('library');
      const client = await new Client(uri).connect();
      try {
        const db = client.db(name);
        await people(db, 50);
        const runner = new MigrationRunner(db);
        const run = await runner.run(migrations);
        assert.equal(run.state, 'applied');
        assert.deepEqual(
          run.steps.map((step) => step.name),
          migrations.map((migration) => migration.name),
        );
        assert.equal(await db.collection('people').countDocuments({ a: 1, b: { $exists: true } }), 50);
        assert.deepEqual((await runner.run(migrations)).steps, []);
        await runner.rollback('a transform', migrations);
        assert.deepEqual(
          (await runner.status(migrations)).map(({ state }) => state),
          ['applied', 'pending'],
        );
        assert.equal(await db.collection('people').countDocuments({ b: { $exists: true } }), 0);
      } finally {
        await client.close();
      }
    });
  }

  it('gives scripts objects of the driver that the caller uses, wherever the program was started', async () => {
    const { uri, name } = await (await replicaSet()).database('library');
    const client = await new MongoClient4(uri).connect();
    try {
      const id = new ObjectId4();
      const db = client.db(name) as unknown as Db;
      await new MigrationRunner(db).run([
        { name: 'own ids', up: (given) => given.collection('x').insertOne({ _id: id as never }) },
      ]);
      assert.equal(await db.collection('x').countDocuments({ _id: id as never }), 1);
    } finally {
      await client.close();
    }
  });

  it("rejects with the migration's own error, and keeps what was applied before", async () => {
    const { db } = await (await replicaSet()).database('library');
    const boom = new RangeError('boom');
    const list: Migration[] = [
      { name: 'good', up: (db) => db.collection('x').insertOne({}) },
      { name: 'bad', up: () => Promise.reject(boom) },
    ];
    await assert.rejects(new MigrationRunner(db).run(list), (error) => error === boom);
    const rows = await db.collection('_migrations').find().toArray();
    assert.deepEqual(
      rows.map(({ name }) => name as string),
      ['good'],
    );
  });

  it('takes over credentials that were given as options', async () => {
    const server = await guardedServer();
    const uri = new URL(server.uri);
    const auth = { username: decodeURIComponent(uri.username), password: decodeURIComponent(uri.password) };
    uri.username = '';
    uri.password = '';
    const client = await new MongoClient(uri.toString(), { auth, authSource: 'admin' }).connect();
    try {
      const run = await new MigrationRunner(client.db('library_auth')).run([
        { name: 'one', up: (db) => db.collection('x').insertOne({}) },
      ]);
      assert.equal(run.state, 'applied');
    } finally {
      await client.db('library_auth').dropDatabase();
      await client.close();
    }
  });
});

describe('BatchMigrator', function () {
  this.timeout(60_000);

  it('works in batches of at most batchSize and reports each, the last and partial one too', async () => {
    const { db } = await (await replicaSet()).database('library');
    const collection = await people(db, 25);
    const seen: BatchProgress[] = [];
    const migrator = new BatchMigrator({ batchSize: 10, onProgress: (progress) => seen.push(progress) });
    const result = await migrator.migrate(collection, {}, (doc) => ({ $set: { m: Number(doc['n']) + 1 } }));
    assert.deepEqual(result, { processed: 25, errors: 0, total: 25 });
    assert.deepEqual(
      seen.map(({ processed, percentage }) => [processed, percentage]),
      [
        [10, 40],
        [20, 80],
        [25, 100],
      ],
    );
    assert.deepEqual(seen.at(-1), { processed: 25, total: 25, percentage: 100, errors: 0 });
    assert.equal(await collection.countDocuments({ $expr: { $eq: ['$m', { $add: ['$n', 1] }] } }), 25);
  });

  it('reports full batches where the filter matches little, and the last one', async () => {
    const { db } = await (await replicaSet()).database('library');
    const collection = await people(db, 100);
    const seen: number[] = [];
    const migrator = new BatchMigrator({
      batchSize: 10,
      onProgress: ({ processed }) => seen.push(processed),
    });
    await migrator.migrate(collection, { n: { $mod: [4, 0] } }, () => ({ $set: { m: 1 } }));
    assert.equal(seen.at(-1), 25);
    assert.ok(seen.length >= 3 && seen.length <= 5, `reported ${seen.join(', ')}`);
    assert.ok(seen.every((processed, index) => processed - (seen[index - 1] ?? 0) <= 10));
  });

  it('counts only what was written, and hands failing documents to onError', async () => {
    const { db } = await (await replicaSet()).database('library');
    const collection = await people(db, 20);
    const failed: unknown[] = [];
    const migrator = new BatchMigrator({ onError: (error, doc) => failed.push([String(error), doc['_id']]) });
    const result = await migrator.migrate(collection, {}, (doc) => {
      if (doc['n'] === 3) throw new Error('three');
      return Number(doc['n']) % 2 === 0 ? { $set: { even: true } } : undefined;
    });
    assert.deepEqual(result, { processed: 10, errors: 1, total: 20 });
    assert.deepEqual(failed, [['Error: three', 3]]);
  });

  it('rejects at the first error without onError', async () => {
    const { db } = await (await replicaSet()).database('library');
    const collection = await people(db, 5);
    const migrator = new BatchMigrator();
    await assert.rejects(
      migrator.migrate(collection, {}, () => {
        throw new Error('at once');
      }),
      /at once/,
    );
  });

  it('runs bulk operations in batches', async () => {
    const { db } = await (await replicaSet()).database('library');
    const collection = await people(db, 5);
    const errors: unknown[] = [];
    const migrator = new BatchMigrator({
      batchSize: 2,
      onError: (_error, operation) => errors.push(operation),
    });
    const duplicate = { insertOne: { document: { _id: 1 as never } } };
    const result = await migrator.executeBatch(collection, [
      { updateOne: { filter: { _id: 0 as never }, update: { $set: { a: 1 } } } },
      duplicate,
      { deleteOne: { filter: { _id: 2 as never } } },
    ]);
    assert.deepEqual(result, { processed: 2, errors: 1, total: 3 });
    assert.deepEqual(errors, [duplicate]);
  });
});

describe('SafeMigration', function () {
  this.timeout(60_000);

  it('takes everything back when validate does not hold', async () => {
    const { db } = await (await replicaSet()).database('library');
    const collection = await people(db, 30);
    const migration = {
      name: 'safe',
      source: 'people',
      transform: () => ({ $set: { safe: true } }),
      validate: () => false,
    };
    await assert.rejects(new SafeMigration(db).execute(migration), /verification failed/);
    assert.equal(await collection.countDocuments({ safe: true }), 0);
    const run = await new SafeMigration(db).execute({ ...migration, validate: () => true });
    assert.equal(run.state, 'applied');
    assert.equal(await collection.countDocuments({ safe: true }), 30);
  });
});

describe('MigrationMonitor', () => {
  it('keeps the figures of a loop', () => {
    const monitor = new MigrationMonitor();
    monitor.start(100);
    monitor.recordBatch(40, 12);
    monitor.recordBatch(40, 8);
    monitor.recordError(new Error('x'), { _id: 1 });
    assert.deepEqual(monitor.stats, { total: 100, processed: 80, errors: 1, batchTimes: [12, 8] });
    assert.equal(monitor.figures.percentage, 80);
    assert.match(monitor.complete(), /^80 of 100 documents in 0s, 1 errors$/);
    assert.equal(monitor.formatTime(7800), '2h 10m');
  });
});

// A dry run's redirection: whatever is sent, the real databases stay as they were, and the script sees its own names.
import assert from 'node:assert/strict';
import type { Db, Document, MongoClient } from 'mongodb';
import { type TestServer, replicaSet } from '../../support/server';
import { type Doorway, closeDoorways, doorway, through } from './doorway';
import { RawClient } from './rawClient';

describe('the redirection of a dry run', function () {
  this.timeout(60_000);
  let server: TestServer;
  let way: Doorway;
  let client: MongoClient;
  let root: MongoClient;
  let name: string;
  let other: string;
  let db: Db;
  let before_: Document[];
  const scratch = (database: string): string => `${database}_dry`;

  const hashes = async (): Promise<Document[]> =>
    await Promise.all(
      [name, other].map(async (database) => {
        const { collections, uuids: _uuids } = await root.db(database).command({ dbHash: 1 });
        const infos = await root.db(database).listCollections().toArray();
        return { collections, infos: infos.sort((a, b) => (a.name < b.name ? -1 : 1)) };
      }),
    );

  before(async () => {
    server = await replicaSet();
    root = await server.client();
    name = (await server.database('real')).name;
    other = (await server.database('other')).name;
    for (const database of [name, other]) {
      for (const place of [database, scratch(database)]) {
        const rows = Array.from({ length: 3000 }, (_, i) => ({ _id: i, n: i % 7, place }));
        await root.db(place).collection<{ _id: number }>('rows').insertMany(rows);
        await root.db(place).collection('rows').createIndex({ n: 1 });
      }
    }
    way = await doorway(server.uri, { redirect: scratch });
    client = await through(way.door);
    db = client.db(name);
    before_ = await hashes();
  });
  after(async () => {
    await closeDoorways();
    for (const database of [name, other]) await root.db(scratch(database)).dropDatabase();
  });
  afterEach('the real databases are as they were', async () => assert.deepEqual(await hashes(), before_));

  it('leads reads to the scratch database, and cursors back to the real name', async () => {
    const cursor = db.collection('rows').find({}, { batchSize: 500 });
    const rows = await cursor.toArray();
    assert.equal(rows.length, 3000);
    assert.ok(rows.every((row) => row['place'] === scratch(name)));
    const reply = await db.command({ find: 'rows', batchSize: 2 });
    assert.equal(reply['cursor'].ns, `${name}.rows`);
    const { command } = way.last('find');
    assert.deepEqual([command.database, command.target], [name, scratch(name)]);
    const more = await db.command({ getMore: reply['cursor'].id, collection: 'rows', batchSize: 2 });
    assert.equal(more['cursor'].ns, `${name}.rows`);
    await db.command({ killCursors: 'rows', cursors: [reply['cursor'].id] });
    const plan = await db.collection('rows').find({ n: 1 }).explain();
    assert.equal(plan['queryPlanner'].namespace, `${name}.rows`);
    assert.equal((await db.command({ collStats: 'rows' }))['ns'], `${name}.rows`);
    assert.equal((await db.command({ dbStats: 1 }))['db'], name);
  });

  it('keeps every way of writing away', async () => {
    const rows = db.collection<{ _id: number; n?: number }>('rows');
    await rows.insertOne({ _id: 10_000 });
    await rows.updateMany({}, { $inc: { n: 1 } });
    await rows.replaceOne({ _id: 1 }, { n: 5 });
    await rows.deleteMany({ n: 3 });
    await rows.findOneAndDelete({ _id: 4 });
    await rows.bulkWrite([{ deleteOne: { filter: { _id: 5 } } }, { insertOne: { document: { _id: -5 } } }]);
    await db.collection('rows', { writeConcern: { w: 0 } }).updateMany({}, { $set: { quiet: true } });
    await client.withSession(async (session) => {
      await session.withTransaction(async () => {
        await rows.insertOne({ _id: 20_000 }, { session });
        await client
          .db(other)
          .collection('rows')
          .updateMany({}, { $set: { t: 1 } }, { session });
      });
    });
    await rows.createIndex({ place: 1 });
    await rows.dropIndex('n_1');
    await db.command({ collMod: 'rows', validator: { n: { $type: 'number' } }, validationLevel: 'off' });
    await db.createCollection('view', { viewOn: 'rows', pipeline: [{ $match: { n: 1 } }] });
    await rows.rename('lines');
    await client.db('admin').command({ renameCollection: `${name}.lines`, to: `${other}.lines` });
    const lines = client.db(other).collection('lines');
    assert.ok((await lines.countDocuments()) > 1000);
    await lines.rename('rows', { dropTarget: true });
    await client
      .db(other)
      .collection('rows')
      .aggregate([{ $out: { db: name, coll: 'rows' } }])
      .toArray();
    await client.db(other).dropCollection('rows');
    await client.db(other).dropDatabase();
    await rows.aggregate([{ $match: { _id: { $lt: 50 } } }, { $out: { db: other, coll: 'rows' } }]).toArray();
    assert.equal(
      await root
        .db(scratch(other))
        .collection('rows')
        .countDocuments({ _id: { $lt: 50 } } as Document),
      await client.db(other).collection('rows').countDocuments(),
    );
  });

  it('redirects other databases inside pipelines, however deep', async () => {
    await client
      .db(other)
      .collection('names')
      .insertMany([{ n: 1, name: 'one' }]);
    const stages: Document[] = [
      { $match: { n: 1 } },
      { $limit: 5 },
      {
        $facet: {
          a: [
            {
              $lookup: {
                from: 'rows',
                pipeline: [
                  { $limit: 1 },
                  { $lookup: { from: 'rows', localField: '_id', foreignField: '_id', as: 'deep' } },
                ],
                as: 'found',
              },
            },
          ],
        },
      },
    ];
    const [facet] = await db.collection('rows').aggregate(stages).toArray();
    assert.ok(facet);
    assert.ok((facet['a'] as Document[]).every((row) => row['found'][0].place === scratch(name)));
    const merged = { db: other, coll: 'collected' };
    const union = { $unionWith: { coll: 'rows', pipeline: [{ $match: { n: 2 } }, { $limit: 3 }] } };
    const merge = { $merge: { into: merged, whenMatched: [{ $set: { again: true } }] } };
    await db
      .collection('rows')
      .aggregate([{ $match: { n: 1 } }, { $limit: 2 }, union, merge])
      .toArray();
    assert.equal(await root.db(scratch(other)).collection('collected').countDocuments(), 5);
    assert.deepEqual(
      way
        .last('aggregate')
        .command.namespaces.map(({ target, collection, access }) => [target, collection, access]),
      [
        [scratch(name), 'rows', 'read'],
        [scratch(name), 'rows', 'read'],
        [scratch(other), 'collected', 'write'],
      ],
    );
    await db.command({
      mapReduce: 'rows',
      map: 'function () { emit(this.n, 1); }',
      reduce: 'function (k, v) { return v.length; }',
      out: { replace: 'reduced', db: other },
    });
    assert.ok((await root.db(scratch(other)).collection('reduced').countDocuments()) > 0);
  });

  it('maps the names in change events', async () => {
    for (const [what, watch] of [
      ['a collection', () => db.collection('watched').watch()],
      ['a database', () => db.watch()],
      ['the cluster', () => client.watch([{ $match: { 'fullDocument.mark': 'seen' } }])],
    ] as const) {
      const stream = watch();
      const next = stream.next();
      const writing = setInterval(() => void db.collection('watched').insertOne({ mark: 'seen' }), 50);
      const event = (await next) as unknown as { ns: unknown };
      assert.deepEqual(event.ns, { db: name, coll: 'watched' }, what);
      const later = (await stream.next()) as unknown as { ns: unknown };
      clearInterval(writing);
      assert.deepEqual(later.ns, { db: name, coll: 'watched' }, what);
      await stream.close();
    }
    const stream = db.watch();
    const next = stream.next();
    let names = ['watched', 'renamed'] as [string, string];
    const renaming = setInterval(() => {
      const [from, to] = names;
      names = [to, from];
      void db.collection(from).rename(to);
    }, 100);
    let event = (await next) as unknown as {
      operationType: string;
      ns: unknown;
      to: { db: string; coll: string };
    };
    while (event.operationType !== 'rename') event = (await stream.next()) as unknown as typeof event;
    clearInterval(renaming);
    assert.equal(event.to.db, name);
    assert.ok(names.includes(event.to.coll));
    await stream.close();
  });

  it('shows each database once and under its real name, and the same in messages', async () => {
    const { databases } = await client.db('admin').admin().listDatabases();
    const names = databases.map((database) => database.name);
    assert.ok(names.includes(name));
    assert.ok(!names.includes(scratch(name)));
    assert.equal(new Set(names).size, names.length);
    await db.collection<{ _id: number }>('unique').insertOne({ _id: 1 });
    await assert.rejects(db.collection<{ _id: number }>('unique').insertOne({ _id: 1 }), (error: Error) => {
      assert.match(error.message, new RegExp(`${name}\\.unique`));
      assert.ok(!error.message.includes(scratch(name)));
      return true;
    });
    await assert.rejects(db.command({ find: 1 }), (error: Error) => !error.message.includes(scratch(name)));
  });

  it('refuses what it cannot redirect', async () => {
    for (const database of ['admin', 'config', 'local']) {
      await assert.rejects(client.db(database).collection('x').insertOne({ a: 1 }), {
        code: 59,
        message: /dry run/,
      });
    }
    await assert.rejects(
      db
        .collection('rows')
        .aggregate([{ $out: { db: 'config', coll: 'x' } }])
        .toArray(),
      /dry run/,
    );
    await assert.rejects(client.db('admin').command({ killOp: 1, op: 1 }), /dry run/);
    assert.ok((await client.db('config').collection('transactions').findOne({})) !== undefined);
  });

  it('redirects the bulkWrite command of MongoDB 8, whichever way its namespaces come', async () => {
    // As the commands that it is made of, which is what the hooks see.
    const seen: Document[] = [];
    way.on.before = async ({ name: command, raw, namespaces, database }) => {
      seen.push({ command, body: BSON.deserialize(raw.body), namespaces, database });
      return { reply: { ok: 1, n: 1 } };
    };
    const { BSON } = await import('mongodb');
    const own = await RawClient.admitted(way.door);
    const ops = [
      { insert: 0, document: { a: 1 } },
      { delete: 1, filter: { a: 1 }, multi: false },
    ];
    const nsInfo = [{ ns: `${name}.a.b` }, { ns: `${other}.c` }];
    const inline = await own.command({ bulkWrite: 1, ops, nsInfo, $db: 'admin' });
    const sections = await own.command({ bulkWrite: 1, $db: 'admin' }, [
      { identifier: 'ops', documents: ops.map((op) => BSON.serialize(op)) },
      { identifier: 'nsInfo', documents: nsInfo.map((info) => BSON.serialize(info)) },
    ]);
    way.on = {};
    for (const reply of [inline ?? {}, sections ?? {}])
      assert.deepEqual([reply['ok'], reply['nInserted'], reply['nDeleted'], reply['nErrors']], [1, 1, 1, 0]);
    assert.equal(seen.length, 4);
    for (const [i, { command, body, namespaces, database }] of seen.entries()) {
      const [real, collection, what] = i % 2 === 0 ? [name, 'a.b', 'insert'] : [other, 'c', 'delete'];
      assert.deepEqual([command, body[what], body['$db'], database], [what, collection, scratch(real), real]);
      assert.deepEqual(namespaces, [{ database: real, target: scratch(real), collection, access: 'write' }]);
    }
  });
});

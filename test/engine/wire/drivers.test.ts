// What scripts do with their drivers works through the door as it does without it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as mongodb4 from 'mongodb4';
import * as mongodb5 from 'mongodb5';
import * as mongodb6 from 'mongodb6';
import * as mongodb7 from 'mongodb';
import mongoose from 'mongoose';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { type Doorway, closeDoorways, doorway, through } from './doorway';

// The drivers' types differ in details that tests do not care for; version 7's stand for all of them.
const drivers: [name: string, driver: typeof mongodb7][] = [
  ['4.17', mongodb4 as unknown as typeof mongodb7],
  ['5.9', mongodb5 as unknown as typeof mongodb7],
  ['6.22', mongodb6 as unknown as typeof mongodb7],
  ['7.9', mongodb7],
];

describe('scripts of every driver through the door', function () {
  this.timeout(60_000);
  let server: TestServer;
  let way: Doorway;
  before(async () => {
    server = await replicaSet();
    way = await doorway(server.uri);
  });
  after(closeDoorways);

  for (const [version, driver] of drivers) {
    describe(`Node driver ${version}`, () => {
      let client: mongodb7.MongoClient;
      let db: mongodb7.Db;
      let real: mongodb7.Db;
      before(async () => {
        const made = await server.database('door');
        real = made.db;
        client = await new driver.MongoClient(way.door.uri).connect();
        db = client.db(made.name);
      });
      after(async () => await client.close());

      it('writes, reads thousands by cursor, counts, and finds and modifies', async () => {
        const orders = db.collection('orders');
        const documents = Array.from({ length: 5000 }, (_, i) => ({ i, text: 'x'.repeat(i % 700) }));
        assert.equal((await orders.insertMany(documents)).insertedCount, 5000);
        const read = await orders.find({}, { batchSize: 700 }).sort({ _id: 1 }).toArray();
        assert.deepEqual(read, documents);
        assert.equal(
          (await orders.updateMany({ i: { $lt: 100 } }, { $set: { small: true } })).modifiedCount,
          100,
        );
        const replaced = await orders.replaceOne({ i: -1 }, { i: -1, fresh: true }, { upsert: true });
        assert.equal(replaced.upsertedCount, 1);
        assert.equal((await orders.deleteMany({ i: { $gte: 4990 } })).deletedCount, 10);
        const found = await orders.findOneAndUpdate(
          { i: 5 },
          { $set: { seen: 1 } },
          { includeResultMetadata: true },
        );
        assert.equal((found as unknown as { value: { i: number } }).value.i, 5);
        assert.equal(await orders.countDocuments({ small: true }), 100);
        assert.equal(await orders.estimatedDocumentCount(), 4991);
        assert.equal((await orders.distinct('small')).length, 1);
        assert.equal(await real.collection('orders').countDocuments(), 4991);
      });

      it('writes in bulk, ordered and not, and reports write errors as the server does', async () => {
        const bulk = db.collection<{ _id: number; n?: number }>('bulk');
        const result = await bulk.bulkWrite([
          { insertOne: { document: { _id: 1 } } },
          { updateOne: { filter: { _id: 1 }, update: { $set: { n: 1 } } } },
          { updateOne: { filter: { _id: 2 }, update: { $set: { n: 2 } }, upsert: true } },
          { deleteOne: { filter: { _id: 9 } } },
        ]);
        assert.deepEqual([result.insertedCount, result.modifiedCount, result.upsertedCount], [1, 1, 1]);
        const clash = bulk.insertMany([{ _id: 3 }, { _id: 1 }, { _id: 4 }], { ordered: false });
        await assert.rejects(clash, { code: 11000 });
        assert.deepEqual(
          (await bulk.find().sort({ _id: 1 }).toArray()).map((d) => d._id),
          [1, 2, 3, 4],
        );
        assert.equal(way.last('insert').reply.writeErrors, 1);
      });

      it('commits and aborts transactions', async () => {
        const session = client.startSession();
        const money = db.collection<{ _id: string; n: number }>('money');
        await money.insertOne({ _id: 'a', n: 0 });
        await session.withTransaction(async () => {
          await money.updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { session });
          await money.insertOne({ _id: 'b', n: 1 }, { session });
        });
        const [update, insert] = ['update', 'insert'].map((name) => way.last(name).command);
        assert.deepEqual([update?.inTransaction, update?.startsTransaction], [true, true]);
        assert.deepEqual([insert?.inTransaction, insert?.startsTransaction], [true, false]);
        const failing = session.withTransaction(async () => {
          await money.deleteMany({}, { session });
          throw new Error('no');
        });
        await assert.rejects(failing, /no/);
        await session.endSession();
        assert.equal(await real.collection('money').countDocuments(), 2);
      });

      it('follows change streams', async () => {
        const watched = db.collection('watched');
        await watched.insertOne({ before: true });
        const stream = watched.watch();
        const first = stream.next();
        const id = randomBytes(6).toString('hex');
        // The stream begins at its first reply, so write until it has been seen.
        const writing = setInterval(() => void watched.insertOne({ id }), 50);
        const event = (await first) as unknown as { ns: unknown; fullDocument: { id: string } };
        clearInterval(writing);
        assert.deepEqual(event.ns, { db: db.databaseName, coll: 'watched' });
        assert.equal(event.fullDocument.id, id);
        await stream.close();
      });

      it('stores and reads files', async () => {
        const bucket = new driver.GridFSBucket(db);
        const content = randomBytes(700_000);
        const upload = bucket.openUploadStream('a.bin');
        await new Promise<void>((resolve, reject) => {
          upload.once('error', reject).once('finish', () => resolve());
          upload.end(content);
        });
        const chunks: Buffer[] = [];
        for await (const chunk of bucket.openDownloadStream(upload.id)) chunks.push(chunk as Buffer);
        assert.ok(Buffer.concat(chunks).equals(content));
      });

      it('aggregates across databases and names what it touches', async () => {
        const other = client.db(`${db.databaseName}_b`);
        await db.collection('left').insertMany([{ k: 1 }, { k: 2 }]);
        await db.collection('right').insertOne({ k: 2, v: 'two' });
        const joined = { $lookup: { from: 'right', localField: 'k', foreignField: 'k', as: 'r' } };
        const rows = await db
          .collection('left')
          .aggregate([joined, { $match: { 'r.v': 'two' } }])
          .toArray();
        assert.deepEqual(
          rows.map((row) => row['k']),
          [2],
        );
        const target = { db: other.databaseName, coll: 'merged' };
        await db
          .collection('left')
          .aggregate([joined, { $merge: { into: target } }])
          .toArray();
        const { command } = way.last('aggregate');
        assert.equal(command.kind, 'write');
        const database = db.databaseName;
        assert.deepEqual(command.namespaces, [
          { database, target: database, collection: 'left', access: 'read' },
          { database, target: database, collection: 'right', access: 'read' },
          { database: target.db, target: target.db, collection: 'merged', access: 'write' },
        ]);
        await db
          .collection('left')
          .aggregate([{ $out: { db: target.db, coll: 'out' } }])
          .toArray();
        assert.equal(await other.collection('merged').countDocuments(), 2);
        assert.equal(await other.collection('out').countDocuments(), 2);
        await other.dropDatabase();
      });

      it('changes the catalogue', async () => {
        const collation = { locale: 'de', strength: 2 };
        await db.createCollection('words', { collation });
        const words = db.collection('words');
        await words.createIndex({ w: 1 }, { unique: true });
        await words.insertOne({ w: 'Ä' });
        await assert.rejects(words.insertOne({ w: 'ä' }), { code: 11000 });
        assert.equal(await words.countDocuments({ w: 'ä' }), 1);
        await words.rename('terms');
        const touched = way.last('renameCollection').command;
        assert.deepEqual(
          touched.namespaces.map((namespace) => namespace.collection),
          ['words', 'terms'],
        );
        assert.equal(touched.database, db.databaseName);
        await db.command({ collMod: 'terms', validator: { w: { $type: 'string' } } });
        assert.equal((await db.collection('terms').indexes()).length, 2);
        await db.collection('terms').dropIndex('w_1');
        const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map((c) => c.name);
        assert.ok(names.includes('terms') && !names.includes('words'));
        assert.ok(await db.dropCollection('terms'));
        assert.ok((await db.admin().listDatabases()).databases.some((d) => d.name === db.databaseName));
        assert.equal((await db.stats())['ok'], 1);
      });

      it('writes without waiting for an answer', async () => {
        const quick = db.collection('quick', { writeConcern: { w: 0 } });
        for (let i = 0; i < 20; i++) await quick.insertOne({ i });
        // A command with an answer on the same connection comes after them; others may overtake it.
        const deadline = Date.now() + 5000;
        while ((await real.collection('quick').countDocuments()) < 20 && Date.now() < deadline);
        assert.equal(await real.collection('quick').countDocuments(), 20);
      });
    });
  }

  it('serves Mongoose', async () => {
    const { name } = await server.database('goose');
    const connection = await mongoose.createConnection(way.door.uri, { dbName: name }).asPromise();
    const Cat = connection.model(
      'Cat',
      new mongoose.Schema({ name: String, lives: { type: Number, default: 9 } }),
    );
    await Cat.init();
    await Cat.insertMany([{ name: 'Tom' }, { name: 'Kit' }]);
    await connection.transaction(async (session) => {
      await Cat.updateOne({ name: 'Tom' }, { $inc: { lives: -1 } }, { session });
    });
    const lives = (await Cat.find().sort({ name: -1 }).lean()).map((cat) => cat.lives);
    assert.deepEqual(lives, [8, 9]);
    await connection.close();
  });

  it('lets a client ask for the replica set by name, and for compression', async () => {
    const hello = await (await server.client()).db('admin').command({ hello: 1 });
    const uri = way.door.uri.replace(
      'directConnection=true',
      `replicaSet=${hello['setName']}&compressors=zlib`,
    );
    const client = await new mongodb7.MongoClient(uri).connect();
    const seen = await client.db('admin').command({ hello: 1 });
    assert.deepEqual(seen['hosts'], [`127.0.0.1:${way.door.port}`]);
    assert.equal(seen['me'], `127.0.0.1:${way.door.port}`);
    assert.equal(seen['compression'], undefined);
    const { name } = await server.database('named');
    await client.db(name).collection('a').insertOne({ a: 1 });
    assert.equal(await client.db(name).collection('a').countDocuments(), 1);
    await client.close();
  });

  it('carries documents of 16 MB both ways', async () => {
    const { name } = await server.database('large');
    const client = await through(way.door);
    const large = client.db(name).collection('large');
    const payload = Buffer.alloc(16 * 1024 * 1024 - 100, 7);
    await large.insertOne({ payload });
    const found = await large.findOne({}, { promoteBuffers: true });
    assert.ok(payload.equals(found?.['payload'] as Buffer));
    assert.equal(way.last('find').reply.batch, 1);
  });

  it('counts batches of every size that streams through', async () => {
    const { name } = await server.database('count');
    const client = await through(way.door);
    const rows = client.db(name).collection('rows');
    await rows.insertMany(Array.from({ length: 12_345 }, (_, i) => ({ i, t: 'y'.repeat((i * 37) % 300) })));
    const from = way.replies.length;
    assert.equal((await rows.find().toArray()).length, 12_345);
    const batches = way.replies.slice(from).filter(({ command }) => /^(find|getMore)$/.test(command.name));
    const counted = batches.reduce((sum, { reply }) => sum + (reply.batch ?? Number.NaN), 0);
    assert.equal(counted, 12_345);
    assert.equal(batches.at(-1)?.reply.cursorId, '0');
  });

  it('shows the server a name of its own and keeps the token to itself', async () => {
    const own = await doorway(server.uri, { appName: 'migratory run 7' });
    const client = await through(own.door, { appName: `${own.door.token} worker` });
    const admin = client.db('admin');
    const operations = await admin
      .aggregate([{ $currentOp: { localOps: true, idleConnections: true } }])
      .toArray();
    const me = operations.find((operation) => operation['command']?.aggregate === 1);
    assert.equal(me?.['appName'], 'migratory run 7 worker');
    assert.ok(!JSON.stringify(operations).includes(own.door.token));
  });

  it('serves a standalone server', async () => {
    const alone = await standalone();
    const { name } = await alone.database('alone');
    const client = await through((await doorway(alone.uri)).door);
    await client
      .db(name)
      .collection('a')
      .insertMany([{ a: 1 }, { a: 2 }]);
    assert.equal(await client.db(name).collection('a').countDocuments(), 2);
  });
});

import assert from 'node:assert/strict';
import { MongoClient } from 'mongodb';
import { guardedServer, replicaSet, standalone, threeNodes, tlsServer } from '../../support/server';

describe('servers for tests', function () {
  this.timeout(120_000);

  it('give each test a database of its own on one memoized server', async () => {
    const server = await replicaSet();
    assert.equal(await replicaSet(), server);
    const [first, second] = [await server.database('a'), await server.database('a')];
    assert.notEqual(first.name, second.name);
    const client = await MongoClient.connect(first.uri);
    try {
      assert.equal(client.db().databaseName, first.name);
    } finally {
      await client.close();
    }
  });

  it('have transactions and change streams as a replica set', async () => {
    const server = await replicaSet();
    const { db } = await server.database();
    const client = await server.client();
    const items = client.db(db.databaseName).collection<{ _id: number }>('items');
    const session = client.startSession();
    await assert.rejects(
      session.withTransaction(async () => {
        await items.insertOne({ _id: 1 }, { session });
        throw new Error('not this one');
      }),
      /not this one/,
    );
    assert.equal(await items.countDocuments(), 0);
    await session.withTransaction(() => items.insertOne({ _id: 2 }, { session }));
    await session.endSession();
    assert.equal(await items.countDocuments(), 1);

    const { operationTime } = await db.command({ ping: 1 });
    await items.insertOne({ _id: 3 });
    const stream = items.watch([], { startAtOperationTime: operationTime });
    const change = await stream.next();
    assert.equal(change.operationType, 'insert');
    await stream.close();
  });

  it('have fail points', async () => {
    const server = await replicaSet();
    const { db } = await server.database();
    const client = await server.client({ appName: 'fails', retryWrites: false });
    await client.db('admin').command({
      configureFailPoint: 'failCommand',
      mode: { times: 1 },
      data: { failCommands: ['insert'], errorCode: 11602, appName: 'fails' },
    });
    const items = client.db(db.databaseName).collection('items');
    await assert.rejects(items.insertOne({}), { code: 11602 });
    await items.insertOne({});
  });

  it('have no transactions when they stand alone', async () => {
    const server = await standalone();
    const { db } = await server.database();
    const client = await server.client({ retryWrites: false });
    await assert.rejects(
      client.withSession((session) =>
        session.withTransaction(() =>
          client.db(db.databaseName).collection('items').insertOne({}, { session }),
        ),
      ),
      // The driver renames "Transaction numbers are only allowed on a replica set member or mongos".
      /Transaction numbers|does not support retryable writes/,
    );
  });

  it('elect another primary of three when one steps down or is killed', async () => {
    const server = await threeNodes();
    const { db } = await server.database();
    const client = await server.client();
    const primary = async (): Promise<string> =>
      String((await client.db('admin').command({ hello: 1 })).primary);
    const first = await primary();
    await client.db('admin').command({ replSetStepDown: 20, force: true });
    await db.collection('items').insertOne({ after: 'step-down' }, { writeConcern: { w: 'majority' } });
    const second = await primary();
    assert.notEqual(second, first);

    const index = server.servers.ports.findIndex((port) => second.endsWith(`:${port}`));
    await server.servers.kill(index);
    // A new client: the driver does not retry a write on a socket that it has not yet seen closing.
    const later = (await server.client()).db(db.databaseName).collection('items');
    await later.insertOne({ after: 'kill' }, { writeConcern: { w: 'majority' } });
    assert.notEqual(await primary(), second);
    await server.servers.restart(index);
    await later.insertOne({ after: 'restart' }, { writeConcern: { w: 3, wtimeout: 30_000 } });
    assert.equal(await later.countDocuments(), 3);
  });

  it('let nobody in without the password when they are guarded', async () => {
    const server = await guardedServer();
    const { db } = await server.database();
    await db.collection('items').insertOne({});
    const stranger = await MongoClient.connect(
      `mongodb://127.0.0.1:${server.servers.ports[0]}/?directConnection=true`,
    );
    try {
      await assert.rejects(stranger.db(db.databaseName).collection('items').findOne(), { code: 13 });
    } finally {
      await stranger.close();
    }
  });

  it('speak TLS alone when they are asked to', async () => {
    const server = await tlsServer();
    const { db } = await server.database();
    await db.collection('items').insertOne({});
    const plain = new MongoClient(`mongodb://127.0.0.1:${server.servers.ports[0]}/?directConnection=true`, {
      serverSelectionTimeoutMS: 500,
    });
    await assert.rejects(plain.connect());
    await plain.close();
  });
});

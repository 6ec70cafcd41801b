// Servers with access control, with TLS, and of several members: what the proxy passes on, ends and follows.
import assert from 'node:assert/strict';
import { MongoClient } from 'mongodb';
import { MongoClient as MongoClient4 } from 'mongodb4';
import { guardedServer, threeNodes, tlsServer } from '../../support/server';
import { closeDoorways, doorway, primaryOf, through } from './doorway';

describe('the door in front of guarded servers', function () {
  this.timeout(120_000);
  afterEach(closeDoorways);

  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-1']) {
    it(`passes ${mechanism} on, and gives nobody more than their password does`, async () => {
      const server = await guardedServer();
      const root = await server.client();
      const name = `door${mechanism.at(-1)}`;
      const roles = [{ role: 'readWrite', db: name }];
      const password = 'p@ss/w:rd %';
      await root.db('users').command({ createUser: name, pwd: password, roles, mechanisms: [mechanism] });
      const uri = new URL(server.uri.replace(/^mongodb/, 'http'));
      const mine = `mongodb://${name}:${encodeURIComponent(password)}@${uri.host}/${name}?authSource=users`;
      const known = await primaryOf(server.uri);
      const way = await doorway(mine, { primary: async () => known });
      const client = await through(way.door);
      await client.db().collection('a').insertOne({ a: 1 });
      assert.equal(await client.db(name).collection('a').countDocuments(), 1);
      await assert.rejects(client.db('elsewhere').collection('a').insertOne({ a: 1 }), { code: 13 });
      const old = await new MongoClient4(way.door.uri).connect();
      assert.equal(await old.db(name).collection('a').countDocuments(), 1);
      await old.close();
      const wrong = way.door.uri.replace(encodeURIComponent(password), 'guess');
      await assert.rejects(new MongoClient(wrong).connect(), { code: 18 });
      const nobody = new MongoClient(way.door.uri.replace(/\/\/[^@]+@/, '//'));
      await assert.rejects(nobody.db(name).collection('a').insertOne({}), { code: 13 });
      await nobody.close();
    });
  }

  it('authenticates in a dry run against the real user', async () => {
    const server = await guardedServer();
    const known = await primaryOf(server.uri);
    const way = await doorway(server.uri, {
      primary: async () => known,
      redirect: (database) => `${database}_dry`,
    });
    const client = await through(way.door);
    await client.db('a').collection('b').insertOne({ a: 1 });
    const root = await server.client();
    assert.equal(await root.db('a_dry').collection('b').countDocuments(), 1);
    assert.equal(await root.db('a').collection('b').countDocuments(), 0);
  });

  it('speaks TLS with the server and plainly with the script', async () => {
    const server = await tlsServer();
    const known = await primaryOf(server.uri);
    const way = await doorway(server.uri, { primary: async () => known });
    assert.ok(!/tls/i.test(way.door.uri));
    const client = await through(way.door);
    const rows = Array.from({ length: 4000 }, (_, i) => ({ i, t: 'z'.repeat(500) }));
    await client.db('secure').collection('rows').insertMany(rows);
    assert.equal((await client.db('secure').collection('rows').find().toArray()).length, 4000);
  });

  it('does not speak with a server whose certificate nobody signed', async () => {
    const server = await tlsServer();
    const known = await primaryOf(server.uri);
    const uri = `mongodb://${known.host}:${known.port}/?tls=true&serverSelectionTimeoutMS=800`;
    const way = await doorway(uri, { primary: async () => known });
    await assert.rejects(through(way.door));
    const careless = await doorway(`${uri}&tlsAllowInvalidCertificates=true`, { primary: async () => known });
    // This server asks for no client certificate, so only the check of its own stood in the way.
    const client = await through(careless.door);
    assert.equal((await client.db('admin').command({ ping: 1 }))['ok'], 1);
  });

  it('follows the primary through a step-down, and the script goes on', async () => {
    const server = await threeNodes();
    const root = await server.client();
    const way = await doorway(server.uri, { primary: () => primaryOf(server.uri) });
    const client = await through(way.door);
    const rows = client.db('steps').collection<{ _id: number }>('rows');
    const first = await primaryOf(server.uri);
    await rows.insertOne({ _id: -1 });
    let stepped = false;
    for (let i = 0; i < 400; i++) {
      if (i === 100) {
        await root.db('admin').command({ replSetStepDown: 30, secondaryCatchUpPeriodSecs: 10 });
        stepped = true;
      }
      await rows.insertOne({ _id: i });
    }
    assert.ok(stepped);
    const now = await primaryOf(server.uri);
    assert.notDeepEqual(now, first);
    assert.equal(await root.db('steps').collection('rows').countDocuments(), 401);
  });
});

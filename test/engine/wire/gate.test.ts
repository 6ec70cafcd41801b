// Who and what passes the door: strangers, unknown commands, the fence, hooks that answer or refuse, commands of
// the hooks' own, order, lost connections.
import assert from 'node:assert/strict';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { once } from 'node:events';
import { BSON, MongoClient, type Db } from 'mongodb';
import { allowedCommands } from '../../../src/wire/commands';
import { DoorRefusal } from '../../../src/wire/door';
import { MessageFlag, buildQuery, parseMessage, replyDocument } from '../../../src/wire/message';
import { type TestServer, replicaSet } from '../../support/server';
import { type Doorway, closeDoorways, doorway, through } from './doorway';
import { RawClient, clientOf } from './rawClient';

describe('what passes the door', function () {
  this.timeout(60_000);
  let server: TestServer;
  let way: Doorway;
  let client: MongoClient;
  let db: Db;
  let real: Db;
  before(async () => {
    server = await replicaSet();
    const made = await server.database('gate');
    real = made.db;
    way = await doorway(server.uri);
    client = await through(way.door);
    db = client.db(made.name);
  });
  afterEach(() => (way.on = {}));
  after(closeDoorways);

  describe('strangers', () => {
    it('are shown out without the token, whatever they say first', async () => {
      for (const name of [
        '',
        'x'.repeat(43),
        way.door.token.slice(0, 42),
        `${way.door.token.slice(0, 42)}_`,
      ]) {
        const stranger = await RawClient.connect(way.door.port);
        const reply = await stranger.command({ hello: 1, client: clientOf(name), $db: 'admin' });
        assert.equal(reply?.['ok'], 0);
        assert.match(reply?.['errmsg'] as string, /belongs to a running migration/);
        assert.equal(await stranger.next(), undefined);
      }
      const bare = await RawClient.connect(way.door.port);
      assert.equal((await bare.command({ hello: 1, $db: 'admin' }))?.['ok'], 0);
      const blunt = await RawClient.connect(way.door.port);
      assert.equal((await blunt.command({ drop: 'gate', $db: db.databaseName }))?.['ok'], 0);
      assert.equal(await blunt.next(), undefined);
      assert.ok(way.refusals.length >= 6);
      assert.equal(way.commands.length, 0);
    });

    it('are shown out in the legacy form too', async () => {
      const stranger = await RawClient.connect(way.door.port);
      const query = Buffer.from(BSON.serialize({ isMaster: 1, client: clientOf('me') }));
      const before = Buffer.concat([
        Buffer.alloc(4),
        Buffer.from('admin.$cmd\0'),
        Buffer.alloc(4),
        Buffer.from([255, 255, 255, 255]),
      ]);
      for (const piece of buildQuery({ requestId: 7, responseTo: 0 }, before, query))
        stranger.socket.write(piece);
      const frame = await stranger.next();
      assert.ok(frame);
      assert.equal(frame.responseTo, 7);
      assert.equal(BSON.deserialize(replyDocument(frame.bytes))['ok'], 0);
      assert.equal(await stranger.next(), undefined);
    });

    it('cannot use a driver', async () => {
      const uri = way.door.uri.replace(way.door.token, 'a'.repeat(43));
      const stranger = new MongoClient(uri, { serverSelectionTimeoutMS: 600 });
      await assert.rejects(stranger.connect());
      await stranger.close();
    });

    it('cannot fill memory with a message that never ends, or send garbage', async () => {
      for (const start of [
        [0xff, 0xff, 0xff, 0x02],
        [1, 0, 0, 0],
        [0xff, 0xff, 0xff, 0xff],
      ]) {
        const socket = connect(way.door.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write(Buffer.from([...start, ...Array<number>(100).fill(7)]));
        await once(socket, 'close');
      }
    });
  });

  describe('commands', () => {
    it('that nobody knows are refused with a sentence', async () => {
      const asked = db.command({ dropEverything: 1 });
      await assert.rejects(asked, {
        code: 59,
        codeName: 'CommandNotFound',
        message: /Migratory does not know "?the command/,
      });
      assert.equal(way.refusals.at(-1)?.name, 'dropEverything');
    });

    it('that a migration has no business with are refused with the reason', async () => {
      const admin = client.db('admin');
      const refused: [object, RegExp][] = [
        [{ createUser: 'eve', pwd: 'x', roles: [] }, /who may do what/],
        [{ shutdown: 1 }, /changes the server for everybody/],
        [{ setParameter: 1, logLevel: 1 }, /changes the server for everybody/],
        [{ replSetStepDown: 1 }, /replica set itself/],
        [{ applyOps: [] }, /replica set itself/],
        [{ explain: { createUser: 'eve' } }, /is to be explained/],
      ];
      for (const [command, reason] of refused) {
        await assert.rejects(admin.command(command), { code: 59, message: reason });
      }
    });

    it('of the table are known to the server, or retired by it', async () => {
      const listed = (await real.command({ listCommands: 1 }))['commands'] as Record<string, unknown>;
      const unknown = allowedCommands().filter(([name]) => !(name in listed));
      const known = allowedCommands().length - unknown.length;
      assert.ok(known > 60, `${known} known; unknown: ${unknown.map(([name]) => name).join(', ')}`);
    });

    it('can be explained, listed, validated and asked about the server', async () => {
      await db.collection('a').insertOne({ a: 1 });
      assert.ok(await db.collection('a').find({ a: 1 }).explain());
      assert.equal(way.last('explain').command.namespaces[0]?.collection, 'a');
      for (const command of [
        { validate: 'a' },
        { collStats: 'a' },
        { dbStats: 1 },
        { dbHash: 1 },
        { listIndexes: 'a' },
        { ping: 1 },
        { buildInfo: 1 },
        { connectionStatus: 1 },
        { count: 'a' },
        { dataSize: `${db.databaseName}.a` },
      ]) {
        assert.equal((await db.command(command))['ok'], 1, Object.keys(command)[0]);
      }
      for (const command of [
        { serverStatus: 1 },
        { hostInfo: 1 },
        { currentOp: 1 },
        { getParameter: '*' },
        { replSetGetStatus: 1 },
      ]) {
        assert.equal((await client.db('admin').command(command))['ok'], 1, Object.keys(command)[0]);
      }
    });
  });

  describe('hooks', () => {
    it('hold a command back until the fence opens, without holding other sockets', async () => {
      let open: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (open = resolve));
      let first = true;
      way.on.fence = async () => {
        if (!first) return;
        first = false;
        await gate;
      };
      let held = true;
      const waiting = db
        .collection('held')
        .insertOne({ a: 1 })
        .then(() => (held = false));
      await db.collection('held').insertOne({ a: 2 });
      assert.equal(await real.collection('held').countDocuments({ a: 2 }), 1);
      assert.ok(held);
      assert.equal(await real.collection('held').countDocuments({ a: 1 }), 0);
      open();
      await waiting;
      assert.equal(await real.collection('held').countDocuments(), 2);
    });

    it('refuse with an ordinary error of the server, and nothing is written', async () => {
      way.on.fence = () => {
        throw new Error('The lease is lost: another run goes on.');
      };
      const insert = db.collection('fenced').insertOne({ a: 1 });
      await assert.rejects(insert, { name: 'MongoServerError', code: 11601, message: /lease is lost/ });
      assert.equal(await real.collection('fenced').countDocuments(), 0);
      way.on.fence = () => {
        throw new DoorRefusal('Not now.', { code: 72, codeName: 'InvalidOptions' });
      };
      await assert.rejects(db.collection('fenced').insertOne({}), { code: 72, codeName: 'InvalidOptions' });
    });

    it('end the connection on cancel', async () => {
      const own = await RawClient.admitted(way.door);
      way.on.fence = () => {
        throw new DoorRefusal('cancelled', { close: true });
      };
      assert.equal(await own.command({ insert: 'c', documents: [{}], $db: db.databaseName }), undefined);
      assert.equal(await real.collection('c').countDocuments(), 0);
    });

    it('do not fence what only lets go', async () => {
      const session = client.startSession();
      session.startTransaction();
      await db.collection('aborted').insertOne({ a: 1 }, { session });
      way.on.fence = () => {
        throw new Error('lost');
      };
      await assert.rejects(session.commitTransaction(), /lost/);
      const own = await RawClient.admitted(way.door);
      const reply = await own.command({ endSessions: [], $db: 'admin' });
      assert.equal(reply?.['ok'], 1);
      way.on = {};
      await session.abortTransaction().catch(() => undefined);
      await session.endSession();
    });

    it('answer in the place of the server', async () => {
      way.on.before = async (command) =>
        command.name === 'update' ? { reply: { ok: 1, n: 3, nModified: 2 } } : undefined;
      const result = await db.collection('a').updateMany({}, { $set: { b: 1 } });
      assert.deepEqual([result.matchedCount, result.modifiedCount], [3, 2]);
      assert.equal(await real.collection('a').countDocuments({ b: 1 }), 0);
      assert.equal(way.last('update').reply.n, 3);
    });

    it('see the whole command with its types, sections included', async () => {
      let body: Record<string, unknown> = {};
      let raw = 0;
      way.on.before = async (command) => {
        if (command.name !== 'insert') return;
        body = command.body;
        raw = command.raw.sequences[0]?.documents.length ?? 0;
      };
      await db.collection('typed').insertMany([{ n: new BSON.Double(1) }, { n: BSON.Long.fromNumber(5) }]);
      const documents = body['documents'] as { n: { _bsontype: string } }[];
      assert.deepEqual(
        documents.map((document) => document.n._bsontype),
        ['Double', 'Long'],
      );
      assert.equal(raw, 2);
      assert.equal((body['lsid'] as { id: unknown } | undefined)?.id instanceof BSON.Binary, true);
    });

    it("send own commands on the same connection, back to back, in the script's transaction", async () => {
      await db.createCollection('ledger');
      await db.collection<{ _id: number }>('accounts').insertOne({ _id: 1 });
      way.on.before = async (command) => {
        if (command.name !== 'update' || !command.inTransaction) return undefined;
        const { lsid, txnNumber } = command;
        const { startTransaction, readConcern, ...rest } = command.body;
        const inside = { lsid, txnNumber, autocommit: false, $db: command.target };
        const [found, noted] = await Promise.all([
          command.upstream.send({
            find: 'accounts',
            filter: { _id: 1 },
            ...inside,
            startTransaction,
            readConcern,
          }),
          command.upstream.send({ insert: 'ledger', ...inside }, [
            { identifier: 'documents', documents: [BSON.serialize({ note: 1 })] },
          ]),
        ]);
        assert.equal(found['cursor'].firstBatch.length, 1);
        assert.equal(noted['n'], 1);
        return { reply: await command.upstream.sendRaw(BSON.serialize(rest)) };
      };
      const session = client.startSession();
      for (const commit of [false, true]) {
        session.startTransaction();
        const accounts = db.collection<{ _id: number }>('accounts');
        const updated = await accounts.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session });
        assert.equal(updated.modifiedCount, 1);
        await (commit ? session.commitTransaction() : session.abortTransaction());
        assert.equal(await real.collection('ledger').countDocuments(), commit ? 1 : 0);
        assert.equal(await real.collection('accounts').countDocuments({ n: 1 }), commit ? 1 : 0);
      }
      await session.endSession();
    });
  });

  describe('order and the end of connections', () => {
    it('answers pipelined requests in their order, hooks one after the other', async () => {
      const own = await RawClient.admitted(way.door);
      const order: string[] = [];
      let running = 0;
      way.on.before = async (command) => {
        running += 1;
        assert.equal(running, 1);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
        order.push(String(command.body['tag']?.value ?? command.body['comment']));
        running -= 1;
      };
      const ids = [0, 1, 2, 3, 4, 5].map((i) =>
        own.send({ insert: 'piped', documents: [{ i }], comment: `c${i}`, $db: db.databaseName }),
      );
      for (const id of ids) {
        const frame = await own.next();
        assert.equal(frame?.responseTo, id);
      }
      assert.deepEqual(order, ['c0', 'c1', 'c2', 'c3', 'c4', 'c5']);
    });

    it('forwards what needs no answer even when the script leaves at once', async () => {
      const own = await RawClient.admitted(way.door);
      way.on.before = async (command) => {
        assert.equal(command.unacknowledged, true);
        await new Promise((resolve) => setTimeout(resolve, 5));
      };
      for (let i = 0; i < 10; i++) {
        own.send(
          { insert: 'left', documents: [{ i }], writeConcern: { w: 0 }, $db: db.databaseName },
          { flags: MessageFlag.moreToCome },
        );
      }
      own.socket.end();
      const deadline = Date.now() + 5000;
      while ((await real.collection('left').countDocuments()) < 10 && Date.now() < deadline);
      assert.equal(await real.collection('left').countDocuments(), 10);
    });

    it('does not do what a script no longer waits for', async () => {
      const own = await RawClient.admitted(way.door);
      let open: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (open = resolve));
      const asked = new Promise<void>((resolve) => {
        way.on.fence = async () => {
          resolve();
          await gate;
        };
      });
      own.send({ insert: 'dead', documents: [{}], $db: db.databaseName });
      await asked;
      own.socket.destroy();
      await once(own.socket, 'close');
      await new Promise((resolve) => setImmediate(resolve));
      // The door has heard of the end once it serves somebody else.
      const other = await RawClient.connect(way.door.port);
      await other.command({ hello: 1, $db: 'admin' });
      open();
      await db.command({ ping: 1 });
      assert.equal(await real.collection('dead').countDocuments(), 0);
    });

    it("closes the script's socket when the server closes its own", async () => {
      const own = await RawClient.admitted(way.door);
      await server.client().then((root) =>
        root.db('admin').command({
          configureFailPoint: 'failCommand',
          mode: { times: 1 },
          data: { failCommands: ['insert'], closeConnection: true, namespace: `${db.databaseName}.broken` },
        }),
      );
      assert.equal(await own.command({ insert: 'broken', documents: [{}], $db: db.databaseName }), undefined);
      assert.equal(way.last('insert').reply.lost, true);
      await server
        .client()
        .then((root) => root.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' }));
    });

    it('lets drivers retry after a lost connection and after a step-down, on a fresh one', async () => {
      const root = (await server.client()).db('admin');
      for (const fault of [
        { closeConnection: true },
        { errorCode: 10107, errorLabels: ['RetryableWriteError'] },
      ]) {
        const collection = `retried${Object.keys(fault)[0]}`;
        await root.command({
          configureFailPoint: 'failCommand',
          mode: { times: 1 },
          data: { failCommands: ['insert'], namespace: `${db.databaseName}.${collection}`, ...fault },
        });
        await db.collection(collection).insertOne({ a: 1 });
        assert.equal(await real.collection(collection).countDocuments(), 1);
      }
      await root.command({ configureFailPoint: 'failCommand', mode: 'off' });
    });

    it('holds the server back while the script does not read, so that memory stays flat', async () => {
      const rows = Array.from({ length: 150 }, (_, i) => ({ i, payload: Buffer.alloc(100_000, i) }));
      await real.collection('wide').insertMany(rows);
      const own = await RawClient.admitted(way.door);
      own.socket.pause();
      const before = process.memoryUsage().arrayBuffers;
      const id = own.send({ find: 'wide', batchSize: 1000, $db: db.databaseName });
      await new Promise((resolve) => setTimeout(resolve, 400));
      const grown = process.memoryUsage().arrayBuffers - before;
      assert.ok(grown < 5_000_000, `${grown} bytes were buffered of a reply of 15 MB`);
      own.socket.resume();
      const frame = await own.next();
      assert.ok(frame);
      assert.equal(frame.responseTo, id);
      const reply = BSON.deserialize(parseMessage(frame.bytes).body);
      assert.equal(reply['cursor'].firstBatch.length, 150);
      assert.equal(way.last('find').reply.batch, 150);
    });

    it('follows the awaitable hello, whose replies chain', async () => {
      const own = await RawClient.connect(way.door.port);
      const first = await own.command({ hello: 1, client: clientOf(way.door.token), $db: 'admin' });
      own.send(
        { hello: 1, maxAwaitTimeMS: 50, topologyVersion: version(first), $db: 'admin' },
        { flags: MessageFlag.exhaustAllowed },
      );
      let previous: number | undefined;
      for (let i = 0; i < 3; i++) {
        const frame = await own.next();
        assert.ok(frame);
        const parts = parseMessage(frame.bytes);
        assert.equal(parts.flags & MessageFlag.moreToCome, MessageFlag.moreToCome);
        assert.deepEqual(BSON.deserialize(parts.body)['hosts'], [`127.0.0.1:${way.door.port}`]);
        if (previous !== undefined) assert.equal(frame.responseTo, previous);
        previous = frame.requestId;
      }
      own.socket.destroy();
    });

    it('leaves no connection behind when it is closed while one is made', async () => {
      const listener = createServer();
      listener.listen(0, '127.0.0.1');
      await once(listener, 'listening');
      const { port } = listener.address() as AddressInfo;
      let known: () => void = () => undefined;
      let asked: () => void = () => undefined;
      const asking = new Promise<void>((resolve) => (asked = resolve));
      const primary = new Promise<void>((resolve) => (known = resolve)).then(() => ({
        host: '127.0.0.1',
        port,
      }));
      const own = await doorway(server.uri, {
        primary: () => {
          asked();
          return primary;
        },
      });
      const raw = await RawClient.connect(own.door.port);
      raw.send({ hello: 1, client: clientOf(own.door.token), $db: 'admin' });
      await asking;
      await own.door.close();
      known();
      const [connection] = (await once(listener, 'connection')) as [Socket];
      connection.resume();
      await once(connection, 'close');
      listener.close();
    });

    it('closes everything at once', async () => {
      const own = await doorway(server.uri);
      const raw = await RawClient.admitted(own.door);
      own.on.fence = () => new Promise(() => undefined);
      raw.send({ ping: 1, $db: 'admin' });
      await own.door.close();
      assert.equal(await raw.next(), undefined);
      await assert.rejects(RawClient.connect(own.door.port), { code: 'ECONNREFUSED' });
    });
  });
});

/** As the server wants it back: with a long counter. */
function version(hello: BSON.Document | undefined): BSON.Document {
  assert.ok(hello);
  const { processId, counter } = hello['topologyVersion'] as { processId: unknown; counter: number };
  return { processId, counter: BSON.Long.fromNumber(counter) };
}

// The reader at the end of the oplog: there while a script makes small writes, and only then.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { MongoClient, type Db, type MongoClientOptions } from 'mongodb';
import { OplogReader } from '../../../src/engine/scriptJournal/oplogReader';
import { guardedServer, replicaSet, threeNodes, type TestServer } from '../../support/server';
import { Bench } from './support';

/** Streams that are open on the database for nobody's sake, at work or idle. */
async function readers(client: MongoClient, database: string): Promise<number> {
  const found = await client
    .db('admin')
    .aggregate([
      { $currentOp: { idleCursors: true } },
      { $match: { ns: `${database}._migratory_nothing`, 'cursor.cursorId': { $exists: true } } },
      { $group: { _id: '$cursor.cursorId' } },
    ])
    .toArray();
  return found.length;
}

async function until(what: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + 20_000;
  while (performance.now() < end) {
    if (await what()) return true;
    await setTimeout(20);
  }
  return false;
}

describe('the reader at the end of the oplog', function () {
  this.timeout(120_000);

  /** A script of single updates for as long as there is no reader, at most a while; then one that waits. */
  async function watched(server: TestServer, most: number): Promise<{ came: boolean; went: boolean }> {
    const bench = await Bench.open(server);
    const name = bench.db.databaseName;
    const seen = { came: false, went: false };
    try {
      await bench.db.collection('rows').insertOne({ _id: 1 as never, n: 0 });
      const { exitCode, run } = await bench.up(async (db) => {
        const rows = db.collection('rows');
        for (let i = 0; i < most && !seen.came; i++) {
          await rows.updateOne({ _id: 1 as never }, { $inc: { n: 1 } });
          if (i % 200 === 199) seen.came = (await readers(bench.client, name)) === 1;
        }
        seen.went = await until(async () => (await readers(bench.client, name)) === 0);
      });
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      return seen;
    } finally {
      await bench.close();
    }
  }

  it('reads while a script makes one small write after the other, and no longer', async () => {
    assert.deepEqual(await watched(await replicaSet(), 20_000), { came: true, went: true });
  });

  it('is not there where secondaries read the oplog', async () => {
    assert.deepEqual(await watched(await threeNodes(), 1000), { came: false, went: true });
  });

  it('is gone when the script ends in the middle of its writes', async () => {
    const bench = await Bench.open(await replicaSet());
    try {
      await bench.db.collection('rows').insertOne({ _id: 1 as never, n: 0 });
      const { exitCode } = await bench.up(async (db) => {
        for (let i = 0; i < 500; i++)
          await db.collection('rows').updateOne({ _id: 1 as never }, { $inc: { n: 1 } });
      });
      assert.equal(exitCode, 0);
      assert.equal(await readers(bench.client, bench.db.databaseName), 0);
    } finally {
      await bench.close();
    }
  });

  /** As a script would that makes small writes for some time. */
  async function busy(db: Db): Promise<OplogReader> {
    const reader = new OplogReader(db);
    const end = performance.now() + 500;
    while (performance.now() < end) {
      for (let i = 0; i < 20; i++) reader.command();
      await setTimeout(10);
    }
    return reader;
  }

  async function reading(uri: string, options: MongoClientOptions = {}): Promise<boolean> {
    const client = await MongoClient.connect(uri, options);
    try {
      const reader = await busy(client.db());
      const { reading } = reader;
      await reader.close();
      assert.equal(reader.reading, false);
      return reading;
    } finally {
      await client.close();
    }
  }

  it('leaves a small pool of connections to those who need one', async () => {
    const { uri } = await (await replicaSet()).database('pool');
    assert.equal(await reading(uri), true);
    assert.equal(await reading(uri, { maxPoolSize: 2 }), false);
  });

  it('gives up in silence without the right to read changes', async () => {
    const server = await guardedServer();
    const { db, name } = await server.database('unread');
    await db.command({ createUser: 'unread', pwd: 'p', roles: [] });
    const uri = `mongodb://unread:p@127.0.0.1:${server.servers.ports[0]}/${name}?authSource=${name}`;
    assert.equal(await reading(uri), false);
  });
});

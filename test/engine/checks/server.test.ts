// Faults of the server itself; each on a server of its own, since they would hurt other tests.
import assert from 'node:assert/strict';
import { MongoClient } from 'mongodb';
import {
  clockCheck,
  judgeLoad,
  loadCheck,
  readOnlyCheck,
  serverCheck,
} from '../../../src/engine/checks/serverChecks';
import { judgeDisk } from '../../../src/engine/checks/diskCheck';
import { runChecks } from '../../../src/engine/checks/runChecks';
import type { Migration } from '../../../src/migration/kinds';
import { startReplicaSet, startStandalone } from '../../../tools/servers/mongod';
import { guardedServer, replicaSet, standalone } from '../../support/server';
import { withSmallDisk } from '../../support/smallDisk';
import { assertFailed, assertPassed, check, contextOf, only, open, place, until } from './support';

const noop: Migration = { source: 'a', transform: () => null };

describe('server checks', () => {
  it('say who answers, and what a standalone lacks', async () => {
    const { connection } = await place();
    assertPassed(
      only(await check(connection, noop), 'server'),
      /^MongoDB \d+\.\d+\.\d+, replica set rs0; it answers in/,
    );
    const alone = await place(await standalone());
    assertPassed(
      only(await check(alone.connection, noop), 'server'),
      /standalone, without transactions and change streams/,
    );
  });

  it('tell that the server does not answer any more', async () => {
    const servers = await startReplicaSet();
    const connection = await open(`${servers.uri}&serverSelectionTimeoutMS=500`, 'gone');
    const asked = contextOf(connection, noop);
    assertPassed(only(await runChecks(asked, undefined, [serverCheck]), 'server'));
    await servers.stop();
    assertFailed(only(await runChecks(asked, undefined, [serverCheck]), 'server'), 'warning', /ECONNREFUSED/);
  }).timeout(30_000);

  it('refuse a script in a transaction where there are none', async () => {
    const script: Migration = { up: () => undefined, transaction: true };
    const alone = await place(await standalone());
    assertFailed(only(await check(alone.connection, script), 'transactions'), 'error', /has none/);
    const { connection } = await place();
    assertPassed(only(await check(connection, script), 'transactions'));
  });

  it('refuse a connection that is marked as read-only', async () => {
    const { db, uri } = await place();
    const connection = await open(uri, db.databaseName, true);
    const results = await runChecks(contextOf(connection, noop), undefined, [readOnlyCheck]);
    assertFailed(only(results, 'read-only'), 'error', /marked as read-only/);
    const writable = await open(uri, db.databaseName);
    assertPassed(only(await check(writable, noop), 'read-only'));
  });

  it('see that required migrations are missing', async () => {
    const { connection } = await place();
    const needy = { ...noop, requires: ['a', 'b'] };
    const missing = await check(connection, needy, { applied: new Set(['a']) });
    assertFailed(only(missing, 'requires'), 'error', /Not applied yet: b\./);
    assert.deepEqual(only(missing, 'requires').names, ['b']);
    assertPassed(only(await check(connection, needy, { applied: new Set(['a', 'b']) }), 'requires'));
  });

  it('want all of what a migration stands for, or nothing of it', async () => {
    const { connection } = await place();
    const squashed = { ...noop, replaces: ['a', 'b'] };
    const some = await check(connection, squashed, { applied: new Set(['a']) });
    assertFailed(only(some, 'replaces'), 'error', /\bb\b/);
    assertPassed(only(await check(connection, squashed, { applied: new Set() }), 'replaces'));
  });

  it('tell when clocks differ', async () => {
    const { connection } = await place();
    const ahead = clockCheck(() => Date.now() + 300_000);
    const results = await runChecks(contextOf(connection, noop), undefined, [ahead]);
    assertFailed(only(results, 'clock'), 'warning', /300 s ahead of the server/);
    assertPassed(only(await check(connection, noop), 'clock'));
  });

  it('judge the load', async () => {
    assert.equal(judgeLoad(25, 0).outcome, 'failed');
    assert.equal(judgeLoad(5, 80).outcome, 'failed');
    assert.equal(judgeLoad(5, 0).outcome, 'passed');
    const { connection } = await place();
    assertPassed(only(await check(connection, noop), 'server-load'), /of the cache/);
  });

  it('see writes that queue for a lock', async () => {
    const servers = await startStandalone();
    const client = new MongoClient(servers.uri);
    try {
      const connection = await open(servers.uri, 'busy');
      const admin = client.db('admin');
      await admin.command({ fsync: 1, lock: true });
      const writes = Array.from({ length: 60 }, () => client.db('busy').collection('a').insertOne({}));
      const found = await until(async () => {
        const [result] = await runChecks(contextOf(connection, noop), undefined, [loadCheck]);
        return result?.outcome === 'failed' ? result : null;
      });
      assertFailed(found, 'warning', /The server is busy: .* (5[1-9]|60) operations wait for a lock/);
      await admin.command({ fsyncUnlock: 1 });
      await Promise.all(writes);
      await connection.close();
    } finally {
      await client.close();
      await servers.stop();
    }
  }).timeout(30_000);
});

describe('privilege checks', () => {
  it('find a user who may only read, and nobody logged in', async () => {
    const server = await guardedServer();
    const { db, connection } = await place(server);
    await db.collection('a').insertOne({ n: 1 });
    assertPassed(only(await check(connection, noop), 'privileges'));
    const name = `reader_${db.databaseName}`.slice(0, 60);
    await db.command({ createUser: name, pwd: 'p', roles: [{ role: 'read', db: db.databaseName }] });
    const port = server.servers.ports[0];
    const reading = await open(
      `mongodb://${name}:p@127.0.0.1:${port}/${db.databaseName}?authSource=${db.databaseName}`,
      db.databaseName,
    );
    const results = await check(reading, noop);
    assertFailed(only(results, 'privileges'), 'error', /lacks: .*insert.* on _migrations/);
    assertFailed(only(results, 'write-block'), 'error', /may not write/);
    const anonymous = await open(`mongodb://127.0.0.1:${port}/${db.databaseName}`, db.databaseName);
    assertFailed(only(await check(anonymous, noop), 'privileges'), 'error', /lacks/);
  });

  it('know that a script may need more', async () => {
    const server = await guardedServer();
    const { db } = await place(server);
    const state = [
      '_migrations',
      '_migratory_lease',
      '_migratory_runs',
      '_migratory_checkpoints',
      '_migratory_journal_run',
    ];
    await db.command({
      createRole: 'narrow',
      roles: [{ role: 'read', db: db.databaseName }],
      privileges: state.map((collection) => ({
        resource: { db: db.databaseName, collection },
        actions: ['find', 'insert', 'update', 'remove', 'createIndex', 'dropCollection'],
      })),
    });
    await db.command({ createUser: 'narrow', pwd: 'p', roles: ['narrow'] });
    const uri = `mongodb://narrow:p@127.0.0.1:${server.servers.ports[0]}/${db.databaseName}?authSource=${db.databaseName}`;
    const connection = await open(uri, db.databaseName);
    const results = await check(connection, { up: () => undefined });
    assertFailed(only(results, 'privileges'), 'warning', /may not insert/);
  });
});

describe('write block', () => {
  it('is found, and lifted it is not', async () => {
    const servers = await startReplicaSet();
    const client = new MongoClient(servers.uri);
    try {
      const connection = await open(servers.uri, 'blocked');
      assertPassed(only(await check(connection, noop), 'write-block'), /not kept/);
      assert.deepEqual(await connection.db.listCollections().toArray(), []);
      await client.db('admin').command({ setUserWriteBlockMode: 1, global: true });
      assertFailed(only(await check(connection, noop), 'write-block'), 'error', /Writes are blocked/);
      await client.db('admin').command({ setUserWriteBlockMode: 1, global: false });
      await connection.close();
    } finally {
      await client.close();
      await servers.stop();
    }
  }).timeout(60_000);
});

describe('disk check', () => {
  it('sees a disk that is too small', async function () {
    this.timeout(60_000);
    await withSmallDisk(this, 700, startStandalone, async ({ servers }) => {
      const connection = await open(servers.uri, 'small');
      const blob = Buffer.alloc(1_000_000, 'x');
      for (let round = 0; round < 40; round++) {
        await connection.db.collection('a').insertMany(Array.from({ length: 10 }, () => ({ blob })));
      }
      const results = await check(connection, noop);
      assertFailed(only(results, 'disk-space'), 'error', /MB are free, the migration needs about 8\d\d MB/);
      const script = only(await check(connection, { up: () => undefined }), 'disk-space');
      assertFailed(script, 'warning', /a script that changes all of it could fill the disk/);
      const few = { ...noop, filter: { _id: { $exists: false } } };
      assertPassed(only(await check(connection, few), 'disk-space'));
      await connection.close();
    });
  });

  it('passes with room, warns of little and refuses none', async () => {
    const { db, connection } = await place();
    await db.collection('a').insertOne({ n: 1 });
    const result = only(await check(connection, noop), 'disk-space');
    assertPassed(result, /are free, the migration needs about/);
    assert.equal(result.check, 'Sufficient disk space');
    assert.equal(judgeDisk({ total: 100e9, used: 50e9 }, 47e9).severity, 'warning');
    assert.equal(judgeDisk({ total: 100e9, used: 99.99e9 }, 0).severity, 'error');
    const script = await check(connection, { up: () => undefined });
    assertPassed(only(script, 'disk-space'), /the database holds/);
  });
});

describe('activity checks', () => {
  it('see an open transaction and a long operation', async () => {
    const server = await replicaSet();
    const { db, uri, connection } = await place(server);
    await db.collection('a').insertOne({ n: 1 });
    assertPassed(only(await check(connection, noop), 'long-operations'));
    const client = await server.client({ appName: 'shop' });
    const session = client.startSession();
    session.startTransaction();
    await client
      .db(db.databaseName)
      .collection('a')
      .updateOne({}, { $set: { n: 2 } }, { session });
    try {
      const found = only(
        await check(connection, noop, { limits: { longOperationSeconds: 0.001 } }),
        'long-operations',
      );
      assertFailed(found, 'warning', /a transaction \(shop\) open/);
    } finally {
      await session.abortTransaction();
      await session.endSession();
    }
    const slow = client.db(db.databaseName).collection('a').find({ $where: 'sleep(2500) || true' }).toArray();
    const found = await until(async () => {
      const result = only(
        await check(connection, noop, { limits: { longOperationSeconds: 1 } }),
        'long-operations',
      );
      return result.outcome === 'failed' ? result : null;
    });
    assertFailed(found, 'warning', /a query on .*\.a \(shop\)/);
    await slow;
    assert.ok(uri);
  }).timeout(30_000);

  it('see an index being built', async function () {
    this.timeout(60_000);
    const servers = await startReplicaSet();
    const client = new MongoClient(servers.uri);
    try {
      const admin = client.db('admin');
      const connection = await open(servers.uri, 'builds');
      await connection.db.collection('a').insertOne({ n: 1 });
      assertPassed(only(await check(connection, noop), 'index-builds'));
      await admin.command({ configureFailPoint: 'hangAfterStartingIndexBuild', mode: 'alwaysOn' });
      const building = client.db('builds').collection('a').createIndex({ n: 1 });
      const found = await until(async () => {
        const result = only(await check(connection, noop), 'index-builds');
        return result.outcome === 'failed' ? result : null;
      });
      assertFailed(found, 'error', /being built on builds\.a/);
      const other = only(await check(connection, { ...noop, source: 'b' }), 'index-builds');
      assertFailed(other, 'warning', /builds\.a/);
      await admin.command({ configureFailPoint: 'hangAfterStartingIndexBuild', mode: 'off' });
      await building;
      await connection.close();
    } finally {
      await client.close();
      await servers.stop();
    }
  });
});

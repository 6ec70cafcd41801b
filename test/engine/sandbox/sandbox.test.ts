// The sandbox server as somebody's machine has it: a mongod on PATH, its data from one start to the next.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { fetchMongod, findMongod } from '../../../src/sandbox/binary';
import { SandboxServer } from '../../../src/sandbox/server';
import { resolveMongod } from '../../../tools/servers/mongod';
import { mongodFolder } from '../../support/mongodOnPath';

describe('the sandbox server', function () {
  this.timeout(120_000);
  let folder: string;
  let mongod: string;
  const { PATH } = process.env;
  const running: SandboxServer[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'migratory-sandbox-'));
    process.env['PATH'] = await mongodFolder(folder, await resolveMongod());
    mongod = (await findMongod(join(folder, 'mongod'))) ?? assert.fail('there is none on PATH');
  });
  afterEach(() => Promise.all(running.splice(0).map((server) => server.stop())));
  after(async () => {
    process.env['PATH'] = PATH;
    await rm(folder, { recursive: true, force: true });
  });

  async function start(onEnd?: () => void): Promise<SandboxServer> {
    const server = await SandboxServer.start({ folder: join(folder, 'server'), mongod, onEnd });
    running.push(server);
    return server;
  }

  async function using<T>(server: SandboxServer, work: (client: MongoClient) => Promise<T>): Promise<T> {
    const client = await MongoClient.connect(server.uri);
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  }

  it('is a replica set with documents to try things on, and transactions', async () => {
    const server = await start();
    await using(server, async (client) => {
      const orders = client.db().collection('orders');
      assert.equal(await orders.countDocuments({ placedAt: { $type: 'string' } }), 500);
      assert.ok((await orders.countDocuments({ status: { $exists: false } })) > 0);
      await client.withSession((session) =>
        session.withTransaction(() => orders.updateOne({}, { $set: { mine: true } }, { session })),
      );
      assert.equal(await orders.countDocuments({ mine: true }), 1);
    });
  });

  it('keeps what was changed until the next start, on whatever port that is', async () => {
    await using(await start(), (client) => client.db().collection('orders').deleteMany({}));
    await Promise.all(running.splice(0).map((server) => server.stop()));
    const again = await start();
    assert.equal(await using(again, (client) => client.db().collection('orders').countDocuments()), 0);
    assert.equal(await using(again, (client) => client.db().collection('customers').countDocuments()), 5);
  });

  it('takes its data back from a server whose window was killed, and tells when it ends by itself', async () => {
    let ended = 0;
    const lost = await start(() => ended++);
    // Its owner as it would be after a crash: a process that is gone.
    const gone = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => gone.once('exit', resolve));
    await writeFile(join(folder, 'server', 'owner'), String(gone.pid));
    const next = await start();
    assert.notEqual(next.pid, lost.pid);
    assert.equal(ended, 1);
    assert.equal(await using(next, (client) => client.db().collection('customers').countDocuments()), 5);
  });

  it('refuses data that another living window uses', async () => {
    await start();
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
    try {
      await writeFile(join(folder, 'server', 'owner'), String(other.pid));
      await assert.rejects(start(), /in use by another window/);
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('says why it does not start', async () => {
    await assert.rejects(
      SandboxServer.start({ folder: join(folder, 'other'), mongod: process.execPath }),
      /The sandbox server did not start \(mongod ended with \d+\)\. Its log is /,
    );
    await assert.rejects(
      SandboxServer.start({ folder: join(folder, 'other'), mongod: join(folder, 'none') }),
      /The sandbox server did not start \(.*ENOENT/,
    );
  });

  it('says why mongod cannot be fetched', async () => {
    const before = { ...process.env };
    process.env['PATH'] = folder;
    // A port that nothing listens on: the reason is the same as without a network.
    process.env['MONGOMS_DOWNLOAD_MIRROR'] = 'http://127.0.0.1:1';
    process.env['MONGOMS_MAX_RETRIES'] = '0';
    try {
      assert.equal(await findMongod(join(folder, 'fetched')), null);
      await assert.rejects(
        fetchMongod(join(folder, 'fetched'), () => undefined),
        /ECONNREFUSED|download/i,
      );
    } finally {
      process.env = before;
    }
  });
});

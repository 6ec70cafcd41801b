// What a script's own client may not do, and what of the surrounding program is left alone.
import assert from 'node:assert/strict';
import net from 'node:net';
import tls from 'node:tls';
import { type Db, MongoClient } from 'mongodb';
import { MigrationRunner } from '../../../src/library/migrationRunner';
import { guardedServer, replicaSet, standalone, threeNodes, tlsServer } from '../../support/server';
import type { Project } from '../helpers/project';
import { everything, majors, projectWith } from './project';

const driver = { mongodb: 'mongodb' };

/** An up that writes one document where `uri` leads, with `options` for its client. */
const writing = (uri: string, options = '{}', database = ''): string => `
  const { MongoClient } = require('mongodb');
  exports.up = async (db) => {
    const own = new MongoClient(${JSON.stringify(uri)}, ${options});
    try {
      await own.connect();
      await own.db(${JSON.stringify(database)} || db.databaseName).collection('people').insertOne({ _id: 'own' });
    } finally {
      await own.close();
    }
  };`;

describe("the bounds of a script's own client", function () {
  this.timeout(90_000);
  let project: Project;
  afterEach(async () => {
    await project.close();
  });

  const warnings = (): string[] =>
    project
      .ofType('log')
      .filter(({ level }) => level === 'warn')
      .map(({ message }) => message);

  async function write(files: Record<string, string>, server = replicaSet()): Promise<void> {
    project = await projectWith(driver, () => files, server);
    await project.rows('people').insertOne({ _id: 1 });
  }

  it('warns once of a client to another server, and lets it write there', async () => {
    const other = await standalone();
    const { db, name } = await other.database('other');
    await write({ '1-other.js': writing(other.uri, '{}', name) });
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.equal(await db.collection('people').countDocuments(), 1);
    const host = new URL(other.uri.replace(/^mongodb/, 'http')).host;
    assert.equal(warnings().length, 1, warnings().join('\n'));
    assert.ok(warnings()[0]?.includes(`MongoClient of its own to ${host}`), warnings()[0]);
  });

  it('refuses a client to another server in a dry run, at once and with its address', async () => {
    const other = await standalone();
    const { db, name } = await other.database('other');
    await write({ '1-other.js': writing(other.uri, '{ serverSelectionTimeoutMS: 5000 }', name) });
    const started = performance.now();
    const { exitCode, run } = await project.run({ mode: 'dry-run' });
    assert.ok(performance.now() - started < 4000, 'it waited for the driver to give up');
    assert.equal(exitCode, 1);
    assert.match(run.error?.message ?? '', /opens a MongoClient of its own to 127\.0\.0\.1:\d+/);
    assert.equal(await db.collection('people').countDocuments(), 0);
  });

  it('refuses in a dry run what speaks TLS with another server', async () => {
    const { servers, uri } = await tlsServer();
    await write({ '1-other.js': writing(uri, '{ serverSelectionTimeoutMS: 5000 }', 'elsewhere') });
    const { exitCode, run } = await project.run({ mode: 'dry-run' });
    assert.equal(exitCode, 1);
    assert.match(run.error?.message ?? '', new RegExp(`of its own to 127\\.0\\.0\\.1:${servers.ports[0]}`));
  });

  it('takes every name of this machine for the same server', async () => {
    const { uri } = await replicaSet();
    const port = new URL(uri.replace(/^mongodb/, 'http')).port;
    const hosts = ['localhost', '[::1]'].map((host) => `${host}:${port}`);
    const places = hosts.flatMap((host) =>
      ['directConnection=true', 'replicaSet=rs0', ''].map((q) => `${host}/?${q}`),
    );
    places.push(`%2Ftmp%2Fmongodb-${port}.sock/?replicaSet=rs0`);
    for (const place of places) {
      await write({ '1-own.js': writing(`mongodb://${place}`, '{ appName: "mine" }') });
      const before = await everything(project.db);
      const dry = await project.run({ mode: 'dry-run' });
      assert.equal(dry.exitCode, 0, JSON.stringify(dry.run.error));
      assert.equal(await everything(project.db), before);
      assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
      assert.equal((await project.run({ mode: 'down' })).exitCode, 0);
      assert.equal(await everything(project.db), before);
      assert.deepEqual(warnings(), []);
      if (place !== places.at(-1)) await project.close();
    }
  });

  it('leads a client that names any member of the set, or all, to the primary', async () => {
    const { servers, uri } = await threeNodes();
    const single = servers.ports.map((port) => `mongodb://127.0.0.1:${port}/?replicaSet=rs0`);
    for (const place of [...single, uri]) {
      await write({ '1-own.js': writing(place) }, threeNodes());
      const before = await everything(project.db);
      const { exitCode, run } = await project.run({ mode: 'up' });
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      assert.equal((await project.run({ mode: 'down' })).exitCode, 0);
      assert.equal(await everything(project.db), before);
      if (place !== uri) await project.close();
    }
  });

  it('leaves the credentials of the client its own', async () => {
    const server = await guardedServer();
    const root = await server.client();
    const roles = [{ role: 'readWriteAnyDatabase', db: 'admin' }];
    await root.db('admin').command({ createUser: 'owner', pwd: 'p@ss/1', roles });
    const host = new URL(server.uri.replace(/^mongodb/, 'http')).host;
    const uri = `mongodb://owner:p%40ss%2F1@${host}/?authSource=admin`;
    await write({ '1-own.js': writing(uri) }, guardedServer());
    const before = await everything(project.db);
    assert.equal((await project.run({ mode: 'dry-run' })).exitCode, 0);
    assert.equal(await everything(project.db), before);
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.equal((await project.run({ mode: 'down' })).exitCode, 0);
    assert.equal(await everything(project.db), before);
    await project.write({ '1-own.js': writing(uri.replace('owner:', 'stranger:')) });
    const wrong = await project.run({ mode: 'up' });
    assert.match(wrong.run.error?.message ?? '', /Authentication failed/);
    await project.write({ '1-own.js': writing(`mongodb://${host}/`) });
    const nobody = await project.run({ mode: 'up' });
    assert.match(nobody.run.error?.message ?? '', /requires authentication/);
  });

  for (const [version, mongodb] of majors) {
    it(`ends the TLS of a client in the door: driver ${version}`, async () => {
      project = await projectWith({ mongodb }, (uri) => ({ '1-own.js': writing(uri) }), tlsServer());
      await project.rows('people').insertOne({ _id: 1 });
      const before = await everything(project.db);
      const dry = await project.run({ mode: 'dry-run' });
      assert.equal(dry.exitCode, 0, JSON.stringify(dry.run.error));
      assert.equal(await everything(project.db), before);
      const { exitCode, run } = await project.run({ mode: 'up' });
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      assert.equal((await project.run({ mode: 'down' })).exitCode, 0);
      assert.equal(await everything(project.db), before);
    });
  }

  it('does not trust a server for a client that would not', async () => {
    project = await projectWith(
      driver,
      (uri) => {
        const untrusting = uri.replace(/&?tlsCAFile=[^&]*/, '');
        return { '1-own.js': writing(`${untrusting}&serverSelectionTimeoutMS=1500`) };
      },
      tlsServer(),
    );
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 1);
    assert.match(run.error?.name ?? '', /MongoServerSelectionError|MongoNetworkError/);
  });

  it('lets nothing be written while neither up nor down is at work', async () => {
    const { uri } = await replicaSet();
    await write({
      '1-own.mjs': `
        import { MongoClient } from 'mongodb';
        const own = await new MongoClient(${JSON.stringify(uri)}).connect();
        const refusals = [];
        await own.db('unwanted').collection('a').insertOne({}).catch((error) => refusals.push(error.message));
        export async function up(db) {
          await own.db(db.databaseName).collection('people').insertOne({ refusals });
          await own.close();
        }`,
    });
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    const [{ refusals } = assert.fail()] = await project
      .rows('people')
      .find({ refusals: { $exists: true } })
      .toArray();
    assert.match(String(refusals), /while neither its up nor its down was at work/);
    assert.equal(await project.db.client.db('unwanted').collection('a').countDocuments(), 0);
  });

  it('stops with the run: a pause holds its commands back, and a cancel ends them', async () => {
    const { uri } = await replicaSet();
    await write({
      '1-own.js': `
        const { MongoClient } = require('mongodb');
        exports.up = async (db, client, ctx) => {
          const own = await new MongoClient(${JSON.stringify(uri)}).connect();
          const beats = own.db(db.databaseName).collection('beats');
          try {
            for (let n = 1; ; n++) {
              await beats.insertOne({ n });
              if (n === 5) ctx.log.info('beating');
            }
          } finally {
            await own.close();
          }
        };`,
    });
    const beats = project.db.collection('beats');
    const running = project.run({ mode: 'up' });
    const started = async (): Promise<void> => {
      while (!project.ofType('log').some(({ message }) => message === 'beating'))
        await new Promise(setImmediate);
    };
    await started();
    project.switch.pause();
    // One command may have passed the fence when the pause came.
    const paused = await beats.countDocuments();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const later = await beats.countDocuments();
    assert.ok(later - paused <= 1, `${later - paused} writes while it was paused`);
    project.switch.cancel();
    const { exitCode } = await running;
    assert.equal(exitCode, 130);
    assert.ok((await beats.countDocuments()) <= later + 1);
  });

  it('keeps a client out of a script that is one transaction', async () => {
    const { uri } = await replicaSet();
    await write({ '1-own.js': `${writing(uri)}\nexports.transaction = true;` });
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 1);
    assert.match(run.error?.message ?? '', /comes from a client of its own/);
    assert.equal(await project.rows('people').countDocuments(), 1);
  });

  it("keeps a transform's own client from the data in a dry run, and says that it has no journal", async () => {
    const { uri } = await replicaSet();
    await write({});
    await project.write({
      '1-own.js': `
        const { MongoClient } = require('mongodb');
        module.exports = {
          source: 'people',
          transform: async () => {
            const own = await new MongoClient(${JSON.stringify(uri)}).connect();
            const aside = own.db(${JSON.stringify(project.db.databaseName)}).collection('aside');
            await aside.insertOne({}).finally(() => own.close());
            return { $set: { seen: true } };
          },
        };`,
    });
    const before = await everything(project.db);
    const dry = await project.run({ mode: 'dry-run' });
    assert.equal(dry.exitCode, 0, JSON.stringify(dry.run.error));
    assert.equal(await everything(project.db), before);
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    assert.equal(await project.db.collection('aside').countDocuments(), 1);
    assert.match(warnings().join('\n'), /transform writes with a client of its own/);
  });

  for (const [major, mongodb] of majors) {
    it(`leaves the program's own client to the program, also where a migration uses it: driver ${major}`, async () => {
      const server = await replicaSet();
      const { db, name } = await server.database('library');
      project = await projectWith({}, () => ({}), replicaSet());
      const { MongoClient: Client } = (await import(mongodb)) as { MongoClient: typeof MongoClient };
      const program = await new Client(server.uri).connect();
      const migration = {
        name: 'shared',
        up: async (given: Db) => {
          await given.collection('journaled').insertOne({});
          // Many at once, so that the pool has to open connections for them.
          const numbers = Array.from({ length: 20 }, (_, n) => n);
          await Promise.all(numbers.map((n) => program.db(name).collection('direct').insertOne({ n })));
        },
      };
      const runner = new MigrationRunner(program.db(name));
      await runner.run([migration]);
      await runner.rollback('shared', [migration]);
      assert.equal(await db.collection('journaled').countDocuments(), 0);
      assert.equal(await db.collection('direct').countDocuments(), 20);
      await program.close();
    });
  }

  it('leaves the sockets of a program as they were, during a run of the library and after it', async () => {
    const server = await replicaSet();
    const { db, name } = await server.database('library');
    const connects = (): unknown[] => [Reflect.get(net.Socket.prototype, 'connect'), tls.connect];
    const before = connects();
    project = await projectWith({}, () => ({}), replicaSet());
    let program: MongoClient | undefined;
    let own: MongoClient | undefined;
    // Both are opened while the migration runs; one by the program, one by the migration.
    const running = new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (!own) return;
        clearInterval(timer);
        program = new MongoClient(server.uri);
        void program
          .db(name)
          .collection('program')
          .insertOne({})
          .then(() => resolve());
      }, 5);
    });
    const runner = new MigrationRunner(db);
    const migration = {
      name: 'own',
      up: async () => {
        own = await new MongoClient(server.uri).connect();
        await running;
        await own.db(name).collection('migration').insertOne({});
      },
    };
    await runner.run([migration]);
    assert.deepEqual(connects(), before);
    await runner.rollback('own', [migration]);
    assert.equal(await db.collection('migration').countDocuments(), 0);
    assert.equal(await db.collection('program').countDocuments(), 1);
    // A client that outlives the migration goes on, and straight to the server.
    const hello = await own?.db('admin').command({ hello: 1 });
    assert.equal(hello?.['me'], new URL(server.uri.replace(/^mongodb/, 'http')).host);
    await own?.db(name).collection('later').insertOne({});
    assert.equal(await db.collection('later').countDocuments(), 1);
    await own?.close();
    await program?.close();
  });
});

// `migratory/migrate-mongo`: migrate-mongo's programmatic API, as programs call it that migrate when they start.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Db, MongoClient } from 'mongodb';
import { config, create, database, down, status, up } from '../../../src/migrateMongo/index';
import { replicaSet } from '../../support/server';

const seen = globalThis as unknown as { given?: unknown[] };

describe('the programmatic API of migrate-mongo', function () {
  this.timeout(60_000);
  let dir: string;
  let db: Db;
  let client: MongoClient;
  let settings: Record<string, unknown>;

  beforeEach(async () => {
    const server = await replicaSet();
    const made = await server.database('mm-api');
    ({ client, db } = { client: await server.client(), db: made.db });
    db = client.db(made.name);
    dir = await mkdtemp(join(tmpdir(), 'migratory-mm-api-'));
    settings = {
      mongodb: { url: server.uri, databaseName: made.name },
      migrationsDir: dir,
      changelogCollectionName: 'changelog',
    };
    config.set(settings);
    await write('1-a.js', `globalThis.given = [db, client, arguments.length];`);
    await write('2-b.js', '');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const write = (name: string, body: string): Promise<void> =>
    writeFile(
      join(dir, name),
      `module.exports = {
        async up(db, client) { ${body} await db.collection('done').insertOne({ up: '${name}' }); },
        async down(db) { await db.collection('done').insertOne({ down: '${name}' }); } };`,
    );

  it('offers what migrate-mongo offers', async () => {
    const api: Record<string, unknown> = { ...(await import('../../../src/migrateMongo/index')) };
    const package14 = new URL('../../../node_modules/migrate-mongo/lib/migrate-mongo.js', import.meta.url)
      .href;
    const { default: theirs } = (await import(package14)) as { default: Record<string, object> };
    for (const [name, value] of Object.entries(theirs)) {
      assert.equal(typeof api[name], typeof value, name);
      if (typeof value === 'object')
        assert.deepEqual(Object.keys(api[name] as object).toSorted(), Object.keys(value).toSorted(), name);
    }
  });

  it('hands the caller’s own objects to migrations, and names what it did', async () => {
    assert.deepEqual(await up(db, client), ['1-a.js', '2-b.js']);
    assert.equal(seen.given?.[0], db);
    assert.equal(seen.given[1], client);
    assert.equal(seen.given[2], 2);
    const items = await status(db);
    assert.deepEqual(
      items.map(({ fileName, appliedAt }) => [fileName, appliedAt === 'PENDING']),
      [
        ['1-a.js', false],
        ['2-b.js', false],
      ],
    );
    assert.deepEqual(await up(db, client), []);
    assert.deepEqual(await down(db, client), ['2-b.js']);
    assert.deepEqual(await up(db, client), ['2-b.js']);
  });

  it('undoes what was applied together, by an option or by the global one', async () => {
    await up(db, client);
    assert.deepEqual(await down(db, client, { block: true }), ['2-b.js', '1-a.js']);
    await up(db, client);
    globalThis.options = { block: true };
    try {
      assert.deepEqual(await down(db, client), ['2-b.js', '1-a.js']);
    } finally {
      globalThis.options = undefined;
    }
  });

  it('rejects with the author’s reason and the names of what was done before', async () => {
    await write('2-b.js', `throw Object.assign(new Error('no'), { errInfo: { why: 1 } });`);
    const error = await up(db, client).then(
      () => assert.fail('it ran'),
      (reason: unknown) => reason as Error & { migrated: string[]; additionalInfo: unknown },
    );
    assert.equal(error.message, 'Could not migrate up 2-b.js: no');
    assert.deepEqual(error.migrated, ['1-a.js']);
    assert.deepEqual(error.additionalInfo, { why: 1 });
    assert.match(error.stack ?? '', /2-b\.js/);
  }).timeout(60_000);

  it('keeps a journal when the config asks for it', async () => {
    config.set({ ...settings, migratory: { backup: 'journal' } });
    await write('2-b.js', `await db.collection('done').insertOne({ half: 1 }); throw new Error('no');`);
    await assert.rejects(up(db, client), /Could not migrate up 2-b\.js: no/);
    const left = await db
      .collection('done')
      .find({}, { projection: { _id: 0 } })
      .toArray();
    assert.deepEqual(left, [{ up: '1-a.js' }]);
  });

  it('connects as the config says', async () => {
    const connected = await database.connect();
    try {
      assert.equal(connected.db.databaseName, db.databaseName);
      await connected.db.command({ ping: 1 });
    } finally {
      await connected.db.close();
    }
  });

  it('writes a new migration beside the others', async () => {
    const name = await create('one more');
    assert.match(name, /^\d{14}-one_more\.js$/);
    assert.deepEqual(
      (await status(db)).map(({ fileName }) => fileName).toSorted(),
      ['1-a.js', '2-b.js', name].toSorted(),
    );
  });
});

// What cannot be migrated is refused before anything is written, with the reason; what can is done exactly although
// it is unusual: collations, capped collections.
import assert from 'node:assert/strict';
import type { Db, Document } from 'mongodb';
import type { Migration } from '../../../src/migration/kinds';
import type { UserError } from '../../../src/protocol/errors';
import { guardedServer, replicaSet, standalone } from '../../support/server';
import { hasTimeSeries, skipBelow } from '../../support/skip';
import { assertSame, describe as inWords, Stage } from './stage';

const change = {
  transform: (doc: Document): Document => ({ $set: { x: Number(doc['x']) + 100 } }),
};

async function seed(db: Db): Promise<void> {
  await db
    .collection<{ _id: number }>('rows')
    .insertMany(Array.from({ length: 50 }, (_, _id) => ({ _id, x: _id })));
  await db.createCollection('seen', { viewOn: 'rows', pipeline: [{ $match: { x: { $gt: 3 } } }] });
  if (!(await hasTimeSeries(db))) return;
  await db.createCollection('measured', { timeseries: { timeField: 'at' } });
  await db.collection('measured').insertOne({ at: new Date(5), x: 1 });
}

/** Starts it, and expects that a check refuses it with this reason and that nothing is different afterwards. */
async function refused(stage: Stage, reason: RegExp): Promise<void> {
  const before = await stage.hashes();
  const result = await stage.run({ mode: 'up' });
  assert.equal(result.exitCode, 5, inWords(result));
  assert.match(result.run.steps[0]?.error?.message ?? '', reason);
  const after = await stage.hashes();
  const own = /^_migratory_(lease|runs)$/;
  for (const [database, collections] of Object.entries(before))
    for (const [name, hash] of Object.entries(collections))
      if (!own.test(name)) assert.equal(after[database]?.[name], hash, `${database}.${name}`);
  assert.deepEqual(await stage.ledger(), []);
  assert.deepEqual(await stage.leftovers(), []);
}

describe('a migration that is refused before it starts', function () {
  this.timeout(60_000);

  const cases: [string, Migration, RegExp][] = [
    ['a view as its source', { source: 'seen', ...change }, /seen is a view on rows/],
    ['a view as its target', { source: 'rows', into: 'seen', ...change }, /seen is a view/],
    ['a time-series collection', { source: 'measured', ...change }, /time-series/],
    ['a collection of the system', { source: 'system.views', ...change }, /belongs to the server/],
    ['a collection of Migratory', { source: '_migratory_runs', ...change }, /belongs to Migratory/],
    ['a collection that is not there', { source: 'rws', ...change }, /no collection "rws"/],
    ['a pipeline of a view', { source: 'seen', pipeline: [{ $set: { a: 1 } }], into: 'copy' }, /view/],
  ];
  for (const [name, migration, reason] of cases) {
    it(`${name}: says why, and has written nothing`, async function () {
      const stage = await Stage.open(await replicaSet(), [migration], { prefix: 'refused' });
      try {
        if ('source' in migration && migration.source === 'measured')
          await skipBelow(this, stage.db, 5, 'time series');
        await seed(stage.db);
        await refused(stage, reason);
      } finally {
        await stage.close();
      }
    });
  }

  it('a user who may only read is told which privileges are missing', async () => {
    const server = await guardedServer();
    const { db, name } = await server.database('reader');
    await seed(db);
    await db.command({ createUser: 'reader', pwd: 'p', roles: [{ role: 'read', db: name }] });
    const [port] = server.servers.ports;
    const uri = `mongodb://reader:p@127.0.0.1:${port}/${name}?authSource=${name}`;
    const stage = await Stage.at(uri, [{ source: 'rows', ...change }]);
    try {
      const before = await db.command({ dbHash: 1 });
      for (const mode of ['up', 'down', 'dry-run'] as const) {
        const result = await stage.run({ mode, names: stage.names }).catch((error: UserError) => error);
        const message = result instanceof Error ? result.message : inWords(result);
        assert.equal(result.exitCode, 5, message);
        assert.match(
          message,
          /A check failed: User has the privileges: (The user may not|A dry run works in)/,
          mode,
        );
      }
      const after = await db.command({ dbHash: 1 });
      assert.deepEqual(after['collections'], before['collections']);
    } finally {
      await stage.close();
    }
  });
});

for (const [who, login] of [
  ['a user without rights', 'nobody:p@'],
  ['nobody logged in', ''],
] as const) {
  it(`${who} is told what is missing, whichever way a migration is started`, async function () {
    this.timeout(60_000);
    const server = await guardedServer();
    const { db, name } = await server.database('nobody');
    await seed(db);
    await db.command({ createUser: 'nobody', pwd: 'p', roles: [] });
    const uri = `mongodb://${login}127.0.0.1:${server.servers.ports[0]}/${name}`;
    const before = await db.command({ dbHash: 1 });
    for (const migration of [{ source: 'rows', ...change }, { up: () => assert.fail('it ran') }]) {
      const stage = await Stage.at(login === '' ? uri : `${uri}?authSource=${name}`, [migration]);
      try {
        for (const mode of ['up', 'down', 'dry-run'] as const) {
          const result = await stage.run({ mode, names: stage.names }).catch((error: UserError) => error);
          const message = result instanceof Error ? result.message : inWords(result);
          assert.equal(result.exitCode, 5, message);
          assert.match(message, /The user has no rights on the database|the user lacks/, mode);
        }
      } finally {
        await stage.close();
      }
    }
    assert.deepEqual((await db.command({ dbHash: 1 }))['collections'], before['collections']);
  });
}

it('a user with the role readWrite alone runs scripts and transforms and rolls them back', async function () {
  this.timeout(60_000);
  const server = await guardedServer();
  const { db, name } = await server.database('writer');
  await seed(db);
  await db.command({ createUser: 'writer', pwd: 'p', roles: [{ role: 'readWrite', db: name }] });
  const [port] = server.servers.ports;
  const uri = `mongodb://writer:p@127.0.0.1:${port}/${name}?authSource=${name}`;
  const script: Migration = {
    async up(given) {
      await given.collection('rows').updateMany({}, { $inc: { x: 1 } });
      await given.collection('rows').createIndex({ x: 1 });
      await given.collection('rows').deleteOne({ x: 7 });
    },
  };
  const stage = await Stage.at(uri, [script, { source: 'rows', ...change }]);
  try {
    const before = await db.command({ dbHash: 1, collections: ['rows'] });
    const up = await stage.run({ mode: 'up' });
    assert.equal(up.exitCode, 0, inWords(up));
    const down = await stage.run({ mode: 'down', steps: 2 });
    assert.equal(down.exitCode, 0, inWords(down));
    assert.deepEqual((await db.command({ dbHash: 1, collections: ['rows'] }))['md5'], before['md5']);
    const rehearsed = await stage.run({ mode: 'dry-run' });
    assert.equal(rehearsed.exitCode, 5, inWords(rehearsed));
    assert.match(inWords(rehearsed), /scratch databases .* the user lacks/);
  } finally {
    await stage.close();
  }
});

for (const [on, server] of [
  ['a replica set', () => replicaSet()],
  ['a standalone', () => standalone()],
] as const) {
  describe(`unusual collections on ${on}`, function () {
    this.timeout(60_000);

    const ways: [string, (source: string) => Migration][] = [
      ['a transform', (source) => ({ source, ...change })],
      ['an update pipeline', (source) => ({ source, update: [{ $set: { x: { $add: ['$x', 100] } } }] })],
      ['a script', (source) => ({ up: (db) => db.collection(source).updateMany({}, { $inc: { x: 100 } }) })],
    ];
    for (const [way, migration] of ways) {
      it(`${way} changes each document of a collection whose collation sorts _ids its own way, once`, async () => {
        const stage = await Stage.open(await server(), [migration('words')], { settings: { batchSize: 7 } });
        try {
          const words = await stage.db.createCollection<{ _id: string; x: number }>('words', {
            collation: { locale: 'sv', numericOrdering: true, strength: 3 },
          });
          const ids = [
            'a',
            'B',
            'ä',
            'z',
            'Å',
            'é',
            'e',
            'E',
            'a10',
            'a9',
            'a100',
            'ö',
            'Z',
            'straße',
            '',
            ' ',
          ];
          await words.insertMany(ids.flatMap((id) => [id, `${id}1`, `${id}2`]).map((_id) => ({ _id, x: 1 })));
          const beginning = await stage.state();
          await stage.succeed({ mode: 'up' });
          assert.equal(await words.countDocuments({ x: 101 }), ids.length * 3);
          await stage.down();
          assertSame(await stage.state(), beginning, 'after the way back');
        } finally {
          await stage.close();
        }
      });

      it(`${way} changes a clustered collection, and gives it back`, async function () {
        const stage = await Stage.open(await server(), [migration('plan')], { settings: { batchSize: 7 } });
        try {
          await skipBelow(this, stage.db, 6, 'clustered collections');
          const plan = await stage.db.createCollection<{ _id: unknown; x: number }>('plan', {
            clusteredIndex: { key: { _id: 1 }, unique: true },
          });
          const ids = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? n : `id ${n}`));
          await plan.insertMany(ids.map((_id) => ({ _id, x: 1 })));
          await plan.createIndex({ x: 1 });
          const beginning = await stage.state();
          for (let round = 0; round < 2; round++) {
            await stage.dryRun();
            await stage.succeed({ mode: 'up' });
            assert.equal(await plan.countDocuments({ x: 101 }), ids.length);
            await stage.down();
            assertSame(await stage.state(), beginning, 'after the way back');
          }
        } finally {
          await stage.close();
        }
      });

      it(`${way} changes a capped collection in its order, and gives it back`, async () => {
        const stage = await Stage.open(await server(), [migration('ring')], { settings: { batchSize: 7 } });
        try {
          const ring = await stage.db.createCollection<{ _id: number; x: number }>('ring', {
            capped: true,
            size: 100_000,
          });
          await ring.insertMany(Array.from({ length: 30 }, (_, n) => ({ _id: (n * 7) % 30, x: 1 })));
          const order = (await ring.find().toArray()).map(({ _id }) => _id);
          const beginning = await stage.state();
          await stage.succeed({ mode: 'up' });
          assert.equal(await ring.countDocuments({ x: 101 }), 30);
          await stage.down();
          assertSame(await stage.state(), beginning, 'after the way back');
          assert.deepEqual(
            (await ring.find().toArray()).map(({ _id }) => _id),
            order,
          );
        } finally {
          await stage.close();
        }
      });
    }
  });
}

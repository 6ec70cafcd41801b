import assert from 'node:assert/strict';
import { Binary } from 'mongodb';
import type { Migration } from '../../../src/migration/kinds';
import { runChecks } from '../../../src/engine/checks/runChecks';
import { standalone } from '../../support/server';
import { skipBelow } from '../../support/skip';
import { assertFailed, assertPassed, check, contextOf, only, place } from './support';
import type { Place } from './support';

const upper: Migration = {
  source: 'movies',
  transform: (doc) => ({ $set: { title: String(doc['title']).toUpperCase() } }),
};

describe('checks of a healthy migration', () => {
  it('all pass and nothing is written', async () => {
    const { db, connection } = await place();
    await db
      .collection('movies')
      .insertMany(Array.from({ length: 50 }, (_one, n) => ({ title: `t${n}`, status: n % 3 })));
    await db.collection('movies').createIndex({ status: 1 });
    const before = await db.collection('movies').find().toArray();
    const results = await check(connection, { ...upper, requiredIndexes: [{ status: 1 }] });
    assert.deepEqual(
      results.filter(({ outcome }) => outcome === 'failed'),
      [],
    );
    const ids = new Set(results.map(({ id }) => id));
    for (const id of ['server', 'source-exists', 'index', 'disk-space', 'transform-sample', 'privileges']) {
      assert.ok(ids.has(id), `${id} was checked`);
    }
    assert.deepEqual(await db.collection('movies').find().toArray(), before);
    assert.deepEqual(
      (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name),
      ['movies'],
    );
  });

  it('all pass on a standalone too, and for a script, a pipeline and a roll back', async () => {
    const { db, connection } = await place(await standalone());
    await db.collection('movies').insertOne({ title: 'a' });
    const migrations: Migration[] = [
      upper,
      { up: () => undefined, down: () => undefined },
      { source: 'movies', pipeline: [{ $project: { title: 1 } }], into: 'titles' },
    ];
    for (const migration of migrations) {
      for (const direction of ['up', 'down'] as const) {
        const results = await check(connection, migration, { direction });
        assert.deepEqual(
          results.filter(({ outcome }) => outcome === 'failed'),
          [],
        );
        const ids = results.map(({ id }) => id);
        assert.ok(ids.includes('disk-space') && ids.includes('privileges'));
        if (direction === 'down')
          assert.ok(!ids.includes('transform-sample') && !ids.includes('source-exists'));
      }
    }
    assert.deepEqual(
      (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name),
      ['movies'],
    );
  });

  it('come as they finish, each once', async () => {
    const { db, connection } = await place();
    await db.collection('movies').insertOne({ title: 'a' });
    const emitted: string[] = [];
    const results = await runChecks(contextOf(connection, upper), ({ id }) => emitted.push(id));
    assert.deepEqual([...emitted].sort(), results.map(({ id }) => id).sort());
  });
});

describe('source checks', () => {
  let at: Place;
  before(async () => {
    at = await place();
    await at.db.collection('movies').insertMany([
      { title: 'a', status: 1 },
      { title: 'b', status: 2 },
    ]);
  });

  it('name the missing collection and the one that was probably meant', async () => {
    const result = only(await check(at.connection, { ...upper, source: 'moveis' }), 'source-exists');
    assertFailed(result, 'error', /no collection "moveis"/);
    assert.match(result.action ?? '', /Did you mean "movies"/);
    assert.equal(result.check, 'Source data exists');
  });

  it('warn of a filter that matches nothing, and count what it matches', async () => {
    const none = await check(at.connection, { ...upper, filter: { status: 99 } });
    assertFailed(only(none, 'source-exists'), 'warning', /matches none of the 2 documents/);
    const one = await check(at.connection, { ...upper, filter: { status: 2 } });
    assertPassed(only(one, 'source-exists'), /1 document of 2 in movies match/);
  });

  it('find required indexes missing, hidden, partial, sparse, and accept prefixes', async () => {
    const { db, connection } = await place();
    const movies = db.collection('movies');
    await movies.insertOne({ a: 1 });
    await movies.createIndex({ b: 1, c: -1 });
    await movies.createIndex({ h: 1 }, { hidden: true });
    await movies.createIndex({ p: 1 }, { partialFilterExpression: { x: 1 } });
    await movies.createIndex({ s: 1 }, { sparse: true });
    const results = await check(connection, {
      ...upper,
      requiredIndexes: [{ a: 1 }, { b: 1 }, { b: -1, c: 1 }, { c: -1 }, { h: 1 }, { p: 1 }, { s: 1 }],
    });
    const found = new Map(results.filter(({ id }) => id === 'index').map((result) => [result.check, result]));
    const outcome = (name: string): string => found.get(`Index ${name} exists`)?.outcome ?? 'absent';
    assert.equal(outcome('{"a":1}'), 'failed');
    assert.equal(outcome('{"b":1}'), 'passed');
    assert.equal(outcome('{"b":-1,"c":1}'), 'passed');
    assert.equal(outcome('{"c":-1}'), 'failed');
    assert.equal(outcome('{"h":1}'), 'failed');
    assert.equal(outcome('{"p":1}'), 'failed');
    assert.equal(outcome('{"s":1}'), 'failed');
    assert.match(found.get('Index {"h":1} exists')?.details ?? '', /hidden/);
    assert.match(found.get('Index {"a":1} exists')?.action ?? '', /createIndex\(\{"a":1\}\)/);
  });

  it('refuse views, time series and system collections, and warn of capped ones', async function () {
    const { db, connection } = await place();
    await skipBelow(this, db, 5, 'time series');
    await db.collection('movies').insertOne({ title: 'a' });
    await db.createCollection('shown', { viewOn: 'movies', pipeline: [] });
    await db.createCollection('weather', { timeseries: { timeField: 'at' } });
    await db.createCollection('ring', { capped: true, size: 100_000 });
    await db.collection('ring').insertOne({ title: 'a' });
    const typeOf = async (source: string): Promise<ReturnType<typeof only>> =>
      only(await check(connection, { ...upper, source }), 'collection-type');
    assertFailed(await typeOf('shown'), 'error', /view on movies/);
    assertFailed(await typeOf('weather'), 'error', /time-series/);
    assertFailed(await typeOf('system.views'), 'error', /belongs to the server/);
    assertFailed(await typeOf('_migratory_runs'), 'error', /belongs to Migratory/);
    assertFailed(await typeOf('ring'), 'warning', /capped/);
    const into = await check(connection, { ...upper, into: 'shown' });
    assertFailed(only(into, 'collection-type'), 'error', /shown is a view/);
    assertFailed(only(await check(connection, upper), 'dependents'), 'warning', /views shown/);
    assertPassed(await typeOf('movies'), /an ordinary collection/);
    assertPassed(only(await check(connection, { ...upper, source: 'ring' }), 'dependents'), /No view shows/);
  });

  it('warn where change streams keep pre-images', async function () {
    const { db, connection } = await place();
    await skipBelow(this, db, 6, 'pre-images');
    await db.createCollection('movies', { changeStreamPreAndPostImages: { enabled: true } });
    await db.collection('movies').insertOne({ title: 'a' });
    assertFailed(
      only(await check(connection, upper), 'dependents'),
      'warning',
      /pre-images record every change/,
    );
  });

  it('refuse collections with encrypted fields', async function () {
    const { db, connection } = await place();
    await skipBelow(this, db, 6, 'encrypted fields');
    const key = new Binary(Buffer.alloc(16, 1), Binary.SUBTYPE_UUID);
    const fields = [{ path: 'ssn', bsonType: 'string', keyId: key }];
    await db.command({ create: 'movies', encryptedFields: { fields } });
    await db.collection('movies').insertOne({ title: 'a' });
    assertFailed(only(await check(connection, upper), 'collection-type'), 'error', /encrypted fields/);
  });

  it('take clustered collections for ordinary ones', async function () {
    const { db, connection } = await place();
    await skipBelow(this, db, 6, 'clustered collections');
    await db.createCollection('movies', { clusteredIndex: { key: { _id: 1 }, unique: true } });
    await db.collection('movies').insertOne({ _id: 1 as never, title: 'a' });
    assertPassed(only(await check(connection, upper), 'collection-type'), /clustered/);
  });

  it('warn of a filter that reads everything to find little', async () => {
    const { db, connection } = await place();
    await db
      .collection('movies')
      .insertMany(Array.from({ length: 10_500 }, (_one, n) => ({ title: `t${n}`, status: n })));
    const filtered = { ...upper, filter: { status: 7 } };
    assertFailed(
      only(await check(connection, filtered), 'filter-index'),
      'warning',
      /all 10,500 documents are read to find 1/,
    );
    await db.collection('movies').createIndex({ status: 1 });
    assertPassed(only(await check(connection, filtered), 'filter-index'), /status_1/);
  });

  it('want a unique index for the fields of `on`', async () => {
    const { db, connection } = await place();
    await db.collection('orders').insertOne({ sku: 'a' });
    const migration: Migration = {
      source: 'orders',
      pipeline: [{ $project: { _id: 0, sku: 1 } }],
      into: 'skus',
      on: 'sku',
    };
    assertFailed(only(await check(connection, migration), 'merge-key'), 'error', /no unique index on sku/);
    await db.collection('skus').createIndex({ sku: 1 }, { unique: true });
    assertPassed(only(await check(connection, migration), 'merge-key'));
  });
});

// What editors are told about the documents of a database: names, types and how many have them, read with bounds.
import assert from 'node:assert/strict';
import { Decimal128, Long, type Db } from 'mongodb';
import { connect, type Connection } from '../../../src/engine/connect';
import type { ConnectionTarget } from '../../../src/protocol/runner';
import { CollectionSamples } from '../../../src/runner/collectionSamples';
import { replicaSet } from '../../support/server';

describe('samples of collections', function () {
  this.timeout(60_000);
  let db: Db;
  let target: ConnectionTarget;
  let connection: Connection;
  let samples: CollectionSamples;
  before(async () => {
    const { db: own, name, uri } = await (await replicaSet()).database();
    db = own;
    target = { name: 'test', uri, database: name };
    connection = await connect(target);
  });
  beforeEach(async () => {
    await db.dropDatabase();
    samples = new CollectionSamples(async () => connection);
  });
  after(() => connection.close());

  it('lists collections and views, not our own state', async () => {
    await db.createCollection('films');
    await db.createCollection('cast "and" crew');
    await db.createCollection('old films', { viewOn: 'films', pipeline: [] });
    await db.createCollection('_migratory_runs');
    await db.createCollection('_migrations');
    assert.deepEqual(await samples.collections(target), [
      '_migrations',
      'cast "and" crew',
      'films',
      'old films',
    ]);
  });

  it('counts types of fields, also in sub-documents and arrays', async () => {
    await db.collection('films').insertMany([
      { _id: 1, title: 'A', year: 1999, gross: Long.fromNumber(5), cast: [{ name: 'x' }, { name: null }] },
      { _id: 2, title: 'B', year: '1999', gross: new Decimal128('5'), tags: ['a', 1] },
      { _id: 3, title: 'C', year: 1.5, seen: { at: new Date(), by: { id: 1 } }, tags: [] },
    ] as object[]);
    const { documents, fields } = await samples.sample(target, 'films');
    assert.equal(documents, 3);
    assert.deepEqual(Object.fromEntries(fields.map(({ path, ...rest }) => [path, rest])), {
      _id: { count: 3, types: { int: 3 } },
      title: { count: 3, types: { string: 3 } },
      year: { count: 3, types: { int: 1, string: 1, double: 1 } },
      gross: { count: 2, types: { long: 1, decimal: 1 } },
      tags: { count: 2, types: { array: 2 }, elements: { string: 1, int: 1 } },
      cast: { count: 1, types: { array: 1 }, elements: { object: 1 } },
      'cast.name': { count: 1, types: { string: 1, null: 1 } },
      seen: { count: 1, types: { object: 1 } },
      'seen.at': { count: 1, types: { date: 1 } },
      'seen.by': { count: 1, types: { object: 1 } },
      'seen.by.id': { count: 1, types: { int: 1 } },
    });
    assert.deepEqual(
      fields.slice(0, 3).map(({ count }) => count),
      [3, 3, 3],
    );
  });

  it('looks at 200 documents, and at fewer of large ones', async () => {
    const rows = Array.from({ length: 1000 }, (_, n) => ({ n }));
    await db.collection('many').insertMany(rows);
    assert.equal((await samples.sample(target, 'many')).documents, 200);
    const text = 'x'.repeat(400_000);
    await db.collection('large').insertMany(Array.from({ length: 40 }, () => ({ text })));
    assert.equal((await samples.sample(target, 'large')).documents, 10);
  });

  it('keeps no more than 1,000 paths of a document with many', async () => {
    const wide = Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`field${n}`, n]));
    await db.collection('wide').insertOne(wide);
    assert.equal((await samples.sample(target, 'wide')).fields.length, 1000);
  });

  it('knows nothing of a collection that is not there', async () => {
    assert.deepEqual(await samples.sample(target, 'none'), { documents: 0, fields: [] });
  });

  it('asks the server once in a minute', async () => {
    await db.collection('films').insertOne({ a: 1 });
    const first = samples.sample(target, 'films');
    const second = samples.sample(target, 'films');
    assert.equal(first, second);
    const answer = await first;
    await db.collection('films').insertOne({ b: 1 });
    assert.equal(await samples.sample(target, 'films'), answer);
  });

  it('asks again after a failure', async () => {
    let tries = 0;
    const failing = new CollectionSamples(async () => {
      if (++tries === 1) throw new Error('not reachable');
      return connection;
    });
    await assert.rejects(failing.collections(target), /not reachable/);
    assert.deepEqual(await failing.collections(target), []);
  });
});

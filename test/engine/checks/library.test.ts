import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type * as Bundled from 'mongodb';
import { validateMigration } from '../../../src/engine/checks/library';
import { replicaSet } from '../../support/server';
import { place } from './support';

const require = createRequire(import.meta.url);

describe('validateMigration', () => {
  it('reports under the names of the contract', async () => {
    const { db } = await place();
    await db.collection('movies').insertOne({ _id: 1 as never, a: 1 });
    await db.collection('movies').createIndex({ a: 1 });
    const report = await validateMigration(db, {
      source: 'movies',
      transform: () => ({ $set: { b: 1 } }),
      requiredIndexes: [{ a: 1 }],
    });
    assert.deepEqual(
      report.checks.map(({ check, passed }) => [check, passed]),
      [
        ['Source data exists', true],
        ['Index {"a":1} exists', true],
        ['Sufficient disk space', true],
        ['Transform sample 1', true],
      ],
    );
    assert.equal(report.allPassed, true);
  });

  it('has one check for each sampled document', async () => {
    const { db } = await place();
    await db.collection('movies').insertMany([1, 2, 3].map((id) => ({ _id: id as never })));
    const report = await validateMigration(db, {
      source: 'movies',
      transform: (doc: { _id: unknown }) => (doc._id === 2 ? undefined : { $set: { seen: true } }),
    });
    const samples = report.checks.filter(({ check }) => check.startsWith('Transform sample'));
    const names = samples.map(({ check }) => check).toSorted();
    assert.deepEqual(names, ['Transform sample 1', 'Transform sample 2', 'Transform sample 3']);
    assert.ok(samples.every(({ passed }) => passed));
  });

  it('fails with what is missing', async () => {
    const { db } = await place();
    await db.collection('movies').insertOne({ _id: 1 as never });
    const report = await validateMigration(db, {
      source: 'movies',
      transform: () => {
        throw new Error('no title');
      },
      requiredIndexes: [{ a: 1 }],
    });
    assert.equal(report.allPassed, false);
    const failed = report.checks.filter(({ passed }) => !passed);
    assert.deepEqual(
      failed.map(({ check }) => check),
      ['Index {"a":1} exists', 'Transform sample 1'],
    );
    assert.match(failed[1]?.details ?? '', /no title/);
    const none = await validateMigration(db, { source: 'nowhere', transform: () => null });
    assert.equal(none.checks.find(({ check }) => check === 'Source data exists')?.passed, false);
  });

  it('takes the database object of any driver from major 4 on, and values made by it', async () => {
    for (const driver of ['mongodb4', 'mongodb5', 'mongodb6']) {
      const { MongoClient: Client, ObjectId: Id } = require(driver) as typeof Bundled;
      const own = await (await replicaSet()).database();
      await own.db.collection('movies').insertOne({ title: 'x' });
      const client = await new Client(own.uri).connect();
      try {
        const db = client.db(own.name);
        const report = await validateMigration(db, {
          source: 'movies',
          transform: () => ({ $set: { owner: new Id() } }),
        });
        assert.deepEqual(
          report.checks.filter(({ passed }) => !passed),
          [],
          driver,
        );
        const piped = await validateMigration(db, { source: 'movies', update: [{ $set: { a: 1 } }] });
        assert.deepEqual(
          piped.checks.filter(({ passed }) => !passed),
          [],
          driver,
        );
      } finally {
        await client.close();
      }
    }
  });
});

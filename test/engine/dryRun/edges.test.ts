// Dry runs of what is easily forgotten: time series that are there already, documents that a validator refuses, and a
// second run that waits for what only the first one makes happen.
import assert from 'node:assert/strict';
import { ObjectId, type Document } from 'mongodb';
import { compareCollections } from '../../../src/engine/dryRun/compare';
import type { DryRunReport } from '../../../src/protocol/events';
import { dbHash } from '../../support/bytes';
import { skipBelow } from '../../support/skip';
import { Project } from '../helpers/project';

describe('a dry run', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  async function rehearse(): Promise<DryRunReport> {
    const before = await dbHash(project.db);
    const { exitCode, run } = await project.run({ mode: 'dry-run' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.deepEqual(await dbHash(project.db), before);
    const [event] = project.ofType('report');
    assert.ok(event);
    return event.report;
  }

  it('copies time series, whole and as a sample', async function () {
    project = await Project.create({
      'a.js': `exports.up = async (db) => {
        // Longer than what the verdicts wait at least takes a tenth of.
        await new Promise((resolve) => setTimeout(resolve, 1100));
        const found = await db.collection('weather').countDocuments();
        await db.collection('weather').insertOne({ at: new Date(), place: 'c', found });
      };`,
    });
    await skipBelow(this, project.db, 5, 'time series');
    await project.db.createCollection('weather', {
      timeseries: { timeField: 'at', metaField: 'place', granularity: 'minutes' },
    });
    const measured = Array.from({ length: 40 }, (_, i) => ({
      at: new Date(i * 60_000),
      place: 'ab'[i % 2],
      i,
    }));
    await project.db.collection('weather').insertMany(measured);
    const whole = await rehearse();
    assert.deepEqual(
      whole.collections.map(({ collection, scanned, inserted, changed, deleted }) => [
        collection,
        scanned,
        [inserted, changed, deleted],
      ]),
      [['weather', 40, [1, 0, 0]]],
    );
    assert.match(JSON.stringify(whole.diffs[0]?.after), /"found":\{"\$numberInt":"40"\}/);
    project.events.length = 0;
    project.settings.sample = 10;
    assert.equal((await rehearse()).collections[0]?.scanned, 10);
  });

  it('sees no change in time series whose buckets hold the fields in another order', async function () {
    project = await Project.create({});
    await skipBelow(this, project.db, 5, 'time series');
    const [first, second] = [project.db, project.db.client.db(`${project.db.databaseName}_2`)];
    const options = { timeseries: { timeField: 'at', metaField: 'place' } };
    const measured = { at: new Date(0), place: 'a', _id: new ObjectId(), i: 1, j: { k: 2 } };
    try {
      for (const db of [first, second]) await db.createCollection('weather', options);
      await first.collection('weather').insertOne(measured);
      // The order in which a server writes the columns is its own; as mongorestore does, a bucket is put there as it is.
      const bucket = await first.collection('system.buckets.weather').findOne({});
      assert.ok(bucket);
      const data = Object.fromEntries(Object.entries(bucket['data'] as Document).toReversed());
      await second.collection('system.buckets.weather').insertOne({ ...bucket, data });
      assert.notDeepEqual(
        await first.collection('weather').find({}, { raw: true }).toArray(),
        await second.collection('weather').find({}, { raw: true }).toArray(),
      );
      assert.equal((await compareCollections(first, second, 'weather', 5)).changed, 0);
      await second.collection('weather').drop();
      await second.createCollection('weather', options);
      await second.collection('weather').insertOne({ ...measured, i: 2 });
      assert.equal((await compareCollections(first, second, 'weather', 5)).changed, 1);
    } finally {
      await second.dropDatabase();
    }
  });

  it('counts the documents that the validator has sent to quarantine', async () => {
    project = await Project.create({
      'a.js': `module.exports = { source: 'people', onError: 'quarantine',
        transform: (doc) => ({ $set: { n: doc._id === 1 ? 5 : 'x' } }) };`,
    });
    await project.db.createCollection('people', { validator: { n: { $type: 'int' } } });
    await project.rows('people').insertMany([1, 2, 3].map((id) => ({ _id: id, n: 0 })));
    const report = await rehearse();
    assert.equal(report.refusedByValidator, 2);
    assert.match(report.warnings.join('\n'), /2 documents/);
  });

  it('does not wait for ever with a second run', async () => {
    project = await Project.create({
      'a.js': `exports.up = async (db) => {
        const stream = db.collection('people').watch();
        const event = stream.next();
        await new Promise((resolve) => setTimeout(resolve, 500));
        await db.collection('people').updateOne({ _id: 1 }, { $set: { seen: true } });
        await event;
        await stream.close();
      };`,
    });
    await project.rows('people').insertOne({ _id: 1 });
    const report = await rehearse();
    assert.equal(report.succeeded, true);
    assert.deepEqual(report.repeatable.answer, 'unknown');
    assert.match(report.repeatable.details, /A second run did not end within 10 s/);
    assert.equal(report.reversible.answer, 'yes', report.reversible.details);
  });
});

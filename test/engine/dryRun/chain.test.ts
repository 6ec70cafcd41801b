// A dry run of several migrations: each finds what those before it have made, whatever was tried with them meanwhile.
import assert from 'node:assert/strict';
import type { DryRunReport } from '../../../src/protocol/events';
import { dbHash } from '../../support/bytes';
import { skipBelow } from '../../support/skip';
import { Project } from '../helpers/project';

describe('a dry run of several migrations', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  function report(name: string): DryRunReport {
    const found = project.ofType('report').find(({ report: { step } }) => step === name);
    assert.ok(found, `no report of ${name}`);
    return found.report;
  }

  function errors(): string {
    return JSON.stringify(project.ofType('error').map(({ error }) => error.message));
  }

  /** Rehearses, and holds that nothing real has changed and nothing of the scratch databases is left. */
  async function rehearse(request: { names?: string[]; back?: boolean } = {}): Promise<number> {
    const { client } = project.connection;
    const before = await dbHash(project.db);
    const { exitCode } = await project.run({ mode: 'dry-run', ...request });
    assert.deepEqual(await dbHash(project.db), before);
    const { databases } = await client.db().admin().listDatabases({ nameOnly: true });
    const left = databases.filter(({ name }) => name.startsWith(`${project.db.databaseName}_`));
    assert.deepEqual(left, []);
    return exitCode;
  }

  it('shows each what the earlier ones have made, in its checks too', async () => {
    project = await Project.create({
      '1-people.js': `exports.up = async (db) => {
        const old = await db.collection('names').find().toArray();
        await db.collection('people').insertMany(old.map(({ _id, name }) => ({ _id, name, n: 0 })));
      };
      exports.down = (db) => db.collection('people').drop();`,
      '2-upper.js': `module.exports = {
        source: 'people', filter: { n: 0 }, transform: (doc) => ({ $set: { name: doc.name.toUpperCase(), n: 1 } }),
      };`,
      '3-count.js': `module.exports = {
        source: 'people', pipeline: [{ $match: { n: 1 } }, { $project: { name: 1 } }], into: 'shown',
      };`,
      '4-last.js': `exports.up = async (db) => {
        if (await db.collection('shown').countDocuments({ name: 'ADA' }) !== 1) throw new Error('not as it should be');
        await db.collection('people').rename('folk');
      };
      exports.down = (db) => db.collection('folk').rename('people');`,
    });
    await project.rows('names').insertMany([
      { _id: 1, name: 'ada' },
      { _id: 2, name: 'bob' },
    ]);
    assert.equal(await rehearse(), 0, errors());
    const changes = project
      .ofType('report')
      .map(({ report: { step, collections } }) => [
        step,
        ...collections
          .filter(({ changed, inserted, deleted }) => changed + inserted + deleted > 0)
          .map(
            ({ collection, changed, inserted, deleted }) => `${collection} ${changed}/${inserted}/${deleted}`,
          ),
      ]);
    assert.deepEqual(changes, [
      ['1-people.js', 'people 0/2/0'],
      ['2-upper.js', 'people 2/0/0'],
      ['3-count.js', 'shown 0/2/0'],
      ['4-last.js', 'people 0/0/2', 'folk 0/2/0'],
    ]);
    assert.deepEqual(report('2-upper.js').diffs[0]?.before, {
      _id: { $numberInt: '1' },
      name: 'ada',
      n: { $numberInt: '0' },
    });
    const answers = (name: string): string[] => [
      report(name).repeatable.answer,
      report(name).reversible.answer,
    ];
    assert.deepEqual(answers('1-people.js'), ['no', 'yes']);
    assert.deepEqual(answers('2-upper.js'), ['yes', 'yes']);
    assert.deepEqual(answers('4-last.js'), ['no', 'yes'], report('4-last.js').reversible.details);
    const found = project
      .ofType('check')
      .filter(({ step, id }) => step === '2-upper.js' && id === 'source-exists');
    assert.deepEqual(
      found.map(({ outcome }) => outcome),
      ['passed'],
      found[0]?.details,
    );
  });

  it('goes on from the first up, whatever the verdicts have tried', async function () {
    project = await Project.create({
      '1-wild.js': `exports.up = async (db) => {
        await db.collection('rows').updateMany({}, { $inc: { n: 1 } });
        await db.collection('rows').createIndex({ n: 1 });
        await db.createCollection('seen', { viewOn: 'rows', pipeline: [{ $match: { n: 2 } }] });
        await db.createCollection('few', { capped: true, size: 4096, max: 2 });
        await db.collection('few').insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
        await db.createCollection('times', { timeseries: { timeField: 't' } });
        await db.collection('times').insertOne({ t: new Date(0), v: 1 });
      };
      exports.down = (db) => db.collection('rows').updateMany({}, { $inc: { n: -7 } });`,
      '2-sees.js': `const assert = require('node:assert/strict');
      exports.irreversible = true;
      exports.up = async (db) => {
        const rows = await db.collection('rows').find().sort({ _id: 1 }).toArray();
        assert.deepEqual(rows.map(({ n }) => n), [2, 3]);
        assert.ok(await db.collection('rows').indexExists('n_1'));
        assert.equal((await db.collection('seen').find().toArray()).length, 1);
        assert.deepEqual((await db.collection('few').find().toArray()).map(({ _id }) => _id), [2, 3]);
        assert.ok(await db.collection('few').isCapped());
        assert.equal((await db.collection('times').find().toArray())[0].v, 1);
        await db.dropDatabase();
      };`,
      '3-empty.js': `exports.up = async (db) => {
        const left = await db.listCollections().toArray();
        if (left.length > 0) throw new Error('still there: ' + left.map(({ name }) => name));
      };`,
    });
    await skipBelow(this, project.db, 5, 'time series');
    await project.rows('rows').insertMany([
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ]);
    assert.equal(await rehearse(), 0, errors());
    assert.equal(report('1-wild.js').reversible.answer, 'no');
    assert.equal(report('2-sees.js').repeatable.answer, 'no');
    assert.deepEqual(
      report('3-empty.js').collections.filter(({ scanned }) => scanned > 0),
      [],
    );
  });

  it('ends with the first that fails, and says which were not rehearsed', async () => {
    const good = `exports.up = (db) => db.collection('x').insertOne({});`;
    project = await Project.create({
      '1-good.js': good,
      '2-bad.js': `exports.up = () => { throw new Error('no good'); };`,
      '3-good.js': good,
      '4-good.js': good,
    });
    assert.equal(await rehearse(), 1);
    const messages = project.ofType('log').map(({ message }) => message);
    assert.ok(
      messages.includes('"2-bad.js" failed, so these were not rehearsed: "3-good.js", "4-good.js".'),
      messages.join('\n'),
    );
    const ended = project.ofType('step.finished').map(({ step, state }) => `${step} ${state}`);
    assert.deepEqual(ended, ['1-good.js applied', '2-bad.js failed']);
  });

  it('counts a failed check like a failure, with its exit code', async () => {
    project = await Project.create({
      '1-drop.js': `exports.up = (db) => db.collection('rows').drop();`,
      '2-rows.js': `module.exports = { source: 'rows', requiredIndexes: [{ n: 1 }], update: [{ $set: { m: 1 } }] };`,
      '3-never.js': `exports.up = () => undefined;`,
    });
    await project.rows('rows').insertOne({ _id: 1, n: 1 });
    await project.db.collection('rows').createIndex({ n: 1 });
    assert.equal(await rehearse({ names: ['2-rows.js'] }), 0, errors());
    assert.equal(await rehearse(), 5, errors());
    assert.match(project.ofType('log').at(-1)?.message ?? '', /"2-rows.js" failed.*"3-never.js"/);
  });

  it('leads back one after the other too', async () => {
    project = await Project.create({
      '1-twice.js': `exports.up = (db) => db.collection('rows').updateMany({}, { $mul: { n: 2 } });
      exports.down = async (db) => {
        if (await db.collection('rows').countDocuments({ n: 2 }) !== 1) throw new Error('the later one is still there');
        await db.collection('rows').updateMany({}, { $set: { n: 1 } });
      };`,
      '2-more.js': `exports.up = (db) => db.collection('rows').updateMany({}, { $inc: { n: 40 } });
      exports.down = (db) => db.collection('rows').updateMany({}, { $inc: { n: -40 } });`,
    });
    await project.rows('rows').insertOne({ _id: 1, n: 1 });
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    assert.equal(await rehearse({ names: ['1-twice.js', '2-more.js'], back: true }), 0, errors());
    assert.deepEqual(
      project.ofType('report').map(({ report: { step, diffs } }) => [step, diffs[0]?.after]),
      [
        ['2-more.js', { _id: { $numberInt: '1' }, n: { $numberInt: '2' } }],
        ['1-twice.js', { _id: { $numberInt: '1' }, n: { $numberInt: '1' } }],
      ],
    );
  });
});

describe('whether a script without down can be reversed', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  async function reversible(): Promise<DryRunReport['reversible'] | undefined> {
    project.events.length = 0;
    await project.run({ mode: 'dry-run' });
    return project.ofType('report')[0]?.report.reversible;
  }

  const wild = `exports.up = async (db, client) => {
    await db.collection('rows').updateMany({}, { $inc: { n: 1 } });
    await db.collection('rows').createIndex({ n: 1 });
    await db.collection('rows').aggregate([{ $out: 'copy' }]).toArray();
    await db.collection('old').drop();
    await client.db(db.databaseName + '_other').collection('x').insertOne({ a: 1 });
  };`;

  it('is tried with its journal', async () => {
    project = await Project.create({ '1-wild.js': wild });
    await project.rows('rows').insertMany([
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ]);
    await project.rows('old').insertOne({ _id: 1 });
    const before = await dbHash(project.db);
    assert.deepEqual(await reversible(), {
      answer: 'yes',
      details:
        'It has no down and was taken back from its journal. Afterwards everything is as it was, byte for byte.',
    });
    assert.deepEqual(await dbHash(project.db), before);
    project.settings.backup = 'none';
    assert.deepEqual(await reversible(), {
      answer: 'no',
      details: "It has no down, and with backup: 'none' it has no journal.",
    });
  });

  it('is not told from the journal where its down fails', async () => {
    project = await Project.create({
      '1-rows.js': `exports.up = (db) => db.collection('rows').insertOne({});
      exports.down = () => { throw new Error('not today'); };`,
    });
    assert.deepEqual(await reversible(), { answer: 'no', details: 'The way back fails: not today' });
  });

  it('meets what a journal does not let pass, as a real run would', async () => {
    project = await Project.create({
      '1-capped.js': `exports.up = (db) => db.command({ convertToCapped: 'rows', size: 4096 });`,
    });
    await project.rows('rows').insertOne({ _id: 1 });
    const { exitCode, run } = await project.run({ mode: 'dry-run' });
    assert.equal(exitCode, 1);
    assert.match(run.error?.message ?? '', /does not let this pass while it keeps a journal/);
    assert.equal((await project.run({ mode: 'up' })).run.error?.message, run.error?.message);
  });
});

describe('the way back from a journal', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  const script = `exports.up = async (db, client) => {
    await db.collection('rows').updateMany({}, { $inc: { n: 1 } });
    await db.collection('rows').updateOne({ _id: 1 }, { $set: { first: true } });
    await db.collection('rows').createIndex({ n: 1 });
    await db.collection('rows').aggregate([{ $out: { db: db.databaseName + '_other', coll: 'copy' } }]).toArray();
    await db.collection('rows').aggregate([{ $match: { n: 2 } }, { $out: 'few' }]).toArray();
    await db.collection('old').drop();
    await db.collection('names').rename('called');
    await client.db(db.databaseName + '_other').collection('x').insertOne({ a: 1 });
  };`;

  async function state(): Promise<unknown> {
    const other = project.db.client.db(`${project.db.databaseName}_other`);
    return [await dbHash(project.db), await dbHash(other)];
  }

  /** Rehearses the way back; everything real stays as it is. */
  async function back(): Promise<DryRunReport> {
    project.events.length = 0;
    const before = await state();
    const { exitCode, run } = await project.run({ mode: 'dry-run', back: true });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.deepEqual(await state(), before);
    const [event] = project.ofType('report');
    assert.ok(event);
    return event.report;
  }

  it('is tried with a copy of it, for a script', async () => {
    project = await Project.create({ '1-wild.js': script });
    await project.rows('rows').insertMany([1, 2, 3].map((n) => ({ _id: n, n })));
    await project.rows('old').insertOne({ _id: 'old' });
    await project.rows('names').insertOne({ _id: 'ada' });
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    const { reversible, collections } = await back();
    assert.deepEqual(reversible, {
      answer: 'yes',
      details: 'It is taken back from its journal, without a conflict.',
    });
    const other = `${project.db.databaseName}_other`;
    const shown = collections.map(
      ({ collection, changed, inserted, deleted }) => `${collection} ${changed}/${inserted}/${deleted}`,
    );
    assert.deepEqual(
      shown.toSorted(),
      [
        'called 0/0/1',
        `${other}.copy 0/0/3`,
        `${other}.x 0/0/1`,
        'few 0/0/1',
        'names 0/1/0',
        'old 0/1/0',
        'rows 3/0/0',
      ].toSorted(),
    );
    const rows = collections.find(({ collection }) => collection === 'rows');
    assert.deepEqual(rows?.indexes, ['index n_1 dropped']);

    await project.rows('rows').updateOne({ _id: 2 }, { $set: { n: 50 } });
    const { reversible: later } = await back();
    assert.equal(later.answer, 'no');
    assert.match(later.details, /1 change was written over since/);
    project.settings.sample = 2;
    assert.match((await back()).reversible.details, /more documents of "rows" than the sample has/);
    project.settings.sample = 1000;
    // After all that the real way back is as good as it was.
    assert.equal((await project.run({ mode: 'down' })).exitCode, 6);
    assert.deepEqual(await project.rows('rows').findOne({ _id: 1 }), { _id: 1, n: 1 });
  });

  it('is tried for a transform and for one that makes a collection', async () => {
    project = await Project.create({
      '1-set.js': `module.exports = { source: 'rows', transform: (doc) => ({ $set: { n: doc.n + 1 } }) };`,
      '2-into.js': `module.exports = { source: 'rows', into: 'copies', transform: (doc) => ({ ...doc, copied: true }) };`,
    });
    await project.rows('rows').insertMany([1, 2, 3].map((n) => ({ _id: n, n })));
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    project.events.length = 0;
    const before = await state();
    const names = ['1-set.js', '2-into.js'];
    const result = await project.run({ mode: 'dry-run', back: true, names });
    assert.equal(result.exitCode, 0, JSON.stringify(result.run.error));
    assert.deepEqual(await state(), before);
    const reports = project.ofType('report').map(({ report }) => report);
    assert.deepEqual(
      reports.map(({ step, reversible, collections }) => [
        step,
        reversible.answer,
        collections
          .filter(({ changed, deleted, options }) => changed + deleted + options.length > 0)
          .map(({ collection, changed, deleted, options }) => [collection, changed, deleted, ...options]),
      ]),
      [
        ['2-into.js', 'yes', [['copies', 0, 3, 'collection dropped']]],
        ['1-set.js', 'yes', [['rows', 3, 0]]],
      ],
    );
    assert.equal((await project.run({ mode: 'down', names })).exitCode, 0);
    assert.deepEqual(
      (await project.rows('rows').find().toArray()).map(({ n }) => n as number),
      [1, 2, 3],
    );
  });

  it('is tried on the documents of the journal where a collection is larger than the sample', async () => {
    project = await Project.create({
      '1-set.js': `module.exports = {
        source: 'rows', filter: { _id: { $gte: 90 } }, transform: (doc) => ({ $set: { n: doc.n + 1 } }),
      };`,
      '2-few.js': `exports.up = async (db, client, ctx) => {
        await db.collection('rows').updateMany({ _id: { $in: [1, 50, 99] } }, { $inc: { m: 1 } });
        await db.collection('rows').deleteOne({ _id: 70 });
        await ctx.batch('rows', { _id: 60 }, () => ({ $set: { batched: true } }));
        await db.collection('rows').createIndex({ n: 1 });
      };`,
    });
    await project.rows('rows').insertMany(Array.from({ length: 100 }, (_, n) => ({ _id: n, n })));
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    project.settings.sample = 12;
    const { reversible, collections } = await back();
    assert.deepEqual(reversible, {
      answer: 'yes',
      details:
        'It is taken back from its journal, without a conflict. Of "rows" the documents of the journal were looked at.',
    });
    const [rows] = collections;
    assert.deepEqual([rows?.changed, rows?.inserted, rows?.indexes], [4, 1, ['index n_1 dropped']]);
    await project.rows('rows').updateOne({ _id: 60 }, { $set: { batched: false } });
    assert.match((await back()).reversible.details, /1 change was written over since.*Of "rows"/);
    assert.equal((await project.run({ mode: 'down' })).exitCode, 6);
    await project.rows('rows').updateOne({ _id: 95 }, { $set: { n: 0 } });
    project.events.length = 0;
    await project.run({ mode: 'dry-run', back: true, names: ['1-set.js'] });
    assert.match(
      project.ofType('report')[0]?.report.reversible.details ?? '',
      /1 change was written over since/,
    );
  });
});

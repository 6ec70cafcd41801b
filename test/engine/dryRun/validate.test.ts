// The migration's own `validate` in a dry run: it looks at what the rehearsed `up` has made, and at nothing real.
import assert from 'node:assert/strict';
import type { DryRunReport } from '../../../src/protocol/events';
import { dbHash } from '../../support/bytes';
import { Project } from '../helpers/project';

describe('validate in a dry run', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  async function rehearse(files: Record<string, string>): Promise<number> {
    project = await Project.create(files);
    await project.rows('people').insertMany([
      { _id: 1, name: 'ada' },
      { _id: 2, name: 'bob' },
    ]);
    await project.rows('teams').insertOne({ _id: 1, members: 2 });
    return again();
  }

  async function again(): Promise<number> {
    const before = await dbHash(project.db);
    const { exitCode } = await project.run({ mode: 'dry-run' });
    assert.deepEqual(await dbHash(project.db), before);
    const { databases } = await project.connection.client.db().admin().listDatabases({ nameOnly: true });
    assert.ok(!databases.some(({ name }) => name.startsWith(`${project.db.databaseName}_`)));
    return exitCode;
  }

  function reports(): DryRunReport[] {
    return project.ofType('report').map(({ report }) => report);
  }

  const upper = `up: (db) => db.collection('people').updateMany({}, [{ $set: { name: { $toUpper: '$name' } } }])`;

  it('passes on what the script has made, beside collections that only it reads', async () => {
    const exitCode = await rehearse({
      '1-upper.js': `module.exports = { ${upper}, async validate(db, ctx) {
        const [team] = await db.collection('teams').find().toArray();
        const done = await db.collection('people').countDocuments({ name: /^[A-Z]+$/ });
        return [
          { check: 'in a dry run', passed: ctx.dryRun === true },
          { check: 'all members', passed: done === team.members, details: done + ' of ' + team.members },
        ];
      } };`,
    });
    assert.equal(exitCode, 0, JSON.stringify(project.ofType('error')));
    const told = project
      .ofType('verification')
      .map(({ check, outcome, details }) => [check, outcome, details]);
    assert.deepEqual(told, [
      ['in a dry run', 'passed', 'Passed.'],
      ['all members', 'passed', '2 of 2'],
    ]);
    const [report] = reports();
    assert.deepEqual(
      report?.verification?.map(({ check }) => check),
      ['in a dry run', 'all members'],
    );
    assert.deepEqual(
      report?.collections.map(({ collection, changed }) => [collection, changed]),
      [['people', 2]],
    );
  });

  it('fails the dry run with exit code 5, after its report, for every kind', async () => {
    for (const [name, text] of Object.entries({
      script: `module.exports = { ${upper}, validate: () => false };`,
      transform: `module.exports = { source: 'people', transform: (p) => ({ $set: { old: p.name } }),
        validate: async (people) => (await people.countDocuments({ old: 'ada' })) === 2 };`,
      pipeline: `module.exports = { source: 'people', pipeline: [{ $project: { name: 1 } }], into: 'names',
        validate: async (names) => { throw new Error(names.collectionName + ' ' + await names.countDocuments()) } };`,
    })) {
      const exitCode = await rehearse({ '1-one.js': text });
      assert.equal(exitCode, 5, name);
      const [report] = reports();
      assert.equal(report?.succeeded, true, name);
      assert.equal(report?.verification?.[0]?.outcome, 'failed', name);
      assert.match(project.ofType('run.finished')[0]?.error?.message ?? '', /The verification failed/);
      if (name === 'pipeline') assert.match(report?.verification?.[0]?.details ?? '', /names 2/);
      if (name !== 'pipeline') await project.close();
    }
  });

  it('says that it looked at a sample', async () => {
    const text = `module.exports = { ${upper}, validate: async (db) => (await db.collection('people').countDocuments()) === 2 };`;
    project = await Project.create({ '1-upper.js': text });
    await project.rows('people').insertMany([
      { _id: 1, name: 'ada' },
      { _id: 2, name: 'bob' },
    ]);
    project.settings.sample = 1;
    assert.equal(await again(), 5);
    assert.match(
      reports()[0]?.verification?.[0]?.details ?? '',
      /a sample, 1 of 2 documents; `--sample all`/,
    );
  });

  it('writes nothing real although it tries', async () => {
    const exitCode = await rehearse({
      '1-upper.js': `module.exports = { ${upper}, validate: async (db) => {
        await db.collection('people').deleteMany({});
        return (await db.collection('people').countDocuments()) === 0;
      } };`,
    });
    assert.equal(exitCode, 0, JSON.stringify(project.ofType('error')));
  });
});

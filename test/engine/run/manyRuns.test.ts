// What a database remembers of a run that came to no good end, behind any number of later runs.
import assert from 'node:assert/strict';
import { listConflicts } from '../../../src/engine/conflicts/conflicts';
import { indexRuns, listRuns, runs, runsThatCount, type StoredRun } from '../../../src/engine/runs';
import { RunSwitch } from '../../../src/engine/scope';
import { Project } from '../helpers/project';

describe('behind many later runs', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  /** Runs of other migrations, and good ends of the same ones before the run at hand. */
  async function bury(count: number, names: string[]): Promise<void> {
    const [run] = await listRuns(project.db, 1);
    assert.ok(run);
    const at = new Date(run.startedAt).getTime();
    const [step] = run.steps;
    assert.ok(step);
    const like = (n: number, name: string, ms: number): StoredRun => ({
      ...run,
      _id: `later-${n}`,
      state: 'applied',
      startedAt: new Date(at + ms),
      endedAt: new Date(at + ms),
      heartbeatAt: new Date(at + ms),
      steps: [{ ...step, name, state: 'applied', startedAt: new Date(at + ms) }],
    });
    const later = Array.from({ length: count }, (_, n) => like(n, `other-${n}`, 1000 + n));
    await runs(project.db).insertMany([...later, ...names.map((name, n) => like(-1 - n, name, -1000))]);
  }

  it('a run that was cancelled half-way is gone on with, not begun anew', async () => {
    project = await Project.create({
      '1-n.js':
        "module.exports = { source: 'numbers', batchSize: 50, transform: () => ({ $inc: { n: 1 } }) };",
    });
    await project.rows('numbers').insertMany(Array.from({ length: 600 }, (_, n) => ({ _id: n, n: 0 })));
    project.settings.throttle = { docsPerSecond: 400 };
    const running = project.run({ mode: 'up' });
    while ((await project.rows('numbers').countDocuments({ n: 1 })) === 0)
      await new Promise((resolve) => setTimeout(resolve, 10));
    project.switch.cancel();
    const cancelled = await running;
    assert.equal(cancelled.run.state, 'cancelled');
    const done = await project.rows('numbers').countDocuments({ n: 1 });
    assert.ok(done > 0 && done < 600, `${done} of 600 were done`);
    await bury(130, ['1-n.js']);
    assert.deepEqual(await project.states(), { '1-n.js': 'interrupted' });

    project.switch = new RunSwitch();
    project.settings.throttle = {};
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.equal(run.steps[0]?.journal, cancelled.run._id);
    assert.equal(await project.rows('numbers').countDocuments({ n: 1 }), 600);
    assert.deepEqual(await project.states(), { '1-n.js': 'applied' });
  });

  it('a run is resumed by its id, and one whose migration has ended well since is not gone on with', async () => {
    project = await Project.create({ '1-fails.js': "exports.up = () => { throw new Error('no') };" });
    const { run } = await project.run({ mode: 'up' });
    assert.equal(run.state, 'failed');
    await bury(130, []);
    assert.deepEqual(await project.states(), { '1-fails.js': 'failed' });
    await project.write({ '1-fails.js': 'exports.up = () => undefined;' });
    const resumed = await project.run({ mode: 'up', resume: run._id });
    assert.equal(resumed.exitCode, 0, JSON.stringify(resumed.run.error));
    await project.run({ mode: 'down' });
    await runs(project.db).updateMany({ _id: { $not: /^later/ } }, [
      { $set: { startedAt: { $subtract: ['$startedAt', 10_000] } } },
    ]);
    assert.deepEqual(await project.states(), { '1-fails.js': 'pending' });
  });

  it('conflicts of a run that was rolled back by itself are still listed', async () => {
    project = await Project.create({
      '1-n.js': `exports.up = async (db) => {
        const numbers = db.collection('numbers');
        await numbers.updateMany({}, { $set: { n: 1 } });
        while (!(await numbers.findOne({ n: 7 }))) await new Promise((resolve) => setTimeout(resolve, 10));
        throw new Error('no');
      };`,
    });
    const numbers = project.rows('numbers');
    await numbers.insertOne({ _id: 1, n: 0 });
    const running = project.run({ mode: 'up' });
    while ((await numbers.updateOne({ n: 1 }, { $set: { n: 7 } })).matchedCount === 0)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal((await running).run.state, 'conflicts');
    await bury(130, []);
    const conflicts = await listConflicts(project.connection, project.settings, '1-n.js');
    assert.deepEqual(
      conflicts.map(({ collection }) => collection),
      ['numbers'],
    );
  });

  it('costs little', async () => {
    project = await Project.create({ '1-one.js': 'exports.up = () => undefined;' });
    await project.run({ mode: 'up' });
    await bury(10_000, []);
    await runs(project.db).updateOne({ _id: 'later-3' }, { $set: { state: 'failed' } });
    await indexRuns(project.db);
    await runsThatCount(project.db);
    const started = performance.now();
    const found = await runsThatCount(project.db);
    const ms = performance.now() - started;
    assert.ok(found.some(({ _id }) => _id === 'later-3'));
    assert.ok(ms < 500, `${Math.round(ms)} ms`);
  });
});

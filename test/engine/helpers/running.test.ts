// What happens to a run on its way: its throttle is changed, its migrations require each other, its author looks.
import assert from 'node:assert/strict';
import { listRuns } from '../../../src/engine/runs';
import { setThrottle } from '../../../src/engine/throttle';
import { Project } from './project';

describe('a run at work', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it('is held back, and let go, through its document', async () => {
    const count = 4000;
    project = await Project.create({
      '1-flag.js': "module.exports = { source: 'numbers', transform: () => ({ $set: { seen: true } }) };",
    });
    const numbers = project.rows('numbers');
    await numbers.insertMany(Array.from({ length: count }, (_, n) => ({ _id: n })));
    project.settings.throttle = { docsPerSecond: 40 };
    const running = project.run({ mode: 'up' });
    const id = await until(async () => {
      const [run] = await listRuns(project.db, 1);
      return run?.state === 'running' && (run.steps[0]?.processed ?? 0) > 0 ? run._id : undefined;
    });
    assert.deepEqual((await listRuns(project.db, 1))[0]?.throttle, { docsPerSecond: 40 });
    assert.ok((await numbers.countDocuments({ seen: true })) < count / 2);
    await assert.rejects(setThrottle(project.db, id, { docsPerSecond: 0 }), /above 0/);
    const both = await setThrottle(project.db, id, { maxLagSeconds: 30 });
    assert.deepEqual(both, { docsPerSecond: 40, maxLagSeconds: 30 });
    const one = await setThrottle(project.db, id, { docsPerSecond: null, maxLatencyMs: 9000 });
    assert.deepEqual(one, { maxLagSeconds: 30, maxLatencyMs: 9000 });
    assert.deepEqual(await setThrottle(project.db, id, null), {});
    const lifted = performance.now();
    const { run, exitCode } = await running;
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    // At 40 a second the rest would take more than a minute and a half.
    assert.ok(performance.now() - lifted < 20_000);
    assert.equal(await numbers.countDocuments({ seen: true }), count);
    assert.match(
      project
        .ofType('log')
        .map(({ message }) => message)
        .join('\n'),
      /throttle was changed: no limits/,
    );
    assert.deepEqual(project.settings.throttle, { docsPerSecond: 40 }, 'the settings of the caller stay');
    await assert.rejects(setThrottle(project.db, id, null), /has ended \(applied\)/);
  });

  it('lets a migration require one that is pending in the same run', async () => {
    const requires = (...names: string[]): string =>
      `exports.requires = ${JSON.stringify(names)};
       exports.up = (db) => db.collection('order').insertOne({ at: ${JSON.stringify(names)} });`;
    project = await Project.create({
      '1-a.js': requires(),
      '2-b.js': requires('1-a.js'),
      '3-c.js': requires('1-a.js', '2-b.js'),
    });
    const alone = await project.run({ mode: 'up', names: ['2-b.js'] });
    assert.equal(alone.exitCode, 5);
    assert.match(alone.run.error?.message ?? '', /Not applied yet: 1-a.js/);
    const dry = await project.run({ mode: 'dry-run' });
    assert.equal(dry.exitCode, 0, JSON.stringify(dry.run.error));
    const all = await project.run({ mode: 'up' });
    assert.equal(all.exitCode, 0, JSON.stringify(all.run.error));
    assert.deepEqual(await project.states(), {
      '1-a.js': 'applied',
      '2-b.js': 'applied',
      '3-c.js': 'applied',
    });
  });

  it("gives an author's validate the log of the run, and nothing that writes", async () => {
    const looking = `exports.up = (db) => db.collection('x').insertOne({ _id: 1 });
      exports.validate = async (db, ctx) => {
        ctx.log.info('looked at', await db.collection('x').countDocuments(), 'document');
        await ctx.batch('x', {}, () => ({ $set: { a: 1 } })).catch((error) => ctx.log.warn(error.message));
        return true;
      };`;
    project = await Project.create({ '1-look.js': looking });
    const { run, exitCode } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    const logged = project.ofType('log').map(({ message, step }) => `${step}: ${message}`);
    assert.ok(
      logged.some((line) => /1-look.js: looked at .*1.* document/.test(line)),
      logged.join('\n'),
    );
    assert.ok(logged.includes('1-look.js: ctx.batch changes documents; validate only looks at them.'));
    project.events.length = 0;
    assert.equal((await project.run({ mode: 'verify', names: ['1-look.js'] })).exitCode, 0);
    assert.match(JSON.stringify(project.ofType('log')), /looked at/);
  });
});

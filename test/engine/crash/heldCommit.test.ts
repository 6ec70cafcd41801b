// The worst moment to die: the server has the commit, holds it back, and does it when the next run is at work already.
// It must come too late, or count as done; nothing may be applied twice.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { replicaSet } from '../../support/server';
import { assertSame, Stage } from '../harness/stage';
import { start } from './crash';
import { batchSize, jobs, type JobName } from './jobs';

/** Milliseconds for which the server holds a commit: the next run begins meanwhile. */
const held = 1500;

const cases: [JobName, 'up' | 'down'][] = [
  ['function', 'up'],
  ['pipeline', 'up'],
  ['script', 'up'],
  ['function', 'down'],
  ['script', 'down'],
];

describe('a run that is killed while the server holds its commit', function () {
  this.timeout(120_000);

  for (const [job, direction] of cases) {
    it(`${job} ${direction}: the commit comes late, and nothing is done twice`, async () => {
      const { uri } = await (await replicaSet()).database('held');
      const stage = await Stage.at(uri, jobs[job].migrations(), { batchSize });
      const admin = stage.client.db('admin');
      try {
        await jobs[job].seed(stage.db);
        const beginning = await stage.state();
        if (direction === 'down') await stage.succeed({ mode: 'up' });
        const child = start({ uri, job, direction, kill: { at: 'parent' } });
        const gone = once(child, 'exit');
        const from = await jobs[job].progress(stage.db);
        while ((await jobs[job].progress(stage.db)).done === from.done) {
          assert.equal(child.exitCode, null, 'it ended before it began');
          await wait(5);
        }
        const { count } = await admin.command({
          configureFailPoint: 'failCommand',
          mode: 'alwaysOn',
          data: { failCommands: ['commitTransaction'], blockConnection: true, blockTimeMS: held },
        });
        await admin.command({
          waitForFailPoint: 'failCommand',
          timesEntered: Number(count) + 1,
          maxTimeMS: 20_000,
        });
        child.kill('SIGKILL');
        await gone;
        await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
        await stage.succeed({ mode: direction, ...(direction === 'down' && { names: stage.names }) });
        // What was held back has come by now, whatever it does.
        await wait(held);
        const { done, total } = await jobs[job].progress(stage.db);
        assert.equal(done, direction === 'up' ? total : 0);
        if (direction === 'up') await stage.down();
        assertSame(await stage.state(), beginning, 'after the way back');
      } finally {
        await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
        await stage.close();
      }
    });
  }
});

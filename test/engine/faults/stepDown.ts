// Three nodes whose primary steps down in the middle of a run: the run goes on with the new one, or is interrupted and
// goes on when it is asked to; nothing is done twice. Which jobs are run is said in stepDown.test.ts and in test/long.
import assert from 'node:assert/strict';
import type { Db } from 'mongodb';
import { threeNodes } from '../../support/server';
import { assertSame, describe as inWords, Stage } from '../harness/stage';
import { batchSize, jobs, listenBetween, type JobName } from '../crash/jobs';

/** Runs one job through a step-down, then takes it back. */
export async function stepDownDuring(job: JobName, direction: 'up' | 'down'): Promise<void> {
  const server = await threeNodes();
  const { uri } = await server.database('stepdown');
  const stage = await Stage.at(uri, jobs[job].migrations(), { batchSize });
  const admin = (await server.client()).db('admin');
  try {
    await jobs[job].seed(stage.db);
    const beginning = await stage.state();
    if (direction === 'down') await stage.succeed({ mode: 'up' });
    let stepped: Promise<unknown> | undefined;
    const stepDown = (): void => {
      stepped ??= stepDownOf(admin);
      // It is waited for when the run is through.
      stepped.catch(() => undefined);
    };
    listenBetween((commands) => void (commands >= 5 && stepDown()));
    const again = { mode: direction, names: direction === 'down' ? stage.names : [] };
    const crashPoint = (point: string, done: number): void =>
      void (point === 'after-commit' && done >= 2 * batchSize && stepDown());
    const first = await stage.run(again, { crashPoint });
    assert.ok(stepped, 'the primary never stepped down');
    await stepped;
    console.log(`      the first run: ${inWords(first)}`);
    if (first.exitCode !== 0) {
      assert.equal(first.run.state, 'interrupted', inWords(first));
      await untilFree(stage);
      await stage.succeed(again);
    }
    const { done, total } = await jobs[job].progress(stage.db);
    assert.equal(done, direction === 'up' ? total : 0);
    if (direction === 'up') await stage.down();
    assertSame(await stage.state(), beginning, 'after the way back');
    assert.deepEqual(await stage.ledger(), []);
  } finally {
    listenBetween(() => undefined);
    await stage.close();
  }
}

/** On a busy machine the secondaries may not have caught up in time. */
async function stepDownOf(admin: Db): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await admin.command({ replSetStepDown: 8, secondaryCatchUpPeriodSecs: 5 });
      return;
    } catch (error) {
      if ((error as { codeName?: unknown }).codeName !== 'ExceededTimeLimit' || tries === 3) throw error;
    }
  }
}

/** A lease that could not be given back during the election lapses by itself. */
async function untilFree(stage: Stage): Promise<void> {
  const lease = stage.db.collection('_migratory_lease');
  while (await lease.findOne({ $expr: { $gt: ['$expiresAt', '$$NOW'] } }))
    await new Promise((resolve) => setTimeout(resolve, 200));
}

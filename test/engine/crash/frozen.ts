// Runners that stand still for longer than their lease (a machine that sleeps, a process that is stopped) and are taken
// over: when they wake they write nothing more, and everything is done exactly once. Which cases are run is said in
// frozen.test.ts and, all of them, in test/long.
import assert from 'node:assert/strict';
import { execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { dbHash } from '../../support/bytes';
import { assertSame, Stage } from '../harness/stage';
import { serverOf, start, title, type CrashCase } from './crash';
import { batchSize, jobs } from './jobs';

interface Frozen {
  test: CrashCase;
  stage: Stage;
  beginning: Awaited<ReturnType<Stage['state']>>;
  child: ChildProcess;
  gone: Promise<unknown>;
}

/** Freezes all of them, waits once for their leases, and takes them over one after the other. */
export async function freezeAll(cases: readonly CrashCase[]): Promise<void> {
  const frozen: Frozen[] = [];
  try {
    for (const test of cases) frozen.push(await freeze(test));
    for (const { stage } of frozen) await untilLapsed(stage);
    for (const one of frozen) await takeOverAndWake(one);
  } finally {
    for (const { child, stage } of frozen) {
      child.kill('SIGKILL');
      await stage.close();
    }
  }
}

async function freeze(test: CrashCase): Promise<Frozen> {
  const { job, direction, kill } = test;
  const { uri } = await (await serverOf(test)).database('frozen');
  const stage = await Stage.at(uri, jobs[job].migrations(), { batchSize });
  await jobs[job].seed(stage.db);
  const beginning = await stage.state();
  if (direction === 'down') await stage.succeed({ mode: 'up' });
  const child = start({ uri, job, direction, kill, freezes: true });
  const gone = once(child, 'exit');
  while (!standsStill(child)) {
    assert.equal(child.exitCode, null, `${title(test)}: it ended before it stood still`);
    await wait(20);
  }
  const { done, total } = await jobs[job].progress(stage.db);
  console.log(`      ${title(test)}: ${done} of ${total} were done when it stood still`);
  return { test, stage, beginning, child, gone };
}

/**
 * Without transactions a command that was on its way to the socket when the process stood still is sent when it wakes.
 * The guards keep it from documents; rows of our own may stay behind and must do no harm.
 */
async function hashes({ db }: Stage, { on }: CrashCase): Promise<Record<string, string>> {
  const ours = on === 'a standalone' ? /^_migratory_(checkpoints$|journal_|stage_)/ : /^$/;
  return Object.fromEntries(Object.entries(await dbHash(db)).filter(([name]) => !ours.test(name)));
}

function standsStill({ pid }: ChildProcess): boolean {
  return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('T');
}

async function untilLapsed({ db }: Stage): Promise<void> {
  const held = { $expr: { $gt: ['$expiresAt', '$$NOW'] } };
  while (await db.collection('_migratory_lease').findOne(held)) await wait(200);
}

async function takeOverAndWake({ test, stage, beginning, child, gone }: Frozen): Promise<void> {
  const { job, direction } = test;
  const what = title(test);
  await stage.succeed({ mode: direction, ...(direction === 'down' && { names: stage.names }) });
  const settled = await hashes(stage, test);
  child.kill('SIGCONT');
  await gone;
  assert.equal(child.signalCode, null, what);
  assert.deepEqual(await hashes(stage, test), settled, `${what}: it has written after it was taken over`);
  const { done, total } = await jobs[job].progress(stage.db);
  assert.equal(done, direction === 'up' ? total : 0, what);
  if (direction === 'up') await stage.down();
  assertSame(await stage.state(), beginning, `${what}: after the way back`);
  assert.deepEqual(await stage.leftovers(), [], what);
}

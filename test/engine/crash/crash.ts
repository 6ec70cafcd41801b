// The crash matrix through execute(), with lease, run document and ledger: a process is killed somewhere, the next run
// goes on by itself, and the end must be byte for byte that of a run that nobody interrupted. Which cases are run is
// said in crash.test.ts and, all of them, in test/long.
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { CrashPoint } from '../../../src/transfer/types';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { assertSame, Stage } from '../harness/stage';
import type { Kill, Order } from './child';
import { batchSize, jobs, type JobName } from './jobs';

export interface CrashCase {
  on: 'a replica set' | 'a standalone';
  job: JobName;
  direction: 'up' | 'down';
  kill: Kill;
}

export interface Killed {
  done: number;
  total: number;
}

/** Points that a transfer passes in the middle of its work. */
const midway = new Set<CrashPoint>([
  'after-read',
  'after-journal',
  'after-write',
  'after-checkpoint',
  'before-commit',
  'after-commit',
]);

/** A kill at a named point, late enough there for some documents to be done. */
export function atPoint(point: CrashPoint): Kill {
  return { at: 'point', point, done: midway.has(point) ? 3 * batchSize : 0 };
}

export function serverOf({ on }: CrashCase): Promise<TestServer> {
  return on === 'a replica set' ? replicaSet() : standalone();
}

/** Runs one case; answers how many documents were done when the process was killed. */
export async function crash(test: CrashCase): Promise<Killed> {
  const { job, direction, kill } = test;
  const server = await serverOf(test);
  const { uri } = await server.database('crash');
  const stage = await Stage.at(uri, jobs[job].migrations(), { batchSize });
  try {
    await jobs[job].seed(stage.db);
    const beginning = await stage.state();
    const applied = await uninterrupted(server, job);
    if (direction === 'down') await stage.succeed({ mode: 'up' });

    await killed(start({ uri: monitored(uri), job, direction, kill }), stage);
    const found = await jobs[job].progress(stage.db);
    const seen = { ...found, done: direction === 'up' ? found.done : found.total - found.done };
    assert.deepEqual(await stage.ledger(), ledgerAt(kill, direction, stage.names));

    if (!isSettled(kill))
      await stage.succeed({ mode: direction, ...(direction === 'down' && { names: stage.names }) });
    if (direction === 'up') {
      assertSame(await stage.state(), applied, 'after the resumed run');
      assert.deepEqual(await stage.ledger(), [...stage.names].sort());
      await stage.down();
    }
    assertSame(await stage.state(), beginning, 'after the way back');
    assert.deepEqual(await stage.ledger(), []);
    assert.deepEqual(await stage.leftovers(), []);
    assert.ok((await stage.statuses()).every((state) => state === 'pending'));
    return seen;
  } finally {
    await stage.close();
  }
}

/** Once the ledger has it, nothing is left to be done. */
function isSettled(kill: Kill): boolean {
  return kill.at === 'event' && kill.type === 'step.finished';
}

function ledgerAt(kill: Kill, direction: 'up' | 'down', names: string[]): string[] {
  return (direction === 'up') === isSettled(kill) ? [...names].sort() : [];
}

const states = new Map<string, ReturnType<Stage['state']>>();

/** What the job ends with when nobody interrupts it. */
function uninterrupted(server: TestServer, job: JobName): ReturnType<Stage['state']> {
  const key = `${server.uri} ${job}`;
  const known = states.get(key) ?? runWhole(server, job);
  states.set(key, known);
  return known;
}

async function runWhole(server: TestServer, job: JobName): ReturnType<Stage['state']> {
  const stage = await Stage.open(server, jobs[job].migrations(), { settings: { batchSize } });
  try {
    await jobs[job].seed(stage.db);
    await stage.succeed({ mode: 'up' });
    return await stage.state();
  } finally {
    await stage.close();
  }
}

export function start(order: Order): ChildProcess {
  const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.send(order);
  return child;
}

async function killed(child: ChildProcess, stage: Stage): Promise<void> {
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', 'the process was not killed');
  const held = await stage.db.collection('_migratory_lease').findOne({});
  assert.equal(held?.['pid'], child.pid, 'the dead process still holds the lease');
}

function monitored(uri: string): string {
  return `${uri}${uri.includes('?') ? '&' : '?'}monitorCommands=true`;
}

export function title({ on, job, direction, kill }: CrashCase): string {
  const where =
    kill.at === 'point'
      ? kill.point
      : kill.at === 'event'
        ? `the event ${kill.type}`
        : kill.at === 'command'
          ? `command ${kill.commands} of the script`
          : kill.at === 'reply'
            ? `the answer to ${kill.command} ${kill.times}`
            : 'a moment of our choice';
  return `${job} ${direction} on ${on}, killed at ${where}`;
}

/** Defines the cases as tests, and fails unless every job was killed half-way in each direction on each server. */
export function defineCases(cases: readonly CrashCase[]): void {
  const halfway = new Map<string, boolean>();
  for (const test of cases) {
    const group = `${test.job} ${test.direction} on ${test.on}`;
    halfway.set(group, halfway.get(group) ?? false);
    it(title(test), async () => {
      const { done, total } = await crash(test);
      console.log(`      ${done} of ${total} were done at the kill`);
      if (done > 0 && done < total) halfway.set(group, true);
    });
  }
  it('was killed half-way at least once in every kind and direction, on every server', () => {
    const never = [...halfway].filter(([, was]) => !was).map(([group]) => group);
    assert.deepEqual(never, []);
  });
}

// The crash matrix: a process is killed at a named point, another one goes on, and the end must be byte for byte the
// same as without the kill. Which cases are run is said in crash.test.ts and, all of them, in test/long.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Double, Long, type Collection, type Db } from 'mongodb';
import { revertFromJournal } from '../../../src/transfer/revert';
import type { CrashPoint } from '../../../src/transfer/types';
import { rawBytes } from '../../support/bytes';
import type { Order } from './child';
import { copies, runJob, type JobName } from './crashJobs';
import { contextOf, stateLeft, type Deployment } from './setup';

export const allPoints: CrashPoint[] = [
  'after-claim',
  'after-images',
  'after-read',
  'after-journal',
  'after-write',
  'after-checkpoint',
  'before-commit',
  'after-commit',
  'before-sweep',
  'before-finish',
];

/** Points that lie inside the work: there a kill must find some documents done and others not. */
const midway = new Set<CrashPoint>([
  'after-images',
  'after-read',
  'after-journal',
  'after-write',
  'after-checkpoint',
  'before-commit',
  'after-commit',
]);

export const total = 800;
const doneBeforeKill = 150;

export interface CrashCase {
  deployment: Deployment;
  job: JobName;
  direction: 'up' | 'down';
  point: CrashPoint;
  /** Others write while the process runs, dies and is followed by another. */
  writer?: boolean;
}

export async function fill(collection: Collection, oneKind = false): Promise<void> {
  await collection.insertMany(
    Array.from({ length: total }, (_, n) => ({
      _id: (oneKind || n % 3 === 0 ? n : `id ${n}`) as never,
      n,
      x: n,
      odd: n % 2 === 1,
      name: `name ${n}`,
      price: new Double(n),
      big: Long.fromNumber(n),
      other: 0,
    })),
  );
}

/** Runs one case; returns how many documents were done when the process was killed. */
export async function crash(test: CrashCase): Promise<number> {
  const { deployment, job, direction } = test;
  const db = await deployment.database();
  const changed = db.collection(copies(job) ? 'copy' : 't');
  await fill(db.collection('t'), job === 'kept');
  const start = await rawBytes(db.collection('t'));
  const first = contextOf(deployment, db, { batchSize: 50 });
  const expected = direction === 'up' ? await uninterrupted(deployment, job) : start;
  if (direction === 'down') await runJob(job, first);
  const writer = test.writer ? startWriter(db) : undefined;
  try {
    await killed({
      uri: uriOf(db),
      database: db.databaseName,
      job,
      direction,
      transactions: deployment.transactions,
      point: test.point,
      done: midway.has(test.point) ? doneBeforeKill : 0,
    });
    const done = await countDone(changed, job, direction);
    const next = contextOf(deployment, db, { batchSize: 50, epoch: 2 });
    if (direction === 'up') await runJob(job, next);
    else await revertFromJournal(next);
    const written = await writer?.stop();
    if (written === undefined) {
      assert.deepEqual(await rawBytes(changed), direction === 'up' || !copies(job) ? expected : []);
    } else await checkSums(changed, direction, written);
    // The journal of conflicts stays.
    if (!writer || direction === 'up') assert.deepEqual(await stateLeft(db), stateExpected(direction, job));
    if (midway.has(test.point))
      assert.ok(done > 0 && done < total, `${done} of ${total} were done at the kill`);
    return done;
  } finally {
    await writer?.stop();
  }
}

function stateExpected(direction: 'up' | 'down', job: JobName): string[] {
  const state = ['_migratory_checkpoints'];
  if (direction === 'up') state.push('_migratory_journal_run1');
  if (job === 'quarantine') state.push('_migratory_quarantine');
  return state;
}

async function uninterrupted(deployment: Deployment, job: JobName): Promise<Buffer[]> {
  const db = await deployment.database();
  await fill(db.collection('t'), job === 'kept');
  await runJob(job, contextOf(deployment, db, { batchSize: 50 }));
  return rawBytes(db.collection(copies(job) ? 'copy' : 't'));
}

export async function killed(order: Order): Promise<void> {
  const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.send(order);
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', `the process ended before ${order.point}`);
}

async function countDone(changed: Collection, job: JobName, direction: 'up' | 'down'): Promise<number> {
  const checkpoints = changed.db.collection('_migratory_checkpoints');
  // What is merged cannot be counted in the target; what was taken back of it neither.
  if (job === 'merge') {
    const [sum] = await checkpoints
      .aggregate([{ $match: { '_id.kind': 'range' } }, { $group: { _id: null, n: { $sum: '$scanned' } } }])
      .toArray();
    return Number(sum?.['n'] ?? 0);
  }
  if (job === 'into') {
    const copied = await changed.countDocuments();
    return direction === 'up' ? copied : total - copied;
  }
  const forward = await changed.countDocuments({ $expr: { $gte: ['$x', { $add: ['$n', 100] }] } });
  return direction === 'up' ? forward : total - forward;
}

export function uriOf(db: Db): string {
  const { hosts, replicaSet } = db.client.options;
  const query = replicaSet ? `?replicaSet=${replicaSet}` : '?directConnection=true';
  return `mongodb://${hosts.join(',')}/${query}`;
}

interface Written {
  x: number;
  other: number;
}

/** Adds 1 to the changed field of some documents and to another field of others, as fast as it can. */
function startWriter(db: Db): { stop(): Promise<Written> } {
  const collection = db.collection('t');
  const written: Written = { x: 0, other: 0 };
  const end = new AbortController();
  const work = (async () => {
    for (let i = 0; !end.signal.aborted; i++) {
      const field = i % 2 === 0 ? 'x' : 'other';
      const n = (i * 7919) % total;
      await collection.updateOne({ n }, { $inc: { [field]: 1 } });
      written[field] += 1;
    }
    return written;
  })();
  return {
    stop: () => {
      end.abort();
      return work;
    },
  };
}

async function checkSums(changed: Collection, direction: 'up' | 'down', written: Written): Promise<void> {
  const [sums] = await changed
    .aggregate([{ $group: { _id: null, x: { $sum: '$x' }, other: { $sum: '$other' } } }])
    .toArray();
  assert.equal(sums?.['other'], written.other, 'a write to another field was lost');
  const [notDone] =
    direction === 'down'
      ? await changed
          .aggregate([{ $match: { $expr: { $gte: ['$x', { $add: ['$n', 100] }] } } }, { $count: 'n' }])
          .toArray()
      : [];
  // What others changed since keeps what the run had added: a conflict, left alone.
  const added = direction === 'up' ? total * 100 : Number(notDone?.['n'] ?? 0) * 100;
  assert.equal(sums?.['x'], (total * (total - 1)) / 2 + added + written.x, 'a change was lost or made twice');
}

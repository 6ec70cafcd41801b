// Run documents in the database: reading them, judging whether their runner still lives, and asking a run to
// pause, resume or cancel. Writing the document of one's own run is runRecorder.ts.
import type { Collection, Db, Document } from 'mongodb';
import { ExitCode, UserError } from '../protocol/errors';
import {
  finalRunStates,
  type RunControl,
  type RunDocument,
  type RunState,
  type RunStep,
  type RunThrottle,
} from '../protocol/run';
import { breakLease, leaseMs, ownerIsDead, readLease } from './lease';
import { withReadErrors, withStoredErrors } from './storedErrors';

export const runsCollection = '_migratory_runs';

const movingRunStates: readonly RunState[] = [
  'planned',
  'checking',
  'running',
  'paused',
  'verifying',
  'rolling-back',
];
/** Nothing of such a run stands half-way. */
const wellDone: ReadonlySet<RunState> = new Set(['applied', 'rolled-back']);

/**
 * Run documents as they stand in the database; `machine` tells whether a process id means anything here, `epoch` which
 * owner of the lease may write it.
 */
export type StoredRun = Omit<RunDocument, 'heartbeatAt'> & {
  heartbeatAt: Date;
  machine?: string;
  epoch?: number;
};
/** With the time since its last sign of life, by the server's clock. */
type ReadRun = StoredRun & { silentMs?: number };

export function runs(db: Db): Collection<StoredRun> {
  return db.collection<StoredRun>(runsCollection, { writeConcern: { w: 'majority' } });
}

/**
 * Writes what a runner has to tell of its run, and takes the orders of others out of the document.
 * @param epoch of the writer: once another runner has settled the run or gone on with it, nothing is written.
 * @returns null when the document is gone, or no longer this runner's.
 */
export async function writeRun(
  db: Db,
  _id: string,
  epoch: number,
  fields: Partial<RunDocument>,
): Promise<{ control: RunControl; throttle: RunThrottle } | null> {
  // The server's clock: readers judge by it whether this runner still lives.
  const before = await runs(db).findOneAndUpdate(
    { _id, epoch },
    { $set: withStoredErrors(fields) as Partial<StoredRun>, $currentDate: { heartbeatAt: true } },
    { projection: { control: 1, throttle: 1 }, ignoreUndefined: true },
  );
  if (!before) return null;
  const control = before.control ?? null;
  if (control !== null) await runs(db).updateOne({ _id, control }, { $set: { control: null } });
  return { control, throttle: before.throttle ?? {} };
}

/** True when the run has no end but its runner gives no sign of life any more. */
function isStale(run: ReadRun): boolean {
  if (finalRunStates.includes(run.state)) return false;
  if (run.machine !== undefined && ownerIsDead({ machine: run.machine, pid: run.pid })) return true;
  return (run.silentMs ?? 0) > leaseMs;
}

/** A run as it should be shown: one that stopped without an end is `interrupted`. */
function judged(run: ReadRun): RunDocument {
  const { machine: _machine, epoch: _epoch, silentMs: _silentMs, ...stored } = run;
  const document = withReadErrors(stored);
  if (!isStale(run)) return document;
  const steps = document.steps.map((step) =>
    step.startedAt !== null && step.endedAt === null ? { ...step, state: 'interrupted' as const } : step,
  );
  return { ...document, state: 'interrupted', steps };
}

async function read(db: Db, match: Document, limit: number, stages: Document[] = []): Promise<ReadRun[]> {
  return runs(db)
    .aggregate<ReadRun>([
      { $match: match },
      { $sort: { startedAt: -1 } },
      { $limit: limit },
      { $set: { silentMs: { $toDouble: { $subtract: ['$$NOW', '$heartbeatAt'] } } } },
      ...stages,
    ])
    .toArray();
}

/** Runs that a list shows. */
const listed = 100;

/** Newest first, without their logs: a list is read once a second while somebody looks at it. */
export async function listRuns(db: Db, limit = listed): Promise<RunDocument[]> {
  return (await read(db, {}, limit, [{ $unset: 'log' }])).map(judged);
}

/**
 * The newest runs, and behind them those of any age that tell the last of a migration which may stand half-way: no
 * number of later runs makes it forgotten.
 */
export async function runsThatCount(db: Db): Promise<RunDocument[]> {
  const newest = await listRuns(db);
  const oldest = newest.at(-1);
  if (!oldest || newest.length < listed) return newest;
  const known = new Set(newest.flatMap(({ steps }) => steps.filter(isTouched).map(({ name }) => name)));
  const older = {
    startedAt: { $lte: oldest.startedAt as Date },
    _id: { $nin: newest.map(({ _id }) => _id) },
  };
  const ended = { $in: [...finalRunStates, ...movingRunStates].filter((state) => !wellDone.has(state)) };
  const names = (await runs(db).distinct('steps.name', { ...older, state: ended })).filter(
    (name) => !known.has(name),
  );
  return names.length === 0 ? newest : [...newest, ...(await lastRunsOf(db, names, older))];
}

/** The newest run that has begun a step of this name. */
export async function lastRunOf(db: Db, name: string): Promise<RunDocument | undefined> {
  return (await lastRunsOf(db, [name])).at(0);
}

async function lastRunsOf(db: Db, names: readonly string[], match: Document = {}): Promise<RunDocument[]> {
  const touched = { name: { $in: names }, startedAt: { $ne: null } };
  const found = await runs(db)
    .aggregate<{ run: string }>([
      { $match: { ...match, steps: { $elemMatch: touched } } },
      { $project: { startedAt: 1, 'steps.name': 1, 'steps.startedAt': 1 } },
      { $unwind: '$steps' },
      { $match: { 'steps.name': touched.name, 'steps.startedAt': touched.startedAt } },
      { $sort: { startedAt: -1 } },
      { $group: { _id: '$steps.name', run: { $first: '$_id' } } },
    ])
    .toArray();
  const ids = [...new Set(found.map(({ run }) => run))];
  return (await read(db, { _id: { $in: ids } }, Math.max(1, ids.length), [{ $unset: 'log' }])).map(judged);
}

/** A planned step that was never reached tells nothing. */
export function isTouched({ state, startedAt }: RunStep): boolean {
  return state !== 'planned' || startedAt !== null;
}

/** What the list and the search for unfinished runs go by; without the right to make them both are only slower. */
export async function indexRuns(db: Db): Promise<void> {
  const wanted = [{ startedAt: -1 }, { state: 1, startedAt: -1 }] as const;
  await runs(db)
    .createIndexes(wanted.map((key) => ({ key })))
    .catch(() => undefined);
}

export async function findRun(db: Db, id: string): Promise<RunDocument | null> {
  const [run] = await read(db, { _id: id }, 1);
  return run ? judged(run) : null;
}

/**
 * Asks a run to pause, resume or cancel. A run whose runner is gone cannot obey: cancelling it settles it as
 * `cancelled` and frees its lease.
 */
export async function controlRun(db: Db, id: string, control: Exclude<RunControl, null>): Promise<void> {
  const [run] = await read(db, { _id: id }, 1);
  if (!run) throw wrongRun(`There is no run ${id} in database "${db.databaseName}".`);
  if (finalRunStates.includes(run.state)) throw wrongRun(`Run ${id} has ended already (${run.state}).`);
  if (!isStale(run)) {
    await runs(db).updateOne({ _id: id }, { $set: { control } });
    return;
  }
  if (control !== 'cancel') {
    throw new UserError(`The runner of ${id} is gone; the run is interrupted.`, {
      action: { label: 'Run again', cli: `migratory resume ${id}` },
    });
  }
  const at = new Date();
  await runs(db).updateOne(
    { _id: id },
    {
      $set: { state: 'cancelled', endedAt: at, control: null, 'steps.$[open].state': 'cancelled' },
      $unset: { epoch: '' },
    },
    { arrayFilters: [{ 'open.startedAt': { $ne: null }, 'open.endedAt': null }] },
  );
  const lease = await readLease(db);
  if (lease?.run === id) await breakLease(db);
}

function wrongRun(message: string): UserError {
  return new UserError(message, { exitCode: ExitCode.usage });
}

/**
 * Settles runs whose runner is gone as `interrupted`; the caller holds the lease, so no other may be alive. One that
 * only stood still finds that its document is no longer its own.
 * @returns their ids.
 */
export async function settleStaleRuns(db: Db, own: string): Promise<string[]> {
  const open = await runs(db)
    .find({ state: { $nin: [...finalRunStates] }, _id: { $ne: own } })
    .toArray();
  for (const run of open) {
    await runs(db).updateOne(
      { _id: run._id, state: run.state },
      {
        $set: { state: 'interrupted', endedAt: new Date(), 'steps.$[open].state': 'interrupted' },
        $unset: { epoch: '' },
      },
      { arrayFilters: [{ 'open.startedAt': { $ne: null }, 'open.endedAt': null }] },
    );
  }
  return open.map(({ _id }) => _id);
}

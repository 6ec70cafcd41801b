// Restores what a step changed, out of its journal, where the touched fields still hold what the step wrote. The same
// pump as a transfer: its ranges are those of the journal.
import type { ObjectId } from 'mongodb';
import { Checkpoints } from './checkpoints';
import { Journal } from './journal';
import { Pump, type Feed } from './pump';
import { RangeSizer } from './ranges';
import { Restore } from './restore';
import { claimed, defaultLanes } from './sessions';
import { Throttle } from './throttle';
import { steadily } from './transaction';
import type { RevertOptions, RevertResult } from './types';

/** Name under which the way back of a step keeps its checkpoints. */
export function revertStep(step: string): string {
  return `${step}:revert`;
}

/** Resumable like a transfer; conflicts are told to the monitor one by one, and their journal is kept. */
export async function revertFromJournal(options: RevertOptions): Promise<RevertResult> {
  const started = performance.now();
  const { db, runId, step, epoch } = options;
  const lanes = options.lanes ?? defaultLanes;
  const forward = new Checkpoints(db, runId, step, epoch, 0);
  const checkpoints = new Checkpoints(db, runId, revertStep(step), epoch, lanes);
  const journal = new Journal(db, runId, step);
  // Nothing of the step itself may commit any more while it is taken back.
  await steadily(() => forward.claim([]), options.signal);
  return claimed(options, checkpoints, async (sessions) => {
    const progress = await steadily(() => checkpoints.load(undefined), options.signal);
    if (progress.finished) return progress.finished as RevertResult;
    const { ranges, total } = await steadily(() => journal.ranges(), options.signal);
    options.monitor?.total?.(total, progress.sums.scanned);
    const pump = new Pump({
      context: options,
      checkpoints,
      sessions,
      throttle: new Throttle(db, options.throttle, options.monitor, options.signal),
      sizer: new RangeSizer({ first: 1000, documents: Infinity }),
      work: new Restore(options, journal).work,
      collection: step,
      onError: 'quarantine',
      maxErrors: Infinity,
      sums: progress.sums,
    });
    await pump.crashPoint('after-claim');
    await pump.run(feedOf(ranges, new Set(progress.done.map((range) => range.key.toHexString()))));
    await pump.crashPoint('before-finish');
    const { processed, deleted, conflicts } = pump.sums;
    const durationMs = Math.round(performance.now() - started);
    const result: RevertResult = { restored: processed, deleted, conflicts, total, durationMs };
    await steadily(async () => {
      await checkpoints.finish(result);
      if (conflicts > 0) return;
      await forward.forget();
      if (!options.keepJournal) await journal.forget();
    }, options.signal);
    return result;
  });
}

function feedOf(ranges: readonly ObjectId[], done: ReadonlySet<string>): Feed {
  const left = ranges.filter((key) => !done.has(key.toHexString()));
  return {
    next: () => {
      const key = left.shift();
      return Promise.resolve(key && { key });
    },
    giveBack: (...parts) => {
      if (parts.length > 0) throw new Error('a journaled range cannot be halved');
    },
  };
}

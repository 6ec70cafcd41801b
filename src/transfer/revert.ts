// Restores what a step changed, out of its journal, where the touched fields still hold what the step wrote. The same
// pump as a transfer: its ranges are those of the journal.
import { ObjectId } from 'mongodb';
import { Checkpoints, type Progress } from './checkpoints';
import { dropCreated } from './created';
import { Journal } from './journal';
import { Pump, type Feed } from './pump';
import { leftAloneStep } from './leftAlone';
import { RangeSizer, type Range } from './ranges';
import { Restore } from './restore';
import { revertStep } from './revertStep';
import { claimed, defaultLanes } from './sessions';
import { Throttle } from './throttle';
import { kindOf } from './target';
import { steadily } from './transaction';
import type { RevertOptions, RevertResult } from './types';

/** Resumable like a transfer; conflicts are told to the monitor one by one, and their journal is kept. */
export async function revertFromJournal(given: RevertOptions): Promise<RevertResult> {
  const started = performance.now();
  const { db, runId, step, epoch } = given;
  const forward = new Checkpoints(db, runId, step, epoch, 0);
  const journal = new Journal(db, runId, step);
  const options = await steadily(() => suitedOptions(given, journal), given.signal);
  // Nothing of the step itself may commit any more while it is taken back.
  await steadily(() => forward.claim([]), options.signal);
  const { ranges, total, shared } = await steadily(() => journal.ranges(), options.signal);
  // Without transactions the order in which such documents are taken back has to be certain.
  const lanes = shared && !options.transactions ? 1 : (options.lanes ?? defaultLanes);
  const checkpoints = new Checkpoints(db, runId, revertStep(step), epoch, lanes);
  return claimed(options, checkpoints, async (sessions) => {
    const progress = await steadily(() => checkpoints.load(undefined), options.signal);
    if (progress.finished) return progress.finished as RevertResult;
    options.monitor?.total?.(total, progress.sums.scanned);
    const restore = new Restore(options, journal, new Journal(db, runId, leftAloneStep(step)));
    const pump = new Pump({
      context: options,
      checkpoints,
      sessions,
      throttle: new Throttle(db, options.throttle, options.monitor, options.signal),
      sizer: new RangeSizer({ first: 1000, documents: Infinity }),
      work: restore.work,
      collection: step,
      onError: 'quarantine',
      maxErrors: Infinity,
      sums: progress.sums,
    });
    await pump.crashPoint('after-claim');
    const known = await steadily(() => deferredBefore(checkpoints, journal, progress), options.signal);
    restore.deferred.push(...known);
    const finished = new Set(progress.done.map((range) => range.key.toHexString()));
    await pump.run(feedOf(ranges.filter((key) => !finished.has(key.toHexString())).map((key) => ({ key }))));
    await restoreDeferred(pump, restore);
    await pump.crashPoint('before-finish');
    const { processed, deleted, conflicts } = pump.sums;
    const durationMs = Math.round(performance.now() - started);
    const result: RevertResult = { restored: processed, deleted, conflicts, total, durationMs };
    await steadily(async () => {
      await checkpoints.finish(result);
      if (conflicts > 0) return;
      await forward.forget();
      await dropCreated(options);
      if (!options.keepJournal) await journal.forget();
    }, options.signal);
    return result;
  });
}

/** Capped collections take part in no transaction. */
async function suitedOptions(options: RevertOptions, journal: Journal): Promise<RevertOptions> {
  if (!options.transactions) return options;
  const target = await journal.target();
  const capped = target !== undefined && (await kindOf(options.db, target)).capped;
  return capped ? { ...options, transactions: false } : options;
}

/** Goes on as long as one restored document lets another be restored; the rest are conflicts. */
async function restoreDeferred(pump: Pump, restore: Restore): Promise<void> {
  for (let before = Infinity; ;) {
    const again = restore.deferred.splice(0);
    const left = again.reduce((sum, range) => sum + (range.sweep?.ids.length ?? 0), 0);
    restore.final = left >= before;
    before = left;
    if (left === 0) return;
    await pump.run(feedOf(again));
  }
}

/** What an interrupted way back had put off: documents of finished ranges that were not dealt with. */
async function deferredBefore(
  checkpoints: Checkpoints,
  journal: Journal,
  progress: Progress,
): Promise<Range[]> {
  const found: Range[] = [];
  for (const { key } of progress.done) {
    const handled = await checkpoints.handled(key);
    const { entries } = await journal.read(key);
    const ids = entries.map((entry) => entry.id).filter((id) => !handled.has(id));
    if (ids.length > 0) found.push({ key: new ObjectId(), sweep: { of: key, round: 1, ids } });
  }
  return found;
}

function feedOf(ranges: Range[]): Feed {
  return {
    next: () => Promise.resolve(ranges.shift()),
    giveBack: (...parts) => {
      if (parts.length > 0) throw new Error('a journaled range cannot be halved');
    },
  };
}

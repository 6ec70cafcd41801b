// One step over the ranges of a collection, from its claim to its result, whatever is done with a range.
import type { Collection, Document } from 'mongodb';
import { Checkpoints, type Progress } from './checkpoints';
import { Pump, type Feed } from './pump';
import { halves, RangePlanner, RangeSizer } from './ranges';
import { revertStep } from './revertStep';
import { claimed, defaultLanes } from './sessions';
import { mostRounds, Sweep } from './sweep';
import { Throttle } from './throttle';
import { steadily } from './transaction';
import type { TransferContext, TransferResult } from './types';
import type { Around, Attempt, Outcome } from './work';

/** Does one attempt at a range, and what belongs outside of its transaction. */
export interface Worker {
  work(attempt: Attempt): Promise<Outcome>;
  around?: Around;
}

export interface Step {
  /** The collection that is cut into ranges. */
  collection: Collection;
  /** Of its `_id` index. */
  collation: Document | undefined;
  filter?: Document;
  /** How many documents there are to do; counted if it is not known. */
  total?: number;
  /** Most documents of a range. */
  documents: number;
  onError: 'stop' | 'quarantine';
  maxErrors: number;
  work(sizer: RangeSizer, throttle: Throttle, progress: Progress): Worker | Promise<Worker>;
  /** A journal is kept for the way back, also where there turned out to be nothing to put into it. */
  journaled: boolean;
  /** Name of its checkpoints, if it is not the step itself. */
  checkpoints?: string;
  /** What is to be done instead of all ranges of the collection. */
  feed?: Feed;
  /** Tidies up once everything is done. */
  close?(): Promise<void>;
}

/** A step over ranges of a collection, from its claim to its result. */
export async function runStep(context: TransferContext, step: Step): Promise<TransferResult> {
  const started = performance.now();
  const { db, runId, epoch, monitor, signal } = context;
  const { collection } = step;
  const checkpoints = new Checkpoints(
    db,
    runId,
    step.checkpoints ?? context.step,
    epoch,
    context.lanes ?? defaultLanes,
  );
  return claimed(context, checkpoints, async (sessions) => {
    const load = async () => checkpoints.load(step.collation);
    const progress = await steadily(load, signal);
    if (progress.finished) {
      const { journaled: _kept, ...before } = progress.finished as TransferResult & Document;
      monitor?.total?.(before.total, before.scanned);
      return before;
    }
    // A way back that was taken before this start belongs to an earlier one.
    const forget = async () => {
      if (progress.done.length > 0 || step.checkpoints) return;
      await new Checkpoints(db, runId, revertStep(context.step), epoch, 0).forget();
    };
    const total = countTotal(context, step, progress);
    const sizer = new RangeSizer({
      first: 1000,
      documents: Math.min(context.batchSize ?? Infinity, step.documents),
    });
    const throttle = new Throttle(db, context.throttle, monitor, signal);
    const [worker] = await Promise.all([
      steadily(async () => step.work(sizer, throttle, progress), signal),
      steadily(forget, signal),
    ]);
    const pump = new Pump({
      context,
      checkpoints,
      sessions,
      throttle,
      sizer,
      work: (attempt) => worker.work(attempt),
      around: worker.around,
      halve: (range) => halves(collection, range),
      collection: collection.collectionName,
      onError: step.onError,
      maxErrors: step.maxErrors,
      sums: progress.sums,
    });
    await pump.crashPoint('after-claim');
    if (step.feed) await pump.run(step.feed);
    else await scan(pump, step, checkpoints, load, () => Math.min(sizer.size, throttle.batchLimit), progress);
    await pump.crashPoint('before-finish');
    const { scanned, processed, skipped, quarantined } = pump.sums;
    const result: TransferResult = {
      scanned,
      processed,
      skipped,
      errors: quarantined,
      quarantined,
      total: Math.max(await total, scanned),
      durationMs: Math.round(performance.now() - started),
    };
    await steadily(async () => {
      await step.close?.();
      if (step.checkpoints) await checkpoints.forget();
      else await checkpoints.finish({ ...result, journaled: step.journaled });
    }, signal);
    return result;
  });
}

/** Every range, and then what was inserted behind. */
async function scan(
  pump: Pump,
  { collection, filter }: Step,
  checkpoints: Checkpoints,
  load: () => Promise<Progress>,
  size: () => number,
  progress: Progress,
): Promise<void> {
  await pump.run(new RangePlanner(collection, size, progress.done, progress.begun));
  await pump.crashPoint('before-sweep');
  for (let round = 1; round <= mostRounds; round++) {
    const { done } = await steadily(load);
    const sweep = new Sweep(collection, filter, checkpoints, done, round);
    await pump.run(sweep);
    if (sweep.found === 0) return;
  }
}

/** Counts beside the work: the number is for progress alone. */
async function countTotal(
  context: TransferContext,
  { collection, filter, total: known }: Step,
  progress: Progress,
): Promise<number> {
  if (known !== undefined) {
    context.monitor?.total?.(known, progress.sums.scanned);
    return known;
  }
  const filtered = filter !== undefined && Object.keys(filter).length > 0;
  const counted = filtered ? collection.countDocuments(filter) : collection.estimatedDocumentCount();
  const found = await counted.catch(() => 0);
  const total = Math.max(found, progress.sums.scanned);
  context.monitor?.total?.(total, progress.sums.scanned);
  return total;
}

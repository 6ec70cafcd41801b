// The entry of the kernel: changes documents range by range with journal, checkpoints, quarantine and throttle.
// It puts source, protocol and sink together; each of them lives in its own file.
import type { Collection, Document } from 'mongodb';
import { UserError } from '../protocol/errors';
import { Checkpoints, type Progress } from './checkpoints';
import { Evaluator } from './evaluate';
import { Guarded } from './guarded';
import { InPlace } from './inPlace';
import { Into } from './into';
import { Journal } from './journal';
import { Merge, worksByRange } from './merge';
import { Pump } from './pump';
import { RangePlanner, RangeSizer } from './ranges';
import { revertStep } from './revert';
import { claimed, defaultLanes } from './sessions';
import { mostRounds, Sweep } from './sweep';
import { Throttle } from './throttle';
import type { PipelineTransferOptions, TransferContext, TransferOptions, TransferResult } from './types';
import type { Attempt, Outcome } from './work';

/** Documents of a range, unless the caller wants fewer. */
const mostDocuments = { function: 2000, pipeline: 5000 } as const;

/**
 * Changes every matching document exactly once, resumable at its checkpoints.
 * Throws `DocumentError` for a document that fails with `onError: 'stop'`, `FencedError` when a newer epoch has
 * taken over, and the signal's reason when it is aborted.
 */
export async function transfer(options: TransferOptions): Promise<TransferResult> {
  const { db, runId, into } = options;
  const source = db.collection(options.collection);
  const target = into === undefined ? source : db.collection(into);
  const kept = options.journal !== 'none';
  // Without transactions the journal is what tells after a crash which documents were changed.
  const journal = kept || !options.transactions ? await openJournal(options) : undefined;
  const evaluator = new Evaluator(db, runId, source);
  return runStep(options, {
    collection: source,
    filter: options.filter,
    documents: mostDocuments[options.change.kind],
    onError: options.onError ?? 'stop',
    maxErrors: options.maxErrors ?? Infinity,
    async work(sizer, throttle, progress) {
      const parts = { options, source, target, sizer, throttle };
      if (!options.transactions && journal) {
        const guarded = new Guarded({ ...parts, journal }, evaluator);
        await guarded.recover(new Set(progress.done.map((range) => range.key.toHexString())));
        return guarded.work;
      }
      return into === undefined
        ? new InPlace({ ...parts, journal }).work
        : new Into({ ...parts, journal }).work;
    },
    async close() {
      if (options.transactions) return;
      await evaluator.drop();
      if (!kept) await journal?.forget();
    },
  });
}

/** Runs an aggregation over ranges of the source and merges its documents into the target. */
export async function transferPipeline(options: PipelineTransferOptions): Promise<TransferResult> {
  if (!worksByRange(options.pipeline)) {
    throw new UserError(
      'This pipeline has stages that look at many documents at once, so it cannot be run in ranges.',
    );
  }
  const collection = options.db.collection(options.collection);
  const journal = options.journal === 'none' ? undefined : await openJournal(options);
  return runStep(options, {
    collection,
    documents: mostDocuments.function,
    onError: 'stop',
    maxErrors: 0,
    work: (sizer, throttle) =>
      new Merge(options, collection, journal, () => Math.min(sizer.limit, throttle.batchLimit)).work,
  });
}

async function openJournal({ db, runId, step }: TransferContext): Promise<Journal> {
  const journal = new Journal(db, runId, step);
  await journal.prepare();
  return journal;
}

type Work = (attempt: Attempt) => Promise<Outcome>;

interface Step {
  /** The collection that is cut into ranges. */
  collection: Collection;
  filter?: Document;
  /** Most documents of a range. */
  documents: number;
  onError: 'stop' | 'quarantine';
  maxErrors: number;
  work(sizer: RangeSizer, throttle: Throttle, progress: Progress): Work | Promise<Work>;
  /** Tidies up once everything is done. */
  close?(): Promise<void>;
}

/** A step over ranges of a collection, from its claim to its result. */
async function runStep(context: TransferContext, step: Step): Promise<TransferResult> {
  const started = performance.now();
  const { db, runId, epoch, monitor, signal } = context;
  const { collection } = step;
  const checkpoints = new Checkpoints(db, runId, context.step, epoch, context.lanes ?? defaultLanes);
  return claimed(context, checkpoints, async (sessions) => {
    const collation = await collationOf(collection);
    const progress = await checkpoints.load(collation);
    if (progress.finished) return progress.finished as TransferResult;
    // A way back that was taken before this start belongs to an earlier one.
    if (progress.done.length === 0)
      await new Checkpoints(db, runId, revertStep(context.step), epoch, 0).forget();
    const total = countTotal(context, step, progress);
    const sizer = new RangeSizer({
      first: 1000,
      documents: Math.min(context.batchSize ?? Infinity, step.documents),
    });
    const throttle = new Throttle(db, context.throttle, monitor, signal);
    const pump = new Pump({
      context,
      checkpoints,
      sessions,
      throttle,
      sizer,
      work: await step.work(sizer, throttle, progress),
      ranged: collection,
      collection: collection.collectionName,
      onError: step.onError,
      maxErrors: step.maxErrors,
      sums: progress.sums,
    });
    await pump.crashPoint('after-claim');
    await pump.run(
      new RangePlanner(collection, () => Math.min(sizer.size, throttle.batchLimit), progress.done),
    );
    await pump.crashPoint('before-sweep');
    for (let round = 1; round <= mostRounds; round++) {
      const { done } = await checkpoints.load(collation);
      const sweep = new Sweep(collection, step.filter, checkpoints, done, round);
      await pump.run(sweep);
      if (sweep.found === 0) break;
    }
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
    await step.close?.();
    await checkpoints.finish(result);
    return result;
  });
}

/** The collation of the collection's `_id` index. */
export async function collationOf(collection: Collection): Promise<Document | undefined> {
  const options = await collection.options();
  return options?.['collation'] as Document | undefined;
}

/** Counts beside the work: the number is for progress alone. */
async function countTotal(
  context: TransferContext,
  { collection, filter }: Step,
  progress: Progress,
): Promise<number> {
  const filtered = filter !== undefined && Object.keys(filter).length > 0;
  const counted = filtered ? collection.countDocuments(filter) : collection.estimatedDocumentCount();
  const found = await counted.catch(() => 0);
  const total = Math.max(found, progress.sums.scanned);
  context.monitor?.total?.(total, progress.sums.scanned);
  return total;
}

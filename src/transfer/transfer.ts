// The entries of the kernel: changing documents range by range with journal, checkpoints, quarantine and throttle.
// They put source, transform, protocol and sink together; each of them lives in its own file.
import { UserError } from '../protocol/errors';
import { Evaluator } from './evaluate';
import { Guarded } from './guarded';
import { InPlace } from './inPlace';
import { Into } from './into';
import { Journal } from './journal';
import { Merge, worksByRange } from './merge';
import { ObjectId } from 'mongodb';
import { quarantinedIds } from './quarantine';
import type { Range } from './ranges';
import { runStep, type Step } from './step';
import { refuseTarget } from './target';
import type { PipelineTransferOptions, TransferContext, TransferOptions, TransferResult } from './types';

/** Documents of a range, unless the caller wants fewer. */
const mostDocuments = { function: 2000, pipeline: 5000 } as const;
/** Documents of a range out of quarantine. */
const retried = 500;

/**
 * Changes every matching document exactly once, resumable at its checkpoints.
 * Throws `DocumentError` for a document that fails with `onError: 'stop'`, `FencedError` when a newer epoch has
 * taken over, and the signal's reason when it is aborted.
 */
export async function transfer(options: TransferOptions): Promise<TransferResult> {
  const suited = await suitedOptions(options);
  return runStep(suited, await documentStep(suited));
}

/**
 * Tries the documents of the step again that are in quarantine; those that fail stay there with their new reason.
 * Counts are those of the retry alone.
 */
export async function retryQuarantine(options: TransferOptions): Promise<TransferResult> {
  const suited = await suitedOptions({ ...options, onError: 'quarantine' });
  const step = await documentStep(suited, true);
  const ids = await quarantinedIds(options.db, { run: options.runId, step: options.step });
  const ranges: Range[] = [];
  for (let at = 0; at < ids.length; at += retried) {
    ranges.push({
      key: new ObjectId(),
      sweep: { of: new ObjectId(), round: 1, ids: ids.slice(at, at + retried) },
    });
  }
  return runStep(suited, {
    ...step,
    total: ids.length,
    checkpoints: `${options.step}:retry`,
    feed: { next: () => Promise.resolve(ranges.shift()), giveBack: () => undefined },
  });
}

/** Refuses what cannot be done, and leaves transactions where the server has none for this collection. */
async function suitedOptions(options: TransferOptions): Promise<TransferOptions> {
  const kinds = await refuseTarget(options.db, options.collection, options.into ?? options.collection);
  const capped = kinds.source.capped || kinds.target.capped;
  return capped && options.transactions ? { ...options, transactions: false } : options;
}

async function documentStep(options: TransferOptions, retry = false): Promise<Step> {
  const { db, runId, into } = options;
  const source = db.collection(options.collection);
  const target = into === undefined ? source : db.collection(into);
  const kept = options.journal !== 'none';
  // Without transactions the journal is what tells after a crash which documents were changed.
  const journal = kept || !options.transactions ? await openJournal(options) : undefined;
  const evaluator = new Evaluator(db, runId, source);
  return {
    collection: source,
    filter: options.filter,
    documents: mostDocuments[options.change.kind],
    onError: options.onError ?? 'stop',
    maxErrors: options.maxErrors ?? Infinity,
    async work(sizer, throttle, progress) {
      const parts = { options, source, target, sizer, throttle, retry };
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
  };
}

/** Runs an aggregation over ranges of the source and merges its documents into the target. */
export async function transferPipeline(options: PipelineTransferOptions): Promise<TransferResult> {
  if (!worksByRange(options.pipeline)) {
    throw new UserError(
      'This pipeline has stages that look at many documents at once, so it cannot be run in ranges.',
    );
  }
  await refuseTarget(options.db, options.collection, options.into);
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

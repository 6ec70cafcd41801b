// The entries of the kernel: changing documents range by range with journal, checkpoints, quarantine and throttle.
// They put source, transform, protocol and sink together; each of them lives in its own file.
import type { Progress } from './checkpoints';
import { noteCreated } from './created';
import { Evaluator } from './evaluate';
import { Guarded } from './guarded';
import { InPlace } from './inPlace';
import { Into } from './into';
import { KeptByServer } from './keptByServer';
import { Journal } from './journal';
import { Merge } from './merge';
import { worksByRange } from './mergeRules';
import { ObjectId, type Document } from 'mongodb';
import { quarantinedIds } from './quarantine';
import type { Range } from './ranges';
import type { RawValue } from './raw';
import { Recovery } from './recovery';
import { runStep, type Step } from './step';
import { limitOf, type StageParts } from './stage';
import { stageWhole } from './stageWhole';
import { collationOf, refuseTarget } from './target';
import type {
  PipelineTransferOptions,
  RetryOptions,
  TransferContext,
  TransferOptions,
  TransferResult,
} from './types';

/** Documents of a range, unless the caller wants fewer. */
const mostDocuments = {
  function: 2000,
  pipeline: 4000,
  /** Without transactions both versions of each document are sent. */
  guarded: 1000,
} as const;
/** Documents of a range that are named one by one. */
const listedTogether = 500;

/**
 * Changes every matching document exactly once, resumable at its checkpoints.
 * Throws `DocumentError` for a document that fails with `onError: 'stop'`, `FencedError` when a newer epoch has
 * taken over, and the signal's reason when it is aborted.
 */
export async function transfer(options: TransferOptions): Promise<TransferResult> {
  const suited = await suitedOptions(options);
  return runStep(suited.options, await documentStep(suited));
}

/**
 * Tries the documents of the step again that are in quarantine; those that fail stay there with their new reason.
 * Counts are those of the retry alone.
 */
export async function retryQuarantine(options: RetryOptions): Promise<TransferResult> {
  const suited = await suitedOptions({ ...options, onError: 'quarantine' });
  const held = options.quarantine ?? options.step;
  const step = await documentStep(suited, { step: held, hold: options.hold ?? false });
  const ids = await quarantinedIds(options.db, { run: options.runId, step: held }, options.only);
  const listed = { ...step, ...listOf(ids) };
  return runStep(suited.options, { ...listed, checkpoints: `${options.step}:retry` });
}

/** These documents instead of all ranges of a collection. */
function listOf(ids: readonly RawValue[]): Pick<Step, 'feed' | 'total'> {
  const ranges: Range[] = [];
  for (let at = 0; at < ids.length; at += listedTogether) {
    const part = ids.slice(at, at + listedTogether);
    ranges.push({ key: new ObjectId(), sweep: { of: new ObjectId(), round: 1, ids: part } });
  }
  return {
    total: ids.length,
    feed: { next: () => Promise.resolve(ranges.shift()), giveBack: () => undefined },
  };
}

interface Suited {
  options: TransferOptions;
  collation: Document | undefined;
}

/** Refuses what cannot be done, and leaves transactions where the server has none for this collection. */
async function suitedOptions(options: TransferOptions): Promise<Suited> {
  const { source, target } = await refuseTarget(
    options.db,
    options.collection,
    options.into ?? options.collection,
  );
  const capped = source.capped || target.capped;
  const collation = collationOf(source);
  return {
    options: capped && options.transactions ? { ...options, transactions: false } : options,
    collation,
  };
}

async function documentStep({ options, collation }: Suited, retry?: StageParts['retry']): Promise<Step> {
  const { db, runId, into } = options;
  const source = db.collection(options.collection);
  const target = into === undefined ? source : db.collection(into);
  const kept = options.journal !== 'none';
  // Without transactions the journal is what tells after a crash which documents were changed.
  const journal = kept || !options.transactions ? await openJournal(options) : undefined;
  if (kept && into !== undefined) await noteCreated(options, into);
  const evaluator = new Evaluator(db, runId, source);
  const keep = async () => KeptByServer.of({ options, source, target, journal, retry });
  // Whether the server can is found out while the step is being claimed.
  const early = options.transactions && into === undefined ? keep() : undefined;
  early?.catch(() => undefined);
  return {
    collection: source,
    collation,
    filter: options.filter,
    documents: mostDocuments[options.transactions ? options.change.kind : 'guarded'],
    onError: options.onError ?? 'stop',
    maxErrors: options.maxErrors ?? Infinity,
    journaled: kept,
    async work(sizer, throttle, progress) {
      const parts = { options, source, target, sizer, throttle, retry };
      if (!options.transactions && journal) {
        const recovery = new Recovery(journal, target);
        await recovery.settleAll(keysOf(progress));
        return new Guarded({ ...parts, journal }, evaluator, recovery);
      }
      if (into !== undefined) return new Into({ ...parts, journal });
      const around = await early?.catch(keep);
      // How large its documents are is known already.
      if (around) sizer.beginWith(around.size);
      return new InPlace({ ...parts, journal }, around);
    },
    async close() {
      if (options.transactions) return;
      await evaluator.drop();
      if (!kept) await journal?.forget();
    },
  };
}

/**
 * Runs an aggregation over ranges of the source and merges its documents into the target. One that looks at many
 * documents at once (`$group`, `$sort`, …) is run as a whole into a collection of our own, which is then merged.
 */
export async function transferPipeline(options: PipelineTransferOptions): Promise<TransferResult> {
  const kinds = await refuseTarget(options.db, options.collection, options.into);
  const suited = kinds.target.capped ? { ...options, transactions: false } : options;
  if (worksByRange(options.pipeline)) return mergeRanges(suited, collationOf(kinds.source));
  const staged = await stageWhole(suited);
  return staged.finished ?? mergeRanges(staged.options, undefined, staged.drop);
}

async function mergeRanges(
  options: PipelineTransferOptions,
  collation: Document | undefined,
  close?: () => Promise<void>,
): Promise<TransferResult> {
  const { db, runId } = options;
  const source = db.collection(options.collection);
  const target = db.collection(options.into);
  const kept = options.journal !== 'none';
  const journal = kept || !options.transactions ? await openJournal(options) : undefined;
  if (kept) await noteCreated(options, options.into);
  const evaluator = new Evaluator(db, runId, target);
  // Several ranges may change the same document; without transactions only one of them may be under way.
  const context = options.transactions ? options : { ...options, lanes: 1 };
  return runStep(context, {
    collection: source,
    collation,
    documents: mostDocuments.function,
    onError: 'stop',
    maxErrors: 0,
    journaled: kept,
    ...(options.only && listOf(options.only)),
    work(sizer, throttle) {
      const parts = { options, source, target, journal, limit: () => limitOf({ sizer, throttle }) };
      if (options.transactions || !journal) return new Merge(parts);
      const recovery = new Recovery(journal, target);
      return new Merge({ ...parts, guard: { journal, recovery, evaluator } });
    },
    async close() {
      await close?.();
      if (options.transactions) return;
      await evaluator.drop();
      if (!kept) await journal?.forget();
    },
  });
}

function keysOf(progress: Progress): ReadonlySet<string> {
  return new Set(progress.done.map((range) => range.key.toHexString()));
}

async function openJournal({ db, runId, step }: TransferContext): Promise<Journal> {
  const journal = new Journal(db, runId, step);
  await journal.prepare();
  return journal;
}

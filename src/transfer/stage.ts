// The first half of every transfer of documents: reading a range and having the change decided for each document;
// and its end, the quarantine and the counts. What happens in between is a sink's.
import type { Collection } from 'mongodb';
import { idsOfDocuments } from './handled';
import { rawPipeline } from './command';
import { Edit, editAll, type Edits, type Failed } from './edits';
import type { Journal } from './journal';
import { releaseQuarantine, writeQuarantine } from './quarantine';
import type { RangeSizer } from './ranges';
import { idOf, keyOf } from './raw';
import type { RawValue } from './raw';
import { readBatch, readListed, type Batch } from './source';
import type { Throttle } from './throttle';
import type { TransferOptions } from './types';
import { outcomeOf, type Attempt, type Job, type Outcome } from './work';

export interface StageParts {
  options: TransferOptions;
  /** Read from. */
  source: Collection;
  /** Written to; the source itself for a change in place. */
  target: Collection;
  journal: Journal | undefined;
  sizer: RangeSizer;
  throttle: Throttle;
  /** The documents come out of quarantine: that of this step, which may keep them. */
  retry?: { step: string; hold: boolean };
}

/** Most documents of a batch. */
export function limitOf({ sizer, throttle }: Pick<StageParts, 'sizer' | 'throttle'>): number {
  return Math.min(sizer.limit, throttle.batchLimit);
}

export class Stage {
  /** The one update of all documents, as bytes, where the change is one. */
  readonly pipeline: RawValue | undefined;

  constructor(readonly parts: StageParts) {
    const { change } = parts.options;
    if (change.kind === 'pipeline') this.pipeline = rawPipeline(change.update);
  }

  get limit(): number {
    return limitOf(this.parts);
  }

  async read({ job, session, crashPoint }: Attempt): Promise<Batch> {
    const { source, options } = this.parts;
    const { filter } = options;
    const { limit } = this;
    const batch = job.range.sweep
      ? await readListed(source, job.range.sweep.ids, { filter, session })
      : await readBatch(source, job.range, { filter, limit, session });
    await crashPoint('after-read');
    return batch;
  }

  async edit(documents: readonly Buffer[], job: Job): Promise<Edits> {
    const { change, signal, onError, collection } = this.parts.options;
    if (change.kind === 'function') {
      const stopIn = onError === 'quarantine' ? undefined : collection;
      return editAll(documents, change.transform, change.ctx, { job, signal, stopIn });
    }
    const result: Edits = { edits: [], failed: [] };
    for (const raw of documents) {
      const refused = job.failed.size > 0 ? job.failed.get(keyOf(idOf(raw))) : undefined;
      if (refused) result.failed.push({ raw, id: idOf(raw), reason: refused.reason });
      else {
        result.edits.push(new Edit(raw, { kind: 'update', u: this.pipeline!, patch: undefined }));
      }
    }
    return result;
  }

  async outcome(
    batch: Batch,
    done: { processed: number; failed: Failed[] },
    { session, job }: Attempt,
  ): Promise<Outcome> {
    const { options, retry } = this.parts;
    const { processed, failed } = done;
    const quarantined = failed.map(({ id, reason, raw, thrown }) => ({
      id,
      reason,
      input: raw,
      place: thrown === undefined ? undefined : options.placeOf?.(thrown),
    }));
    const where = { run: options.runId, step: retry?.step ?? options.step, collection: options.collection };
    // Also those that are not there any more.
    const out = retry && !retry.hold ? (job.range.sweep?.ids ?? []) : [];
    await releaseQuarantine(options.db, where, out, session);
    await writeQuarantine(options.db, where, quarantined, session);
    const scanned = batch.documents.length;
    return outcomeOf({
      tally: {
        scanned,
        processed,
        skipped: Math.max(0, scanned - processed - failed.length),
        quarantined: failed.length,
      },
      handled: idsOfDocuments(batch.documents),
      bytes: batch.bytes,
      quarantined,
      rest: batch.rest,
      to: batch.to,
    });
  }
}

/** The edits that write something. */
export function updates(edits: readonly Edit[]): (Edit & { change: { kind: 'update' } })[] {
  return edits.filter((edit): edit is Edit & { change: { kind: 'update' } } => edit.change.kind === 'update');
}

// Changing documents where they are, one range in one transaction: the snapshot that was read is the guard, since a
// document that somebody else changed meanwhile ends the transaction with a conflict. Deployments without
// transactions take guarded.ts.
import type { Collection } from 'mongodb';
import { emptyTally } from './checkpoints';
import {
  idQuery,
  rawDocument,
  rawPipeline,
  sendWrites,
  speakable,
  UnspeakableId,
  updateStatement,
  readRange,
} from './command';
import { TryAgain, WriteRefused } from './errors';
import { editAll, type Edit, type Edits, type Failed } from './edits';
import type { Journal, JournalEntry } from './journal';
import { groups } from './idGroups';
import { diff } from './patch';
import { writeQuarantine } from './quarantine';
import type { RangeSizer } from './ranges';
import {
  arrayValue,
  BsonType,
  document,
  element,
  emptyDocument,
  idOf,
  keyOf,
  objectValue,
  sameBytes,
} from './raw';
import type { RawValue } from './raw';
import { readBatch, readByIds, type Batch } from './source';
import type { Throttle } from './throttle';
import type { TransferOptions } from './types';
import type { Attempt, Outcome } from './work';

export interface InPlaceParts {
  options: TransferOptions;
  collection: Collection;
  journal: Journal | undefined;
  sizer: RangeSizer;
  throttle: Throttle;
}

export class InPlace {
  private readonly pipeline: RawValue | undefined;
  private readonly filter: Buffer | undefined;

  constructor(private readonly parts: InPlaceParts) {
    const { change, filter } = parts.options;
    this.pipeline = change.kind === 'pipeline' ? rawPipeline(change.update) : undefined;
    const raw = rawDocument(filter);
    this.filter = raw.length > emptyDocument.length ? raw : undefined;
  }

  /** Reads, changes and journals a range inside the attempt's transaction. */
  readonly work = async (attempt: Attempt): Promise<Outcome> => {
    const batch = await this.read(attempt);
    await attempt.crashPoint('after-read');
    const { edits, failed } = await this.edit(batch, attempt);
    const changed = edits.filter((edit) => edit.change.kind === 'update');
    const entries = this.pipeline
      ? await this.runPipeline(batch, changed, attempt)
      : await this.runEdits(changed, attempt);
    await this.parts.journal?.write(
      attempt.job.range.key,
      this.parts.collection.collectionName,
      entries,
      attempt,
    );
    await attempt.crashPoint('after-journal');
    return this.outcome(batch, changed.length, failed, attempt);
  };

  private read({ job, session }: Attempt): Promise<Batch> {
    const { collection, options, sizer, throttle } = this.parts;
    return readBatch(collection, job.range, {
      filter: options.filter,
      limit: Math.min(sizer.limit, throttle.batchLimit),
      session,
      signal: options.signal,
    });
  }

  private edit(batch: Batch, { job }: Attempt): Promise<Edits> | Edits {
    const { change, signal, onError, collection } = this.parts.options;
    if (change.kind === 'function') {
      const stopIn = onError === 'quarantine' ? undefined : collection;
      return editAll(batch.documents, change.transform, change.ctx, { job, signal, stopIn });
    }
    const result: Edits = { edits: [], failed: [] };
    for (const raw of batch.documents) {
      const id = idOf(raw);
      const refused = job.failed.get(keyOf(id));
      if (refused) result.failed.push({ raw, id, reason: refused.reason });
      else result.edits.push({ raw, id, change: { kind: 'update', u: this.pipeline!, patch: undefined } });
    }
    return result;
  }

  private async runEdits(edits: Edit[], attempt: Attempt): Promise<JournalEntry[]> {
    await this.sendOneByOne(edits, attempt);
    if (!this.parts.journal) return [];
    const unknown = edits.filter(({ change }) => change.kind === 'update' && !change.patch);
    const after = unknown.length > 0 ? await this.readAfter(unknown, attempt) : new Map<string, Buffer>();
    const entries: JournalEntry[] = [];
    for (const { id, raw, change } of edits) {
      if (change.kind !== 'update') continue;
      const patch = change.patch ?? diff(raw, after.get(keyOf(id)) ?? raw);
      if (patch.kind === 'whole' || patch.touched.length > 0) entries.push({ id, before: raw, patch });
    }
    return entries;
  }

  private async sendOneByOne(edits: Edit[], { session, job }: Attempt): Promise<void> {
    const { collection, options } = this.parts;
    const statements = edits.map(({ id, change }) =>
      updateStatement(idQuery(id), change.kind === 'update' ? change.u : objectValue(emptyDocument)),
    );
    const reply = await sendWrites(options.db, 'update', collection.collectionName, statements, {
      session,
      bypassDocumentValidation: job.bypass,
    });
    const failure = reply.failures[0];
    if (failure) throw new WriteRefused(edits[failure.index]!.id, failure.message, failure.code);
    if (reply.n !== statements.length) {
      throw new Error(
        `${statements.length - reply.n} documents of "${collection.collectionName}" were not found by their _id`,
      );
    }
  }

  /** The whole range in one statement (one for each group of `_id`s that a comparison covers). */
  private async runPipeline(batch: Batch, edits: Edit[], attempt: Attempt): Promise<JournalEntry[]> {
    const { collection, options } = this.parts;
    if (attempt.job.oneByOne || edits.length < batch.documents.length)
      await this.sendOneByOne(edits, attempt);
    else {
      const statements = groups(edits.map((edit) => edit.id)).map(([first, last]) =>
        this.groupStatement(first, last),
      );
      const reply = await sendWrites(options.db, 'update', collection.collectionName, statements, attempt);
      if (reply.failures[0] || reply.n !== edits.length) {
        // A refusal does not say which document it was.
        attempt.job.oneByOne = true;
        throw new TryAgain();
      }
    }
    if (!this.parts.journal) return [];
    const after = await this.readAfter(edits, attempt);
    const entries: JournalEntry[] = [];
    for (const { id, raw } of edits) {
      const now = after.get(keyOf(id));
      if (now && !sameBytes(now, raw)) entries.push({ id, before: raw, patch: diff(raw, now) });
    }
    return entries;
  }

  private groupStatement(first: RawValue, last: RawValue): Buffer {
    const ids = sameId(first, last)
      ? idQuery(first)
      : document([element('_id', objectValue(document([element('$gte', first), element('$lte', last)])))]);
    const q = this.filter
      ? document([element('$and', arrayValue([objectValue(ids), objectValue(this.filter)]))])
      : ids;
    const hint = document([element('_id', { type: BsonType.int, bytes: Buffer.from([1, 0, 0, 0]) })]);
    return document([
      element('q', objectValue(q)),
      element('u', this.pipeline!),
      element('multi', { type: BsonType.bool, bytes: Buffer.from([1]) }),
      element('hint', objectValue(hint)),
    ]);
  }

  /** The documents as the transaction has left them. */
  private async readAfter(edits: Edit[], { job, session }: Attempt): Promise<Map<string, Buffer>> {
    const { collection } = this.parts;
    const first = edits[0];
    if (!first) return new Map();
    if (!this.filter && isSpeakableId(first.id)) {
      const found = await readRange(collection, {
        min: first.id,
        max: job.range.to,
        limit: edits.length,
        session,
      });
      const map = new Map(found.map((raw) => [keyOf(idOf(raw)), raw]));
      if (edits.every((edit) => map.has(keyOf(edit.id)))) return map;
    }
    return readByIds(
      collection,
      edits.map((edit) => edit.id),
      session,
    );
  }

  private async outcome(
    batch: Batch,
    processed: number,
    failed: Failed[],
    attempt: Attempt,
  ): Promise<Outcome> {
    const { options, collection } = this.parts;
    const quarantined = failed.map(({ id, reason, raw }) => ({ id, reason, input: raw }));
    const where = { run: options.runId, step: options.step, collection: collection.collectionName };
    await writeQuarantine(options.db, where, quarantined, attempt.session);
    const scanned = batch.documents.length;
    return {
      tally: {
        ...emptyTally(),
        scanned,
        processed,
        skipped: scanned - processed - failed.length,
        quarantined: failed.length,
      },
      handled: batch.documents.map(idOf),
      documents: scanned,
      bytes: batch.bytes,
      quarantined,
      conflicts: [],
      rest: batch.rest,
      to: batch.to,
    };
  }
}

function isSpeakableId(id: RawValue): boolean {
  try {
    speakable(id);
    return true;
  } catch (error) {
    if (error instanceof UnspeakableId) return false;
    throw error;
  }
}

function sameId(a: RawValue, b: RawValue): boolean {
  return a.type === b.type && sameBytes(a.bytes, b.bytes);
}

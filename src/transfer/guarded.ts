// Changing documents where there are no transactions: journal first, then each document under the guard of the image
// that was journaled, then the checkpoint. After a crash the journal of an unfinished range tells which documents had
// been changed already. Model: test/unit/transfer/model.test.ts.
import { documentError } from './errors';
import type { Failed } from './edits';
import type { Evaluator } from './evaluate';
import { writeGuarded } from './guardedWrite';
import type { Journal } from './journal';
import type { PackedEntry } from './journalPack';
import { fastApply, fastDiff } from './fastPatch';
import { applyPatch, decodePatch, diff, printOf, type Patch } from './patch';
import { idOf, keyOf, sameBytes, sameValue } from './raw';
import { unclearReason, type Recovery } from './recovery';
import { readBatch, readByIds, type Batch } from './source';
import { Stage, updates, type StageParts } from './stage';
import { pause } from './transaction';
import type { Attempt, Outcome } from './work';

/** Bytes of documents with what becomes of them in one reply of 16 MB. */
const mostTold = 12 * 1024 * 1024;
/** How often a document that others keep changing is tried before it fails. */
const mostTries = 50;

type Edits = ReturnType<typeof updates>;
interface Planned extends PackedEntry {
  after: Buffer;
}
/** By key of the `_id`. */
type Made = Map<string, { before: Buffer; after: Buffer }>;
interface Done {
  processed: number;
  failed: Failed[];
}

export class Guarded {
  private readonly stage: Stage;
  /** About how large a document is, as far as it is known. */
  private documentBytes = 0;

  constructor(
    private readonly parts: StageParts & { journal: Journal },
    private readonly evaluator: Evaluator,
    private readonly recovery: Recovery,
  ) {
    this.stage = new Stage(parts);
  }

  readonly work = async (attempt: Attempt): Promise<Outcome> => {
    const { job } = attempt;
    const { signal } = this.parts.options;
    // The attempt before this one may have written a part of the range.
    if (job.journaled > 0) job.journaled = await this.recovery.settle(job.range.key);
    const { batch, made } = (await this.look(attempt)) ?? { batch: await this.stage.read(attempt) };
    this.documentBytes = batch.bytes / batch.documents.length || this.documentBytes;
    const done: Done = { processed: 0, failed: [] };
    let todo = this.withoutKnown(batch.documents, done);
    for (let tries = 0; todo.length > 0; tries++) {
      if (tries === mostTries) {
        for (const raw of todo)
          this.fail(done, { id: idOf(raw), raw, reason: 'others change it all the time' });
        break;
      }
      if (tries > 0) await pause(Math.min(200, 2 ** tries), signal);
      signal?.throwIfAborted();
      todo = await this.pass(todo, attempt, done, tries === 0 ? made : undefined);
    }
    return this.stage.outcome(batch, done, attempt);
  };

  /**
   * A range of a pipeline in one look at each document: as it is, and what becomes of it. Undefined where that is not
   * possible, or would not fit into a reply.
   */
  private async look(attempt: Attempt): Promise<{ batch: Batch; made: Made } | undefined> {
    const { options, source } = this.parts;
    const { range } = attempt.job;
    const { change, filter } = options;
    const limit = this.stage.limit;
    if (change.kind !== 'pipeline' || range.sweep || 2 * limit * this.documentBytes > mostTold)
      return undefined;
    const found = await readBatch(source, range, { filter, limit, projection: { _id: 1 } });
    const ids = found.documents.map(idOf);
    const made = await this.evaluator.evaluatePipeline(ids, change.update, filter);
    if (!made) return undefined;
    await attempt.crashPoint('after-read');
    const documents = [...made.values()].map(({ before }) => before);
    const bytes = documents.reduce((sum, { length }) => sum + length, 0);
    return { batch: { ...found, documents, bytes }, made };
  }

  /** Changes the documents; hands back those that somebody else changed meanwhile, as they are now. */
  private async pass(
    documents: Buffer[],
    attempt: Attempt,
    done: Done,
    made: Made | undefined,
  ): Promise<Buffer[]> {
    const { job } = attempt;
    const { options, source, target, journal } = this.parts;
    const { edits, failed } = await this.stage.edit(documents, job);
    done.failed.push(...failed);
    const planned = await this.plan(updates(edits), attempt, done, made);
    await attempt.verify();
    const entries = planned.filter(({ before, after }) => !before || !sameBytes(before, after));
    await journal.write(job.range.key, target.collectionName, entries, { attempt: job.journaled++ });
    await attempt.crashPoint('after-journal');
    const reply = await writeGuarded(options.db, target.collectionName, entries, job);
    for (const { index, message } of reply.refused) {
      const { id } = entries[index]!;
      const raw = edits.find((edit) => sameValue(edit.id, id))!.raw;
      this.fail(done, { id, raw, reason: message });
    }
    done.processed += planned.length - reply.refused.length - reply.changed.length - reply.missing;
    if (reply.changed.length === 0) return [];
    const ids = reply.changed.map((index) => entries[index]!.id);
    return [...(await readByIds(source, ids, { filter: options.filter })).values()];
  }

  /** What each document becomes; where only the server can tell, it is found out beside it. */
  private async plan(
    edits: Edits,
    { lane }: Attempt,
    done: Done,
    made: Made | undefined,
  ): Promise<Planned[]> {
    const { source, target } = this.parts;
    const inPlace = target.collectionName === source.collectionName;
    const there = inPlace
      ? undefined
      : await readByIds(
          target,
          edits.map((edit) => edit.id),
          {},
        );
    const tried = made ?? (await this.tryOut(edits, lane, done));
    const planned: Planned[] = [];
    for (const { raw, change } of edits) {
      const id = idOf(raw);
      const trial = tried.size > 0 ? tried.get(keyOf(id)) : undefined;
      const after = change.replacement ?? changed(raw, change) ?? trial?.after;
      if (!after) continue;
      const before = there ? there.get(keyOf(id)) : (trial?.before ?? raw);
      const patch = inPlace && change.encodedPatch ? change.encodedPatch : patchOf(before, after);
      planned.push({ id, before, after, patch });
    }
    return planned;
  }

  /** Outcomes that only the server can tell. */
  private async tryOut(edits: Edits, lane: number, done: Done): Promise<Made> {
    const { change, filter } = this.parts.options;
    const trials = edits.filter(({ change: it }) => !it.patch && !it.encodedPatch && !it.replacement);
    if (trials.length === 0) return new Map();
    if (change.kind === 'pipeline') {
      const ids = trials.map((trial) => trial.id);
      const found = await this.evaluator.evaluatePipeline(ids, change.update, filter);
      if (found) return found;
    }
    const { after, failed } = await this.evaluator.evaluate(
      trials.map(({ id, raw, change: it }) => ({ id, raw, u: it.u })),
      lane,
    );
    for (const item of failed) this.fail(done, item);
    return new Map(
      trials.flatMap(({ id, raw }) => {
        const made = after.get(keyOf(id));
        return made ? [[keyOf(id), { before: raw, after: made }] as const] : [];
      }),
    );
  }

  private withoutKnown(documents: readonly Buffer[], done: Done): Buffer[] {
    const { applied, unclear } = this.recovery;
    if (applied.size + unclear.size === 0) return [...documents];
    return documents.filter((raw) => {
      const id = idOf(raw);
      const key = keyOf(id);
      if (applied.has(key)) done.processed += 1;
      else if (unclear.has(key)) this.fail(done, { id, raw, reason: unclearReason });
      else return true;
      return false;
    });
  }

  private fail(done: Done, failed: Failed): void {
    const { onError, collection } = this.parts.options;
    if (onError !== 'quarantine') throw documentError(collection, failed.id, failed.reason);
    done.failed.push(failed);
  }
}

/** The new version, where it is known what the change touches. */
function changed(raw: Buffer, { encodedPatch, patch }: Edits[number]['change']): Buffer | undefined {
  if (encodedPatch) return fastApply(raw, encodedPatch) ?? applyPatch(raw, decodePatch(encodedPatch));
  return patch && applyPatch(raw, patch);
}

function patchOf(before: Buffer | undefined, after: Buffer): Patch | Buffer {
  if (!before) return printOf(after);
  return fastDiff(before, after) ?? diff(before, after);
}

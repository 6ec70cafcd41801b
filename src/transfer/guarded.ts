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
import { readByIds } from './source';
import { Stage, updates, type StageParts } from './stage';
import { pause } from './transaction';
import type { Attempt, Outcome } from './work';

/** How often a document that others keep changing is tried before it fails. */
const mostTries = 50;

type Edits = ReturnType<typeof updates>;
interface Planned extends PackedEntry {
  after: Buffer;
}
interface Done {
  processed: number;
  failed: Failed[];
}

export class Guarded {
  private readonly stage: Stage;
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
    const batch = await this.stage.read(attempt);
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
      todo = await this.pass(todo, attempt, done);
    }
    return this.stage.outcome(batch, done, attempt);
  };

  /** Changes the documents; hands back those that somebody else changed meanwhile, as they are now. */
  private async pass(documents: Buffer[], attempt: Attempt, done: Done): Promise<Buffer[]> {
    const { job } = attempt;
    const { options, source, target, journal } = this.parts;
    const { edits, failed } = await this.stage.edit(documents, job);
    done.failed.push(...failed);
    const planned = await this.plan(updates(edits), attempt, done);
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
  private async plan(edits: Edits, { lane }: Attempt, done: Done): Promise<Planned[]> {
    const { source, target } = this.parts;
    const inPlace = target.collectionName === source.collectionName;
    const there = inPlace
      ? undefined
      : await readByIds(
          target,
          edits.map((edit) => edit.id),
          {},
        );
    const tried = await this.tryOut(edits, lane, done);
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

  /** Outcomes that only the server can tell, by key of the `_id`. */
  private async tryOut(
    edits: Edits,
    lane: number,
    done: Done,
  ): Promise<Map<string, { before: Buffer; after: Buffer }>> {
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

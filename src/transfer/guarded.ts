// Changing documents where there are no transactions: journal first, then each document under the guard of the image
// that was journaled, then the checkpoint. After a crash the journal of an unfinished range tells which documents had
// been changed already. Model: test/unit/transfer/model.test.ts.
import { documentError } from './errors';
import type { Failed } from './edits';
import type { Evaluator } from './evaluate';
import { writeGuarded } from './guardedWrite';
import type { Journal, JournalEntry } from './journal';
import { applyPatch, decodePatch, diff, printOf } from './patch';
import { idOf, keyOf, sameBytes } from './raw';
import { unclearReason, type Recovery } from './recovery';
import { readByIds } from './source';
import { Stage, updates, type StageParts } from './stage';
import { pause } from './transaction';
import type { Attempt, Outcome } from './work';

/** How often a document that others keep changing is tried before it fails. */
const mostTries = 50;

type Edits = ReturnType<typeof updates>;
interface Planned extends JournalEntry {
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
    const raws = new Map(edits.map((edit) => [keyOf(edit.id), edit.raw]));
    for (const { index, message } of reply.refused) {
      const { id } = entries[index]!;
      this.fail(done, { id, raw: raws.get(keyOf(id))!, reason: message });
    }
    done.processed += planned.length - reply.refused.length - reply.changed.length - reply.missing;
    if (reply.changed.length === 0) return [];
    const ids = reply.changed.map((index) => entries[index]!.id);
    return [...(await readByIds(source, ids, { filter: options.filter })).values()];
  }

  /** What each document becomes; where only the server can tell, it is tried on a copy. */
  private async plan(edits: Edits, { lane }: Attempt, done: Done): Promise<Planned[]> {
    const { source, target } = this.parts;
    const ids = edits.map((edit) => edit.id);
    const there =
      target.collectionName === source.collectionName ? undefined : await readByIds(target, ids, {});
    const trials = edits.flatMap(({ id, raw, change }) =>
      change.patch || change.encodedPatch || change.replacement ? [] : [{ id, raw, u: change.u }],
    );
    const tried = trials.length > 0 ? await this.evaluator.evaluate(trials, lane) : undefined;
    for (const failed of tried?.failed ?? []) this.fail(done, failed);
    const planned: Planned[] = [];
    for (const { id, raw, change } of edits) {
      const known = change.encodedPatch ? decodePatch(change.encodedPatch) : change.patch;
      const after = change.replacement ?? (known ? applyPatch(raw, known) : tried?.after.get(keyOf(id)));
      if (!after) continue;
      const before = there ? there.get(keyOf(id)) : raw;
      planned.push({ id, before, after, patch: before ? diff(before, after) : printOf(after) });
    }
    return planned;
  }

  private withoutKnown(documents: readonly Buffer[], done: Done): Buffer[] {
    return documents.filter((raw) => {
      const id = idOf(raw);
      const key = keyOf(id);
      if (this.recovery.applied.has(key)) done.processed += 1;
      else if (this.recovery.unclear.has(key)) this.fail(done, { id, raw, reason: unclearReason });
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

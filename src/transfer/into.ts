// Writing the changed documents into another collection, one range in one transaction. What the target held under the
// same `_id` is replaced, and journaled like any other change.
import { idQuery, sendWrites, updateStatement } from './command';
import { WriteRefused } from './errors';
import { replacementValue } from './interpret';
import type { JournalEntry } from './journalPack';
import { diff, printOf } from './patch';
import { keyOf, sameBytes } from './raw';
import type { RawValue } from './raw';
import { readByIds } from './source';
import { Stage, updates, type StageParts } from './stage';
import type { Attempt, Outcome } from './work';

export class Into {
  private readonly stage: Stage;

  constructor(private readonly parts: StageParts) {
    this.stage = new Stage(parts);
  }

  readonly work = async (attempt: Attempt): Promise<Outcome> => {
    const { job, session } = attempt;
    const { journal, target } = this.parts;
    const batch = await this.stage.read(attempt);
    const { edits, failed } = await this.stage.edit(batch.documents, job);
    const changed = updates(edits);
    const ids = changed.map((edit) => edit.id);
    const before = journal ? await readByIds(target, ids, { session }) : new Map<string, Buffer>();
    await this.send(changed, attempt);
    if (journal) {
      const after = await readByIds(target, ids, { session });
      await journal.write(job.range.key, target.collectionName, entriesOf(ids, before, after), { session });
    }
    await attempt.crashPoint('after-journal');
    return this.stage.outcome(batch, { processed: changed.length, failed }, attempt);
  };

  private async send(edits: ReturnType<typeof updates>, { session, job }: Attempt): Promise<void> {
    const { target, options } = this.parts;
    const statements: Buffer[] = [];
    const owners: RawValue[] = [];
    for (const { id, raw, change } of edits) {
      const query = idQuery(id);
      statements.push(updateStatement(query, replacementValue(change.replacement ?? raw), { upsert: true }));
      owners.push(id);
      if (change.replacement) continue;
      // Operators and pipelines run on the server, on the copy.
      statements.push(updateStatement(query, change.u));
      owners.push(id);
    }
    const reply = await sendWrites(options.db, 'update', target.collectionName, statements, {
      session,
      bypassDocumentValidation: job.bypass,
    });
    const failure = reply.failures[0];
    if (failure) throw new WriteRefused(owners[failure.index]!, failure.message, failure.code);
  }
}

/** What changed in the target between two looks at it. */
export function entriesOf(
  ids: readonly RawValue[],
  before: ReadonlyMap<string, Buffer>,
  after: ReadonlyMap<string, Buffer>,
): JournalEntry[] {
  const entries: JournalEntry[] = [];
  for (const id of ids) {
    const was = before.get(keyOf(id));
    const now = after.get(keyOf(id));
    if (!now || (was && sameBytes(was, now))) continue;
    entries.push({ id, before: was, patch: was ? diff(was, now) : printOf(now) });
  }
  return entries;
}

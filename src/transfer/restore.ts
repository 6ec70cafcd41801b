// Putting documents back as they were, one journaled range in one transaction. Where the touched fields no longer
// hold what the run wrote, the document is left alone and told as a conflict.
import type { Collection } from 'mongodb';
import { emptyTally } from './checkpoints';
import { idQuery, sendWrites, updateStatement } from './command';
import { TryAgain, WriteRefused } from './errors';
import { replacementValue } from './interpret';
import type { Journal, JournalEntry } from './journal';
import { takeBack } from './patch';
import { document, element, intValue, keyOf, objectValue, sameBytes } from './raw';
import type { RawValue } from './raw';
import { decoded } from './shownId';
import { readByIds } from './source';
import type { Conflict, RevertOptions } from './types';
import type { Attempt, Outcome } from './work';

/** Refused by a validator that came after the document: what was there before may be there again. */
const validationFailed = 121;

interface Restoring {
  statements: Buffer[];
  ids: RawValue[];
}

export class Restore {
  private readonly collections = new Map<string, Collection>();

  constructor(
    private readonly options: RevertOptions,
    private readonly journal: Journal,
  ) {}

  readonly work = async (attempt: Attempt): Promise<Outcome> => {
    const { job, session } = attempt;
    const { target, entries } = await this.journal.read(job.range.key, session);
    const collection = this.collection(target);
    const current = await readByIds(
      collection,
      entries.map((entry) => entry.id),
      session,
    );
    await attempt.crashPoint('after-read');
    const updates: Restoring = { statements: [], ids: [] };
    const deletes: Restoring = { statements: [], ids: [] };
    const conflicts: Conflict[] = [];
    for (const entry of entries) {
      const now = current.get(keyOf(entry.id));
      const refused = job.failed.get(keyOf(entry.id));
      const reason = refused?.reason ?? this.plan(entry, now, updates, deletes);
      if (reason) conflicts.push(conflictOf(target, entry, now, reason));
    }
    await this.send('delete', target, deletes, attempt);
    await this.send('update', target, updates, attempt);
    const bytes = entries.reduce((sum, entry) => sum + (entry.before?.length ?? 0), 0);
    return {
      tally: {
        ...emptyTally(),
        scanned: entries.length,
        processed: entries.length - deletes.ids.length - conflicts.length,
        deleted: deletes.ids.length,
        conflicts: conflicts.length,
      },
      handled: entries.map((entry) => entry.id),
      documents: entries.length,
      bytes,
      quarantined: [],
      conflicts,
      rest: [],
    };
  };

  /** Adds what puts the document back, or says why it is left alone. */
  private plan(
    entry: JournalEntry,
    now: Buffer | undefined,
    updates: Restoring,
    deletes: Restoring,
  ): string | undefined {
    const { id, before, patch } = entry;
    if (!before) {
      // Created by the run: gone again if nobody has written to it, done if it is gone already.
      if (!now) return undefined;
      if (patch.kind === 'whole' && patch.after && sameBytes(patch.after, now)) {
        deletes.ids.push(id);
        deletes.statements.push(
          document([element('q', objectValue(idQuery(id))), element('limit', intValue(1))]),
        );
        return undefined;
      }
      return 'the run created it, and it was changed since';
    }
    if (!now) return 'it was deleted after the run';
    if (sameBytes(before, now)) return undefined;
    const restored = takeBack(before, patch, now);
    if (!restored) return 'a field that the run had changed was changed again since';
    updates.ids.push(id);
    updates.statements.push(updateStatement(idQuery(id), replacementValue(restored)));
    return undefined;
  }

  private async send(
    kind: 'update' | 'delete',
    target: string,
    items: Restoring,
    attempt: Attempt,
  ): Promise<void> {
    if (items.statements.length === 0) return;
    const reply = await sendWrites(this.options.db, kind, target, items.statements, {
      session: attempt.session,
      bypassDocumentValidation: attempt.job.bypass && kind === 'update',
    });
    const failure = reply.failures[0];
    if (!failure) return;
    if (failure.code === validationFailed && !attempt.job.bypass) {
      attempt.job.bypass = true;
      throw new TryAgain();
    }
    throw new WriteRefused(items.ids[failure.index]!, failure.message, failure.code);
  }

  private collection(name: string): Collection {
    let found = this.collections.get(name);
    if (!found) this.collections.set(name, (found = this.options.db.collection(name)));
    return found;
  }
}

function conflictOf(
  collection: string,
  entry: JournalEntry,
  now: Buffer | undefined,
  reason: string,
): Conflict {
  return { collection, id: decoded(entry.id), reason, before: entry.before ?? null, current: now ?? null };
}

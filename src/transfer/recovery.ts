// After a crash without transactions: which documents of an unfinished range had been changed, read off its journal
// and the documents themselves. Documents of which it cannot be told are named, never guessed.
import type { Collection, ObjectId } from 'mongodb';
import type { Journal } from './journal';
import type { LazyEntry } from './journalPack';
import { decodePatch, isApplied, isUnapplied } from './patch';
import { keyOf, sameBytes } from './raw';
import { readByIds } from './source';

export const unclearReason =
  'the runner ended while it was being changed, and somebody else changed it before the run went on; ' +
  'without transactions it cannot be told whether the change had been made';

export class Recovery {
  /** Keys of the `_id`s that an interrupted attempt had changed already, and of those that are not clear. */
  readonly applied = new Set<string>();
  readonly unclear = new Set<string>();
  private readonly byRange = new Map<string, Set<string>>();

  constructor(
    private readonly journal: Journal,
    private readonly target: Collection,
  ) {}

  /** Settles the ranges that were journaled and not finished; before anything else is done. */
  async settleAll(finished: ReadonlySet<string>): Promise<void> {
    const { ranges } = await this.journal.ranges();
    for (const range of ranges) if (!finished.has(range.toHexString())) await this.settle(range);
  }

  /** The same for one range alone, where several ranges change the same document. */
  appliedIn(range: ObjectId): Set<string> {
    const key = range.toHexString();
    let found = this.byRange.get(key);
    if (!found) this.byRange.set(key, (found = new Set()));
    return found;
  }

  /** Leaves only what was done in the range's journal. Answers the number that the next attempt at it may use. */
  async settle(range: ObjectId): Promise<number> {
    const { entries, nextAttempt } = await this.journal.read(range);
    const ids = entries.map((entry) => entry.id);
    const current = await readByIds(this.target, ids, {});
    const kept = entries.filter((entry) => {
      const state = stateOf(entry, current.get(keyOf(entry.id)));
      if (state === 'applied') {
        this.applied.add(keyOf(entry.id));
        this.appliedIn(range).add(keyOf(entry.id));
      }
      if (state === 'unclear') this.unclear.add(keyOf(entry.id));
      return state !== 'open';
    });
    await this.journal.write(range, this.target.collectionName, kept, {
      attempt: nextAttempt,
      settles: true,
    });
    return nextAttempt + 1;
  }
}

/** How far the change of a journaled document had come. */
export function stateOf(
  { before, patch: encoded }: Pick<LazyEntry, 'before' | 'patch'>,
  now: Buffer | undefined,
): 'open' | 'applied' | 'unclear' {
  if (!now) return 'open';
  const patch = decodePatch(encoded);
  if (before && (sameBytes(before, now) || isUnapplied(patch, before, now))) return 'open';
  return isApplied(patch, now) ? 'applied' : 'unclear';
}

// Taking several changes of one document back, the newest first, without touching anything: what it becomes, or why it
// is left alone.
import type { JournalEntry } from '../../transfer/journalPack';
import { isApplied, isUnapplied, takeBack } from '../../transfer/patch';
import { sameBytes } from '../../transfer/raw';

export type Folded = { after: Buffer | undefined } | { conflict: string };

/** How far a change that was only announced had come. */
function isUnknown({ patch }: JournalEntry): boolean {
  return patch.kind === 'paths' && patch.touched.length === 0;
}

/** @param pending the change was announced, and its runner ended before it noted how it went. */
export function takeBackEntry(entry: JournalEntry, now: Buffer | undefined, pending: boolean): Folded {
  const { before, patch } = entry;
  if (!before) {
    // Created by the script: it goes if nobody has written to it, and may be gone already.
    if (!now || isApplied(patch, now)) return { after: undefined };
    return { conflict: 'the run created it, and it was changed since' };
  }
  if (patch.kind === 'whole' && patch.after === undefined) {
    // Deleted by the script: it comes back if its place is free.
    if (!now || sameBytes(before, now)) return { after: before };
    return { conflict: 'the run deleted it, and another with the same _id was created since' };
  }
  if (!now) return { conflict: 'it was deleted after the run' };
  if (sameBytes(before, now) || (!isUnknown(entry) && isUnapplied(patch, before, now))) return { after: now };
  if (pending && isUnknown(entry))
    return {
      conflict: 'the runner ended while it was being changed, and it cannot be told who wrote it since',
    };
  const after = takeBack(before, patch, now);
  return after ? { after } : { conflict: 'a field that the run had changed was changed again since' };
}

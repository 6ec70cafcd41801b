// Documents that a way back has left alone, for those who decide about them later: kept in the run's journal under a
// step name of their own, since everything else of the journal is done with.
import type { ClientSession, Db, ObjectId } from 'mongodb';
import { Checkpoints } from './checkpoints';
import { Journal } from './journal';
import { type LazyEntry } from './journalPack';
import { keyOf } from './raw';
import type { RawValue } from './raw';
import { revertStep } from './revertStep';

export function leftAloneStep(step: string): string {
  return `${step}:conflicts`;
}

/** One document, however often the run had changed it. */
export interface LeftAlone {
  collection: string;
  id: RawValue;
  /** As it was before the run; undefined = the run created it. */
  before: Buffer | undefined;
}

/** Adds what is left alone of a range, in its transaction where there is one. */
export async function leaveAlone(
  journal: Journal,
  range: ObjectId,
  target: string,
  entries: readonly LazyEntry[],
  session: ClientSession | undefined,
): Promise<void> {
  const known = await journal.read(range, session);
  const all = new Map([...known.entries, ...entries].map((entry) => [keyOf(entry.id), entry]));
  await journal.write(range, target, [...all.values()], {
    session,
    attempt: known.nextAttempt,
    settles: true,
  });
}

/** What the way back of a step has left, each document with its oldest version. */
export async function readLeftAlone(db: Db, runId: string, step: string): Promise<LeftAlone[]> {
  const journal = new Journal(db, runId, leftAloneStep(step));
  const { ranges } = await journal.ranges();
  const found = new Map<string, LeftAlone>();
  // The oldest range first: what it found was there before the run.
  for (const range of ranges.toReversed()) {
    const { target, entries } = await journal.read(range);
    for (const { id, before } of entries) {
      const key = keyOf(id);
      if (!found.has(key)) found.set(key, { collection: target, id, before });
    }
  }
  return [...found.values()];
}

/** These documents are decided about. @returns how many are left. */
export async function settleLeftAlone(
  db: Db,
  runId: string,
  step: string,
  ids: readonly RawValue[],
): Promise<number> {
  const journal = new Journal(db, runId, leftAloneStep(step));
  const { ranges } = await journal.ranges();
  const settled = new Set(ids.map(keyOf));
  const left = new Set<string>();
  for (const range of ranges) {
    const { target, entries } = await journal.read(range);
    const kept = entries.filter(({ id }) => !settled.has(keyOf(id)));
    if (kept.length < entries.length) await journal.replace(range, target, kept);
    for (const { id } of kept) left.add(keyOf(id));
  }
  return left.size;
}

/** Forgets everything about a step whose way back is settled: its journal, its checkpoints. */
export async function forgetStep(db: Db, runId: string, step: string): Promise<void> {
  await new Journal(db, runId, step).forget();
  await new Journal(db, runId, leftAloneStep(step)).forget();
  await new Checkpoints(db, runId, step, 0, 0).forget();
  await new Checkpoints(db, runId, revertStep(step), 0, 0).forget();
}

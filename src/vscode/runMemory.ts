// Runs of this window that have ended, kept for the next one: a rehearsal leaves no run document, and none holds the
// log and the report. Bounded in number and size, the newest count.
import type { RunSnapshot } from '../protocol/events';
import type { Memory } from './connections';
import type { Disposable } from './event';
import type { RunStore } from './runs';
import { isOver } from './runs';

const key = 'migratory.finishedRuns';
const keptRuns = 12;
const keptCharacters = 256_000;

export class RunMemory {
  readonly #listener: Disposable;
  /** Runs that this window, or the one before it, has started. */
  readonly #ours: Set<string>;

  constructor(
    private readonly runs: RunStore,
    private readonly memory: Memory,
  ) {
    const before = this.#read();
    this.#ours = new Set(before.map(({ run }) => run._id));
    for (const snapshot of before) runs.putSnapshot(snapshot, false);
    this.#listener = runs.onDidChange((id) => this.#follow(id));
  }

  dispose(): void {
    this.#listener.dispose();
  }

  /** What others ran is read from their run documents. */
  #follow(id: string): void {
    if (this.runs.isOwn(id)) this.#ours.add(id);
    const snapshot = this.runs.get(id);
    if (!snapshot || !isOver(snapshot.run) || !this.#ours.has(id)) return;
    void this.memory.update(key, [shortened(snapshot), ...this.#others(id)].slice(0, keptRuns));
  }

  #others(id: string): RunSnapshot[] {
    return this.#read().filter(({ run }) => run._id !== id);
  }

  #read(): RunSnapshot[] {
    const kept = this.memory.get(key);
    return Array.isArray(kept) ? kept.filter(isSnapshot) : [];
  }
}

/** Less of what is long until it fits: sampled documents first, then the older lines of the log. */
export function shortened(snapshot: RunSnapshot, limit: number = keptCharacters): RunSnapshot {
  let short = snapshot;
  for (let share = 2; size(short) > limit && share <= 1024; share *= 2) {
    const newest = <T>(items: readonly T[]): T[] =>
      items.length < share ? [] : items.slice(-Math.ceil(items.length / share));
    short = {
      ...snapshot,
      log: newest(snapshot.log),
      conflicts: newest(snapshot.conflicts),
      quarantined: newest(snapshot.quarantined),
      reports: snapshot.reports.map((report) => ({ ...report, diffs: newest(report.diffs) })),
    };
  }
  return short;
}

function size(snapshot: RunSnapshot): number {
  return JSON.stringify(snapshot).length;
}

function isSnapshot(value: unknown): value is RunSnapshot {
  if (typeof value !== 'object' || value === null) return false;
  const { run, log, reports, conflicts, quarantined, rates } = value as Record<keyof RunSnapshot, unknown>;
  const lists = [log, reports, conflicts, quarantined, rates];
  return lists.every(Array.isArray) && typeof (run as { _id?: unknown } | undefined)?._id === 'string';
}

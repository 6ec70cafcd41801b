// The one store of what is known about runs, from their own processes or from the run documents that the
// observer reads. Tree, lenses, panel and status bar read it and compute no state of their own.
import type { ErrorInfo } from '../protocol/errors';
import type { RunSnapshot } from '../protocol/events';
import type { RunDocument, RunStep } from '../protocol/run';
import { finalRunStates } from '../protocol/run';
import { Emitter } from './event';
import type { LastDryRun } from './lastDryRun';
import { lastDryRunOf } from './lastDryRun';

/** A run that is not over and whose heartbeat is older than this has lost its runner. */
export const heartbeatLimitMs = 15_000;
const sweepEveryMs = 3000;
const keptRates = 300;

interface Entry {
  snapshot: RunSnapshot;
  /** Its process is ours and alive, so it knows better than the run document. */
  own: boolean;
  /** Heartbeat as last told, and when (on our clock) it was first told: other machines' clocks may be off. */
  heartbeat: string;
  heartbeatSeenAt: number;
  heartbeatMoved: boolean;
  stale: boolean;
  /** Targets in words: as its runner named it, and as the connections through which it was read do. */
  targets: ReadonlySet<string>;
  /** Its own process ended without an end of the run: what we saw last is newer than its run document. */
  lost: boolean;
}

/** A run and its step that is about one migration. */
export interface LastRun {
  run: RunDocument;
  step: RunStep;
}

export function isOver(run: Pick<RunDocument, 'state'>): boolean {
  return finalRunStates.includes(run.state);
}

/**
 * The runs that ended before their work was done and that no newer one has taken up, so that going on with them
 * makes sense. `runs` are those on one database, newest first.
 */
export function resumableRuns(runs: readonly RunDocument[]): ReadonlySet<string> {
  const resumable = new Set<string>();
  const seen = new Set<string>();
  for (const { _id, mode, state, steps } of runs) {
    if (mode !== 'up' && mode !== 'down') continue;
    const ended = state === 'interrupted' || state === 'failed' || state === 'cancelled';
    const open = steps.filter((step) => step.state !== 'applied' && !seen.has(step.name));
    if (mode === 'up' && ended && open.length > 0) resumable.add(_id);
    for (const { name } of steps) seen.add(name);
  }
  return resumable;
}

export class RunStore {
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new Emitter<string>();
  #sweeper: NodeJS.Timeout | undefined;

  /** Tells the id of a run whose snapshot is another now. */
  readonly onDidChange = this.#changed.event;

  constructor(private readonly now: () => number = Date.now) {}

  /** The whole view of a run, out of its own process (`own`) or read by the observer. */
  putSnapshot(snapshot: RunSnapshot, own: boolean): void {
    const before = this.#entries.get(snapshot.run._id);
    if (before?.own && !own) return;
    this.#put({ ...this.#heartbeat(before, snapshot.run), snapshot, own });
  }

  /** What a database holds of a run: its document with the end of its log, conflicts and quarantine; no reports. */
  putStored(stored: RunSnapshot): void {
    const before = this.#entries.get(stored.run._id);
    if (before?.own) return;
    const { log, reports, rates } = before?.snapshot ?? stored;
    const snapshot = { ...stored, log: log.length > 0 ? log : stored.log, reports, rates };
    this.#put({ ...this.#heartbeat(before, stored.run), snapshot, own: false });
  }

  /**
   * Run documents as the observer reads them; a run's own living process knows better. `target` is how the
   * connection that they were read through is called here: their runner may know it by another address.
   */
  putDocuments(runs: readonly RunDocument[], target?: string): void {
    for (const run of runs) {
      const before = this.#entries.get(run._id);
      if (before && target !== undefined && !before.targets.has(target)) {
        before.targets = new Set([...before.targets, target]);
        this.#changed.fire(run._id);
      }
      if (before?.own) continue;
      if (before?.lost && (!isOver(run) || run.state === 'interrupted')) continue;
      if (before && !hasMoved(before.snapshot.run, run)) continue;
      const snapshot = before
        ? { ...before.snapshot, run, rates: ratesAfter(before, run) }
        : { run, log: [], reports: [], conflicts: [], quarantined: [], rates: [] };
      this.#put({ ...this.#heartbeat(before, run), snapshot, own: false }, target);
    }
  }

  /** The run's own process is gone: what it did not end is interrupted now, not only when the heartbeat ages. */
  processEnded(id: string, error?: ErrorInfo): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.own = false;
    if (!isOver(entry.snapshot.run)) {
      entry.stale = true;
      entry.lost = true;
      if (error) entry.snapshot = { ...entry.snapshot, run: { ...entry.snapshot.run, error } };
    }
    this.#changed.fire(id);
  }

  get(id: string): RunSnapshot | undefined {
    const entry = this.#entries.get(id);
    return entry && shown(entry);
  }

  /** True while the run's own process, started by this window, is there. */
  isOwn(id: string): boolean {
    return this.#entries.get(id)?.own ?? false;
  }

  /** Whether a run is on a target, by any of its names. */
  isOn(id: string, target: string): boolean {
    return this.#entries.get(id)?.targets.has(target) ?? false;
  }

  /** Newest first; of one target, or of all. */
  list(target?: string): RunDocument[] {
    return [...this.#entries.values()]
      .filter(({ targets }) => target === undefined || targets.has(target))
      .map((entry) => shown(entry).run)
      .sort((a, b) => new Date(b.startedAt).getTime() - new Date(a.startedAt).getTime());
  }

  active(target?: string): RunDocument[] {
    return this.list(target).filter((run) => !isOver(run));
  }

  /** The newest run that had to do with each migration, by the migration's name. */
  lastByMigration(target: string): Map<string, LastRun> {
    const last = new Map<string, LastRun>();
    for (const run of this.list(target)) {
      for (const step of run.steps) if (!last.has(step.name)) last.set(step.name, { run, step });
    }
    return last;
  }

  /** The newest dry run of each migration that has come to its end, by the migration's name. */
  dryRuns(target: string): Map<string, LastDryRun> {
    const found = new Map<string, LastDryRun>();
    for (const run of this.list(target)) {
      if (run.mode !== 'dry-run' || run.direction !== 'up' || !isOver(run)) continue;
      const reports = this.#entries.get(run._id)?.snapshot.reports ?? [];
      for (const step of run.steps) {
        if (found.has(step.name) || (step.state !== 'applied' && step.state !== 'failed')) continue;
        const report = reports.find((one) => one.step === step.name);
        found.set(step.name, lastDryRunOf(run, step, report));
      }
    }
    return found;
  }

  /** Turns runs whose heartbeat stopped into interrupted ones. Runs by itself every few seconds. */
  sweep(): void {
    for (const [id, entry] of this.#entries) {
      if (entry.stale || entry.own || isOver(entry.snapshot.run) || !this.#isStale(entry)) continue;
      entry.stale = true;
      this.#changed.fire(id);
    }
    this.#scheduleSweep();
  }

  dispose(): void {
    clearTimeout(this.#sweeper);
    this.#changed.dispose();
  }

  #put(seen: Omit<Entry, 'stale' | 'lost' | 'targets'>, target?: string): void {
    const { _id, target: named } = seen.snapshot.run;
    const targets = new Set([...(this.#entries.get(_id)?.targets ?? []), named, target ?? named]);
    const stale = !seen.own && !isOver(seen.snapshot.run) && this.#isStale(seen);
    const entry: Entry = { ...seen, targets, stale, lost: false };
    this.#entries.set(_id, entry);
    this.#changed.fire(_id);
    this.#scheduleSweep();
  }

  #heartbeat(
    before: Entry | undefined,
    run: RunDocument,
  ): Pick<Entry, 'heartbeat' | 'heartbeatSeenAt' | 'heartbeatMoved'> {
    const heartbeat = new Date(run.heartbeatAt).toISOString();
    if (before && before.heartbeat === heartbeat) {
      const { heartbeatSeenAt, heartbeatMoved } = before;
      return { heartbeat, heartbeatSeenAt, heartbeatMoved };
    }
    return { heartbeat, heartbeatSeenAt: this.now(), heartbeatMoved: before !== undefined };
  }

  /**
   * A heartbeat that we have seen move is judged by our own clock; one that we have only read once, by the
   * time it carries.
   */
  #isStale(entry: Omit<Entry, 'stale' | 'lost' | 'targets'>): boolean {
    const carried = new Date(entry.heartbeat).getTime();
    const last = entry.heartbeatMoved ? entry.heartbeatSeenAt : Math.min(carried, entry.heartbeatSeenAt);
    return this.now() - last > heartbeatLimitMs;
  }

  #scheduleSweep(): void {
    clearTimeout(this.#sweeper);
    const waiting = [...this.#entries.values()].some((entry) => !entry.stale && !isOver(entry.snapshot.run));
    if (!waiting) return;
    this.#sweeper = setTimeout(() => this.sweep(), sweepEveryMs);
    this.#sweeper.unref();
  }
}

/** A run of somebody else is read about once a second while it moves: each reading is one point of its chart. */
function ratesAfter({ snapshot: { rates }, heartbeat }: Entry, run: RunDocument): number[] {
  const moving = run.steps.find(({ state }) => state === 'running' || state === 'rolling-back');
  const beat = heartbeat !== new Date(run.heartbeatAt).toISOString();
  return moving && beat ? [...rates, moving.rate].slice(-keptRates) : rates;
}

function shown(entry: Entry): RunSnapshot {
  if (!entry.stale) return entry.snapshot;
  return { ...entry.snapshot, run: { ...entry.snapshot.run, state: 'interrupted' } };
}

function hasMoved(before: RunDocument, after: RunDocument): boolean {
  return JSON.stringify(before) !== JSON.stringify(after);
}

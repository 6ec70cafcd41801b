// The pump: lanes that take ranges, have them done by a Work in one transaction each (or in the guarded protocol
// where there are none), note them as done, and try again, halve or give up on what fails.
import type { ClientSession } from 'mongodb';
import { addTally, type Checkpoints, type Tally } from './checkpoints';
import { documentError, TryAgain, WriteRefused } from './errors';
import type { Piece, Range, RangeSizer } from './ranges';
import { keyOf } from './raw';
import { decoded } from './shownId';
import type { Throttle } from './throttle';
import {
  hasLabel,
  inTransaction,
  isConflict,
  isTooLarge,
  isCacheFull,
  isInterruption,
  isTransient,
  pause,
  patienceMs,
} from './transaction';
import type { CrashPoint, TransferContext } from './types';
import type { Around, Attempt, Job, Outcome } from './work';

/** Hands out ranges; undefined when there are none left. */
export interface Feed {
  next(): Promise<Range | undefined>;
  giveBack(...ranges: Piece[]): void;
}

export interface PumpOptions {
  context: TransferContext;
  /** Absent where whoever undoes the ranges finds them by other means, and nobody resumes them. */
  checkpoints?: Checkpoints;
  /** One for each lane, where there are transactions. */
  sessions: readonly ClientSession[];
  throttle: Throttle;
  sizer: RangeSizer;
  /** Does one attempt at a range, up to but without its checkpoint. */
  work(attempt: Attempt): Promise<Outcome>;
  /** Work outside of the transactions. */
  around?: Around;
  /** Both halves of a range, if it has any; without this they are not halved. */
  halve?(range: Range): Promise<Piece[] | undefined>;
  /** Name of the collection whose documents fail, for messages. */
  collection: string;
  onError: 'stop' | 'quarantine';
  maxErrors: number;
  /** Sums of earlier runs of the step. */
  sums: Tally;
}

/** Attempts at a range that meets conflicts before it is halved. */
const conflictsBeforeHalving = 3;
/** Refusals in one range before it is halved to find the documents faster. */
const refusalsBeforeHalving = 4;

export class Pump {
  readonly sums: Tally;
  /** Documents dealt with by this process. */
  private doneHere = 0;
  private failure: { error: unknown } | undefined;

  constructor(private readonly options: PumpOptions) {
    this.sums = options.sums;
  }

  /** Does everything that the feed hands out; throws the first failure after the other lanes have stopped. */
  async run(feed: Feed): Promise<void> {
    const { checkpoints, sessions } = this.options;
    const lanes = checkpoints?.lanes ?? sessions.length;
    await Promise.all(Array.from({ length: lanes }, (_, lane) => this.lane(lane, feed)));
    if (this.failure) throw this.failure.error;
  }

  readonly crashPoint = async (point: CrashPoint): Promise<void> => {
    await this.options.context.crashPoint?.(point, this.doneHere);
  };

  private async lane(lane: number, feed: Feed): Promise<void> {
    const { context, throttle } = this.options;
    try {
      while (!this.failure) {
        await context.gate?.();
        await throttle.ready();
        context.signal?.throwIfAborted();
        const range = await feed.next();
        if (!range) return;
        await this.doRange(lane, range, feed);
      }
    } catch (error) {
      this.failure ??= { error };
    }
  }

  private async doRange(lane: number, range: Range, feed: Feed): Promise<void> {
    const job: Job = {
      range,
      failed: new Map(),
      oneByOne: range.sweep !== undefined,
      bypass: false,
      journaled: 0,
    };
    const started = performance.now();
    let conflicts = 0;
    let refusals = 0;
    for (let attempt = 0; ; attempt++) {
      this.options.context.signal?.throwIfAborted();
      if (this.failure) return;
      const began = performance.now();
      try {
        const outcome = await this.attempt(lane, job, began);
        await this.finished(range, outcome, performance.now() - began, feed);
        return;
      } catch (error) {
        if (await this.options.around?.failed(job, error)) continue;
        if (error instanceof WriteRefused) {
          this.note(job, error);
          refusals += 1;
          if (refusals < refusalsBeforeHalving || !(await this.halve(range, feed))) continue;
          return;
        }
        if (error instanceof TryAgain) continue;
        if (isTooLarge(error) && (await this.halve(range, feed))) return;
        const passing = isTransient(error) || isInterruption(error) || isCacheFull(error);
        if (!passing || performance.now() - started > patienceMs) throw error;
        if (isConflict(error)) conflicts += 1;
        if (conflicts >= conflictsBeforeHalving && (await this.halve(range, feed))) return;
        await pause(waitBefore(attempt, error), this.options.context.signal);
      }
    }
  }

  private async attempt(lane: number, job: Job, began: number): Promise<Outcome> {
    const { context, checkpoints, sessions } = this.options;
    const work = async (session?: ClientSession): Promise<Outcome> => {
      const outcome = await this.options.work({
        job,
        lane,
        session,
        crashPoint: this.crashPoint,
        verify: async () => checkpoints?.verify(lane),
        begin: async (to) => checkpoints?.begin({ ...job.range, to }),
      });
      await this.crashPoint('after-write');
      const range = outcome.rest.length > 0 ? { ...job.range, to: outcome.to } : job.range;
      const ms = performance.now() - began;
      await checkpoints?.record(lane, range, outcome.tally, outcome.handled, { session, ms });
      await this.crashPoint('after-checkpoint');
      return outcome;
    };
    if (!context.transactions) return work();
    const session = sessions[lane]!;
    const seen = await this.options.around?.begin(job);
    if (seen) await this.crashPoint('after-images');
    return inTransaction(
      session,
      () => work(session),
      () => this.crashPoint('before-commit'),
      seen,
    );
  }

  private async finished(range: Range, outcome: Outcome, ms: number, feed: Feed): Promise<void> {
    const { context, sizer, throttle, collection } = this.options;
    const { tally } = outcome;
    addTally(this.sums, tally);
    this.doneHere += outcome.handled.count;
    if (outcome.rest.length > 0) feed.giveBack(...outcome.rest);
    await outcome.held?.();
    sizer.learn(range.keys ?? outcome.documents, outcome.documents, outcome.bytes, ms);
    throttle.spent(outcome.documents);
    const monitor = context.monitor;
    for (const { id, reason, place } of outcome.quarantined)
      monitor?.quarantined?.({ collection, id: decoded(id), reason, place });
    for (const conflict of outcome.conflicts) monitor?.conflict?.(conflict);
    monitor?.batch?.({
      count: tally.scanned,
      ms,
      processed: tally.processed,
      skipped: tally.skipped,
      errors: tally.quarantined,
      quarantined: tally.quarantined,
      conflicts: tally.conflicts,
    });
    await this.crashPoint('after-commit');
    if (this.sums.quarantined > this.options.maxErrors) {
      const last = outcome.quarantined.at(-1);
      if (last)
        throw documentError(
          this.options.collection,
          last.id,
          last.reason,
          undefined,
          ` (more than ${this.options.maxErrors} documents failed)`,
        );
    }
  }

  /** A refused document stops the transfer, or is left out of the next attempt and quarantined with it. */
  private note(job: Job, refused: WriteRefused): void {
    const key = keyOf(refused.id);
    if (this.options.onError === 'stop')
      throw documentError(this.options.collection, refused.id, refused.reason, refused);
    // Refused although it was left out: somebody else wrote it; that cannot be.
    if (job.failed.has(key)) throw refused;
    job.failed.set(key, { id: refused.id, reason: refused.reason });
  }

  /** Hands both halves of a range back; false if it cannot be halved. */
  private async halve(range: Range, feed: Feed): Promise<boolean> {
    const { sizer, context } = this.options;
    // Without transactions a part of the range may have been written under its key.
    if (range.sweep || !context.transactions) return false;
    const halves = await this.options.halve?.(range);
    if (!halves) return false;
    sizer.shrink();
    feed.giveBack(...halves);
    return true;
  }
}

/** Conflicts are over soon; an overloaded or electing server needs longer. */
function waitBefore(attempt: number, error: unknown): number {
  const overloaded = hasLabel(error, 'SystemOverloadedError');
  const base = isConflict(error) && !overloaded ? 5 : 50;
  return Math.min(2000, base * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

// The recorder of one run: keeps its document, its events and its snapshot in step, so that the database, the
// terminal and the panel never tell different stories. It also obeys the document's `control`.
import type { EventBody } from '../protocol/events';
import type { ErrorInfo } from '../protocol/errors';
import type { CheckResult, RunDocument, RunLogLine, RunState, RunStep, RunThrottle } from '../protocol/run';
import { machineId } from './lease';
import { newRunDocument, type RecorderOptions } from './runDocument';
import { indexRuns, runs, writeRun } from './runs';
import { SnapshotKeeper } from './snapshot';
import { StepFigures } from './stepFigures';
import { withStoredErrors } from './storedErrors';
import { throttleInWords, throttleKeys } from './throttle';

const writeEveryMs = 1_000;
const snapshotEveryMs = 200;

export class RunRecorder {
  readonly id: string;
  readonly document: RunDocument;
  readonly #options: RecorderOptions;
  readonly #snapshot: SnapshotKeeper;
  readonly #figures = new StepFigures();
  #writeTimer: NodeJS.Timeout | undefined;
  #snapshotTimer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #stored = false;
  /** The last line of the log that the document holds. */
  #storedLine: RunLogLine | undefined;
  #muted = false;
  #pausedFrom: RunState | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.id = options.id;
    this.document = newRunDocument(options);
    options.onThrottle?.(this.document.throttle ?? {});
    this.#snapshot = new SnapshotKeeper(this.document, options.resumed?.log);
  }

  /** Writes the document for the first time (only runs that hold the lease do) and keeps it alive from now on. */
  async store(): Promise<void> {
    await indexRuns(this.#options.db);
    await runs(this.#options.db).insertOne({
      ...this.document,
      heartbeatAt: new Date(),
      machine: machineId(),
      epoch: this.#options.epoch,
    });
    this.#stored = true;
  }

  /** Takes up the document of an interrupted run again. */
  async reopen(): Promise<void> {
    const { _id, ...fields } = withStoredErrors(this.document);
    await runs(this.#options.db).updateOne(
      { _id },
      {
        $set: { ...fields, heartbeatAt: new Date(), machine: machineId(), epoch: this.#options.epoch },
      },
      { ignoreUndefined: true },
    );
    this.#stored = true;
  }

  /** Starts the beat: progress events, rates, heartbeat and control, about once a second. */
  start(names: string[]): void {
    const { mode, target, db } = this.#options;
    this.emit({ type: 'run.started', mode, target, database: db.databaseName, names });
    this.#writeTimer = setInterval(() => this.#beat(), writeEveryMs);
  }

  step(name: string): RunStep {
    const step = this.document.steps.find((candidate) => candidate.name === name);
    if (!step) throw new Error(`run ${this.id} has no step ${name}`);
    return step;
  }

  setState(state: RunState): void {
    this.document.state = state;
    this.#changed();
  }

  /** The step goes into its next state, and the run with it. */
  enter(step: RunStep, state: RunState): void {
    step.startedAt ??= new Date();
    step.state = state;
    this.setState(state);
  }

  /**
   * Waits until the document tells what stands in memory. Before the first change of a step: whoever finds the
   * documents half-way after a kill must find the run that did it.
   */
  async flush(): Promise<void> {
    await this.#writing;
    await this.#write();
  }

  /** Does `work` without a trace in events and figures: a dry run tries things more than once. */
  async mute<T>(work: () => Promise<T>): Promise<T> {
    this.#muted = true;
    try {
      return await work();
    } finally {
      this.#muted = false;
    }
  }

  /** The work of the step begins: its total may be known or come later (`setTotal`). */
  beginWork(step: RunStep, total: number | null): void {
    if (this.#muted) return;
    this.#figures.begin(step, total);
    this.emit({ type: 'step.started', step: step.name, kind: step.kind, total });
  }

  /** @param part of a script that does several things: their totals add up. */
  setTotal(step: RunStep, total: number | null, part = ''): void {
    if (this.#muted) return;
    this.#figures.setTotal(step, total, part);
    this.#changed();
  }

  setActivity(step: RunStep, activity: string | undefined): void {
    step.activity = activity;
    this.#changed();
  }

  batch(step: RunStep, count: number, ms: number): void {
    if (this.#muted) return;
    this.#figures.of(step).recordBatch(count, ms);
    this.#changed();
  }

  /** Absolute progress, for authors who report it themselves. */
  progressTo(step: RunStep, done: number, total: number | null): void {
    if (this.#muted) return;
    const monitor = this.#figures.of(step);
    if (total !== null) monitor.total = total;
    monitor.recordBatch(Math.max(0, done - monitor.processed), 0);
    this.#changed();
  }

  countErrors(step: RunStep, errors: number): void {
    this.#figures.of(step).errors = errors;
    step.errors = errors;
    this.#changed();
  }

  check(step: RunStep, result: CheckResult): void {
    step.checks.push(result);
    this.emit({ type: 'check', step: step.name, ...result });
  }

  verification(step: RunStep, result: CheckResult): void {
    step.verification.push(result);
    this.emit({ type: 'verification', step: step.name, ...result });
  }

  log(level: 'info' | 'warn' | 'error', message: string, step?: string): void {
    this.emit({ type: 'log', level, message, step });
  }

  finishStep(step: RunStep, state: RunState, error: ErrorInfo | null): void {
    this.#figures.copy(step);
    step.state = state;
    step.endedAt = new Date();
    step.error = error;
    step.activity = undefined;
    step.etaSeconds = null;
    if (step.total !== null) this.#emitProgress(step);
    const durationMs = step.endedAt.getTime() - new Date(step.startedAt ?? step.endedAt).getTime();
    if (error) this.emit({ type: 'error', step: step.name, error });
    this.emit({
      type: 'step.finished',
      step: step.name,
      state,
      processed: step.processed,
      durationMs,
      error,
    });
  }

  /** Shows the run as paused; `unpause` brings back the state it had. */
  pause(): void {
    this.#pausedFrom ??= this.document.state;
    this.#setStates('paused');
    this.#beat();
  }

  unpause(): void {
    if (this.#pausedFrom) this.#setStates(this.#pausedFrom);
    this.#pausedFrom = undefined;
    this.#beat();
  }

  #setStates(state: RunState): void {
    this.document.state = state;
    for (const step of this.document.steps) {
      if (step.startedAt !== null && step.endedAt === null) step.state = state;
    }
    this.#changed();
  }

  /** The end: the last write of the document is awaited; `write: false` for a runner that may not write any more. */
  async finish(
    state: RunState,
    exitCode: number,
    error: ErrorInfo | null,
    { write }: { write: boolean },
  ): Promise<void> {
    clearInterval(this.#writeTimer);
    this.document.state = state;
    this.document.endedAt = new Date();
    this.document.error = error;
    await this.#writing;
    // A server that is gone cannot take the end: the run then shows as interrupted by its silence.
    if (write) await this.#write().catch(() => undefined);
    const durationMs = this.document.endedAt.getTime() - new Date(this.document.startedAt).getTime();
    this.emit({ type: 'run.finished', state, durationMs, exitCode, error });
    clearTimeout(this.#snapshotTimer);
    this.#snapshotTimer = undefined;
    this.#options.hooks.snapshot?.(this.#snapshot.view);
  }

  emit(body: EventBody): void {
    if (this.#muted) return;
    const event = { run: this.id, at: new Date().toISOString(), ...body };
    this.#snapshot.remember(event);
    this.#options.hooks.event?.(event);
    this.#changed();
  }

  #emitProgress(step: RunStep): void {
    const { processed, total, percentage, rate, etaSeconds, batchMs, errors } = this.#figures.copy(step);
    this.emit({
      type: 'progress',
      step: step.name,
      processed,
      total,
      percentage,
      rate,
      etaSeconds,
      batchMs,
      errors,
    });
  }

  #beat(): void {
    const moving = this.document.steps.find(
      (step) => step.state === 'running' || step.state === 'rolling-back',
    );
    if (moving) {
      this.#emitProgress(moving);
      this.#snapshot.addRate(moving.rate);
    }
    // A slow server must not pile up writes, and a failed one is made good by the next beat.
    this.#writing ??= this.#write()
      .catch(() => undefined)
      .finally(() => (this.#writing = undefined));
  }

  async #write(): Promise<void> {
    if (!this.#stored) return;
    this.document.heartbeatAt = new Date();
    // What others may write is read here and not written.
    const { _id, control: _control, throttle, heartbeatAt: _heartbeatAt, ...fields } = this.document;
    // Most beats say nothing new: the log is written when it has grown.
    const line = this.#snapshot.view.log.at(-1);
    const log = line === this.#storedLine ? undefined : this.#snapshot.lastLines();
    const orders = await writeRun(this.#options.db, _id, this.#options.epoch, { ...fields, log });
    this.#storedLine = line;
    if (!orders) return;
    this.#obeyThrottle(orders.throttle, throttle ?? {});
    if (orders.control !== null) this.#options.onControl(orders.control);
  }

  #obeyThrottle(wanted: RunThrottle, known: RunThrottle): void {
    const same = throttleKeys.every((key) => wanted[key] === known[key]);
    if (same) return;
    this.document.throttle = wanted;
    this.#options.onThrottle?.(wanted);
    this.log('info', `The throttle was changed: ${throttleInWords(wanted)}.`);
  }

  #changed(): void {
    this.#snapshotTimer ??= setTimeout(() => {
      this.#snapshotTimer = undefined;
      for (const step of this.document.steps) {
        if (step.endedAt === null && this.#figures.has(step)) this.#figures.copy(step);
      }
      this.#options.hooks.snapshot?.(this.#snapshot.view);
    }, snapshotEveryMs);
  }
}

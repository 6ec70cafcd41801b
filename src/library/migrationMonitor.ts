// `MigrationMonitor`: the engine's progress figures for programs that drive their own loop.
import { formatTime, ProgressMonitor, type ProgressFigures } from '../engine/monitor';

export interface MonitorStats {
  total: number;
  processed: number;
  /** How many documents failed. */
  errors: number;
  /** Milliseconds of each batch, in order. */
  batchTimes: number[];
}

export class MigrationMonitor {
  readonly stats: MonitorStats = { total: 0, processed: 0, errors: 0, batchTimes: [] };
  /** The failed documents with their errors, the first hundred of them. */
  readonly failures: { error: unknown; document: unknown }[] = [];
  #progress = new ProgressMonitor();
  #startedAt = Date.now();
  #endedAt: number | undefined;

  /** @param total documents expected. */
  start(total: number): void {
    Object.assign(this.stats, { total, processed: 0, errors: 0, batchTimes: [] });
    this.failures.length = 0;
    this.#progress = new ProgressMonitor(total);
    this.#startedAt = Date.now();
    this.#endedAt = undefined;
  }

  /** @param ms how long the batch took. */
  recordBatch(count: number, ms: number): void {
    this.stats.processed += count;
    this.stats.batchTimes.push(ms);
    this.#progress.recordBatch(count, ms);
  }

  recordError(error: unknown, document: unknown): void {
    this.stats.errors += 1;
    this.#progress.errors = this.stats.errors;
    if (this.failures.length < 100) this.failures.push({ error, document });
  }

  /** Rate, percentage and ETA now. */
  get figures(): ProgressFigures {
    return this.#progress.figures();
  }

  /** Ends the clock. @returns a sentence about the whole. */
  complete(): string {
    this.#endedAt = Date.now();
    const { processed, total, errors } = this.stats;
    const seconds = (this.#endedAt - this.#startedAt) / 1000;
    return `${processed} of ${total} documents in ${formatTime(seconds)}, ${errors} errors`;
  }

  /** `42s`, `3m 5s`, `2h 10m`. */
  formatTime(seconds: number): string {
    return formatTime(seconds);
  }
}

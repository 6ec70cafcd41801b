// Progress figures of one step: rate over a window, an ETA that does not jump, average batch time.

/** Rate and batch time look at this many seconds. */
const windowSeconds = 15;
/** Weight of a new ETA against the one shown before. */
const etaSmoothing = 0.3;

export interface ProgressFigures {
  processed: number;
  total: number | null;
  /** 0 to 100, rounded; null while the total is not known. */
  percentage: number | null;
  /** Documents per second. */
  rate: number;
  etaSeconds: number | null;
  /** Average milliseconds of a batch. */
  batchMs: number;
  errors: number;
}

/** What was done in a tenth of a second. */
interface Sample {
  /** When it began. */
  at: number;
  /** All that was done at its end. */
  processed: number;
  batches: number;
  /** Of its batches together. */
  ms: number;
}

export class ProgressMonitor {
  processed = 0;
  errors = 0;
  total: number | null;
  readonly #clock: () => number;
  readonly #startedAt: number;
  readonly #samples: Sample[];
  #eta: { seconds: number; at: number } | null = null;

  /** @param clock milliseconds; tests hand in their own. */
  constructor(total: number | null = null, clock: () => number = () => performance.now()) {
    this.total = total;
    this.#clock = clock;
    this.#startedAt = clock();
    this.#samples = [{ at: this.#startedAt, processed: 0, batches: 0, ms: 0 }];
  }

  recordBatch(count: number, ms: number): void {
    this.processed += count;
    const at = this.#clock();
    let newest = this.#samples[this.#samples.length - 1]!;
    // A sample each 100 ms is enough; a script of single writes would keep thousands.
    if (at - newest.at >= 100 || this.#samples.length === 1) {
      newest = { at, processed: 0, batches: 0, ms: 0 };
      this.#samples.push(newest);
      this.#forget(at);
    }
    newest.processed = this.processed;
    newest.batches += 1;
    newest.ms += ms;
  }

  figures(): ProgressFigures {
    const at = this.#clock();
    this.#forget(at);
    const rate = this.#rate(at);
    const total = this.total;
    return {
      processed: this.processed,
      total,
      percentage:
        total === null ? null : total === 0 ? 100 : Math.min(100, Math.round((this.processed / total) * 100)),
      rate: Math.round(rate * 10) / 10,
      etaSeconds: this.#etaSeconds(at, rate),
      batchMs: this.#batchMs(at),
      errors: this.errors,
    };
  }

  #rate(at: number): number {
    const oldest = this.#samples[0];
    if (!oldest) return 0;
    const seconds = (at - oldest.at) / 1000;
    return seconds <= 0 ? 0 : (this.processed - oldest.processed) / seconds;
  }

  #etaSeconds(at: number, rate: number): number | null {
    if (this.total === null) return null;
    const left = Math.max(0, this.total - this.processed);
    if (left === 0) return 0;
    if (rate <= 0) return this.#eta ? Math.round(this.#eta.seconds) : null;
    const fresh = left / rate;
    if (this.#eta) {
      const expected = Math.max(0, this.#eta.seconds - (at - this.#eta.at) / 1000);
      this.#eta = { seconds: expected + (fresh - expected) * etaSmoothing, at };
    } else {
      this.#eta = { seconds: fresh, at };
    }
    return Math.round(this.#eta.seconds);
  }

  #batchMs(at: number): number {
    const limit = at - windowSeconds * 1000;
    const all = this.#samples.filter(({ batches }) => batches > 0);
    // Of a step that stands still the last ones say more than nothing.
    const recent = all.filter((sample) => sample.at >= limit);
    const seen = recent.length > 0 ? recent : all.slice(-1);
    const count = seen.reduce((sum, { batches }) => sum + batches, 0);
    return count === 0 ? 0 : Math.round((seen.reduce((sum, { ms }) => sum + ms, 0) / count) * 10) / 10;
  }

  #forget(at: number): void {
    const limit = at - windowSeconds * 1000;
    while (this.#samples.length > 2 && (this.#samples[1]?.at ?? at) < limit) this.#samples.shift();
  }
}

/** `42s`, `3m 5s`, `2h 10m`. */
export function formatTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
}

// Holds a transfer back: documents a second, replication lag, the server's own latency. Settings are read again
// before every batch, so they can be changed while a transfer runs.
import type { Db, Document } from 'mongodb';
import { pause } from './transaction';
import type { ThrottleSettings, TransferMonitor } from './types';

/** How long a measurement of lag or latency counts, in ms. */
const freshMs = 500;

export class Throttle {
  /** Documents that were handled ahead of the rate, and when that was last looked at. */
  private debt = 0;
  private paidAt = performance.now();
  private measuredAt = 0;
  private held = false;
  private lagUnknown = false;

  constructor(
    private readonly db: Db,
    private readonly settings: ThrottleSettings | undefined,
    private readonly monitor: TransferMonitor | undefined,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Most documents that a batch may have, so that the rate is kept over every second. */
  get batchLimit(): number {
    const rate = this.settings?.docsPerSecond;
    return rate ? Math.max(1, Math.round(rate / 4)) : Infinity;
  }

  /** Resolves when the next batch may begin (or the signal is aborted), with whether it had to wait. */
  async ready(): Promise<boolean> {
    let waited = false;
    // In small parts: the rate may be changed meanwhile.
    for (let rate = this.pay(); this.debt > 0 && rate && !this.signal?.aborted; rate = this.pay()) {
      waited = true;
      await pause(Math.min(200, (this.debt / rate) * 1000), this.signal);
    }
    while (!this.signal?.aborted && performance.now() - this.measuredAt > freshMs) {
      const reason = await this.reasonToWait();
      if (!reason) {
        this.measuredAt = performance.now();
        this.held = false;
        return waited;
      }
      if (!this.held) this.monitor?.log?.('info', `waiting: ${reason}`);
      this.held = true;
      waited = true;
      await pause(200, this.signal);
    }
    return waited;
  }

  /** Accounts for documents that were handled. */
  spent(documents: number): void {
    if (this.pay()) this.debt += documents;
  }

  /** Time has passed: some of the debt is gone. Answers the rate. */
  private pay(): number | undefined {
    const now = performance.now();
    const rate = this.settings?.docsPerSecond;
    this.debt = rate ? Math.max(0, this.debt - ((now - this.paidAt) / 1000) * rate) : 0;
    this.paidAt = now;
    return rate;
  }

  private async reasonToWait(): Promise<string | undefined> {
    const { maxLagSeconds, maxLatencyMs } = this.settings ?? {};
    if (maxLatencyMs !== undefined) {
      const started = performance.now();
      await this.db.command({ ping: 1 });
      const ms = performance.now() - started;
      if (ms > maxLatencyMs)
        return `the server answers in ${Math.round(ms)} ms, more than ${maxLatencyMs} ms`;
    }
    if (maxLagSeconds !== undefined && !this.lagUnknown) {
      const lag = await this.lag();
      if (lag > maxLagSeconds) return `a secondary lags ${lag} s behind, more than ${maxLagSeconds} s`;
    }
    return undefined;
  }

  /** Seconds that the slowest healthy secondary is behind the primary. */
  private async lag(): Promise<number> {
    try {
      const status = await this.db.admin().command({ replSetGetStatus: 1 });
      const members = status['members'] as Document[];
      const time = (member: Document) => (member['optimeDate'] as Date).getTime();
      const primary = members.find((member) => member['state'] === 1);
      const behind = members.filter((member) => member['state'] === 2).map(time);
      return primary && behind.length > 0 ? Math.max(0, (time(primary) - Math.min(...behind)) / 1000) : 0;
    } catch {
      // No replica set, or no privilege to look at it.
      this.lagUnknown = true;
      this.monitor?.log?.(
        'warn',
        'the replication lag cannot be read here, so it does not slow the transfer',
      );
      return 0;
    }
  }
}

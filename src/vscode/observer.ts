// The one long-lived runner process that answers questions (config, status, connection tests, run documents)
// and watches runs. It is started when first needed and again when it has died; it never runs migrations.
import type {
  ConnectionTarget,
  ProjectLocation,
  RunnerMethods,
  RunnerNotifications,
} from '../protocol/runner';
import { Emitter } from './event';
import type { RunnerProcess } from './runnerProcess';

const restartAfterMs = [1000, 3000, 10_000, 30_000];

/** The runs and the ledger of one database. */
export interface Watched {
  target: ConnectionTarget;
  project: ProjectLocation;
}

export class Observer {
  #process: RunnerProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #disposed = false;
  readonly #watched = new Map<string, Watched>();
  readonly #runs = new Emitter<RunnerNotifications['runs']>();
  readonly #ledger = new Emitter<RunnerNotifications['ledger']>();

  readonly onDidReadRuns = this.#runs.event;
  readonly onDidChangeLedger = this.#ledger.event;

  constructor(
    private readonly start: () => RunnerProcess,
    private readonly report: (error: Error) => void,
  ) {}

  /** @throws UserError when the observer ends before it has answered; the next call starts a new one. */
  call<K extends keyof RunnerMethods>(
    method: K,
    params: Parameters<RunnerMethods[K]>[0],
  ): Promise<Awaited<ReturnType<RunnerMethods[K]>>> {
    return this.#running().call(method, params);
  }

  /** Watches the runs of a database under a key of the caller's; another target under it replaces the old one. */
  async watch(key: string, watched: Watched): Promise<void> {
    const before = this.#watched.get(key);
    if (before && sameTarget(before.target, watched.target)) return;
    // Before it is remembered: a process that starts now asks for everything that is.
    const process = this.#running();
    this.#watched.set(key, watched);
    if (before) await process.call('unwatch', { target: before.target });
    await process.call('watch', watched);
  }

  async unwatch(key: string): Promise<void> {
    const watched = this.#watched.get(key);
    this.#watched.delete(key);
    if (watched && this.#process?.alive) await this.call('unwatch', { target: watched.target });
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#restart);
    this.#process?.kill();
    this.#runs.dispose();
    this.#ledger.dispose();
  }

  #running(): RunnerProcess {
    if (this.#process?.alive) return this.#process;
    const process = this.start();
    this.#process = process;
    process.on('runs', (params) => {
      this.#failures = 0;
      this.#runs.fire(params);
    });
    process.on('ledger', (params) => this.#ledger.fire(params));
    void process.exited.then(({ error }) => this.#died(process, error));
    for (const watched of this.#watched.values()) {
      process.call('watch', watched).catch((error: Error) => this.report(error));
    }
    return process;
  }

  #died(process: RunnerProcess, error: Error): void {
    if (this.#disposed || this.#process !== process) return;
    this.#process = undefined;
    this.report(error);
    if (this.#watched.size === 0) return;
    const wait = restartAfterMs[Math.min(this.#failures++, restartAfterMs.length - 1)];
    clearTimeout(this.#restart);
    this.#restart = setTimeout(() => void this.#running(), wait);
  }
}

function sameTarget(a: ConnectionTarget, b: ConnectionTarget): boolean {
  return a.uri === b.uri && a.database === b.database;
}

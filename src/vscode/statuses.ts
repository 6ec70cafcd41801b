// What the databases answered: the state of all migrations per connection, asked for when somebody looks and
// again when files, the ledger or a run give a reason. Asking runs the migration files, so it needs trust.
import type { StatusResult } from '../protocol/runner';
import type { ConnectionStore } from './connections';
import { Emitter } from './event';
import type { Observer } from './observer';
import type { Project } from './project';
import type { RunStore } from './runs';
import { isOver } from './runs';

export interface StatusEntry {
  state: 'checking' | 'ok' | 'failed';
  /** The newest answer; kept while it is asked again and when asking fails. */
  result?: StatusResult;
  error?: Error;
  /** The target when it was asked: an answer of another database is none. */
  words?: string;
}

interface Asking {
  promise: Promise<void>;
  again: boolean;
}

export class StatusStore {
  readonly #entries = new Map<string, StatusEntry>();
  readonly #asking = new Map<string, Asking>();
  /** Runs that had not ended when they were last seen. */
  readonly #underWay = new Set<string>();
  readonly #changed = new Emitter<string>();
  readonly #subscriptions;

  /** Tells the id of the connection. */
  readonly onDidChange = this.#changed.event;

  constructor(
    private readonly project: Project | undefined,
    private readonly connections: ConnectionStore,
    private readonly observer: Observer,
    private readonly runs: RunStore,
    private readonly isTrusted: () => boolean,
  ) {
    this.#subscriptions = [
      connections.onDidChange(() => this.#forgetMoved()),
      observer.onDidReadRuns(({ target, runs }) => this.runs.putDocuments(runs, target)),
      observer.onDidChangeLedger(({ target }) => this.#refreshWhere((one) => one === target)),
      runs.onDidChange((run) => this.#followRun(run)),
    ];
  }

  get(connection: string | undefined): StatusEntry | undefined {
    return connection === undefined ? undefined : this.#entries.get(connection);
  }

  /** Asks if nobody has asked yet. */
  ensure(connection: string): void {
    if (!this.#entries.has(connection)) void this.refresh(connection);
  }

  /** Asks again for every connection that somebody looks at. */
  async refreshAll(): Promise<void> {
    await Promise.all([...this.#entries.keys()].map((id) => this.refresh(id)));
  }

  /** Never rejects: what went wrong stands in the entry. */
  refresh(connection: string): Promise<void> {
    if (!this.project || !this.isTrusted()) return Promise.resolve();
    const asking = this.#asking.get(connection);
    if (asking) {
      asking.again = true;
      return asking.promise;
    }
    const job = { promise: Promise.resolve(), again: false };
    job.promise = this.#ask(connection, job).finally(() => this.#asking.delete(connection));
    this.#asking.set(connection, job);
    return job.promise;
  }

  /** Forgets what connections answered that do not exist any more. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#entries.keys()) {
      if (ids.has(id)) continue;
      this.#entries.delete(id);
      this.observer.unwatch(id).catch(() => {});
    }
  }

  /** Nothing of one database is ever shown under the name of another. */
  #forgetMoved(): void {
    for (const [id, { words }] of this.#entries) {
      const connection = this.connections.get(id);
      if (!connection || connection.words === words) continue;
      this.#entries.delete(id);
      void this.refresh(id);
    }
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  /** The end of a run changes states even where the ledger stays as it is (cancelled, failed). */
  #followRun(id: string): void {
    const run = this.runs.get(id)?.run;
    if (!run) return;
    if (!isOver(run)) this.#underWay.add(id);
    else if (this.#underWay.delete(id)) this.#refreshWhere((target) => this.runs.isOn(id, target));
  }

  #refreshWhere(suits: (target: string) => boolean): void {
    for (const [id, { result }] of this.#entries) {
      if (result && suits(result.target)) void this.refresh(id);
    }
  }

  async #ask(connection: string, job: Asking): Promise<void> {
    do {
      job.again = false;
      const words = this.connections.get(connection)?.words;
      const before = this.#entries.get(connection);
      this.#put(connection, { ...before, state: 'checking', words });
      const answer = await this.#answer(connection, before);
      // It leads elsewhere since: it was asked anew then, and this answer is nobody's.
      if (this.connections.get(connection)?.words === words) this.#put(connection, { ...answer, words });
    } while (job.again);
  }

  async #answer(connection: string, before: StatusEntry | undefined): Promise<StatusEntry> {
    if (!this.project) return { state: 'failed' };
    try {
      const target = await this.connections.target(connection);
      const result = await this.observer.call('status', { project: this.project.location, target });
      this.runs.putDocuments(result.runs, result.target);
      await this.observer.watch(connection, { target, project: this.project.location });
      return { state: 'ok', result };
    } catch (error) {
      const failed = error instanceof Error ? error : new Error(String(error));
      return { state: 'failed', error: failed, result: before?.result };
    }
  }

  #put(connection: string, entry: StatusEntry): void {
    this.#entries.set(connection, entry);
    this.#changed.fire(connection);
  }
}

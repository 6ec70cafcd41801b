// The migrations of the folder as one list per connection: outlines, status and runs merged (rows.ts), made
// anew only when one of them has changed. Tree, lenses, commands and status bar ask here.
import type { StatusResult } from '../protocol/runner';
import type { ConnectionInfo } from './connectionRecords';
import type { ConnectionStore } from './connections';
import { Emitter } from './event';
import type { OutlineStore } from './outlines';
import type { MigrationRow, Migrations, OutlinedFile } from './rows';
import { pendingRows, settledRows, withRuns } from './rows';
import type { RunStore } from './runs';
import type { StatusEntry, StatusStore } from './statuses';
import type { Translate } from './words';

const unchecked = 'none';

/** What files and database said, kept while both are the same: runs move much more often. */
interface Settled {
  files: readonly OutlinedFile[];
  status: StatusResult | undefined;
  made: Migrations;
}

export class MigrationStore {
  readonly #cache = new Map<string, Migrations>();
  readonly #settled = new Map<string, Settled>();
  readonly #changed = new Emitter<void>();
  readonly #subscriptions;
  #told: NodeJS.Timeout | undefined;

  /** Something that a view shows is another now; told at most ten times a second. */
  readonly onDidChange = this.#changed.event;

  constructor(
    private readonly outlines: OutlineStore,
    readonly connections: ConnectionStore,
    private readonly statuses: StatusStore,
    private readonly runs: RunStore,
    private readonly t: Translate,
  ) {
    this.#subscriptions = [
      outlines.onDidChange(() => {
        this.#invalidate();
        void this.statuses.refreshAll();
      }),
      connections.onDidChange(() => this.#invalidate()),
      statuses.onDidChange(() => this.#invalidate()),
      runs.onDidChange(() => this.#invalidate()),
    ];
  }

  /** The migrations as they stand against a connection; without one, as far as their text tells. */
  of(connection: ConnectionInfo | undefined): Migrations {
    const key = connection?.id ?? unchecked;
    const cached = this.#cache.get(key);
    if (cached) return cached;
    if (connection) this.statuses.ensure(connection.id);
    const settled = this.#settledOf(key, this.status(connection)?.result);
    const target = connection && this.targetOf(connection);
    const made =
      target === undefined ? settled : withRuns(settled, this.runs.list(target), this.runs.dryRuns(target));
    this.#cache.set(key, made);
    return made;
  }

  #settledOf(key: string, status: StatusResult | undefined): Migrations {
    const { files } = this.outlines;
    const known = this.#settled.get(key);
    if (known && known.files === files && known.status === status) return known.made;
    const made = settledRows(files, status, this.t);
    this.#settled.set(key, { files, status, made });
    return made;
  }

  /** The target in words as run documents of this connection carry it. */
  targetOf(connection: ConnectionInfo): string {
    return this.status(connection)?.result?.target ?? connection.words;
  }

  status(connection: ConnectionInfo | undefined): StatusEntry | undefined {
    return this.statuses.get(connection?.id);
  }

  find(connection: ConnectionInfo | undefined, name: string): MigrationRow | undefined {
    return this.of(connection).rows.find((row) => row.name === name);
  }

  pending(connection: ConnectionInfo | undefined): MigrationRow[] {
    return pendingRows(this.of(connection).rows);
  }

  dispose(): void {
    clearTimeout(this.#told);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  #invalidate(): void {
    this.#cache.clear();
    if (this.#told) return;
    this.#told = setTimeout(() => {
      this.#told = undefined;
      this.#changed.fire();
    }, 100);
  }
}

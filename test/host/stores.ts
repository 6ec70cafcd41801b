// The stores that trees, lenses and the status bar read, holding what a test puts into them: no database, no runner.
import { ConnectionStore } from '../../src/vscode/connections';
import { ConnectionTests } from '../../src/vscode/connectionTests';
import { Emitter } from '../../src/vscode/event';
import { MigrationStore } from '../../src/vscode/migrationStore';
import type { OutlineStore } from '../../src/vscode/outlines';
import type { OutlinedFile } from '../../src/vscode/rows';
import { RunStore } from '../../src/vscode/runs';
import type { StatusEntry, StatusStore } from '../../src/vscode/statuses';
import { TreeFilter } from '../../src/vscode/tree/filter';
import { MigrationsTree } from '../../src/vscode/tree/migrationsTree';
import { english } from '../../src/vscode/words';
import type { MigrationStatus } from '../../src/protocol/status';
import { status } from '../unit/vscode/support';

/** The stores that trees read, with what a test puts into them. */
export class Stage {
  readonly changed = new Emitter<void>();
  readonly statusChanged = new Emitter<string>();
  readonly runs = new RunStore();
  readonly memory = new Map<string, unknown>();
  readonly filter = new TreeFilter(this.remember());
  readonly tests = new ConnectionTests();
  readonly connections: ConnectionStore;
  readonly store: MigrationStore;
  files: readonly OutlinedFile[] = [];
  readonly outlines: Pick<OutlineStore, 'files' | 'onDidChange' | 'ready' | 'touchedBy'> = (() => {
    const files = (): readonly OutlinedFile[] => this.files;
    return {
      get files() {
        return files();
      },
      onDidChange: this.changed.event,
      ready: Promise.resolve(),
      touchedBy: async () => ['orders'],
    };
  })();
  entry: StatusEntry | undefined;

  constructor() {
    const config = {
      file: null,
      flavor: 'defaults' as const,
      migrationsDir: '/m',
      ledger: '_migrations',
      connections: [{ name: 'local', uri: 'mongodb://localhost:27017', database: 'shop' }],
      defaultConnection: 'local',
    };
    const project = { config, location: { root: '/' }, onDidChange: new Emitter<void>().event };
    const secrets = new Map<string, string>();
    this.connections = new ConnectionStore(
      project,
      this.remember(),
      {
        get: async (key) => secrets.get(key),
        store: async (key, value) => void secrets.set(key, value),
        delete: async (key) => void secrets.delete(key),
      },
      english,
    );
    this.store = new MigrationStore(
      this.outlines as OutlineStore,
      this.connections,
      this.statuses,
      this.runs,
      english,
    );
  }

  get statuses(): StatusStore {
    return {
      get: () => this.entry,
      ensure: () => undefined,
      refreshAll: async () => undefined,
      onDidChange: this.statusChanged.event,
    } as unknown as StatusStore;
  }

  /** What the database answered. */
  answer(migrations: MigrationStatus[]): void {
    this.entry = { state: 'ok', result: status(migrations) };
    this.statusChanged.fire('config:local');
  }

  migrations(): MigrationsTree {
    return new MigrationsTree(this.store, this.runs, this.outlines, undefined, this.filter);
  }

  dispose(): void {
    for (const part of [this.store, this.connections, this.runs, this.tests, this.filter]) part.dispose();
  }

  remember(): { get(key: string): unknown; update(key: string, value: unknown): Promise<void> } {
    return {
      get: (key) => this.memory.get(key),
      update: async (key, value) => void this.memory.set(key, value),
    };
  }
}

export function useStageOfStores(): () => Stage {
  let stage: Stage;
  beforeEach(() => (stage = new Stage()));
  afterEach(() => stage.dispose());
  return () => stage;
}

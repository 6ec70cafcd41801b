// What the commands work with; extension.ts makes the one instance.
import type { ConnectionStore, Memory } from './connections';
import type { ConnectionTests } from './connectionTests';
import type { VirtualDocuments } from './documents';
import type { Log } from './log';
import type { MigrationStore } from './migrationStore';
import type { Observer } from './observer';
import type { OutlineStore } from './outlines';
import type { RunPanel } from './panel';
import type { Project } from './project';
import type { Rehearsals } from './rehearsals';
import type { RunStarter } from './runStarter';
import type { RunStore } from './runs';
import type { Sandbox } from './sandbox';
import type { StatusStore } from './statuses';
import type { TreeFilter } from './tree/filter';

export interface Services {
  log: Log;
  /** Undefined without a folder. */
  project: Project | undefined;
  /** Names of other folders of the workspace that hold migrations: a window shows those of one. */
  unshown: readonly string[];
  outlines: OutlineStore;
  connections: ConnectionStore;
  tests: ConnectionTests;
  statuses: StatusStore;
  runs: RunStore;
  rehearsals: Rehearsals;
  starter: RunStarter;
  observer: Observer;
  store: MigrationStore;
  documents: VirtualDocuments;
  panel: RunPanel;
  filter: TreeFilter;
  /** What is remembered for the workspace. */
  memory: Memory;
  sandbox: Sandbox;
}

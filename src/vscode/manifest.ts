// Every id that package.json contributes: commands, views, context keys, settings. A test compares this file
// with the manifest both ways, so nothing is contributed without code and nothing is registered unseen.

export const Command = {
  newMigration: 'migratory.newMigration',
  addTypes: 'migratory.addTypes',
  run: 'migratory.run',
  dryRun: 'migratory.dryRun',
  rollBack: 'migratory.rollBack',
  validate: 'migratory.validate',
  runAll: 'migratory.runAll',
  refresh: 'migratory.refresh',
  filter: 'migratory.filter',
  clearFilter: 'migratory.clearFilter',
  groupByState: 'migratory.groupByState',
  showFlat: 'migratory.showFlat',
  openMigration: 'migratory.openMigration',
  compare: 'migratory.compare',
  addConnection: 'migratory.addConnection',
  editConnection: 'migratory.editConnection',
  duplicateConnection: 'migratory.duplicateConnection',
  switchDatabase: 'migratory.switchDatabase',
  removeConnection: 'migratory.removeConnection',
  testConnection: 'migratory.testConnection',
  selectConnection: 'migratory.selectConnection',
  retryConnection: 'migratory.retryConnection',
  showRun: 'migratory.showRun',
  pauseRun: 'migratory.pauseRun',
  resumeRun: 'migratory.resumeRun',
  cancelRun: 'migratory.cancelRun',
  throttleRun: 'migratory.throttleRun',
  retryQuarantine: 'migratory.retryQuarantine',
  discardQuarantine: 'migratory.discardQuarantine',
  markApplied: 'migratory.markApplied',
  markPending: 'migratory.markPending',
  keepConflicts: 'migratory.keepConflicts',
  restoreConflicts: 'migratory.restoreConflicts',
  acceptChanged: 'migratory.acceptChanged',
  unlock: 'migratory.unlock',
  repair: 'migratory.repair',
  startSandbox: 'migratory.startSandbox',
  stopSandbox: 'migratory.stopSandbox',
  reportIssue: 'migratory.reportIssue',
  openWalkthrough: 'migratory.openWalkthrough',
  showLog: 'migratory.showLog',
} as const;
export type Command = (typeof Command)[keyof typeof Command];

export const View = {
  container: 'migratory',
  migrations: 'migratory.migrations',
  connections: 'migratory.connections',
  runs: 'migratory.runs',
} as const;

/** Colours that a theme or a person can set. */
export const Color = {
  stage: 'migratory.stageForeground',
  operator: 'migratory.operatorForeground',
} as const;

/** Keys of `when` clauses. */
export interface ContextKeys {
  /** What the folder holds, for the welcome texts of an empty view. */
  'migratory.project': 'none' | 'empty' | 'ready';
  /** Paths of the folders that migrations are looked for in. */
  'migratory.folders': string[];
  'migratory.hasConnection': boolean;
  /** The selected database has answered, and is not known to have gone since. */
  'migratory.answered': boolean;
  /** The tree shows only some states. */
  'migratory.filtered': boolean;
  /** The tree stands in groups of states. */
  'migratory.grouped': boolean;
  'migratory.running': boolean;
  /** The sandbox server of this window runs. */
  'migratory.sandbox': boolean;
  /** A run ended before its work was done and can be gone on with. */
  'migratory.resumable': boolean;
}

/** Settings and their types; the defaults stand in package.json. */
export interface Settings {
  'codeLens.enabled': boolean;
  /** Which lenses stand above a migration. */
  'codeLens.show': LensName[];
  /** Whether completion and hover ask the database for collections and fields. */
  'completion.sample': boolean;
  /** Whether lint tells in the editor what it finds. */
  'lint.enabled': boolean;
  /** Levels by rule; anything may stand there. */
  'lint.rules': Record<string, unknown>;
  /** Path of the Node.js that runs migrations; empty = the editor's own. */
  node: string;
  /** The Python that runs Python migrations; empty = the active one. */
  python: string;
  /** Whether the run panel opens by itself when a run starts. */
  'panel.openOnRun': boolean;
  /** Whether a file's first run on production needs a dry run that passed. */
  'production.requireDryRun': boolean;
}
export const settingNames: readonly (keyof Settings)[] = [
  'codeLens.enabled',
  'codeLens.show',
  'completion.sample',
  'lint.enabled',
  'lint.rules',
  'node',
  'panel.openOnRun',
  'production.requireDryRun',
  'python',
];

export const lensNames = [
  'run',
  'dryRun',
  'rollBack',
  'validate',
  'compare',
  'state',
  'lastDryRun',
  'target',
] as const;
export type LensName = (typeof lensNames)[number];

/** Tools for language models. */
export const Tool = {
  status: 'migratory_status',
  explain: 'migratory_explain',
  lint: 'migratory_lint',
  dryRun: 'migratory_dryRun',
  run: 'migratory_run',
} as const;
export type ToolName = (typeof Tool)[keyof typeof Tool];

/** Type of our tasks, and the name of the problem matcher (`$migratory`). */
export const taskType = 'migratory';

/** Type of the run panel, `onWebviewPanel:` and serializer. */
export const panelType = 'migratory.run';
export const extensionId = 'migratory.migratory';
/** The walkthrough, as the editor addresses it. */
export const walkthrough = 'start';

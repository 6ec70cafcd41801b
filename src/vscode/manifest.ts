// Every id that package.json contributes: commands, views, context keys, settings. A test compares this file
// with the manifest both ways, so nothing is contributed without code and nothing is registered unseen.

export const Command = {
  newMigration: 'migratory.newMigration',
  run: 'migratory.run',
  dryRun: 'migratory.dryRun',
  rollBack: 'migratory.rollBack',
  validate: 'migratory.validate',
  runAll: 'migratory.runAll',
  refresh: 'migratory.refresh',
  openMigration: 'migratory.openMigration',
  compare: 'migratory.compare',
  addConnection: 'migratory.addConnection',
  editConnection: 'migratory.editConnection',
  removeConnection: 'migratory.removeConnection',
  testConnection: 'migratory.testConnection',
  selectConnection: 'migratory.selectConnection',
  retryConnection: 'migratory.retryConnection',
  showRun: 'migratory.showRun',
  pauseRun: 'migratory.pauseRun',
  resumeRun: 'migratory.resumeRun',
  cancelRun: 'migratory.cancelRun',
  retryQuarantine: 'migratory.retryQuarantine',
  discardQuarantine: 'migratory.discardQuarantine',
  markApplied: 'migratory.markApplied',
  markPending: 'migratory.markPending',
  keepConflicts: 'migratory.keepConflicts',
  restoreConflicts: 'migratory.restoreConflicts',
  acceptChanged: 'migratory.acceptChanged',
  unlock: 'migratory.unlock',
  repair: 'migratory.repair',
  showLog: 'migratory.showLog',
} as const;
export type Command = (typeof Command)[keyof typeof Command];

export const View = {
  container: 'migratory',
  migrations: 'migratory.migrations',
  connections: 'migratory.connections',
  runs: 'migratory.runs',
} as const;

/** Keys of `when` clauses. */
export interface ContextKeys {
  /** What the folder holds, for the welcome texts of an empty view. */
  'migratory.project': 'none' | 'empty' | 'ready';
  'migratory.hasConnection': boolean;
  'migratory.running': boolean;
  /** A run ended before its work was done and can be gone on with. */
  'migratory.resumable': boolean;
}

/** Settings and their types; the defaults stand in package.json. */
export interface Settings {
  'codeLens.enabled': boolean;
  /** Path of the Node.js that runs migrations; empty = the editor's own. */
  node: string;
  /** Whether the run panel opens by itself when a run starts. */
  'panel.openOnRun': boolean;
}
export const settingNames: readonly (keyof Settings)[] = ['codeLens.enabled', 'node', 'panel.openOnRun'];

/** Type of the run panel, `onWebviewPanel:` and serializer. */
export const panelType = 'migratory.run';
export const extensionId = 'migratory.migratory';

// The npm library: what programs and authors import as `migratory`.
export { defineMigration } from './migration/kinds';
export type {
  AuthorCheck,
  BatchOptions,
  BatchResult,
  ConvertOptions,
  ConvertTarget,
  EmbedOptions,
  ExtractOptions,
  Migration,
  MigrationContext,
  MigrationLog,
  PipelineMigration,
  ScriptMigration,
  TransformFunction,
  TransformMigration,
  TransformOutput,
  ValidateResult,
} from './migration/kinds';
export { defineConfig } from './project/defineConfig';
export type { MigratoryConfig } from './project/defineConfig';
export { validateMigration } from './engine/checks/library';
export type { ValidationCheck, ValidationReport } from './engine/checks/library';
export { BatchMigrator } from './library/batchMigrator';
export type { BatchCounts, BatchMigratorOptions, BatchProgress } from './library/batchMigrator';
export { MigrationMonitor } from './library/migrationMonitor';
export type { MonitorStats } from './library/migrationMonitor';
export { MigrationRunner } from './library/migrationRunner';
export type { MigrationRunnerOptions } from './library/migrationRunner';
export { SafeMigration } from './library/safeMigration';
export * as migrateMongo from './migrateMongo/index';
export { UserError } from './protocol/errors';
export type { Event } from './protocol/events';
export type { RunDocument } from './protocol/run';
export type { MigrationStatus } from './protocol/status';

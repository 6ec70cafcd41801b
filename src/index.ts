// The npm library: what programs and authors import as `migratory`.
export { defineMigration } from './migration/kinds';
export type {
  AuthorCheck,
  BatchOptions,
  BatchResult,
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

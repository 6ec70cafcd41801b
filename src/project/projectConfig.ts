// A project's config as every program gets it, whatever file it came from.
import type { LintLevels } from '../migration/lint/rules';
import type { ConfigView } from '../protocol/runner';
import type { DriverOptions } from './driverOptions';

/** A whole config. Keys that only the engine has defaults for are absent when nothing is said about them. */
export interface ProjectConfig extends ConfigView {
  backup?: 'journal' | 'none';
  batchSize?: number;
  onFailure?: 'rollback' | 'keep';
  onCancel?: 'keep' | 'rollback';
  journalDays?: number;
  maxErrors?: number;
  throttle?: { docsPerSecond?: number; maxLagSeconds?: number; maxLatencyMs?: number };
  dryRun?: { sample?: number | 'all' };
  python?: string;
  lint: LintLevels;
  /** How migrate-mongo would work, when its config is the one in use. */
  migrateMongo?: MigrateMongoSettings;
}

/** What of migrate-mongo's behaviour its config decides. */
export interface MigrateMongoSettings {
  /** With its dot: `.js`. Only files with it are migrations. */
  fileExtension: string;
  useFileHash: boolean;
  /** Its lock is used when there is a name and no `lockTtl` of 0 or less. */
  lock: { collection: string; ttlSeconds: number | undefined } | null;
  moduleSystem: 'commonjs' | 'esm';
  /** What its options say of the clients of migrations. */
  client: Omit<DriverOptions, 'refused'>;
}

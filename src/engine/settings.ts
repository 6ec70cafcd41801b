// The engine's settings out of a project's config and what the caller adds for one run.
import type { ProjectConfig } from '../project/config';
import type { EngineSettings } from './scope';

/** Documents per collection that a dry run copies when nothing else is said. */
const defaultSample = 10_000;

export function settingsOf(config: ProjectConfig, overrides: Partial<EngineSettings> = {}): EngineSettings {
  const settings: EngineSettings = {
    ledger: config.ledger,
    ledgerForm: config.migrateMongo && {
      kind: 'migrate-mongo',
      useFileHash: config.migrateMongo.useFileHash,
    },
    client: config.migrateMongo?.client,
    lock: config.migrateMongo?.lock ?? undefined,
    backup: config.backup ?? 'journal',
    batchSize: config.batchSize,
    journalDays: config.journalDays,
    maxErrors: config.maxErrors,
    throttle: config.throttle,
    lint: config.lint,
    sample: config.dryRun?.sample ?? defaultSample,
    onFailure: config.onFailure ?? 'rollback',
    onCancel: config.onCancel,
  };
  for (const [name, value] of Object.entries(overrides)) {
    if (value !== undefined) Object.assign(settings, { [name]: value });
  }
  return settings;
}

// `validateMigration` of the library: the checks of a transform under the names that the library promises.
import type { Db, MongoClient } from 'mongodb';
import type { AnyTransformMigration, LoadedMigration } from '../../migration/kinds';
import type { Connection } from '../connect';
import { probeServer } from '../topology';
import { checks } from './catalogue';
import { runChecks } from './runChecks';
import { eachSampleCheck } from './sampleChecks';

export interface ValidationCheck {
  check: string;
  passed: boolean;
  details: string;
}

export interface ValidationReport {
  /** False as soon as one check fails, warnings included. */
  allPassed: boolean;
  checks: ValidationCheck[];
}

const promised = new Set(['source-exists', 'index', 'disk-space']);

/**
 * Checks a transform migration against a database without writing anything: `Source data exists`,
 * `Index {"a":1} exists` for each required index, `Sufficient disk space`, and `Transform sample <id>` for each
 * sampled document.
 */
export async function validateMigration(
  db: Db,
  migration: AnyTransformMigration & { name?: string },
  options: { signal?: AbortSignal } = {},
): Promise<ValidationReport> {
  const context = {
    connection: await connectionOf(db),
    migration: asLoaded(migration),
    direction: 'up',
    settings: { backup: migration.backup ?? 'journal', ledger: '_migrations' },
    signal: options.signal ?? new AbortController().signal,
  } as const;
  const results = await runChecks(context, undefined, [
    ...checks.filter(({ id }) => promised.has(id)),
    eachSampleCheck,
  ]);
  const report = results.map(({ check, outcome, details }) => ({
    check,
    passed: outcome !== 'failed',
    details,
  }));
  return { allPassed: report.every(({ passed }) => passed), checks: report };
}

function asLoaded(definition: AnyTransformMigration): LoadedMigration {
  return { name: definition.name ?? 'migration', kind: 'transform', index: 0, definition };
}

/** The caller's own client stays the caller's: closing it is none of our business. */
async function connectionOf(db: Db): Promise<Connection> {
  // A Db of driver 4 keeps its client to itself.
  const client =
    (db.client as MongoClient | undefined) ?? (db as unknown as { s: { client: MongoClient } }).s.client;
  return {
    client,
    db,
    target: { name: db.databaseName, uri: '', database: db.databaseName },
    label: db.databaseName,
    server: await probeServer(client, db.databaseName),
    close: () => Promise.resolve(),
  };
}

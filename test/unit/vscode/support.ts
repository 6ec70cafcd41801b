// Run documents and migrations for the tests of the views; each test says only what matters to it.
import type { RunSnapshot } from '../../../src/protocol/events';
import type { RunDocument, RunStep } from '../../../src/protocol/run';
import type { MigrationStatus } from '../../../src/protocol/status';
import type { StatusResult } from '../../../src/protocol/runner';
import type { LastDryRun } from '../../../src/vscode/lastDryRun';
import type { Migrations, OutlinedFile } from '../../../src/vscode/rows';
import { settledRows, withRuns } from '../../../src/vscode/rows';
import { english } from '../../../src/vscode/words';

export const start = Date.parse('2026-01-01T12:00:00.000Z');

export function step(given: Partial<RunStep> = {}): RunStep {
  return {
    name: 'a',
    kind: 'script',
    state: 'running',
    startedAt: null,
    endedAt: null,
    processed: 0,
    total: null,
    rate: 0,
    etaSeconds: null,
    batchMs: 0,
    errors: 0,
    quarantined: 0,
    conflicts: 0,
    checks: [],
    verification: [],
    error: null,
    ...given,
  };
}

export function run(given: Partial<RunDocument> = {}): RunDocument {
  return {
    _id: 'r1',
    state: 'running',
    direction: 'up',
    mode: 'up',
    connection: 'mongodb://localhost:27017/shop',
    database: 'shop',
    target: 'shop on localhost:27017',
    host: 'here',
    pid: 1,
    program: 'vscode',
    startedAt: new Date(start).toISOString(),
    endedAt: null,
    heartbeatAt: new Date(start).toISOString(),
    steps: [step()],
    control: null,
    error: null,
    ...given,
  };
}

export function snapshot(given: Partial<RunDocument> = {}): RunSnapshot {
  return { run: run(given), log: [], reports: [], conflicts: [], quarantined: [], rates: [] };
}

export function migration(given: Partial<MigrationStatus> = {}): MigrationStatus {
  return {
    name: 'a',
    state: 'pending',
    kind: 'script',
    file: '/m/a.js',
    index: 0,
    reversible: true,
    appliedAt: null,
    durationMs: null,
    ...given,
  };
}

export function status(migrations: MigrationStatus[], problems: StatusResult['problems'] = []): StatusResult {
  return {
    server: { version: '6.0.27', topology: 'replica-set', transactions: true, summary: 'MongoDB 6.0.27' },
    target: 'shop on localhost:27017',
    migrations,
    runs: [],
    problems,
  };
}

export function migrationRows(
  files: readonly OutlinedFile[],
  answer: StatusResult | undefined,
  runs: readonly RunDocument[],
  dryRuns: ReadonlyMap<string, LastDryRun> = new Map(),
): Migrations {
  return withRuns(settledRows(files, answer, english), runs, dryRuns);
}

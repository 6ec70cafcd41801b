// Runs the checks of one migration against a database of its own.
import assert from 'node:assert/strict';
import type { Db } from 'mongodb';
import { connect } from '../../../src/engine/connect';
import type { Connection } from '../../../src/engine/connect';
import type { ChecksContext } from '../../../src/engine/checks/check';
import { runChecks } from '../../../src/engine/checks/runChecks';
import type { LoadedMigration, Migration, MigrationKind } from '../../../src/migration/kinds';
import type { CheckResult } from '../../../src/protocol/run';
import { replicaSet } from '../../support/server';
import type { TestServer } from '../../support/server';

const opened: Connection[] = [];

after(async () => {
  for (const connection of opened.splice(0)) await connection.close();
});

export interface Place {
  db: Db;
  uri: string;
  connection: Connection;
}

/** A database of its own and a connection of the engine to it. */
export async function place(server?: TestServer, uri?: string): Promise<Place> {
  const own = await (server ?? (await replicaSet())).database('checks');
  const connection = await open(uri ?? own.uri, own.name);
  return { db: own.db, uri: own.uri, connection };
}

export async function open(uri: string, database: string, readOnly = false): Promise<Connection> {
  const connection = await connect({ name: 'test', uri, database, readOnly });
  opened.push(connection);
  return connection;
}

export function loaded(definition: Migration): LoadedMigration {
  const kind: MigrationKind =
    'pipeline' in definition ? 'pipeline' : 'source' in definition ? 'transform' : 'script';
  return { name: '001-test', kind, index: 0, definition };
}

export function contextOf(
  connection: Connection,
  definition: Migration,
  more: Partial<ChecksContext> = {},
): ChecksContext {
  return {
    connection,
    migration: loaded(definition),
    direction: 'up',
    settings: { backup: 'journal', ledger: '_migrations' },
    signal: new AbortController().signal,
    ...more,
  };
}

export async function check(
  connection: Connection,
  definition: Migration,
  more: Partial<ChecksContext> = {},
): Promise<CheckResult[]> {
  return runChecks(contextOf(connection, definition, more));
}

export function only(results: CheckResult[], id: string): CheckResult {
  const found = results.filter((result) => result.id === id);
  assert.equal(found.length, 1, `one result of ${id}, got ${JSON.stringify(found)}`);
  return found[0] as CheckResult;
}

/** Asserts that the check failed with that severity, says this, and tells what to do. */
export function assertFailed(result: CheckResult, severity: 'error' | 'warning', details: RegExp): void {
  assert.equal(result.outcome, 'failed', `${result.id}: ${result.details}`);
  assert.equal(result.severity, severity, result.details);
  assert.match(result.details, details);
  assert.ok(result.action && result.action.length > 0, `${result.id} tells what to do`);
}

export function assertPassed(result: CheckResult, details: RegExp = /./): void {
  assert.equal(result.outcome, 'passed', `${result.id}: ${result.details}`);
  assert.match(result.details, details);
  assert.equal(result.action, undefined);
}

/** Asks again until there is an answer; the test's own timeout ends it. */
export async function until<T>(ask: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// The ways out of every bad state that need no run: freeing a lease, marking a migration by hand, and repairing what
// a killed process has left behind.
import { basename } from 'node:path';
import type { Db } from 'mongodb';
import { ExitCode, UserError } from '../protocol/errors';
import type { Connection } from './connect';
import { scratchMarker, scratchName } from './dryRun/scratch';
import { readState } from './selection';
import { acquireLease, breakLease, ownerIsDead, type LeaseDocument } from './lease';
import type { MigrationSet } from './migrationSet';
import { newRunId } from './runDocument';
import { settleStaleRuns } from './runs';
import { openLedger, type EngineSettings } from './scope';

/** Scratch databases without a readable owner count as left behind after this long. */
const scratchHours = 24;

/** Frees the lease whoever holds it, or only that of `run`. @returns who held it, or null when it was free. */
export function unlock(db: Db, run?: string): Promise<LeaseDocument | null> {
  return breakLease(db, run);
}

/**
 * Writes or removes a ledger row without running anything; under the lease, so that no run is in between. A migration
 * whose file has changed since it was applied is accepted as it is now.
 */
export async function markMigration(
  { connection, set, settings }: { connection: Connection; set: MigrationSet; settings: EngineSettings },
  name: string,
  as: 'applied' | 'pending',
): Promise<'marked' | 'accepted'> {
  const id = newRunId();
  const lease = await acquireLease(connection.db, id);
  try {
    const { entries, rows, statuses } = await readState({ connection, set, settings });
    const ledger = openLedger(connection.db, settings);
    const applied = rows.some((row) => row.name === name);
    if (as === 'pending') {
      if (!applied) throw wrongName(`"${name}" is not applied.`);
      await ledger.remove(name);
      return 'marked';
    }
    const entry = entries.find((candidate) => candidate.name === name);
    if (!entry) throw wrongName(`There is no migration "${name}". \`migratory status\` lists them all.`);
    const { checksum, source, kind } = entry;
    const fileName = basename(entry.file);
    if (statuses.some((status) => status.name === name && status.state === 'changed')) {
      await ledger.accept(name, { checksum, source, kind, file: fileName });
      return 'accepted';
    }
    if (applied) throw wrongName(`"${name}" is applied already.`);
    const row = { name, durationMs: 0, checksum, source, run: id, file: fileName, kind };
    await ledger.record({ ...row, runStartedAt: new Date() });
    return 'marked';
  } finally {
    await lease.release();
  }
}

function wrongName(message: string): UserError {
  return new UserError(message, { exitCode: ExitCode.usage });
}

/**
 * Settles what killed processes have left: runs without an end, a lapsed lease, scratch databases of dry runs.
 * @returns one sentence for each thing that was done.
 * @throws UserError when a run is at work on the database.
 */
export async function repair(connection: Connection): Promise<string[]> {
  const { db, client } = connection;
  const done: string[] = [];
  const id = newRunId();
  const lease = await acquireLease(db, id);
  try {
    for (const run of await settleStaleRuns(db, id)) done.push(`Run ${run} is marked as interrupted.`);
  } finally {
    await lease.release();
  }
  const { databases } = await client.db().admin().listDatabases({ nameOnly: true });
  for (const { name } of databases) {
    if (!scratchName.test(name) || (await isInUse(client.db(name)))) continue;
    await client.db(name).dropDatabase();
    done.push(`The scratch database ${name} is dropped.`);
  }
  return done;
}

async function isInUse(scratch: Db): Promise<boolean> {
  const owner = await scratch
    .collection<{ _id: string; machine: string; pid: number; at: Date }>(scratchMarker)
    .findOne({ _id: 'owner' });
  if (!owner || ownerIsDead(owner)) return false;
  return Date.now() - owner.at.getTime() < scratchHours * 3_600_000;
}

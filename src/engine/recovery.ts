// The ways out of every bad state that need no run: freeing a lease, marking a migration by hand, and repairing what
// a killed process has left behind.
import type { Db } from 'mongodb';
import { ExitCode, UserError } from '../protocol/errors';
import { noSuchMigration } from './choice';
import type { Connection } from './connect';
import { scratchMarker, scratchName } from './dryRun/scratch';
import { readState, type Project } from './selection';
import { breakLease, ownerIsDead, type LeaseDocument, underLease } from './lease';
import { markedEntry } from './ledgerEntry';
import { newRunId } from './runDocument';
import { forgottenAside } from './journals';
import { refuseReadOnly } from './readOnly';
import { settleStaleRuns } from './runs';
import { openLedger } from './scope';

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
  { connection, set, settings }: Project,
  name: string,
  as: 'applied' | 'pending',
): Promise<'marked' | 'accepted'> {
  refuseReadOnly(connection);
  const id = newRunId();
  return underLease(connection.db, id, async () => {
    const { entries, rows, statuses } = await readState({ connection, set, settings });
    const ledger = openLedger(connection.db, settings);
    const applied = rows.some((row) => row.name === name);
    if (as === 'pending') {
      if (rows.some((row) => row.name === name && row.counted))
        throw wrongName(
          `"${name}" has no row of its own: it counts as applied, since all that it stands for is.`,
        );
      if (!applied) throw wrongName(`"${name}" is not applied.`);
      await ledger.remove(name);
      return 'marked';
    }
    const entry = entries.find((candidate) => candidate.name === name);
    if (!entry) throw noSuchMigration(name, entries);
    const row = markedEntry(entry, id, new Date());
    if (statuses.some((status) => status.name === name && status.state === 'changed')) {
      const { checksum, source, kind, file } = row;
      await ledger.accept(name, { checksum, source, kind, file });
      return 'accepted';
    }
    if (applied) throw wrongName(`"${name}" is applied already.`);
    await ledger.record(row);
    return 'marked';
  });
}

/**
 * Takes every migration that is there and not applied as applied, without running any.
 * @returns their names.
 * @throws UserError when a file cannot be read: nobody would know what was passed over.
 */
export async function baseline(project: Project): Promise<string[]> {
  const { connection, settings } = project;
  refuseReadOnly(connection);
  const id = newRunId();
  return underLease(connection.db, id, async (lease) => {
    const state = await readState(project);
    const [problem] = state.problems;
    if (problem) throw wrongName(`${problem.error.message} Nothing was marked.`);
    const ledger = openLedger(connection.db, settings);
    const applied = new Set(state.rows.map(({ name }) => name));
    const missing = state.entries.filter(({ name }) => !applied.has(name));
    const at = new Date();
    for (const entry of missing) {
      lease.check();
      await ledger.record(markedEntry(entry, id, at));
    }
    return missing.map(({ name }) => name);
  });
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
  refuseReadOnly(connection);
  const { db, client } = connection;
  const done: string[] = [];
  const id = newRunId();
  await underLease(db, id, async () => {
    for (const run of await settleStaleRuns(db, id)) done.push(`Run ${run} is marked as interrupted.`);
    for (const name of await forgottenAside(db))
      done.push(
        `The collection ${name} was put aside by a run whose journal is gone. Look at it, then drop it.`,
      );
  });
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

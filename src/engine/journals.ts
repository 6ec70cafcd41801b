// The journals that runs have kept: how large and how old they are, which of them are still needed, and dropping the
// others together with the checkpoints of their runs.
import type { Db, Document } from 'mongodb';
import { describeError } from '../migration/describeError';
import { finalRunStates, type RunDocument } from '../protocol/run';
import { checkpointCollection, forgetCheckpoints } from '../transfer/checkpoints';
import { stagePrefix } from '../transfer/evaluate';
import { journalName, journalPrefix } from '../transfer/journal';
import type { Connection } from './connect';
import { underLease } from './lease';
import type { LedgerRow } from './ledger';
import { unfinishedRun } from './plan';
import { newRunId } from './runDocument';
import { listRuns, runs as runsOf } from './runs';
import { openLedger, type EngineSettings } from './scope';

const dayMs = 86_400_000;
/** Of collections that a script has dropped or a way back has emptied, put aside until the journal goes. */
const undoPrefix = '_migratory_undo_';
/** More than a database ever has; the list that people see is shorter. */
const allRuns = 100_000;

export interface JournalItem {
  run: string;
  /** Migrations of the run that went by this journal. */
  steps: string[];
  /** Bytes on disk with indexes; 0 where only checkpoints are left. */
  bytes: number;
  /** ISO string: when the last run that used it ended, or began. */
  at: string | null;
  ageDays: number | null;
  /** Why it is never cleaned: its run is at work, can be resumed, or has conflicts. */
  needed: 'at-work' | 'resumable' | 'conflicts' | null;
}

/** Journals and left checkpoints of the database, the newest first. */
export async function listJournals(connection: Connection, settings: EngineSettings): Promise<JournalItem[]> {
  const { db } = connection;
  const [names, checkpointed, runs, rows] = await Promise.all([
    db.listCollections({ name: { $regex: `^${journalPrefix}` } }, { nameOnly: true }).toArray(),
    db.collection(checkpointCollection).distinct('_id.run'),
    listRuns(db, allRuns),
    openLedger(db, settings).rows(),
  ]);
  const journals = new Set(names.map(({ name }) => name.slice(journalPrefix.length)));
  const needed = neededJournals(runs, rows);
  const ids = new Set([...journals, ...checkpointed.filter((id) => typeof id === 'string')]);
  const items = await Promise.all(
    [...ids].map(async (run): Promise<JournalItem> => {
      const users = runs.filter(
        ({ _id, steps }) => _id === run || steps.some(({ journal }) => journal === run),
      );
      const at = lastUse(run, users);
      return {
        run,
        steps: [...new Set(users.flatMap(({ steps }) => steps.map(({ name }) => name)))],
        bytes: journals.has(run) ? await sizeOf(db, journalName(run)) : 0,
        at: at?.toISOString() ?? null,
        ageDays: at && Math.max(0, Math.floor((Date.now() - at.getTime()) / dayMs)),
        needed: needed.get(run) ?? null,
      };
    }),
  );
  return items.sort((a, b) => ((a.at ?? '') < (b.at ?? '') ? 1 : -1));
}

/**
 * Drops the journals and checkpoints of runs that ended more than `days` days ago and are not needed any more. What
 * they changed cannot be rolled back from a journal afterwards.
 * @returns what was dropped.
 * @throws UserError when another run is at work.
 */
export async function cleanJournals(
  connection: Connection,
  settings: EngineSettings,
  days: number,
): Promise<JournalItem[]> {
  return underLease(connection.db, newRunId(), () => dropOldJournals(connection, settings, days));
}

/** Keeps the journals no longer than the settings say. The caller holds the lease; its run does not fail by that. */
export async function dropOutdatedJournals(
  connection: Connection,
  settings: EngineSettings,
  say: (level: 'info' | 'warn', message: string) => void,
): Promise<void> {
  if (settings.journalDays === undefined) return;
  try {
    const dropped = await dropOldJournals(connection, settings, settings.journalDays);
    const count = dropped.length === 1 ? 'One journal is' : `${dropped.length} journals are`;
    if (dropped.length > 0) say('info', `${count} older than the config allows, and dropped.`);
  } catch (error) {
    say('warn', `Old journals could not be dropped: ${describeError(error).message}`);
  }
}

/** The same for a caller that holds the lease. */
async function dropOldJournals(
  connection: Connection,
  settings: EngineSettings,
  days: number,
): Promise<JournalItem[]> {
  const old = (await listJournals(connection, settings)).filter(
    ({ at, needed }) => needed === null && at !== null && Date.now() - Date.parse(at) >= days * dayMs,
  );
  for (const { run } of old) await dropJournal(connection, run);
  return old;
}

async function dropJournal({ db, client }: Connection, run: string): Promise<void> {
  // First of all: a rollback must never take a journal that is gone for one that holds nothing.
  await runsOf(db).updateOne({ _id: run }, { $set: { journalDroppedAt: new Date() } });
  const aside = db
    .collection(journalName(run))
    .find({ 'facts.aside': { $exists: true } }, { projection: { facts: 1 } });
  for await (const { facts } of aside as AsyncIterable<Document>) {
    const { database, aside: name } = facts as { database: string; aside: string };
    await client.db(database).dropCollection(name);
  }
  // Where a script wrote an aggregation into another database, the kernel has kept its part there.
  const elsewhere = await db.collection(journalName(run)).distinct('facts.database', { op: 'transfer' });
  for (const database of elsewhere)
    if (database !== db.databaseName) await dropKept(client.db(database), run);
  await dropKept(db, run);
}

async function dropKept(db: Db, run: string): Promise<void> {
  const staged = await db
    .listCollections({ name: { $regex: `^${stagePrefix}` } }, { nameOnly: true })
    .toArray();
  for (const { name } of staged) if (name.startsWith(`${stagePrefix}${run}`)) await db.dropCollection(name);
  await db.dropCollection(journalName(run));
  await forgetCheckpoints(db, run);
}

/** Collections that were put aside by a run whose journal is gone, so that nothing leads back to them. */
export async function forgottenAside(db: Db): Promise<string[]> {
  const ours = { name: { $regex: `^(?:${journalPrefix}|${undoPrefix})` } };
  const names = (await db.listCollections(ours, { nameOnly: true }).toArray()).map(({ name }) => name);
  const runs = names.flatMap((name) =>
    name.startsWith(journalPrefix) ? [name.slice(journalPrefix.length)] : [],
  );
  return names.filter(
    (name) => name.startsWith(undoPrefix) && !runs.some((run) => name.startsWith(`${undoPrefix}${run}_`)),
  );
}

/** The journals that somebody may still go on with. @param runs newest first. */
function neededJournals(runs: RunDocument[], rows: LedgerRow[]): Map<string, JournalItem['needed']> {
  const needed = new Map<string, JournalItem['needed']>();
  const appliedBy = new Map(rows.map((row) => [row.name, row.run]));
  const seen = new Set<string>();
  for (const run of runs) {
    const atWork = !finalRunStates.includes(run.state);
    if (atWork) needed.set(run._id, 'at-work');
    for (const { name, state, journal, startedAt } of run.steps) {
      const used = journal ?? run._id;
      if (atWork) needed.set(used, 'at-work');
      if (startedAt === null || seen.has(name)) continue;
      seen.add(name);
      const applied = appliedBy.get(name);
      // A rollback that did not come to its end goes on with the journal of the run that applied it.
      const halfBack = run.direction === 'down' && ['interrupted', 'failed', 'cancelled'].includes(state);
      if (halfBack && applied !== undefined) needed.set(applied, 'resumable');
      if (state === 'conflicts' && run.direction === 'up') needed.set(used, 'conflicts');
      const unfinished = unfinishedRun(name, runs);
      if (unfinished !== undefined) needed.set(unfinished, 'resumable');
    }
  }
  for (const { state, run } of rows) {
    if (state === 'conflicts' && run !== undefined) needed.set(run, 'conflicts');
  }
  return needed;
}

function lastUse(run: string, users: RunDocument[]): Date | null {
  const times = users.map(({ endedAt, startedAt }) => new Date(endedAt ?? startedAt).getTime());
  if (times.length > 0) return new Date(Math.max(...times));
  // Its run document is gone, but a run's id begins with its time.
  const found = /^(\d{4})(\d{2})(\d{2})-(\d{2})(\d{2})(\d{2})-/.exec(run);
  if (!found) return null;
  const [, year, month, day, hour, minute, second] = found;
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

async function sizeOf(db: Db, name: string): Promise<number> {
  const [stats] = await db
    .collection(name)
    .aggregate<{ bytes: number }>([
      { $collStats: { storageStats: {} } },
      { $group: { _id: null, bytes: { $sum: '$storageStats.totalSize' } } },
    ])
    .toArray()
    .catch(() => []);
  return stats?.bytes ?? 0;
}

// What a run takes: the state of the project against its database, and the steps that a request means by it.
import { basename } from 'node:path';
import type { Db } from 'mongodb';
import { ExitCode, UserError, type ErrorInfo } from '../protocol/errors';
import type { RunDocument, RunMode, RunState } from '../protocol/run';
import type { MigrationStatus } from '../protocol/status';
import { sourceChecksum } from '../migration/checksum';
import { compareNames } from '../migration/files';
import { findStatus, isRunnable, selectDown, selectUp } from './choice';
import { appliedVersion, type AppliedVersion } from './appliedVersion';
import type { CatalogueEntry } from './catalogue';
import type { Connection } from './connect';
import type { LedgerRow } from './ledger';
import type { MigrationSet } from './migrationSet';
import { hasWholeJournal, readStatus, unfinishedRollback, unfinishedRun } from './plan';
import { countQuarantine, notInQuarantine } from './quarantine';
import { settleReplaced } from './replaced';
import { journalPrefix } from '../transfer/journal';
import { runsThatCount } from './runs';
import { type EngineSettings, openLedger } from './scope';
import type { PlannedStep } from './plannedStep';
import type { RunHooks } from './runDocument';

export interface ExecuteRequest {
  mode: RunMode;
  /** Exactly these; empty = all pending (up) or the last applied (down). */
  names: string[];
  to?: string;
  steps?: number;
  /** With `down`: everything that this run has applied, or what was applied together with the last one. */
  run?: string;
  block?: boolean;
  /** With `dry-run`: rehearse the way back of what is applied. */
  back?: boolean;
  allowOutOfOrder?: boolean;
  /** With `up`: run a named one although it is applied, since its file has changed (migrate-mongo's `useFileHash`). */
  changedToo?: boolean;
  /** With `up`: go on with this run at its checkpoint. */
  resume?: string;
  /** With `up`: try the documents in quarantine again, of the named migrations or of all. */
  retryQuarantine?: boolean;
  /** With `retryQuarantine`: only the documents with these `_id`s, as Extended JSON. */
  documents?: unknown[];
  args?: Record<string, unknown>;
}

export interface ProjectState {
  statuses: MigrationStatus[];
  rows: LedgerRow[];
  entries: CatalogueEntry[];
  runs: RunDocument[];
  problems: { file: string; error: ErrorInfo }[];
}

/** What a state is read of. */
export interface Project {
  connection: Connection;
  set: MigrationSet;
  settings: EngineSettings;
}

/** Reads folder, ledger and runs, and judges every migration; runs nothing and writes nothing. */
export async function readState({ connection, set, settings }: Project): Promise<ProjectState> {
  const ledger = openLedger(connection.db, settings);
  const [read, recorded, runs, journals] = await Promise.all([
    set.read(),
    ledger.rows(),
    runsThatCount(connection.db),
    listJournals(connection.db),
  ]);
  const forScripts = settings.backup === 'journal';
  const { entries, rows } = settleReplaced(read.entries, recorded);
  const catalogue = { ...read, entries };
  const statuses = await readStatus({
    catalogue,
    rows,
    runs,
    ledger,
    journals: { runs: journals, forScripts },
  });
  return { statuses, rows, entries, runs, problems: read.problems };
}

/** The runs whose journal is still kept. */
async function listJournals(db: Db): Promise<Set<string>> {
  const found = await db
    .listCollections({ name: { $regex: `^${journalPrefix}` } }, { nameOnly: true })
    .toArray();
  return new Set(found.map(({ name }) => name.slice(journalPrefix.length)));
}

/** The interrupted run that an `up` finishes first: nothing newer has touched its migrations. */
export function findResumable(request: ExecuteRequest, runs: RunDocument[]): RunDocument | undefined {
  if (request.mode !== 'up' || request.retryQuarantine) return undefined;
  if (request.resume !== undefined) return findNamed(request.resume, runs);
  const newest = runs.find((run) => run.mode === 'up' || run.mode === 'down');
  if (newest?.mode !== 'up' || newest.state !== 'interrupted') return undefined;
  const open = newest.steps.find((step) => step.state === 'interrupted');
  if (!open || (open.kind === 'script' && !hasWholeJournal(open))) return undefined;
  return request.names.length === 0 || request.names.includes(open.name) ? newest : undefined;
}

function findNamed(id: string, runs: RunDocument[]): RunDocument {
  const run = runs.find((candidate) => candidate._id === id);
  if (!run) {
    throw new UserError(`There is no run ${id} in this database. \`migratory runs\` lists them all.`, {
      exitCode: ExitCode.usage,
    });
  }
  const resumable: RunState[] = ['interrupted', 'failed', 'cancelled'];
  if (run.mode === 'up' && resumable.includes(run.state)) return run;
  const what = run.mode === 'up' ? `is ${run.state}` : 'was a rollback; roll back again instead';
  throw new UserError(`Run ${id} cannot be resumed: it ${what}.`, { exitCode: ExitCode.usage });
}

/** What the run has left open, and with a plain `up` everything else that is pending. */
export async function resumeSteps(
  run: RunDocument,
  state: ProjectState,
  request: ExecuteRequest,
): Promise<PlannedStep[]> {
  const open = run.steps.filter((step) => step.state !== 'applied').map((step) => step.name);
  const chosen =
    request.resume === undefined ? selectUp(state.statuses, { ...request, allowOutOfOrder: true }) : [];
  const wanted = new Set([...open, ...chosen.map((status) => status.name)]);
  const statuses = state.statuses.filter(
    (status) => wanted.has(status.name) && (status.appliedAt === null || isRunnable(status)),
  );
  return plan(statuses, state);
}

export async function chooseSteps(
  project: Project,
  request: ExecuteRequest,
  state: ProjectState,
): Promise<PlannedStep[]> {
  const { mode, names } = request;
  refuseUnreadableNames(names, state);
  if (mode === 'down' || request.back) return stepsDown(project, request, state);
  if (request.retryQuarantine) return quarantinedSteps(project.connection, request, state);
  if (mode === 'up') {
    const chosen = plan(selectUp(state.statuses, request), state);
    if (names.length === 0) {
      refuseUnreadable(chosen, request, state);
      refuseUnclear(chosen, state);
    }
    return chosen;
  }
  if (names.length > 0) {
    const named = new Set(names.map((name) => findStatus(state.statuses, name)));
    return plan(
      state.statuses.filter((status) => named.has(status)),
      state,
    );
  }
  if (mode === 'verify') {
    const applied = ({ state, file }: MigrationStatus): boolean => state === 'applied' && file !== undefined;
    return plan(state.statuses.filter(applied), state);
  }
  const chosen = plan(selectUp(state.statuses, { names: [], allowOutOfOrder: true }), state);
  refuseUnreadable(chosen, request, state);
  return chosen;
}

/** A file that cannot be read may hold what has to run before the others: nothing is passed over silently. */
function refuseUnreadable(chosen: PlannedStep[], { to, steps }: ExecuteRequest, state: ProjectState): void {
  const applied = new Set(state.rows.flatMap(({ name, file = name }) => [name, file]));
  const last = to === undefined && steps === undefined ? undefined : chosen.at(-1)?.entry.file;
  const problem = state.problems.find(({ file }) => {
    const name = basename(file);
    return !applied.has(name) && (last === undefined || compareNames(name, basename(last)) <= 0);
  });
  if (problem) throw unreadable(problem);
}

/** The name of a file that cannot be read: its reason says more than that it holds no such migration. */
function refuseUnreadableNames(names: string[], { statuses, rows, problems }: ProjectState): void {
  for (const name of names) {
    if ([...statuses, ...rows].some((known) => known.name === name)) continue;
    const problem = problems.find(({ file }) => basename(file) === basename(name));
    if (problem) throw unreadable(problem);
    const [first] = problems;
    if (!first || statuses.some(({ file }) => file !== undefined && basename(file) === basename(name)))
      continue;
    throw unreadable(first, `There is no migration "${name}" in the files that can be read. `);
  }
}

/**
 * What a command without names passes over: files that cannot be read, of which something is applied. What else they
 * may hold nobody knows; old ones that do not load any more keep nobody from going on.
 */
export function sayPassedOver(
  { hooks, request: { mode, names } }: { hooks: RunHooks; request: ExecuteRequest },
  { rows, problems }: ProjectState,
): void {
  if (mode === 'down' || mode === 'verify' || names.length > 0) return;
  const found = problems.filter((problem) => {
    const own = basename(problem.file);
    return rows.some(({ name, file = name }) => file === own && name !== own);
  });
  for (const { file, error } of found) {
    const message = `${basename(file)}: ${error.message} Of what it holds some is applied; the rest was passed over, if there is any.`;
    hooks.event?.({ type: 'log', run: '', at: new Date().toISOString(), level: 'warn', message });
  }
}

function unreadable({ file: path, error }: ProjectState['problems'][number], before = ''): UserError {
  const { message, action, file = path, line, column } = error;
  return new UserError(`${before}${message} Nothing was run.`, { action, location: { file, line, column } });
}

/** What is rolled back is what was applied: out of the ledger where the file has changed or is gone. */
async function stepsDown(
  { connection, set, settings }: Project,
  request: ExecuteRequest,
  state: ProjectState,
): Promise<PlannedStep[]> {
  const undoable = request.names.filter((name) => unfinishedRun(name, state.runs) !== undefined);
  const chosen = selectDown(state.statuses, state.rows, request, undoable);
  if (!set.loadApplied) return plan(chosen, state);
  const ledger = openLedger(connection.db, settings);
  return Promise.all(
    chosen.map(async (status) => {
      const row = state.rows.find(({ name }) => name === status.name);
      const applied = await appliedVersion(status, row, ledger);
      return { ...planOne(status, state, applied), applied };
    }),
  );
}

/** Nobody knows how far an interrupted script came that has no journal: it is not run again by itself. */
function refuseUnclear(chosen: PlannedStep[], { statuses }: ProjectState): void {
  const unclear = chosen.find(({ entry, unfinished }) => {
    const status = statuses.find(({ name }) => name === entry.name);
    return entry.kind === 'script' && status?.state === 'interrupted' && unfinished === undefined;
  });
  if (!unclear) return;
  const { name } = unclear.entry;
  throw new UserError(
    `"${name}" was interrupted and has no journal, so nobody can tell how far it came. Look at its data, then run it ` +
      'by its name or mark it as applied.',
    { action: { label: 'Run Again', cli: `migratory up ${name}` } },
  );
}

/** The applied migrations that have documents in quarantine; their run's journal goes on with them. */
async function quarantinedSteps(
  { db }: Connection,
  { names, documents }: ExecuteRequest,
  state: ProjectState,
): Promise<PlannedStep[]> {
  const held = await countQuarantine(db, documents);
  const statuses = state.statuses.filter(
    ({ name }) => held.has(name) && (names.length === 0 || names.includes(name)),
  );
  if (documents && statuses.length === 0) throw notInQuarantine(documents, names[0]);
  return plan(statuses, state).map((planned) => ({ ...planned, unfinished: planned.row?.run, documents }));
}

function plan(statuses: MigrationStatus[], state: ProjectState): PlannedStep[] {
  return statuses.map((status) => planOne(status, state));
}

function planOne(status: MigrationStatus, state: ProjectState, applied?: AppliedVersion): PlannedStep {
  const { name } = status;
  const entry =
    state.entries.find((candidate) => candidate.name === name) ?? (applied && entryOf(status, applied));
  if (!entry) {
    throw new UserError(
      `The file of "${name}" is missing, so it cannot be run. Bring it back from version control.`,
    );
  }
  return {
    entry,
    row: state.rows.find((row) => row.name === name),
    rows: state.rows,
    entries: state.entries,
    state: status.state,
    unfinished: unfinishedRun(name, state.runs),
    unfinishedRollback: unfinishedRollback(name, state.runs),
  };
}

/** In the place of a file that is gone. */
function entryOf({ name, kind }: MigrationStatus, { file, source }: AppliedVersion): CatalogueEntry {
  const known = kind === 'transform' || kind === 'pipeline' ? kind : 'script';
  const checksum = sourceChecksum(source);
  return { name, kind: known, file, index: 0, hasDown: false, requires: [], checksum, source };
}

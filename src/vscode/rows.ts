// What is known about the migrations of a folder, merged from three sources: the outline of the files, the
// status against one database, and the runs that are under way. Pure; tree, lenses and status bar show it.
import { basename } from 'node:path';
import type { Outline, OutlineEntry } from '../migration/outline';
import type { ErrorInfo } from '../protocol/errors';
import type { RunDocument, RunMode, RunStep, StepState } from '../protocol/run';
import type { StatusResult } from '../protocol/runner';
import type { MigrationState, MigrationStatus } from '../protocol/status';
import type { LastDryRun } from './lastDryRun';
import { isOver } from './runs';
import type { Translate } from './words';

export interface OutlinedFile {
  /** Absolute path. */
  file: string;
  outline: Outline;
}

/** `not-checked`: no database has been asked yet, or it could not be. */
export type RowState = MigrationState | 'not-checked';

export interface MigrationRow {
  name: string;
  /** False while only a run of the file could tell the name (it is computed). */
  nameKnown: boolean;
  state: RowState;
  kind: string;
  file?: string;
  index: number;
  /** Of the file as the database's status was judged by. */
  checksum?: string;
  description?: string;
  reversible: boolean;
  irreversibleReason?: string;
  appliedAt: string | null;
  durationMs: number | null;
  run?: string;
  quarantined?: number;
  /** Names of the migrations that it stands for. */
  replaces?: string[];
  error?: ErrorInfo;
  /** Another migration of the folder has the same name. */
  duplicate: boolean;
  /** The run that has to do with it right now. */
  active?: { run: string; mode: RunMode; state: StepState; percentage: number | null };
  /** The newest dry run of it on this connection. */
  lastDryRun?: LastDryRun;
}

/** A file that cannot be read as migrations, and why. */
export interface FileProblem {
  file: string;
  message: string;
  line?: number;
  column?: number;
}

export interface Migrations {
  rows: MigrationRow[];
  problems: FileProblem[];
}

/** What files and database say, before any run: made anew only when one of them is another. */
export function settledRows(
  files: readonly OutlinedFile[],
  status: StatusResult | undefined,
  t: Translate,
): Migrations {
  const rows = status ? withStatus(files, status) : files.flatMap((file) => outlineRows(file));
  markDuplicates(rows, files);
  return { rows, problems: problemsOf(files, status, t) };
}

/**
 * The same rows with what runs say of them; those that no run is about stay the same objects. `runs` are those on the
 * same target, newest first, `dryRuns` the newest dry run of each migration by its name.
 */
export function withRuns(
  settled: Migrations,
  runs: readonly RunDocument[],
  dryRuns: ReadonlyMap<string, LastDryRun>,
): Migrations {
  const overlays = overlaysOf(runs);
  if (overlays.size === 0 && dryRuns.size === 0) return settled;
  const rows = settled.rows.map((row) => {
    const overlay = overlays.get(row.name);
    const lastDryRun = dryRuns.get(row.name);
    if (!overlay && !lastDryRun) return row;
    return {
      ...row,
      ...overlay?.(row),
      ...(lastDryRun ? { lastDryRun: { ...lastDryRun, outdated: isOutdated(row, lastDryRun) } } : {}),
    };
  });
  return { ...settled, rows };
}

/** Rows of one file by its text alone. */
export function outlineRows({ file, outline }: OutlinedFile): MigrationRow[] {
  return outline.entries.map((entry) => rowOfEntry(file, entry));
}

function rowOfEntry(file: string, entry: OutlineEntry): MigrationRow {
  return {
    name: nameOf(file, entry),
    nameKnown: entry.name !== null,
    state: 'not-checked',
    kind: entry.kind,
    file,
    index: entry.index,
    description: entry.description,
    reversible: entry.irreversible === undefined,
    irreversibleReason: typeof entry.irreversible === 'string' ? entry.irreversible : undefined,
    appliedAt: null,
    durationMs: null,
    duplicate: false,
  };
}

function nameOf(file: string, { name, index }: OutlineEntry): string {
  return name ?? (index === 0 ? basename(file) : `${basename(file)} #${index + 1}`);
}

function rowOfStatus(status: MigrationStatus): MigrationRow {
  const { appliedChecksum: _applied, ...shown } = status;
  return { ...shown, nameKnown: true, duplicate: false };
}

/** The engine's order and states; migrations that were written since it looked come last, unchecked. */
function withStatus(files: readonly OutlinedFile[], status: StatusResult): MigrationRow[] {
  const rows = status.migrations.map(rowOfStatus);
  const placed = new Set(rows.map((row) => placeOf(row.file, row.index)));
  // A file that another one stands for is no migration of its own any more.
  const names = new Set(rows.flatMap(({ name, replaces = [] }) => [name, ...replaces]));
  for (const { file, outline } of files) {
    for (const entry of outline.entries) {
      const known = entry.name !== null && names.has(entry.name);
      if (!known && !placed.has(placeOf(file, entry.index))) rows.push(rowOfEntry(file, entry));
    }
  }
  return rows;
}

function placeOf(file: string | undefined, index: number): string {
  return `${file ?? ''}#${index}`;
}

/** The row of an outline entry: by its place in its file, else by its name. */
export function rowOf(
  rows: readonly MigrationRow[],
  file: string,
  entry: Pick<OutlineEntry, 'name' | 'index'>,
): MigrationRow | undefined {
  if (entry.name !== null) {
    const named = rows.filter((row) => row.name === entry.name);
    return named.find((row) => row.file === file && row.index === entry.index) ?? named[0];
  }
  return rows.find((row) => row.file === file && row.index === entry.index);
}

/** By the files alone: the engine knows only the first of two of one name. */
function markDuplicates(rows: MigrationRow[], files: readonly OutlinedFile[]): void {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { file, outline } of files) {
    for (const entry of outline.entries) {
      const name = nameOf(file, entry);
      if (seen.has(name)) twice.add(name);
      seen.add(name);
    }
  }
  if (twice.size === 0) return;
  for (const row of rows) row.duplicate = twice.has(row.name);
}

type Overlay = (row: MigrationRow) => Partial<MigrationRow>;

/** What the newest run of each migration says beyond the status: it goes on right now, or its runner is lost. */
function overlaysOf(runs: readonly RunDocument[]): Map<string, Overlay> {
  const seen = new Set<string>();
  const overlays = new Map<string, Overlay>();
  for (const run of runs) {
    for (const step of run.steps) {
      if (seen.has(step.name) || (!isOver(run) && step.endedAt !== null)) continue;
      seen.add(step.name);
      if (!isOver(run)) {
        const active = { run: run._id, mode: run.mode, state: step.state, percentage: percentageOf(step) };
        overlays.set(step.name, () => ({ active }));
      } else if (run.state === 'interrupted' && isLost(step) && run.mode === 'up') {
        const interrupted = { state: 'interrupted', run: run._id } as const;
        overlays.set(step.name, (row) => (isPending(row) ? interrupted : {}));
      }
    }
  }
  return overlays;
}

/** Another file than the one that was rehearsed. */
function isOutdated({ checksum }: MigrationRow, lastDryRun: LastDryRun): boolean {
  return checksum !== undefined && lastDryRun.checksum !== undefined && checksum !== lastDryRun.checksum;
}

function isLost({ startedAt, endedAt }: RunStep): boolean {
  return startedAt !== null && endedAt === null;
}

function isPending({ state }: MigrationRow): boolean {
  return state === 'pending' || state === 'out-of-order' || state === 'running';
}

export function percentageOf(step: Pick<RunStep, 'processed' | 'total'>): number | null {
  if (!step.total) return null;
  return Math.min(100, Math.floor((100 * step.processed) / step.total));
}

function problemsOf(
  files: readonly OutlinedFile[],
  status: StatusResult | undefined,
  t: Translate,
): FileProblem[] {
  const unreadable = files.flatMap(({ file, outline }): FileProblem[] =>
    outline.error ? [{ file, ...outline.error }] : [],
  );
  const known = new Set(unreadable.map(({ file }) => file));
  if (status) {
    // The engine says the same of a file that does not parse, in more words.
    const told = status.problems.filter(({ file }) => !known.has(file));
    return [
      ...unreadable,
      ...told.map(({ file, error }) => ({
        file,
        message: error.message,
        line: error.line,
        column: error.column,
      })),
    ];
  }
  const empty = files.filter(({ outline: { entries, complete, error } }) => {
    return entries.length === 0 && complete && !error;
  });
  return [...unreadable, ...empty.map(({ file }) => ({ file, message: t('exports no migration') }))];
}

/** Not applied and not under way: a failed one too, since running past it would leave a gap. */
const pendingStates: ReadonlySet<RowState> = new Set(['pending', 'out-of-order', 'failed', 'interrupted']);

/** What "Run All Pending" runs, in order. */
export function pendingRows(rows: readonly MigrationRow[]): MigrationRow[] {
  return rows.filter(({ state }) => pendingStates.has(state));
}

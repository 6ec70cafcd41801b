// What is known about the migrations of a folder, merged from three sources: the outline of the files, the
// status against one database, and the runs that are under way. Pure; tree, lenses and status bar show it.
import { basename } from 'node:path';
import type { Outline, OutlineEntry } from '../migration/outline';
import type { ErrorInfo } from '../protocol/errors';
import type { RunDocument, RunMode, RunStep, StepState } from '../protocol/run';
import type { StatusResult } from '../protocol/runner';
import type { MigrationState, MigrationStatus } from '../protocol/status';
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
  description?: string;
  reversible: boolean;
  irreversibleReason?: string;
  appliedAt: string | null;
  durationMs: number | null;
  run?: string;
  quarantined?: number;
  error?: ErrorInfo;
  /** Another migration of the folder has the same name. */
  duplicate: boolean;
  /** The run that has to do with it right now. */
  active?: { run: string; mode: RunMode; state: StepState; percentage: number | null };
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

/** `runs` are those on the same target, newest first. */
export function migrationRows(
  files: readonly OutlinedFile[],
  status: StatusResult | undefined,
  runs: readonly RunDocument[],
  t: Translate,
): Migrations {
  const rows = status ? withStatus(files, status) : files.flatMap((file) => outlineRows(file));
  markDuplicates(rows, files);
  overlay(rows, runs);
  return { rows, problems: problemsOf(files, status, t) };
}

/** Rows of one file by its text alone. */
export function outlineRows({ file, outline }: OutlinedFile): MigrationRow[] {
  return outline.entries.map((entry) => rowOfEntry(file, entry));
}

function rowOfEntry(file: string, entry: OutlineEntry): MigrationRow {
  return {
    name: entry.name ?? (entry.index === 0 ? basename(file) : `${basename(file)} #${entry.index + 1}`),
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

function rowOfStatus(status: MigrationStatus): MigrationRow {
  const { appliedChecksum: _applied, checksum: _checksum, ...shown } = status;
  return { ...shown, nameKnown: true, duplicate: false };
}

/** The engine's order and states; migrations that were written since it looked come last, unchecked. */
function withStatus(files: readonly OutlinedFile[], status: StatusResult): MigrationRow[] {
  const rows = status.migrations.map(rowOfStatus);
  const placed = new Set(rows.map((row) => placeOf(row.file, row.index)));
  const names = new Set(rows.map((row) => row.name));
  for (const file of files) {
    for (const row of outlineRows(file)) {
      if (!placed.has(placeOf(row.file, row.index)) && !(row.nameKnown && names.has(row.name)))
        rows.push(row);
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
  const counts = new Map<string, number>();
  for (const { name } of files.flatMap(outlineRows)) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const row of rows) row.duplicate = (counts.get(row.name) ?? 0) > 1;
}

/** What the newest run of each migration says beyond the status: it goes on right now, or its runner is lost. */
function overlay(rows: MigrationRow[], runs: readonly RunDocument[]): void {
  const byName = new Map(rows.map((row) => [row.name, row]));
  const seen = new Set<string>();
  for (const run of runs) {
    for (const step of run.steps) {
      const row = byName.get(step.name);
      if (!row || seen.has(step.name) || (!isOver(run) && step.endedAt !== null)) continue;
      seen.add(step.name);
      if (!isOver(run)) {
        row.active = { run: run._id, mode: run.mode, state: step.state, percentage: percentageOf(step) };
      } else if (run.state === 'interrupted' && isLost(step) && run.mode === 'up' && isPending(row)) {
        row.state = 'interrupted';
        row.run = run._id;
      }
    }
  }
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

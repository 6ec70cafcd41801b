// The plan: the state of every migration against a ledger. Which of them a run takes is in choice.ts.
import type { ErrorInfo } from '../protocol/errors';
import { finalRunStates, type RunDocument, type RunStep } from '../protocol/run';
import type { MigrationState, MigrationStatus } from '../protocol/status';
import { outlineSource } from '../migration/outlineSource';
import type { Catalogue, CatalogueEntry } from './catalogue';
import type { Ledger, LedgerRow } from './ledger';
import { appliedNames, bringBack, whyWaiting } from './replaced';
import { isTouched } from './runs';

export interface PlanInput {
  catalogue: Catalogue;
  rows: LedgerRow[];
  /** Newest first, as runsThatCount gives them. */
  runs: RunDocument[];
  /** The runs whose journal is kept, and whether scripts that are run now get one. */
  journals?: { runs: ReadonlySet<string>; forScripts: boolean };
  /** Reads an applied source, to tell which migrations of a changed file have really changed. */
  ledger?: Pick<Ledger, 'source'>;
}

/** The state of every migration: those on disk in their order, then applied ones whose file is missing. */
export async function readStatus(input: PlanInput): Promise<MigrationStatus[]> {
  const { catalogue, rows, runs, ledger, journals } = input;
  const ledgered = new Map(rows.map((row) => [row.name, row]));
  const last = lastSteps(runs);
  const applied = appliedNames(rows);
  const newestApplied = catalogue.entries.findLastIndex((entry) => ledgered.has(entry.name));
  const statuses: MigrationStatus[] = [];
  for (const [position, entry] of catalogue.entries.entries()) {
    const row = ledgered.get(entry.name);
    const step = last.get(entry.name);
    const known = row && (await appliedState(entry, row, ledger));
    const again = known === 'changed' && entry.repeatable === true;
    const late = !row && position < newestApplied;
    const state = known && !again ? known : pendingState(step, late);
    statuses.push({
      name: entry.name,
      state: step && isActive(step) ? 'running' : state,
      kind: entry.kind,
      file: entry.file,
      index: entry.index,
      description: entry.description,
      ...reversibility(entry, row, journals, step?.step.unkept),
      ...appliedFacts(row),
      checksum: entry.checksum,
      run: step?.run._id ?? row?.run,
      quarantined: step?.step.quarantined || undefined,
      replaces: entry.replaces,
      error: (state === 'failed' && step?.step.error) || (row ? undefined : waiting(entry, applied)),
    });
  }
  const onDisk = new Set(catalogue.entries.map((entry) => entry.name));
  for (const row of rows) {
    if (onDisk.has(row.name)) continue;
    statuses.push({
      name: row.name,
      state: row.state === 'conflicts' ? 'conflicts' : 'missing',
      kind: row.kind ?? 'script',
      index: 0,
      reversible: false,
      ...appliedFacts(row),
      run: last.get(row.name)?.run._id ?? row.run,
    });
  }
  return statuses;
}

/** It stands for others of which only some are applied. */
function waiting(
  { name, replaces = [] }: CatalogueEntry,
  applied: ReadonlySet<string>,
): ErrorInfo | undefined {
  const why = whyWaiting(name, replaces, applied);
  return why === undefined ? undefined : { message: `${why} ${bringBack}`, user: true };
}

function appliedFacts(
  row: LedgerRow | undefined,
): Pick<MigrationStatus, 'appliedAt' | 'durationMs' | 'appliedChecksum'> {
  return {
    appliedAt: row?.appliedAt?.toISOString() ?? null,
    durationMs: row?.durationMs ?? null,
    appliedChecksum: row?.checksum,
  };
}

function reversibility(
  entry: CatalogueEntry,
  row: LedgerRow | undefined,
  journals: PlanInput['journals'],
  unkept: string | undefined,
): Pick<MigrationStatus, 'reversible' | 'irreversibleReason'> {
  if (entry.irreversible) {
    const reason = entry.irreversible === true ? 'It is marked irreversible.' : entry.irreversible;
    return { reversible: false, irreversibleReason: reason };
  }
  // A transform is undone from its journal even without a `revert`.
  if (entry.hasDown || entry.kind === 'transform') return { reversible: true };
  const journaled = row ? row.run !== undefined && journals?.runs.has(row.run) : journals?.forScripts;
  if (entry.kind === 'script' && journaled && unkept === undefined) return { reversible: true };
  return { reversible: false, irreversibleReason: 'It has no down.' };
}

async function appliedState(
  entry: CatalogueEntry,
  row: LedgerRow,
  ledger: Pick<Ledger, 'source'> | undefined,
): Promise<MigrationState> {
  if (row.state === 'conflicts') return 'conflicts';
  if (row.checksum === undefined || row.checksum === entry.checksum) return 'applied';
  return (await onlyNeighboursChanged(entry, ledger)) ? 'applied' : 'changed';
}

/** A file of several migrations may have got another one since: this one has not changed by that. */
async function onlyNeighboursChanged(
  entry: CatalogueEntry,
  ledger: Pick<Ledger, 'source'> | undefined,
): Promise<boolean> {
  if (!entry.range || !ledger) return false;
  const now = outlineSource(entry.source.toString('utf8'), entry.file);
  if (now.entries.length < 2) return false;
  const appliedSource = await ledger.source(entry.name);
  if (!appliedSource) return false;
  const text = appliedSource.toString('utf8');
  const then = outlineSource(text, entry.file).entries.find((candidate) => candidate.name === entry.name);
  if (!then) return false;
  return text.slice(then.start, then.end) === sourceText(entry);
}

function sourceText(entry: CatalogueEntry): string {
  return entry.source.toString('utf8').slice(entry.range?.start, entry.range?.end);
}

interface LastStep {
  run: RunDocument;
  step: RunStep;
}

/** The newest step of each migration that ran. */
function lastSteps(runs: RunDocument[]): Map<string, LastStep> {
  const last = new Map<string, LastStep>();
  for (const run of runs) {
    for (const step of run.steps) {
      if (isTouched(step) && !last.has(step.name)) last.set(step.name, { run, step });
    }
  }
  return last;
}

function isActive({ run, step }: LastStep): boolean {
  const moving = ['checking', 'running', 'paused', 'verifying', 'rolling-back'].includes(step.state);
  return moving && !finalRunStates.includes(run.state);
}

function pendingState(last: LastStep | undefined, laterIsApplied: boolean): MigrationState {
  if (last && last.run.direction === 'up') {
    if (isUnfinished(last)) return last.step.state === 'failed' ? 'failed' : 'interrupted';
    if (last.step.error) return 'failed';
  }
  return laterIsApplied ? 'out-of-order' : 'pending';
}

const atWork: ReadonlySet<string> = new Set(['running', 'paused', 'verifying', 'rolling-back']);

/** Everything that the script has changed can be undone. */
export function hasWholeJournal({ journal, unkept }: RunStep): boolean {
  return journal !== undefined && unkept === undefined;
}

/** Its work was begun and neither finished nor undone: the documents may stand half-way. */
function isUnfinished({ run, step }: LastStep): boolean {
  if (step.state === 'interrupted') return true;
  // The run came to an end that its step did not live to see.
  if (atWork.has(step.state) && finalRunStates.includes(run.state)) return true;
  // A script with a journal changes indexes and options too, which nobody counts.
  if (step.kind === 'script' && hasWholeJournal(step))
    return step.state === 'failed' || step.state === 'cancelled';
  // A step that failed at its checks has changed nothing.
  if (step.state === 'failed') return step.processed > 0 || step.total !== null;
  return step.state === 'cancelled' && step.processed > 0;
}

/**
 * The run whose checkpoints and journal an `up` of this migration has to go on with: starting afresh would change
 * documents a second time that are changed already. Undefined when there is nothing to go on with.
 */
export function unfinishedRun(name: string, runs: RunDocument[]): string | undefined {
  const last = lastSteps(runs).get(name);
  if (!last || last.run.direction !== 'up' || !isUnfinished(last)) return undefined;
  // Without a journal nobody can tell how far a script came.
  if (last.step.kind === 'script' && !hasWholeJournal(last.step)) return undefined;
  return last.step.journal ?? last.run._id;
}

/**
 * The rollback of this migration that was begun and did not come to its end. An author's own way back has to go on at
 * its checkpoints: run again from the start it would change documents a second time.
 */
export function unfinishedRollback(name: string, runs: RunDocument[]): string | undefined {
  const last = lastSteps(runs).get(name);
  if (!last || last.run.direction !== 'down' || !isUnfinished(last)) return undefined;
  return last.step.journal ?? last.run._id;
}

// How states, times and targets are said in words, the same in tree, lenses, status bar and messages. Pure:
// the translation is handed in.
import type { RunDocument, RunMode, RunState, RunStep } from '../protocol/run';
import type { LastDryRun } from './lastDryRun';
import type { MigrationRow, RowState } from './rows';

/** The shape of `vscode.l10n.t`. */
export type Translate = (message: string, ...args: (string | number | boolean)[]) => string;

/** The untranslated form, for tests. */
export const english: Translate = (message, ...args) =>
  message.replace(/\{(\d+)\}/g, (whole, index: string) => String(args[Number(index)] ?? whole));

/** `just now`, `2 min ago`, `3 h ago`, `1 day ago`, `5 days ago`, then the date. */
export function ago(at: string | Date, t: Translate, now: number): string {
  const seconds = Math.max(0, (now - new Date(at).getTime()) / 1000);
  if (seconds < 60) return t('just now');
  if (seconds < 3600) return t('{0} min ago', Math.floor(seconds / 60));
  if (seconds < 86_400) return t('{0} h ago', Math.floor(seconds / 3600));
  if (seconds < 2 * 86_400) return t('1 day ago');
  if (seconds < 7 * 86_400) return t('{0} days ago', Math.floor(seconds / 86_400));
  return new Date(at).toISOString().slice(0, 10);
}

/** `12 ms`, `1.2 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The state of a migration as the tree's description and the lens say it. */
export function stateWords(row: MigrationRow, t: Translate, now: number): string {
  const parts = [row.active ? activeWords(row.active, t) : restingWords(row, t, now)];
  // Of what is gone or rolled back nobody asks whether it could be.
  const mayComeBack = row.reversible || row.state === 'missing' || row.state === 'conflicts';
  if (!mayComeBack) parts.push(t('irreversible'));
  if (row.replaces && row.replaces.length > 0) parts.push(t('stands for {0}', row.replaces.length));
  if (row.quarantined) parts.push(t('{0} quarantined', row.quarantined));
  return parts.join(' · ');
}

function activeWords(active: NonNullable<MigrationRow['active']>, t: Translate): string {
  if (active.state === 'planned') return t('waiting for its turn');
  const percentage = active.percentage === null ? '' : ` ${active.percentage} %`;
  if (active.state === 'paused') return t('paused') + percentage;
  if (active.state === 'checking') return t('checking');
  if (active.state === 'verifying') return t('verifying');
  if (active.state === 'rolling-back' || active.mode === 'down') return t('rolling back') + percentage;
  if (active.mode === 'dry-run') return t('dry run') + percentage;
  return t('running') + percentage;
}

function restingWords(row: MigrationRow, t: Translate, now: number): string {
  if (row.duplicate) return t('another migration has this name too');
  if (row.state === 'applied') return appliedWords(row, t, now);
  const words: Record<Exclude<RowState, 'applied'>, string> = {
    pending: t('pending'),
    changed: t('changed since applied'),
    missing: t('file missing'),
    'out-of-order': t('out of order'),
    failed: t('failed'),
    interrupted: t('interrupted'),
    running: t('running'),
    conflicts: t('rolled back with conflicts'),
    'not-checked': t('not checked'),
  };
  return words[row.state];
}

function appliedWords(row: MigrationRow, t: Translate, now: number): string {
  const when = row.appliedAt ? t('applied {0}', ago(row.appliedAt, t, now)) : t('applied');
  return row.durationMs === null ? when : `${when} · ${duration(row.durationMs)}`;
}

/** `dry run passed 5 min ago, 1,204 documents would change`. */
export function dryRunWords(lastDryRun: LastDryRun, t: Translate, now: number): string {
  const when = ago(lastDryRun.at, t, now);
  const { passed, documents } = lastDryRun;
  const words = !passed
    ? t('dry run failed {0}', when)
    : documents === null
      ? t('dry run passed {0}', when)
      : documents === 1
        ? t('dry run passed {0}, 1 document would change', when)
        : t('dry run passed {0}, {1} documents would change', when, documents.toLocaleString());
  return lastDryRun.outdated ? `${words} · ${t('file changed since')}` : words;
}

/** True for what failed on its way up and was taken back: no success, but nothing is left of it either. */
export function isUndone({ state, error }: Pick<RunStep, 'state' | 'error'>): boolean {
  return state === 'rolled-back' && error !== null;
}

/** @param undone see `isUndone`. */
export function runStateWords(state: RunState, t: Translate, undone = false): string {
  if (undone) return t('failed and undone');
  const words: Record<RunState, string> = {
    planned: t('planned'),
    checking: t('checking'),
    running: t('running'),
    paused: t('paused'),
    verifying: t('verifying'),
    applied: t('done'),
    failed: t('failed'),
    'rolling-back': t('rolling back'),
    'rolled-back': t('rolled back'),
    conflicts: t('rolled back with conflicts'),
    cancelled: t('cancelled'),
    interrupted: t('interrupted'),
  };
  return words[state];
}

export function modeWords(mode: RunMode, t: Translate): string {
  const words: Record<RunMode, string> = {
    up: t('Run'),
    down: t('Roll back'),
    'dry-run': t('Dry run'),
    validate: t('Validate'),
    verify: t('Verify'),
  };
  return words[mode];
}

/** `Run · 20240101-add-x` or `Run · 3 migrations`. */
export function runTitle(run: RunDocument, t: Translate): string {
  const [first] = run.steps;
  const what = run.steps.length === 1 && first ? first.name : t('{0} migrations', run.steps.length);
  return `${modeWords(run.mode, t)} · ${what}`;
}

/** 0 to 100 over all steps of a run, or null while no total is known. */
export function runPercentage(run: RunDocument): number | null {
  const total = run.steps.reduce((sum, step) => sum + (step.total ?? 0), 0);
  if (total === 0) return null;
  const processed = run.steps.reduce(
    (sum, step) => sum + Math.min(step.processed, step.total ?? step.processed),
    0,
  );
  return Math.min(100, Math.floor((100 * processed) / total));
}

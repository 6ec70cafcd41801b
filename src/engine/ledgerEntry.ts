// What the ledger is told of a migration that was applied, or that counts as applied without a run.
import type { RunStep } from '../protocol/run';
import type { CatalogueEntry } from './catalogue';
import type { LedgerEntry } from './ledger';
import type { RunScope } from './scope';
import type { PlannedStep } from './plannedStep';

export function ledgerEntry(
  { recorder }: RunScope,
  { entry }: PlannedStep,
  step: RunStep,
  durationMs: number,
): LedgerEntry {
  const run = step.journal ?? recorder.id;
  return { ...markedEntry(entry, run, new Date(recorder.document.startedAt)), durationMs };
}

/** Of a migration that is only marked as applied: nothing was run. */
export function markedEntry(
  { name, checksum, source, file, kind, replaces }: CatalogueEntry,
  run: string,
  runStartedAt: Date,
): LedgerEntry {
  const entry = { name, durationMs: 0, checksum, source, run, file: fileName(file), kind, runStartedAt };
  return replaces === undefined ? entry : { ...entry, replaces };
}

function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

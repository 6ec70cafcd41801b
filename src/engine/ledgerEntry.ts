// What the ledger is told of a migration that was applied.
import type { RunStep } from '../protocol/run';
import type { LedgerEntry } from './ledger';
import type { RunScope } from './scope';
import type { PlannedStep } from './step';

export function ledgerEntry(
  scope: RunScope,
  { entry }: PlannedStep,
  step: RunStep,
  durationMs: number,
): LedgerEntry {
  const { recorder } = scope;
  return {
    name: entry.name,
    durationMs,
    checksum: entry.checksum,
    source: entry.source,
    run: step.journal ?? recorder.id,
    file: entry.file.slice(Math.max(entry.file.lastIndexOf('/'), entry.file.lastIndexOf('\\')) + 1),
    kind: entry.kind,
    runStartedAt: new Date(recorder.document.startedAt),
  };
}

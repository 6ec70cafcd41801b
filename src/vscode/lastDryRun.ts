// What the newest dry run of a migration has shown, for lens and tree.
import type { DryRunReport } from '../protocol/events';
import type { RunDocument, RunStep } from '../protocol/run';

/** What a dry run has shown, as long as its report is known here. */
export interface LastDryRun {
  run: string;
  at: string;
  passed: boolean;
  /** Documents that it would change, insert or delete in all; null when that cannot be told. */
  documents: number | null;
  /** Of the file as it was rehearsed; the file is another one since where it is `outdated`. */
  checksum?: string;
  outdated?: boolean;
}

export function lastDryRunOf(run: RunDocument, step: RunStep, report: DryRunReport | undefined): LastDryRun {
  return {
    run: run._id,
    checksum: step.checksum,
    at: new Date(step.endedAt ?? run.startedAt).toISOString(),
    passed: step.state === 'applied' && (report?.succeeded ?? true),
    documents: report ? documentsOf(report) : null,
  };
}

/** Estimated for the whole data where only a sample was copied. */
function documentsOf({ sampled, estimate, collections }: DryRunReport): number | null {
  if (!sampled.complete) return estimate.documents;
  return collections.reduce((sum, { changed, inserted, deleted }) => sum + changed + inserted + deleted, 0);
}

// What a plan knows of one migration when its step begins.
import type { MigrationState } from '../protocol/status';
import type { AppliedVersion } from './appliedVersion';
import type { CatalogueEntry } from './catalogue';
import type { LedgerRow } from './ledger';

export interface PlannedStep {
  entry: CatalogueEntry;
  /** Its ledger row; undefined while it is not applied. */
  row: LedgerRow | undefined;
  /** The whole ledger when the run began. */
  rows: LedgerRow[];
  /** All migrations that there are. */
  entries?: CatalogueEntry[];
  /** The run that began its work and did not finish it. */
  unfinished: string | undefined;
  /** The run that began to roll it back and did not finish. */
  unfinishedRollback: string | undefined;
  /** When the run began. */
  state?: MigrationState;
  /** What was applied, where it is not the file as it is now: a rollback takes it. */
  applied?: AppliedVersion;
  /** It stays applied whatever becomes of this step: only its documents in quarantine are tried again. */
  keep?: boolean;
  /** With those in quarantine: only the ones with these `_id`s, as Extended JSON. */
  documents?: unknown[];
}

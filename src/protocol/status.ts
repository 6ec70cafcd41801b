// State of one migration against one database, as the tree, the lenses and `status` show it.
import type { ErrorInfo } from './errors';

export type MigrationState =
  | 'applied'
  | 'pending'
  /** Applied, but its file has changed since. */
  | 'changed'
  /** Applied, but no file holds it any more. */
  | 'missing'
  /** Pending although a later one is applied. */
  | 'out-of-order'
  /** Its last run failed and nothing has succeeded since. */
  | 'failed'
  /** Its last run stopped without an end (runner killed, connection lost): can be resumed. */
  | 'interrupted'
  | 'running'
  /** Rolled back but for documents that were changed meanwhile. */
  | 'conflicts';

export interface MigrationStatus {
  name: string;
  state: MigrationState;
  kind: string;
  /** Absolute path; absent when the file is missing. */
  file?: string;
  /** Position in the file's array; 0 for a single migration. */
  index: number;
  description?: string;
  /** True when it can be rolled back by `down`, `revert` or its journal. */
  reversible: boolean;
  irreversibleReason?: string;
  appliedAt: string | null;
  durationMs: number | null;
  checksum?: string;
  appliedChecksum?: string;
  /** Last run that had to do with it. */
  run?: string;
  quarantined?: number;
  /** Names of the migrations that it stands for. */
  replaces?: string[];
  error?: ErrorInfo;
}

// The outline of a source file: which migrations stand in it and where, from its text alone (nothing is run).
import type { MigrationKind } from './kinds';

export interface OutlineEntry {
  /** The literal name, else the file's name; null when it is computed and only a run can tell. */
  name: string | null;
  kind: MigrationKind;
  /** Position in the file's array; 0 for a single migration. */
  index: number;
  /** Offsets (UTF-16 units) of the migration's object or of its `up` in the text; a lens stands on the line of `start`. */
  start: number;
  end: number;
  description?: string;
  /** True with `down`, `revert` or `revertPipeline`; a transform is reversible by its journal anyway. */
  hasDown: boolean;
  irreversible?: true | string;
  repeatable?: boolean;
  /** Names of migrations that must be applied before, where they are literals. */
  requires?: string[];
  /** Names of migrations that it stands for, where they are literals. */
  replaces?: string[];
}

export interface Outline {
  entries: OutlineEntry[];
  /** False when something could not be read statically (computed array, re-export, spread): load the file to know. */
  complete: boolean;
  /** Why the text does not parse; `entries` are empty then. */
  error?: { message: string; line: number; column: number };
}

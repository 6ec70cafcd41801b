// Messages between the extension and the run panel (webview type `migratory.run`).
import type { RunSnapshot } from './events';

/** From the host; `snapshot` is always whole, never a delta. */
export type PanelHostMessage =
  | { type: 'strings'; strings: Record<string, string>; language: string }
  | { type: 'snapshot'; snapshot: RunSnapshot; theme?: string }
  /** The run cannot be shown (any more); one sentence says why, and a button leads on. */
  | { type: 'gone'; message: string; action: { label: string; command: string } };

/** Stands for a document that is too large for a page; the editor opens it whole. */
export const tooLarge = { $tooLarge: true } as const;

/** From the panel. */
export type PanelMessage =
  | { type: 'ready' }
  /** `resume` is for a paused run, and for one that ended before its work was done. */
  | { type: 'control'; run: string; control: 'pause' | 'resume' | 'cancel' }
  /** The speed limit of a run at work; null lifts it. */
  | { type: 'throttle'; run: string; docsPerSecond: number | null }
  | { type: 'openFile'; file: string; line?: number; column?: number }
  /** Opens the before and after of a dry run's document in the editor's diff view. */
  | { type: 'openDiff'; run: string; step: string; index: number }
  /**
   * A document in quarantine, both versions of one in conflict, or one that a run stopped at; `id` is its `_id` as
   * Extended JSON.
   */
  | {
      type: 'openDocument';
      run: string;
      of: 'quarantine' | 'conflicts' | 'errors';
      step: string;
      collection: string;
      id: string;
    }
  | {
      type: 'command';
      command: 'run' | 'dryRun' | 'rollBack' | 'validate' | 'showLog';
      name: string;
    }
  /** The same for several migrations of a run at once. */
  | { type: 'again'; command: 'run' | 'dryRun' | 'rollBack' | 'validate'; names: string[] }
  /** Decides about conflicts of a migration: one document (its `_id` as Extended JSON) or all of them. */
  | { type: 'resolve'; decision: 'keep' | 'restore'; name: string; id?: string }
  /** Decides about documents in quarantine of a migration: one (its `_id` as Extended JSON) or all of them. */
  | { type: 'quarantine'; decision: 'retry' | 'discard'; name: string; id?: string }
  /** The command of an error's way out (`ErrorAction.command`). */
  | { type: 'action'; command: string };

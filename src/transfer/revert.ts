// Restores what a step changed, out of its journal, where the touched fields still hold what the step wrote.
import type { RevertOptions, RevertResult } from './types';

/** Resumable like a transfer; conflicts are told to the monitor one by one and stay in the journal. */
export declare function revertFromJournal(options: RevertOptions): Promise<RevertResult>;

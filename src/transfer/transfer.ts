// The entry of the kernel: changes documents range by range with journal, checkpoints, quarantine and throttle.
// It puts source, protocol and sink together; each of them lives in its own file.
import type { PipelineTransferOptions, TransferOptions, TransferResult } from './types';

/**
 * Changes every matching document exactly once, resumable at its checkpoints.
 * Throws `DocumentError` for a document that fails with `onError: 'stop'`, `FencedError` when a newer epoch has
 * taken over, and the signal's reason when it is aborted.
 */
export declare function transfer(options: TransferOptions): Promise<TransferResult>;

/** Runs an aggregation over ranges of the source and merges its documents into the target. */
export declare function transferPipeline(options: PipelineTransferOptions): Promise<TransferResult>;

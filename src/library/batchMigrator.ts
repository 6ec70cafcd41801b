// `BatchMigrator`: the kernel's transfer over one collection, for programs that want no migration around it.
import type { AnyBulkWriteOperation, Collection, Db, Document, Filter } from 'mongodb';
import { newRunId } from '../engine/runDocument';
import type { MigrationContext, TransformFunction } from '../migration/kinds';
import { transfer } from '../transfer/transfer';
import type { Change, ThrottleSettings } from '../transfer/types';
import { withOwnConnection } from './ownConnection';

export interface BatchProgress {
  /** Documents written so far. */
  processed: number;
  total: number;
  /** 0 to 100, rounded. */
  percentage: number;
  errors: number;
}

export interface BatchMigratorOptions {
  /** Documents per batch at most; default 1000. */
  batchSize?: number;
  /** Called after every batch, the last and partial one too. */
  onProgress?: (progress: BatchProgress) => void;
  /** Called for each document that fails; without it the first failure ends everything. */
  onError?: (error: unknown, document: Document) => void;
  /** Pre-images in a journal of their own; default `none`. */
  backup?: 'journal' | 'none';
  throttle?: ThrottleSettings;
  signal?: AbortSignal;
}

export interface BatchCounts {
  /** Documents written. */
  processed: number;
  errors: number;
  total: number;
}

export class BatchMigrator {
  readonly #options: BatchMigratorOptions;

  constructor(options: BatchMigratorOptions = {}) {
    this.#options = options;
  }

  /**
   * Changes every document that matches, exactly once, in batches.
   * @param transform a function (its result as in a transform migration) or an update pipeline.
   * @throws the first failure, when there is no `onError`.
   */
  async migrate<T extends Document>(
    collection: Collection<T>,
    filter: Filter<T>,
    transform: TransformFunction<T> | Document[],
  ): Promise<BatchCounts> {
    const { batchSize = 1000, backup = 'none', throttle, signal, onError, onProgress } = this.#options;
    const counts: BatchCounts = { processed: 0, errors: 0, total: 0 };
    const progress = new BatchedProgress(batchSize, (processed) => {
      counts.processed = processed;
      onProgress?.({ ...counts, percentage: percentage(counts) });
    });
    const fail = (error: unknown, document: Document): void => {
      counts.errors += 1;
      onError?.(error, document);
    };
    await withOwnConnection(databaseOf(collection), async ({ client, db, server }) => {
      const result = await transfer({
        client,
        db,
        runId: newRunId(),
        step: 'batch',
        epoch: 1,
        transactions: server.transactions,
        collection: collection.collectionName,
        filter,
        change: this.#change(transform as TransformFunction | Document[], fail),
        journal: backup,
        onError: onError ? 'quarantine' : 'stop',
        batchSize,
        throttle,
        signal,
        monitor: {
          total: (total) => (counts.total = total),
          batch: (done) => progress.add(done),
          // What the server refused: the transform itself was fine.
          quarantined: ({ id, reason }) => fail(new Error(reason), { _id: id as never }),
        },
      });
      counts.total = Math.max(counts.total, result.total);
      progress.end();
      counts.processed = result.processed;
    });
    return counts;
  }

  /** Runs bulk operations unordered, in batches of at most `batchSize`. */
  async executeBatch<T extends Document>(
    collection: Collection<T>,
    operations: readonly AnyBulkWriteOperation<T>[],
  ): Promise<BatchCounts> {
    const { batchSize = 1000, onError, onProgress } = this.#options;
    const counts: BatchCounts = { processed: 0, errors: 0, total: operations.length };
    for (let start = 0; start < operations.length; start += batchSize) {
      const batch = operations.slice(start, start + batchSize);
      try {
        counts.processed += written(await collection.bulkWrite(batch, { ordered: false }));
      } catch (error) {
        const { result, writeErrors } = error as { result?: BulkCounts; writeErrors?: unknown };
        if (!onError || !result) throw error;
        counts.processed += written(result);
        for (const failure of [writeErrors ?? []].flat() as { index: number }[]) {
          counts.errors += 1;
          onError(failure, batch[failure.index] as Document);
        }
      }
      onProgress?.({ ...counts, percentage: percentage(counts) });
    }
    return counts;
  }

  /** With `onError`, a throwing transform is reported with its document and skips it. */
  #change(
    transform: TransformFunction | Document[],
    fail: (error: unknown, document: Document) => void,
  ): Change {
    if (Array.isArray(transform)) return { kind: 'pipeline', update: transform };
    const ctx = {} as MigrationContext;
    if (!this.#options.onError) return { kind: 'function', transform, ctx };
    const guarded: TransformFunction = async (document, context) => {
      try {
        return await transform(document, context);
      } catch (error) {
        fail(error, document);
        return undefined;
      }
    };
    return { kind: 'function', transform: guarded, ctx };
  }
}

/**
 * The kernel's ranges are cut by `_id`, hold as many documents as match there, some none, and end in any order: callers
 * hear of batches that are full, of the last one, and of what a second has brought where little matches.
 */
class BatchedProgress {
  #waiting = { count: 0, processed: 0 };
  #processed = 0;
  #told = 0;
  #last = Date.now();

  /** @param tell gets the documents written up to the end of a batch. */
  constructor(
    private readonly size: number,
    private readonly tell: (processed: number) => void,
  ) {}

  add({ count, processed }: { count: number; processed: number }): void {
    this.#waiting.count += count;
    this.#waiting.processed += processed;
    while (this.#waiting.count >= this.size) this.#tell(this.size);
    if (this.#waiting.count > 0 && Date.now() - this.#last > 1_000) this.#tell(this.#waiting.count);
  }

  end(): void {
    if (this.#waiting.count > 0 || this.#told === 0) this.#tell(this.#waiting.count);
  }

  #tell(count: number): void {
    const { count: all, processed: written } = this.#waiting;
    // Of a batch out of several ranges it is not known which documents were skipped.
    const processed = all === 0 ? 0 : Math.round((written * count) / all);
    this.#waiting = { count: all - count, processed: written - processed };
    this.#processed += processed;
    this.#told += 1;
    this.#last = Date.now();
    this.tell(this.#processed);
  }
}

interface BulkCounts {
  insertedCount: number;
  matchedCount: number;
  deletedCount: number;
  upsertedCount: number;
}

function written({ insertedCount, matchedCount, deletedCount, upsertedCount }: BulkCounts): number {
  return insertedCount + matchedCount + deletedCount + upsertedCount;
}

function percentage({ processed, errors, total }: BatchCounts): number {
  return total === 0 ? 100 : Math.min(100, Math.round(((processed + errors) / total) * 100));
}

function databaseOf<T extends Document>(collection: Collection<T>): Db {
  const own = collection as unknown as { db?: Db; s: { db: Db } };
  return own.db ?? own.s.db;
}

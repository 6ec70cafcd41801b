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
    const progress = new BatchedProgress(batchSize, () =>
      onProgress?.({ ...counts, percentage: percentage(counts) }),
    );
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
          batch({ count, processed }) {
            progress.before(count);
            counts.processed += processed;
            progress.after(count);
          },
          // What the server refused: the transform itself was fine.
          quarantined: ({ id, reason }) => fail(new Error(reason), { _id: id as never }),
        },
      });
      counts.processed = result.processed;
      counts.total = Math.max(counts.total, result.total);
      progress.end();
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
 * The kernel's ranges are cut by `_id` and hold as many documents as match there, some none: callers hear of batches
 * that are full, of the last one, and of what a second has brought where little matches.
 */
class BatchedProgress {
  #waiting = 0;
  #told = 0;
  #last = Date.now();

  constructor(
    private readonly size: number,
    private readonly tell: () => void,
  ) {}

  before(count: number): void {
    if (this.#waiting > 0 && this.#waiting + count > this.size) this.#tell();
  }

  after(count: number): void {
    this.#waiting += count;
    const due = this.#waiting >= this.size || Date.now() - this.#last > 1_000;
    if (this.#waiting > 0 && due) this.#tell();
  }

  end(): void {
    if (this.#waiting > 0 || this.#told === 0) this.#tell();
  }

  #tell(): void {
    this.#waiting = 0;
    this.#told += 1;
    this.#last = Date.now();
    this.tell();
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

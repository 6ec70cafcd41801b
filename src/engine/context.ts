// `ctx`: what an author's functions get beside the database, bound to one step of one run; and the same step's
// binding to the kernel.
import type { Document, Filter } from 'mongodb';
import type { BatchOptions, BatchResult, MigrationContext, TransformFunction } from '../migration/kinds';
import type { RunStep } from '../protocol/run';
import { transfer } from '../transfer/transfer';
import type { Change, TransferContext } from '../transfer/types';
import { conflictEvent, extendedJson } from './documents';
import type { RunScope } from './scope';

/** @param beforeTransfer hears of each transfer of `ctx` before it begins, with the name that it goes by. */
export function createContext(
  scope: RunScope,
  step: RunStep,
  beforeTransfer?: (name: string) => Promise<void> | undefined,
): MigrationContext {
  const { recorder } = scope;
  const write =
    (level: 'info' | 'warn' | 'error') =>
    (message: string, ...details: unknown[]): void =>
      recorder.log(level, [message, ...details.map(inWords)].join(' '), step.name);
  let batches = 0;
  const ctx: MigrationContext = {
    log: { info: write('info'), warn: write('warn'), error: write('error') },
    signal: scope.signal,
    dryRun: scope.dryRun,
    args: scope.args,
    run: { id: recorder.id, startedAt: new Date(recorder.document.startedAt) },
    progress(done, total) {
      recorder.progressTo(step, done, total ?? null);
    },
    async batch<T extends Document>(
      collection: string,
      filter: Filter<T>,
      transform: TransformFunction<T> | Document[],
      options: BatchOptions = {},
    ): Promise<BatchResult> {
      batches += 1;
      const name = `${step.name}#batch-${batches}`;
      const kept = (options.backup ?? scope.settings.backup) === 'journal';
      if (kept) await beforeTransfer?.(name);
      return runBatch(scope, step, name, ctx, { collection, filter, transform, options });
    },
  };
  return ctx;
}

interface BatchCall {
  collection: string;
  filter: Document;
  transform: unknown;
  options: BatchOptions;
}

/** `ctx.batch`: a transfer of its own inside the step, resumable by its position among the step's batches. */
async function runBatch(
  scope: RunScope,
  step: RunStep,
  name: string,
  ctx: MigrationContext,
  { collection, filter, transform, options }: BatchCall,
): Promise<BatchResult> {
  const change: Change = Array.isArray(transform)
    ? { kind: 'pipeline', update: transform as Document[] }
    : { kind: 'function', transform: transform as TransformFunction, ctx };
  const result = await transfer({
    ...transferContext(scope, step),
    step: name,
    collection,
    filter,
    change,
    journal: options.backup ?? scope.settings.backup,
    batchSize: options.batchSize ?? scope.settings.batchSize,
    onError: options.onError,
    maxErrors: options.maxErrors ?? scope.settings.maxErrors,
  });
  return { processed: result.processed, errors: result.errors, total: result.total };
}

/** What the kernel needs to know of the run, with its reports going to the step. */
export function transferContext(scope: RunScope, step: RunStep): TransferContext {
  const { recorder, connection } = scope;
  return {
    client: connection.client,
    db: scope.db,
    runId: step.journal ?? recorder.id,
    step: step.name,
    epoch: scope.lease?.epoch ?? 1,
    transactions: connection.server.transactions,
    signal: scope.signal,
    gate: () => scope.gate(),
    throttle: scope.settings.throttle,
    batchSize: scope.settings.batchSize,
    monitor: {
      total(total, done) {
        recorder.setTotal(step, total);
        if (done > step.processed) recorder.progressTo(step, done, total);
      },
      batch(report) {
        recorder.batch(step, report.count, report.ms);
        step.quarantined += report.quarantined;
        step.conflicts += report.conflicts;
        if (report.errors > 0) recorder.countErrors(step, step.errors + report.errors);
      },
      quarantined({ id, reason }) {
        recorder.emit({
          type: 'quarantined',
          step: step.name,
          collection: '',
          id: extendedJson(id),
          reason,
        });
      },
      conflict(conflict) {
        recorder.emit(conflictEvent(step.name, conflict));
      },
      log(level, message) {
        recorder.log(level, message, step.name);
      },
    },
  };
}

function inWords(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(extendedJson(value));
}

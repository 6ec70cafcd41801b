// `ctx`: what an author's functions get beside the database, bound to one step of one run; and the same step's
// binding to the kernel.
import type { Document } from 'mongodb';
import type { BatchOptions, BatchResult, MigrationContext, TransformFunction } from '../migration/kinds';
import { placesOf } from '../migration/describeError';
import { UserError } from '../protocol/errors';
import type { RunStep } from '../protocol/run';
import { fenced } from '../transfer/fence';
import type { TransferContext } from '../transfer/types';
import { conflictEvent, extendedJson } from './documents';
import { batch } from './helpers/batch';
import { CallNames, recordCall, type Helper } from './helpers/calls';
import { convert } from './helpers/convert';
import { embed } from './helpers/embed';
import { extract } from './helpers/extract';
import { HelperCall } from './helpers/helperCall';
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
  const names = new CallNames(step.name);
  /** Each call under its name; what it was is kept for a retry of its quarantine. */
  const call = async (
    helper: Helper,
    args: unknown[],
    options: BatchOptions,
    work: (call: HelperCall) => Promise<BatchResult>,
  ): Promise<BatchResult> => {
    const name = names.next(helper);
    const context = transferContext(scope, step);
    const result = await work(new HelperCall({ scope, step, ctx, context, name, options, beforeTransfer }));
    scope.signal.throwIfAborted();
    scope.lease?.check();
    await recordCall(context.db, context.runId, name, args, result);
    return result;
  };
  const ctx: MigrationContext = {
    log: { info: write('info'), warn: write('warn'), error: write('error') },
    signal: scope.signal,
    dryRun: scope.dryRun,
    args: scope.args,
    run: { id: recorder.id, startedAt: new Date(recorder.document.startedAt) },
    progress(done, total) {
      recorder.progressTo(step, done, total ?? null);
    },
    batch: async (collection, filter, transform, options = {}) =>
      call('batch', [collection, filter, transform, options], options, (batching) =>
        batch(batching, collection, filter, transform as TransformFunction | Document[]),
      ),
    convert: async (collection, fields, options = {}) =>
      call('convert', [collection, fields, options], options, (converting) =>
        convert(converting, collection, fields, options),
      ),
    extract: async (collection, array, options) =>
      call('extract', [collection, array, options], options, (extracting) =>
        extract(extracting, collection, array, options),
      ),
    embed: async (collection, array, options) =>
      call('embed', [collection, array, options], options, (embedding) =>
        embed(embedding, collection, array, options),
      ),
  };
  return ctx;
}

/** For functions that only look, such as `validate`: everything but what changes documents. */
export function readingContext(scope: RunScope, step: RunStep): MigrationContext {
  const refuse = (helper: string) => (): Promise<never> =>
    Promise.reject(new UserError(`ctx.${helper} changes documents; validate only looks at them.`));
  return {
    ...createContext(scope, step),
    progress: () => undefined,
    batch: refuse('batch'),
    convert: refuse('convert'),
    extract: refuse('extract'),
    embed: refuse('embed'),
  };
}

/** What the kernel needs to know of the run, with its reports going to the step. */
export function transferContext(scope: RunScope, step: RunStep): TransferContext {
  const { recorder, connection, lease } = scope;
  return {
    client: connection.client,
    db: lease ? fenced(connection.client.db(scope.db.databaseName), () => lease.check()) : scope.db,
    runId: step.journal ?? recorder.id,
    step: step.name,
    epoch: scope.lease?.epoch ?? 1,
    transactions: connection.server.transactions,
    signal: scope.signal,
    gate: () => scope.gate(),
    crashPoint: scope.crashPoint,
    placeOf: placesOf({ file: step.file, root: scope.root }),
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
      quarantined({ collection, id, reason, place }) {
        recorder.emit({
          type: 'quarantined',
          step: step.name,
          collection,
          id: extendedJson(id),
          reason,
          ...place,
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

// Applying one step: the work itself, by the kind of its migration. Checks, ledger and states of the run belong to
// execute.ts.
import type { Document } from 'mongodb';
import type { LoadedMigration, PipelineMigration, TransformMigration } from '../migration/kinds';
import { isPipeline, isScript, isTransform } from '../migration/kinds';
import type { RunStep } from '../protocol/run';
import { retryQuarantine, transfer, transferPipeline } from '../transfer/transfer';
import type { Change, TransferOptions, TransferResult } from '../transfer/types';
import { createContext, transferContext } from './context';
import { applyScript, type DoorExtras } from './applyScript';
import type { OwnClientHooks } from './ownClients';
import type { RunScope } from './scope';
import { failingByStrays } from './strayErrors';

/** Counts of a step for its verification; scripts have none. */
export type ApplyResult = TransferResult | null;

export async function applyMigration(
  scope: RunScope,
  migration: LoadedMigration,
  step: RunStep,
  extras: DoorExtras = {},
): Promise<ApplyResult> {
  const { definition } = migration;
  if (isScript(definition)) {
    await applyScript(scope, step, definition, extras);
    return null;
  }
  if (isPipeline(definition)) return applyPipeline(scope, step, definition);
  if (isTransform(definition))
    return scope.ownClients.run(() => applyTransform(scope, step, definition), besides(scope, step, extras));
  throw new Error(`migration "${migration.name}" is of no known kind`);
}

/** What a transform does with a client of its own, beside the documents that the kernel hands it. */
function besides({ recorder, dryRun }: RunScope, step: RunStep, extras: DoorExtras): OwnClientHooks {
  let warned = dryRun;
  return {
    ...extras,
    async before(command) {
      await extras.before?.(command);
      if (warned || (command.kind !== 'write' && command.kind !== 'catalogue')) return;
      warned = true;
      const message =
        'The transform writes with a client of its own. Only the documents that it is given are journaled: ' +
        'these writes cannot be undone.';
      recorder.log('warn', message, step.name);
    },
  };
}

function applyTransform(
  scope: RunScope,
  step: RunStep,
  definition: TransformMigration,
): Promise<TransferResult> {
  return failingByStrays(scope, (within) => transfer(begin(within, step, definition)));
}

/** The documents of a transform that are in quarantine, once more: all, or those with these `_id`s. */
export function retryTransform(
  scope: RunScope,
  step: RunStep,
  definition: TransformMigration,
  only?: readonly unknown[],
): Promise<TransferResult> {
  return failingByStrays(scope, (within) => retryQuarantine({ ...begin(within, step, definition), only }));
}

/** The way back that an author wrote, run as a transfer of its own. */
export function revertTransform(
  scope: RunScope,
  step: RunStep,
  definition: TransformMigration,
): Promise<TransferResult> {
  const { revert, revertPipeline } = definition;
  // The filter chose documents of the old shape; the way back has to look at all of them.
  const back = { ...definition, transform: revert, update: revertPipeline, filter: undefined };
  return failingByStrays(scope, (within) => transfer(begin(within, step, back)));
}

function begin(scope: RunScope, step: RunStep, definition: TransformMigration): TransferOptions {
  const change = changeOf(scope, step, definition.transform, definition.update);
  scope.recorder.beginWork(step, null);
  return transferOptions(scope, step, definition, change);
}

function changeOf(
  scope: RunScope,
  step: RunStep,
  transform: TransformMigration['transform'],
  pipeline: Document[] | undefined,
): Change {
  if (pipeline) return { kind: 'pipeline', update: pipeline };
  if (!transform) throw new Error(`step "${step.name}" has neither a transform nor an update pipeline`);
  return { kind: 'function', transform, ctx: createContext(scope, step) };
}

function transferOptions(
  scope: RunScope,
  step: RunStep,
  definition: TransformMigration,
  change: Change,
): TransferOptions {
  const { settings } = scope;
  return {
    ...transferContext(scope, step),
    collection: definition.source,
    filter: definition.filter,
    into: definition.into,
    change,
    journal: definition.backup ?? settings.backup,
    onError: definition.onError,
    maxErrors: definition.maxErrors ?? settings.maxErrors,
    batchSize: definition.batchSize ?? settings.batchSize,
  };
}

async function applyPipeline(
  scope: RunScope,
  step: RunStep,
  definition: PipelineMigration,
): Promise<TransferResult> {
  scope.recorder.beginWork(step, null);
  return transferPipeline({
    ...transferContext(scope, step),
    collection: definition.source,
    pipeline: definition.pipeline,
    into: definition.into,
    on: definition.on,
    whenMatched: definition.whenMatched,
    whenNotMatched: definition.whenNotMatched,
    journal: scope.settings.backup,
  });
}

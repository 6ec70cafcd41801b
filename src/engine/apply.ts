// Applying one step: the work itself, by the kind of its migration. Checks, ledger and states of the run belong to
// execute.ts.
import type { Document } from 'mongodb';
import type {
  LoadedMigration,
  PipelineMigration,
  ScriptMigration,
  TransformMigration,
} from '../migration/kinds';
import { isPipeline, isScript, isTransform } from '../migration/kinds';
import { ExitCode, UserError } from '../protocol/errors';
import type { RunStep } from '../protocol/run';
import { retryQuarantine, transfer, transferPipeline } from '../transfer/transfer';
import type { Change, TransferOptions, TransferResult } from '../transfer/types';
import type { DoorCommand } from '../wire/door';
import { createContext, transferContext } from './context';
import { ObservedProgress } from './observedProgress';
import type { RunScope } from './scope';
import { runScriptFunction, type ScriptDoorOptions } from './script';
import { countedByKernel } from './scriptJournal/byTransfer';
import { ScriptJournal } from './scriptJournal/scriptJournal';
import { hasChanged, rollBackScript, scriptRows } from './scriptJournal/undo';

/** What a dry run adds to the door of a script. */
export interface DoorExtras extends Pick<ScriptDoorOptions, 'after' | 'redirect'> {
  before?: (command: DoorCommand) => Promise<void>;
}

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
  if (isTransform(definition)) return applyTransform(scope, step, definition);
  throw new Error(`migration "${migration.name}" is of no known kind`);
}

/** Runs `up` with a journal, unless the project wants none; what an earlier attempt has left is undone first. */
async function applyScript(
  scope: RunScope,
  step: RunStep,
  definition: ScriptMigration,
  extras: DoorExtras,
): Promise<void> {
  const up = definition.up.bind(definition);
  if (scope.settings.backup !== 'journal' || scope.dryRun) return runScript(scope, step, up, extras);
  const { recorder, connection } = scope;
  const runId = step.journal ?? recorder.id;
  await undoEarlier(scope, step, runId);
  // From here on the run document says that there is a journal: who finds it interrupted may undo it.
  step.journal = runId;
  await recorder.flush();
  const journal = await ScriptJournal.open({
    client: connection.client,
    rows: scriptRows(scope, step, runId),
    transactions: connection.server.transactions,
    signal: scope.signal,
    gate: () => scope.gate(),
    context: () => transferContext(scope, step),
    warn: (message) => recorder.log('warn', message, step.name),
    ledger: { database: connection.db.databaseName, collection: scope.settings.ledger },
    irreversible: Boolean(definition.irreversible),
  });
  try {
    await runScript(scope, step, up, extras, journal);
  } finally {
    await journal.close();
  }
}

async function undoEarlier(scope: RunScope, step: RunStep, runId: string): Promise<void> {
  if (!(await hasChanged(scope, step, runId))) return;
  scope.recorder.log('info', 'What the interrupted run had changed is undone first.', step.name);
  scope.recorder.beginWork(step, null);
  const { conflicts } = await rollBackScript(scope, step, runId);
  if (conflicts === 0) return;
  throw new UserError(
    `${conflicts} changes of the interrupted run could not be undone, since others have written there meanwhile. ` +
      'They are listed as conflicts; the script was not run again.',
    { exitCode: ExitCode.conflicts },
  );
}

export async function runScript(
  scope: RunScope,
  step: RunStep,
  work: Parameters<typeof runScriptFunction>[1],
  extras: DoorExtras,
  journal?: ScriptJournal,
): Promise<void> {
  scope.recorder.beginWork(step, null);
  const progress = new ObservedProgress((command) => scope.connection.client.db(command.target), {
    batch: (count, ms) => scope.recorder.batch(step, count, ms),
    setTotal: (total) => scope.recorder.setTotal(step, total),
    setActivity: (activity) => scope.recorder.setActivity(step, activity),
  });
  const ctx = createContext(scope, step, (name) => journal?.noteTransfer(name));
  await runScriptFunction(step.name, work, ctx, {
    scope,
    redirect: extras.redirect,
    async before(command) {
      await extras.before?.(command);
      await progress.before(command);
      return journal?.before(command);
    },
    after(command, reply) {
      extras.after?.(command, reply);
      if (!countedByKernel.has(command)) progress.after(command, reply);
    },
  });
}

function applyTransform(
  scope: RunScope,
  step: RunStep,
  definition: TransformMigration,
): Promise<TransferResult> {
  const change = changeOf(scope, step, definition.transform, definition.update);
  scope.recorder.beginWork(step, null);
  return transfer(transferOptions(scope, step, definition, change));
}

/** The documents of a transform that are in quarantine, once more. */
export function retryTransform(
  scope: RunScope,
  step: RunStep,
  definition: TransformMigration,
): Promise<TransferResult> {
  const change = changeOf(scope, step, definition.transform, definition.update);
  scope.recorder.beginWork(step, null);
  return retryQuarantine(transferOptions(scope, step, definition, change));
}

/** The way back that an author wrote, run as a transfer of its own. */
export function revertTransform(
  scope: RunScope,
  step: RunStep,
  definition: TransformMigration,
): Promise<TransferResult> {
  const change = changeOf(scope, step, definition.revert, definition.revertPipeline);
  // The filter chose documents of the old shape; the way back has to look at all of them.
  scope.recorder.beginWork(step, null);
  return transfer(transferOptions(scope, step, { ...definition, filter: undefined }, change));
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

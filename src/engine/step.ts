// One step of a run: load, check, work, verify, write the ledger. What a failure of any of them leaves is stepFailure.ts.
import { ExitCode, UserError } from '../protocol/errors';
import type { CheckResult, RunMode, RunStep } from '../protocol/run';
import { describeError } from '../migration/describeError';
import { isScript, isTransform, type LoadedMigration } from '../migration/kinds';
import { applyMigration, type ApplyResult, retryTransform } from './apply';
import { foretell, type Foretold } from './checks/comparison';
import { refuseFailed } from './checks/refuse';
import { runChecks } from './checks/runChecks';
import { verify } from './checks/verification';
import { readingContext } from './context';
import { fromExtendedJson } from './documents';
import { isConnectionLost } from './connectionLost';
import type { LedgerEntry } from './ledger';
import { ledgerEntry } from './ledgerEntry';
import { loadStep } from './loadStep';
import type { MigrationSet } from './migrationSet';
import type { PlannedStep } from './plannedStep';
import { forgetQuarantine, inQuarantine } from './quarantine';
import { appliedNames } from './replaced';
import { retryScript } from './retryScript';
import { rollBackFromJournal, rollBackMigration } from './rollback';
import { openLedger, type RunScope } from './scope';
import { settleFailure, StepFailure } from './stepFailure';

export async function runStep(scope: RunScope, planned: PlannedStep, set: MigrationSet): Promise<void> {
  const { recorder } = scope;
  const step = recorder.step(planned.entry.name);
  recorder.enter(step, 'checking');
  try {
    const migration = await loadStep(scope, planned, set);
    if (recorder.document.direction === 'up') await applyStep(scope, planned, migration, step);
    else await rollBackStep(scope, planned, migration, step);
  } catch (error) {
    throw await settleFailure(scope, planned, step, error);
  }
}

/** The documents of an applied migration that are in quarantine, once more. */
export async function retryStep(scope: RunScope, planned: PlannedStep, set: MigrationSet): Promise<void> {
  const { recorder } = scope;
  const step = recorder.step(planned.entry.name);
  recorder.enter(step, 'running');
  await recorder.flush();
  try {
    const { definition } = await set.load(planned.entry);
    const only = planned.documents?.map(fromExtendedJson);
    const { quarantined } = await retryDocuments(scope, step, definition, only);
    if (quarantined > 0)
      recorder.log(
        'warn',
        `${quarantined} ${quarantined === 1 ? 'document' : 'documents'} failed again.`,
        step.name,
      );
    recorder.finishStep(step, 'applied', null);
  } catch (error) {
    throw await settleFailure(scope, { ...planned, keep: true }, step, error);
  }
}

function retryDocuments(
  scope: RunScope,
  step: RunStep,
  definition: LoadedMigration['definition'],
  only: readonly unknown[] | undefined,
): Promise<{ quarantined: number }> {
  if (isTransform(definition)) return retryTransform(scope, step, definition, only);
  if (only) {
    throw new UserError(
      `What the helpers of "${step.name}" have put into quarantine is retried together, not one by one.`,
      { action: { label: 'Retry All', cli: `migratory quarantine retry ${step.name}` } },
    );
  }
  if (isScript(definition)) return retryScript(scope, step, definition);
  throw new UserError(`"${step.name}" is no transform any more; discard its documents from quarantine.`);
}

/** Checks only (`validate`), or the verification of what is applied (`verify`). */
export async function validateStep(
  scope: RunScope,
  planned: PlannedStep,
  set: MigrationSet,
  mode: RunMode,
): Promise<void> {
  const { recorder } = scope;
  const step = recorder.step(planned.entry.name);
  recorder.enter(step, mode === 'verify' ? 'verifying' : 'checking');
  try {
    const linted = mode === 'verify' ? [] : await lint(scope, planned, step);
    const migration = await loadStep(scope, planned, set);
    if (mode === 'verify') await verifyStep(scope, migration, step, null);
    else await checkStep(scope, planned, migration, step);
    refuseFailed(linted, 'Lint');
    recorder.finishStep(step, 'applied', null);
  } catch (error) {
    throw await settleFailure(scope, planned, step, error);
  }
}

/** The rules and their parser are read only here: no other command needs them. */
async function lint(scope: RunScope, planned: PlannedStep, step: RunStep): Promise<CheckResult[]> {
  const { lintStep } = await import('./lint');
  return lintStep(scope, planned, (result) => scope.recorder.check(step, result));
}

async function applyStep(
  scope: RunScope,
  planned: PlannedStep,
  migration: LoadedMigration,
  step: RunStep,
): Promise<void> {
  const { recorder, settings, connection } = scope;
  const foretold = await checkStep(scope, planned, migration, step);
  recorder.enter(step, 'running');
  await recorder.flush();
  const started = performance.now();
  const ledger = openLedger(connection.db, settings);
  const row = (): LedgerEntry => ledgerEntry(scope, planned, step, Math.round(performance.now() - started));
  let entry = row();
  try {
    const result = await applyMigration(scope, migration, step, {
      ledgerRow: () => ledger.recordCommand(row()),
    });
    entry = row();
    recorder.enter(step, 'verifying');
    await verifyStep(scope, migration, step, result, foretold);
  } catch (error) {
    // A script in one transaction has written its row with it. Where the connection is lost, nobody knows.
    const written = isScript(migration.definition) && migration.definition.transaction;
    if (written && !isConnectionLost(error)) await ledger.remove(entry.name);
    throw error;
  }
  scope.signal.throwIfAborted();
  scope.lease?.check();
  await ledger.record(entry);
  if (step.quarantined > 0) recorder.log('warn', inQuarantine(step.quarantined), step.name);
  recorder.finishStep(step, 'applied', null);
}

async function rollBackStep(
  scope: RunScope,
  planned: PlannedStep,
  migration: LoadedMigration,
  step: RunStep,
): Promise<void> {
  const { recorder, settings, connection } = scope;
  await checkStep(scope, planned, migration, step);
  recorder.enter(step, 'rolling-back');
  await recorder.flush();
  const { conflicts } =
    planned.row === undefined && planned.unfinished !== undefined
      ? await rollBackFromJournal(scope, step, planned.unfinished)
      : await rollBackMigration(scope, migration, step, planned.row?.run);
  scope.lease?.check();
  const ledger = openLedger(connection.db, settings);
  if (conflicts > 0) {
    await ledger.markConflicts(planned.entry.name);
    const info = describeError(
      new UserError(
        `${conflicts} documents were changed since the migration and were left alone. They are listed as conflicts.`,
      ),
    );
    recorder.finishStep(step, 'conflicts', info);
    throw new StepFailure('conflicts', ExitCode.conflicts, info);
  }
  await ledger.remove(planned.entry.name);
  await forgetQuarantine(scope.connection.db, step);
  recorder.finishStep(step, 'rolled-back', null);
}

/** @returns what the migration will make of a few documents, unless some are changed already. */
export async function checkStep(
  scope: RunScope,
  planned: PlannedStep,
  migration: LoadedMigration,
  step: RunStep,
): Promise<Foretold[]> {
  const { recorder, connection, settings } = scope;
  let foretold: Foretold[] = [];
  const results = await runChecks(
    {
      connection,
      migration,
      direction: recorder.document.direction,
      settings,
      applied: appliedBy(scope, planned),
      args: scope.args,
      ownClients: scope.ownClients,
      signal: scope.signal,
      onSample: (sample) => (foretold = foretell(sample)),
    },
    (result) => recorder.check(step, result),
  );
  refuseFailed(results, 'A check failed');
  return planned.unfinished === undefined ? foretold : [];
}

/** By the ledger when the run began, and by the run itself since. */
function appliedBy({ recorder }: RunScope, { rows, entries = [] }: PlannedStep): Set<string> {
  const applied = appliedNames(rows);
  for (const { name, state } of recorder.document.steps) {
    if (state !== 'applied') continue;
    applied.add(name);
    for (const old of entries.find((entry) => entry.name === name)?.replaces ?? []) applied.add(old);
  }
  return applied;
}

async function verifyStep(
  scope: RunScope,
  migration: LoadedMigration,
  step: RunStep,
  result: ApplyResult,
  foretold: Foretold[] = [],
): Promise<void> {
  const { recorder, connection, settings } = scope;
  const results = await verify(
    {
      connection,
      migration,
      direction: 'up',
      settings,
      args: scope.args,
      ownClients: scope.ownClients,
      userContext: readingContext(scope, step),
      signal: scope.signal,
    },
    result && { ...result, foretold },
    (found) => recorder.verification(step, found),
  );
  refuseFailed(results, 'The verification failed');
}

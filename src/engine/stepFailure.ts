// How a step ends that did not come to its end: what can be undone is undone, what can be resumed is left to that, and the
// run document tells which.
import type { ErrorInfo } from '../protocol/errors';
import { ExitCode, UserError } from '../protocol/errors';
import type { RunState, RunStep } from '../protocol/run';
import { describeError } from '../migration/describeError';
import { DocumentError } from '../transfer/errors';
import { isConnectionLost } from './connectionLost';
import { extendedJson } from './documents';
import { LeaseLostError } from './lease';
import { forgetQuarantine } from './quarantine';
import { rollBackFromJournal } from './rollback';
import { CancelledError, type RunScope } from './scope';
import { forgetScriptJournal, hasChanged } from './scriptJournal/undo';
import type { PlannedStep } from './plannedStep';
import { StuckError } from './userCode';

/** A step that ended badly; everything about it is recorded already. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  constructor(
    readonly state: RunState,
    readonly exitCode: ExitCode,
    readonly info: ErrorInfo | null,
    /** What was thrown, as it was: programs that call the library get it back. */
    thrown?: unknown,
  ) {
    super(info?.message ?? state, { cause: thrown });
  }
}

/** Records how the step ended, undoes what can be undone, and gives the failure that ends the run. */
export async function settleFailure(
  scope: RunScope,
  planned: PlannedStep,
  step: RunStep,
  caught: unknown,
): Promise<unknown> {
  const { recorder, root } = scope;
  if (caught instanceof StepFailure) return caught;
  // Work that is cut off fails in many ways (an aborted command, a closed socket): what counts is why it was.
  const error: unknown =
    scope.signal.aborted && !(caught instanceof StuckError) ? scope.signal.reason : caught;
  if (error instanceof CancelledError || error instanceof StuckError) {
    const nothing = error instanceof CancelledError && (await changedNothing(scope, step).catch(() => false));
    if (!nothing && scope.settings.onCancel === 'rollback' && canUndo(scope, planned, step)) {
      const alone = { ...scope, ...uncancelled(scope) };
      return undo(alone, step, {
        state: 'cancelled',
        info: null,
        exitCode: ExitCode.cancelled,
        thrown: error,
      });
    }
    recorder.finishStep(step, 'cancelled', null);
    return error instanceof StuckError ? error : new StepFailure('cancelled', ExitCode.cancelled, null);
  }
  const info = describeError(error, { file: planned.entry.file, root });
  const document = failedDocument(error);
  if (document) info.document = document;
  if (error instanceof LeaseLostError || isConnectionLost(error)) {
    // Never rolled back by itself: nobody knows what the server has done; the run can be resumed.
    recorder.finishStep(step, 'interrupted', info);
    return new StepFailure('interrupted', ExitCode.failed, info, error);
  }
  const exitCode = error instanceof UserError ? error.exitCode : ExitCode.failed;
  // Where that cannot be read just now there may be something to undo.
  const undoes = scope.settings.onFailure === 'rollback' && canUndo(scope, planned, step);
  if (!undoes || (await changedNothing(scope, step).catch(() => false))) {
    recorder.finishStep(step, 'failed', info);
    return new StepFailure('failed', exitCode, info, error);
  }
  return undo(scope, step, { state: 'failed', info, exitCode, thrown: error });
}

/** The way back of a run that was cancelled is not cut off by that too; only by a lost lease. */
function uncancelled({ lease }: RunScope): Pick<RunScope, 'signal' | 'gate'> {
  return {
    signal: lease?.signal ?? new AbortController().signal,
    gate: () => {
      lease?.check();
      return Promise.resolve();
    },
  };
}

/** The document that a transfer stopped at. */
function failedDocument(error: unknown): ErrorInfo['document'] {
  if (!(error instanceof DocumentError)) return undefined;
  return { collection: error.collection, id: extendedJson(error.id) };
}

function canUndo(scope: RunScope, { entry, keep }: PlannedStep, step: RunStep): boolean {
  if (keep) return false;
  const begun = step.state === 'running' || step.state === 'verifying';
  const { mode } = scope.recorder.document;
  const journaled = entry.kind === 'transform' || (entry.kind === 'script' && step.journal !== undefined);
  return mode === 'up' && begun && journaled;
}

/** A script that failed before it changed anything leaves nothing to roll back. */
async function changedNothing(scope: RunScope, step: RunStep): Promise<boolean> {
  if (step.kind !== 'script' || step.journal === undefined) return false;
  if (await hasChanged(scope, step, step.journal)) return false;
  await forgetScriptJournal(scope, step, step.journal);
  // Nothing stands half-way: the next run begins afresh.
  step.journal = undefined;
  return true;
}

/** How the step ends where it cannot be undone. */
interface Ending {
  state: 'failed' | 'cancelled';
  info: ErrorInfo | null;
  exitCode: ExitCode;
  thrown: unknown;
}

async function undo(
  scope: RunScope,
  step: RunStep,
  { state: otherwise, info, exitCode, thrown }: Ending,
): Promise<StepFailure> {
  const { recorder } = scope;
  const said = info?.message ?? 'Cancelled.';
  const what = /[.!?]$/.test(said) ? said : `${said}.`;
  recorder.log(info ? 'error' : 'warn', `${what} What was changed so far is rolled back.`, step.name);
  recorder.enter(step, 'rolling-back');
  try {
    const { conflicts } = await rollBackFromJournal(scope, step, step.journal ?? recorder.id);
    const state = conflicts > 0 ? 'conflicts' : step.unkept === undefined ? 'rolled-back' : otherwise;
    if (step.unkept !== undefined) recorder.log('warn', partlyUndone(step.unkept), step.name);
    if (conflicts === 0) await forgetQuarantine(scope.connection.db, step);
    if (state === otherwise) step.journal = undefined;
    recorder.finishStep(step, state, info);
    return new StepFailure(state, conflicts > 0 ? ExitCode.conflicts : exitCode, info, thrown);
  } catch (second) {
    const cause = describeError(second, { root: scope.root });
    recorder.log('error', `The rollback failed too: ${cause.message}`, step.name);
    recorder.finishStep(step, otherwise, info);
    return new StepFailure(otherwise, exitCode, info, thrown);
  }
}

function partlyUndone(unkept: string): string {
  return (
    "With backup: 'none' only what its calls of ctx have journaled is taken back. What the script has changed by " +
    `itself (first: ${unkept}) stays.`
  );
}

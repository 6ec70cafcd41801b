// One run from its request to its end: lease, plan, steps, and what its end means. Each step is step.ts; a dry run,
// which takes no lease and writes nothing, is dryRun/.
import type { ErrorInfo } from '../protocol/errors';
import { ExitCode, UserError } from '../protocol/errors';
import type { RunDocument, RunMode, RunState } from '../protocol/run';
import type { RunResult } from '../protocol/runner';
import { describeError } from '../migration/describeError';
import { redactUri } from '../project/target';
import { outsideGuards } from '../wire/ownSockets';
import { refuseEncrypting } from './clientOptions';
import { DryRunChain } from './dryRun/chain';
import { dropOutdatedJournals } from './journals';
import { recordCounted } from './squash/recordCounted';
import { explainingRefusals } from './lackOfPrivileges';
import { acquireLease, type Lease, LeaseLostError } from './lease';
import { type HeldLock, takeLock } from './migrateMongoLock';
import type { MigrationSet } from './migrationSet';
import { openScope, type ScopeOptions, watchedSet } from './openScope';
import { newRunId, type RunHooks } from './runDocument';
import {
  chooseSteps,
  type ExecuteRequest,
  findResumable,
  readState,
  resumeSteps,
  sayPassedOver,
} from './selection';
import { RunRecorder } from './runRecorder';
import { findRun, listRuns, settleStaleRuns } from './runs';
import { CancelledError, type RunScope } from './scope';
import { refuseReadOnly } from './readOnly';
import { guardProgram } from './strayErrors';
import { applyThrottle } from './throttle';
import { StuckError } from './userCode';
import type { PlannedStep } from './plannedStep';
import { retryStep, runStep, validateStep } from './step';
import { StepFailure } from './stepFailure';

export interface ExecuteOptions extends ScopeOptions {
  request: ExecuteRequest;
  /** `vscode`, `cli` or `library`. */
  program: string;
  hooks: RunHooks;
}

export interface ExecuteResult extends RunResult {
  /** What the failing migration threw, as it was; never leaves the process. */
  thrown?: unknown;
}

/**
 * Runs what the request asks for.
 * @returns the finished run, also when it failed; its error stands in the run.
 * @throws UserError when nothing could be started: unknown names, lease held by another run, read-only connection.
 */
export async function execute(given: ExecuteOptions): Promise<ExecuteResult> {
  // One object for the whole run, which the transfers read again before every batch.
  const options = { ...given, settings: { ...given.settings, throttle: { ...given.settings.throttle } } };
  const { mode } = options.request;
  if (mode === 'up' || mode === 'down' || mode === 'dry-run') refuseEncrypting(options.settings);
  if (mode === 'up' || mode === 'down') {
    refuseReadOnly(options.connection);
    return explainingRefusals(options.connection, () => executeWithLease(options));
  }
  const state = await explainingRefusals(options.connection, () => readState(options));
  const steps = await chooseSteps(options, options.request, state);
  sayPassedOver(options, state);
  if (mode === 'dry-run') return rehearseSteps(options, steps);
  return workWithoutLease(options, steps, (scope, planned, set) => validateStep(scope, planned, set, mode));
}

/** Works through steps without a lease and without a record but the events: what only looks, or works on copies. */
export function workWithoutLease(
  options: ExecuteOptions,
  steps: PlannedStep[],
  work: Work,
  afterwards?: () => Promise<void>,
): Promise<ExecuteResult> {
  const recorder = createRecorder(options, steps, 0);
  recorder.start(steps.map((step) => step.entry.name));
  return runSteps(options, recorder, steps, null, work, afterwards);
}

function rehearseSteps(options: ExecuteOptions, steps: PlannedStep[]): Promise<ExecuteResult> {
  const names = steps.map(({ entry }) => entry.name);
  const chain = new DryRunChain(options.connection.client, options.settings.sample, names);
  const work: Work = (scope, planned, set) => chain.rehearse(scope, planned, set);
  return workWithoutLease(options, steps, work, () => chain.close());
}

/** Rolls an applied migration back with the version that was applied, and runs it as its file is now. */
export async function rerun(options: Omit<ExecuteOptions, 'request'>, name: string): Promise<ExecuteResult> {
  const back = await execute({ ...options, request: { mode: 'down', names: [name] } });
  if (back.exitCode !== ExitCode.done) return back;
  return execute({ ...options, request: { mode: 'up', names: [name] } });
}

async function executeWithLease(options: ExecuteOptions): Promise<ExecuteResult> {
  const { connection } = options;
  const { resume } = options.request;
  const named = resume === undefined ? undefined : await findRun(connection.db, resume);
  const found = findResumable(options.request, named ? [named] : await listRuns(connection.db));
  // With its log, which goes on.
  const resumed = found && ((await findRun(connection.db, found._id)) ?? found);
  const id = resumed?._id ?? newRunId();
  const lease = await acquireLease(connection.db, id);
  let lock: HeldLock | undefined;
  try {
    if (options.settings.lock) lock = await takeLock(connection.db, options.settings.lock, id);
    await settleStaleRuns(connection.db, id);
    // Only under the lease does the state stand still: what was read before may be done already.
    const state = await readState(options);
    if (options.request.mode === 'up') await recordCounted(options, state, id);
    const steps = resumed
      ? await resumeSteps(resumed, state, options.request)
      : await chooseSteps(options, options.request, state);
    sayPassedOver(options, state);
    const recorder = createRecorder(options, steps, lease.epoch, id, resumed);
    if (steps.length > 0) {
      await (resumed ? recorder.reopen() : recorder.store());
      recorder.start(steps.map((step) => step.entry.name));
    }
    const work = options.request.retryQuarantine ? retryStep : runStep;
    const result = await runSteps(options, recorder, steps, lease, work);
    // Afterwards: what this run was asked to roll back may need one of them.
    if (!lease.signal.aborted)
      await dropOutdatedJournals(connection, options.settings, (level, message) =>
        options.hooks.event?.({ type: 'log', run: '', at: new Date().toISOString(), level, message }),
      );
    return result;
  } finally {
    await lock?.release().catch(() => undefined);
    await lease.release().catch(() => undefined);
  }
}

function createRecorder(
  { connection, request, program, hooks, settings, switch: runSwitch }: ExecuteOptions,
  steps: PlannedStep[],
  epoch: number,
  id: string = newRunId(),
  resumed?: RunDocument,
): RunRecorder {
  const recorder: RunRecorder = new RunRecorder({
    id,
    resumed,
    db: connection.db,
    epoch,
    mode: request.mode,
    connection: redactUri(connection.target.uri),
    connectionName: connection.target.name,
    target: connection.label,
    production: connection.target.production,
    program,
    hooks: outsideOf(hooks),
    throttle: settings.throttle,
    onThrottle: (wanted) => applyThrottle((settings.throttle ??= {}), wanted),
    steps: steps.map(({ entry, unfinished, unfinishedRollback }) => ({
      name: entry.name,
      kind: entry.kind,
      file: entry.file,
      checksum: entry.checksum,
      journal: request.mode === 'up' ? unfinished : unfinishedRollback,
    })),
    onControl(control) {
      if (control === 'cancel') runSwitch.cancel();
      else if (control === 'pause') runSwitch.pause();
      else runSwitch.resume();
    },
  });
  // A dry run goes either way.
  if (request.back) recorder.document.direction = 'down';
  return recorder;
}

export type Work = (scope: RunScope, planned: PlannedStep, set: MigrationSet) => Promise<void>;

/** Runs the steps in order until one fails, and settles the run. @param afterwards whatever became of them. */
async function runSteps(
  options: ExecuteOptions,
  recorder: RunRecorder,
  steps: PlannedStep[],
  lease: Lease | null,
  work: Work,
  afterwards?: () => Promise<void>,
): Promise<ExecuteResult> {
  const scope = await openScope(options, recorder, lease);
  const set = watchedSet(options.set, scope.ownClients);
  const unguard = options.wholeProcess ? undefined : guardProgram();
  let end: { state: RunState; exitCode: number; error: ErrorInfo | null; thrown?: unknown };
  try {
    await workThrough(scope, steps, options.request.mode, (each, planned) => work(each, planned, set));
    end = {
      state: recorder.document.direction === 'down' ? 'rolled-back' : 'applied',
      exitCode: ExitCode.done,
      error: null,
    };
  } catch (error) {
    const thrown = error instanceof StepFailure ? error.cause : error;
    end = { ...judgeEnd(error, options), thrown };
  } finally {
    unguard?.();
    await scope.ownClients.close();
    await afterwards?.();
  }
  if (steps.length > 0) {
    // Whoever lost the lease writes nothing more; the next owner settles the document.
    const silent = lease?.signal.aborted === true;
    await recorder.finish(end.state, end.exitCode, end.error, { write: !silent });
  } else {
    recorder.document.state = end.state;
  }
  return { run: recorder.document, exitCode: end.exitCode, thrown: end.thrown };
}

/** One after the other until one fails; what only looks and changes nothing looks at all of them. */
async function workThrough(
  scope: RunScope,
  steps: PlannedStep[],
  mode: RunMode,
  work: (scope: RunScope, planned: PlannedStep) => Promise<void>,
): Promise<void> {
  let first: StepFailure | undefined;
  for (const planned of steps) {
    scope.signal.throwIfAborted();
    try {
      await work(scope, planned);
    } catch (error) {
      const looks = mode === 'validate' || mode === 'verify';
      if (!looks || !(error instanceof StepFailure) || error.state !== 'failed') throw error;
      first ??= error;
    }
  }
  if (first) throw first;
}

function judgeEnd(
  error: unknown,
  { set }: ExecuteOptions,
): { state: RunState; exitCode: number; error: ErrorInfo | null } {
  if (error instanceof StepFailure)
    return { state: error.state, exitCode: error.exitCode, error: error.info };
  // A function that does not end after a cancel is cancelled too: its process ends with the program.
  if (error instanceof CancelledError || error instanceof StuckError)
    return { state: 'cancelled', exitCode: ExitCode.cancelled, error: null };
  const info = describeError(error, { root: set.root });
  if (error instanceof LeaseLostError)
    return { state: 'interrupted', exitCode: ExitCode.failed, error: info };
  const exitCode = error instanceof UserError ? error.exitCode : ExitCode.failed;
  return { state: 'failed', exitCode, error: info };
}

/** What the surrounding program does with an event is none of the migration's doing. */
function outsideOf({ event, snapshot }: RunHooks): RunHooks {
  return {
    event: event && ((each) => outsideGuards(() => event(each))),
    snapshot: snapshot && ((run) => outsideGuards(() => snapshot(run))),
  };
}

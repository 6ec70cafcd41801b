// One run from its request to its end: lease, plan, steps, and what its end means. Each step is step.ts; a dry run,
// which takes no lease and writes nothing, is dryRun/.
import type { ErrorInfo } from '../protocol/errors';
import { ExitCode, UserError } from '../protocol/errors';
import type { RunDocument, RunMode, RunState } from '../protocol/run';
import type { RunResult } from '../protocol/runner';
import type { MigrationStatus } from '../protocol/status';
import { describeError } from '../migration/describeError';
import { redactUri } from '../project/target';
import type { CatalogueEntry } from './catalogue';
import type { Connection } from './connect';
import { dryRun } from './dryRun/dryRun';
import { acquireLease, type Lease, LeaseLostError } from './lease';
import type { LedgerRow } from './ledger';
import type { MigrationSet } from './migrationSet';
import { readStatus, selectDown, selectUp, unfinishedRun } from './plan';
import { newRunId } from './runDocument';
import { RunRecorder, type RunHooks } from './runRecorder';
import { listRuns, settleStaleRuns } from './runs';
import { CancelledError, type EngineSettings, openLedger, type RunScope, type RunSwitch } from './scope';
import { type PlannedStep, runStep, StepFailure, validateStep } from './step';

export interface ExecuteRequest {
  mode: RunMode;
  /** Exactly these; empty = all pending (up) or the last applied (down). */
  names: string[];
  to?: string;
  steps?: number;
  allowOutOfOrder?: boolean;
  /** With `up`: go on with this run at its checkpoint. */
  resume?: string;
  args?: Record<string, unknown>;
}

export interface ExecuteOptions {
  connection: Connection;
  set: MigrationSet;
  settings: EngineSettings;
  request: ExecuteRequest;
  /** `vscode`, `cli` or `library`. */
  program: string;
  hooks: RunHooks;
  switch: RunSwitch;
}

export interface ExecuteResult extends RunResult {
  /** What the failing migration threw, as it was; never leaves the process. */
  thrown?: unknown;
}

export interface ProjectState {
  statuses: MigrationStatus[];
  rows: LedgerRow[];
  entries: CatalogueEntry[];
  runs: RunDocument[];
  problems: { file: string; error: ErrorInfo }[];
}

/** Reads folder, ledger and runs, and judges every migration; runs nothing and writes nothing. */
export async function readState(
  options: Pick<ExecuteOptions, 'connection' | 'set' | 'settings'>,
): Promise<ProjectState> {
  const { connection, set, settings } = options;
  const ledger = openLedger(connection.db, settings);
  const [catalogue, rows, runs] = await Promise.all([set.read(), ledger.rows(), listRuns(connection.db)]);
  const statuses = await readStatus({ catalogue, rows, runs, ledger });
  return { statuses, rows, entries: catalogue.entries, runs, problems: catalogue.problems };
}

/**
 * Runs what the request asks for.
 * @returns the finished run, also when it failed; its error stands in the run.
 * @throws UserError when nothing could be started: unknown names, lease held by another run, read-only connection.
 */
export async function execute(options: ExecuteOptions): Promise<ExecuteResult> {
  const { mode } = options.request;
  if (mode === 'up' || mode === 'down') {
    refuseReadOnly(options.connection);
    return executeWithLease(options);
  }
  const steps = await chooseSteps(options, await readState(options));
  const recorder = createRecorder(options, steps);
  recorder.start(steps.map((step) => step.entry.name));
  return runSteps(options, recorder, steps, null, async (scope, planned) => {
    if (mode === 'dry-run') await dryRun(scope, planned, options.set);
    else await validateStep(scope, planned, options.set, mode);
  });
}

function refuseReadOnly({ target }: Connection): void {
  if (!target.readOnly) return;
  throw new UserError(`The connection "${target.name}" is marked read-only; nothing runs on it.`, {
    exitCode: ExitCode.usage,
    action: { label: 'Select Connection', command: 'migratory.selectConnection' },
  });
}

async function executeWithLease(options: ExecuteOptions): Promise<ExecuteResult> {
  const { connection } = options;
  const resumed = findResumable(options, await listRuns(connection.db));
  const id = resumed?._id ?? newRunId();
  const lease = await acquireLease(connection.db, id);
  try {
    await settleStaleRuns(connection.db, id);
    // Only under the lease does the state stand still: what was read before may be done already.
    const state = await readState(options);
    const steps = resumed ? await resumeSteps(resumed, state, options) : await chooseSteps(options, state);
    const recorder = createRecorder(options, steps, id, resumed);
    if (steps.length > 0) {
      await (resumed ? recorder.reopen() : recorder.store());
      recorder.start(steps.map((step) => step.entry.name));
    }
    return await runSteps(options, recorder, steps, lease, (scope, planned) =>
      runStep(scope, planned, options.set),
    );
  } finally {
    await lease.release().catch(() => undefined);
  }
}

/** The interrupted run that an `up` finishes first: nothing newer has touched its migrations. */
function findResumable({ request }: ExecuteOptions, runs: RunDocument[]): RunDocument | undefined {
  if (request.mode !== 'up') return undefined;
  if (request.resume !== undefined) return findNamed(request.resume, runs);
  const newest = runs.find((run) => run.mode === 'up' || run.mode === 'down');
  if (newest?.mode !== 'up' || newest.state !== 'interrupted') return undefined;
  const open = newest.steps.find((step) => step.state === 'interrupted');
  if (!open || open.kind === 'script') return undefined;
  return request.names.length === 0 || request.names.includes(open.name) ? newest : undefined;
}

function findNamed(id: string, runs: RunDocument[]): RunDocument {
  const run = runs.find((candidate) => candidate._id === id);
  if (!run) {
    throw new UserError(`There is no run ${id} in this database. \`migratory runs\` lists them all.`, {
      exitCode: ExitCode.usage,
    });
  }
  const resumable: RunState[] = ['interrupted', 'failed', 'cancelled'];
  if (run.mode === 'up' && resumable.includes(run.state)) return run;
  const what = run.mode === 'up' ? `is ${run.state}` : 'was a rollback; roll back again instead';
  throw new UserError(`Run ${id} cannot be resumed: it ${what}.`, { exitCode: ExitCode.usage });
}

/** What the run has left open, and with a plain `up` everything else that is pending. */
async function resumeSteps(
  run: RunDocument,
  state: ProjectState,
  options: ExecuteOptions,
): Promise<PlannedStep[]> {
  const { request } = options;
  const open = run.steps.filter((step) => step.state !== 'applied').map((step) => step.name);
  const chosen =
    request.resume === undefined ? selectUp(state.statuses, { ...request, allowOutOfOrder: true }) : [];
  const wanted = new Set([...open, ...chosen.map((status) => status.name)]);
  const statuses = state.statuses.filter((status) => wanted.has(status.name) && status.appliedAt === null);
  return plan(statuses, state);
}

async function chooseSteps({ request }: ExecuteOptions, state: ProjectState): Promise<PlannedStep[]> {
  const { mode, names } = request;
  if (mode === 'down') {
    const undoable = names.filter((name) => unfinishedRun(name, state.runs) !== undefined);
    return plan(selectDown(state.statuses, state.rows, request, undoable), state);
  }
  if (mode === 'up') return plan(selectUp(state.statuses, request), state);
  if (names.length > 0) {
    const known = state.statuses.filter((status) => names.includes(status.name));
    const missing = names.find((name) => !known.some((status) => status.name === name));
    if (missing !== undefined) {
      throw new UserError(`There is no migration "${missing}". \`migratory status\` lists them all.`, {
        exitCode: ExitCode.usage,
      });
    }
    return plan(known, state);
  }
  return plan(selectUp(state.statuses, { names: [], allowOutOfOrder: true }), state);
}

function plan(statuses: MigrationStatus[], state: ProjectState): PlannedStep[] {
  return statuses.map((status) => {
    const entry = state.entries.find((candidate) => candidate.name === status.name);
    if (!entry) {
      throw new UserError(
        `The file of "${status.name}" is missing, so it cannot be run. Bring it back from version control.`,
      );
    }
    return {
      entry,
      row: state.rows.find((row) => row.name === status.name),
      rows: state.rows,
      unfinished: unfinishedRun(entry.name, state.runs),
    };
  });
}

function createRecorder(
  { connection, request, program, hooks, switch: runSwitch }: ExecuteOptions,
  steps: PlannedStep[],
  id: string = newRunId(),
  resumed?: RunDocument,
): RunRecorder {
  const recorder: RunRecorder = new RunRecorder({
    id,
    resumed,
    db: connection.db,
    mode: request.mode,
    connection: redactUri(connection.target.uri),
    connectionName: connection.target.name,
    target: connection.label,
    production: connection.target.production,
    program,
    hooks,
    steps: steps.map(({ entry, unfinished }) => ({
      name: entry.name,
      kind: entry.kind,
      file: entry.file,
      journal: request.mode === 'up' ? unfinished : undefined,
    })),
    onControl(control) {
      if (control === 'cancel') runSwitch.cancel();
      else if (control === 'pause') runSwitch.pause();
      else runSwitch.resume();
    },
  });
  return recorder;
}

/** Runs the steps in order until one fails, and settles the run. */
async function runSteps(
  options: ExecuteOptions,
  recorder: RunRecorder,
  steps: PlannedStep[],
  lease: Lease | null,
  work: (scope: RunScope, planned: PlannedStep) => Promise<void>,
): Promise<ExecuteResult> {
  const scope = createScope(options, recorder, lease);
  let end: { state: RunState; exitCode: number; error: ErrorInfo | null; thrown?: unknown };
  try {
    for (const planned of steps) {
      scope.signal.throwIfAborted();
      await work(scope, planned);
    }
    end = {
      state: options.request.mode === 'down' ? 'rolled-back' : 'applied',
      exitCode: ExitCode.done,
      error: null,
    };
  } catch (error) {
    const thrown = error instanceof StepFailure ? error.cause : error;
    end = { ...judgeEnd(error, options), thrown };
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

function judgeEnd(
  error: unknown,
  { set }: ExecuteOptions,
): { state: RunState; exitCode: number; error: ErrorInfo | null } {
  if (error instanceof StepFailure)
    return { state: error.state, exitCode: error.exitCode, error: error.info };
  if (error instanceof CancelledError)
    return { state: 'cancelled', exitCode: ExitCode.cancelled, error: null };
  const info = describeError(error, { root: set.root });
  if (error instanceof LeaseLostError)
    return { state: 'interrupted', exitCode: ExitCode.failed, error: info };
  const exitCode = error instanceof UserError ? error.exitCode : ExitCode.failed;
  return { state: 'failed', exitCode, error: info };
}

function createScope(options: ExecuteOptions, recorder: RunRecorder, lease: Lease | null): RunScope {
  const { connection, set, settings, request, switch: runSwitch } = options;
  const signal = lease ? AbortSignal.any([runSwitch.signal, lease.signal]) : runSwitch.signal;
  return {
    connection,
    db: connection.db,
    root: set.root,
    settings,
    recorder,
    lease,
    signal,
    args: request.args ?? {},
    dryRun: request.mode === 'dry-run',
    async gate() {
      signal.throwIfAborted();
      lease?.check();
      if (!runSwitch.paused) return;
      recorder.pause();
      await runSwitch.wait();
      recorder.unpause();
      signal.throwIfAborted();
      lease?.check();
    },
  };
}

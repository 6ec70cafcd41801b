// `up`, `down`, `dry-run`, `validate` and `verify`: one run of the engine, told as it goes.
import { earlierPending } from '../../engine/choice';
import { execute, rerun } from '../../engine/execute';
import { type EngineSettings, RunSwitch } from '../../engine/scope';
import { readState } from '../../engine/selection';
import { tellStray } from '../../engine/strayErrors';
import { describeError } from '../../migration/describeError';
import { ExitCode, UserError } from '../../protocol/errors';
import type { Event } from '../../protocol/events';
import type { RunMode } from '../../protocol/run';
import type { RunResult } from '../../protocol/runner';
import { confirmProduction } from '../confirm';
import { JunitReport } from '../junit';
import type { Output } from '../output';
import { type GlobalOptions, type Session, withSession } from '../session';
import { obeySignals } from '../signals';
import { runOnDatabases } from './manyDatabases';

export interface RunOptions {
  mode: RunMode;
  names: string[];
  to?: string;
  steps?: number;
  /** With `down`: what this run has applied, or what was applied together with the last one. */
  run?: string;
  block?: boolean;
  /** With `dry-run`: rehearse the way back of what is applied. */
  back?: boolean;
  sample?: number | 'all';
  allowOutOfOrder?: boolean;
  resume?: string;
  /** Over what the config says. */
  onFailure?: 'rollback' | 'keep';
  onCancel?: 'keep' | 'rollback';
  retryQuarantine?: boolean;
  /** With `retryQuarantine`: only the documents with these `_id`s, as Extended JSON. */
  documents?: unknown[];
  /** Rolls the (only) named one back with the version that was applied, and runs it as its file is now. */
  again?: boolean;
  /** For `ctx.args`. */
  args?: Record<string, unknown>;
  /** Writes what was found as a JUnit report to this file. */
  junit?: string;
}

const inWords: Record<RunMode, string> = {
  up: 'Run',
  down: 'Roll back',
  'dry-run': 'Dry run',
  validate: 'Validate',
  verify: 'Verify',
};

const nothing: Partial<Record<RunMode, string>> = { up: 'Nothing is pending.', down: 'Nothing is applied.' };

export function runCommand(output: Output, globals: GlobalOptions, options: RunOptions): Promise<number> {
  const { mode } = options;
  const { databases } = globals;
  if (databases !== undefined) return runOnEach(output, { ...globals, databases }, options);
  return withSession(globals, overridesOf(options), async (session) => {
    const earlier = await earlierInWords(session, options);
    if (mode === 'up' || mode === 'down')
      await confirmProduction(output, globals, session.connection, `${earlier}${inWords[mode]}`);
    if (earlier !== '') output.say(earlier.trim());
    output.line(`${inWords[mode]} on ${session.connection.label}`);
    const runSwitch = new RunSwitch();
    const release = obeySignals(runSwitch, output, session.settings);
    const forgive = reportStrays(output);
    try {
      return finish(output, options, await run(session, output, options, { runSwitch, alone: true }));
    } finally {
      forgive();
      release();
    }
  });
}

function overridesOf({ sample, onFailure, onCancel }: RunOptions): Partial<EngineSettings> {
  return { sample, onFailure, onCancel };
}

/** Who names migrations wants to know which are passed over; empty when there are none. */
async function earlierInWords(
  session: Session,
  { mode, names, again, retryQuarantine }: RunOptions,
): Promise<string> {
  if (mode !== 'up' || names.length === 0 || again || retryQuarantine) return '';
  const earlier = earlierPending((await readState(session)).statuses, names);
  if (earlier.length === 0) return '';
  return `Stays pending although it comes earlier: ${earlier.map((name) => `"${name}"`).join(', ')}. `;
}

function runOnEach(
  output: Output,
  globals: GlobalOptions & { databases: string },
  options: RunOptions,
): Promise<number> {
  const { mode, junit } = options;
  if (junit !== undefined) throw new UserError('--junit is for one database.', { exitCode: ExitCode.usage });
  const forgive = reportStrays(output);
  const alone = (globals.parallel ?? 1) === 1;
  return runOnDatabases(
    output,
    globals,
    { what: inWords[mode], writes: mode === 'up' || mode === 'down', overrides: overridesOf(options) },
    (session, own, runSwitch) => run(session, own, options, { runSwitch, alone }),
  ).finally(forgive);
}

async function run(
  { connection, set, settings }: Session,
  output: Output,
  options: RunOptions,
  { runSwitch, alone }: { runSwitch: RunSwitch; alone: boolean },
): Promise<RunResult> {
  const junit = options.junit === undefined ? undefined : new JunitReport();
  const engine = {
    connection,
    set,
    settings,
    program: 'cli',
    wholeProcess: alone,
    hooks: {
      event(event: Event) {
        junit?.event(event);
        output.event(event);
      },
    },
    switch: runSwitch,
  };
  const [only = ''] = options.names;
  try {
    return await (options.again ? rerun(engine, only) : execute({ ...engine, request: options }));
  } finally {
    // Also of a run that could not be finished: the pipeline shows how far it came.
    if (options.junit !== undefined) await junit?.write(options.junit);
  }
}

function finish(output: Output, { mode, retryQuarantine }: RunOptions, { run, exitCode }: RunResult): number {
  if (run.steps.length === 0) {
    output.say(retryQuarantine ? 'Nothing is in quarantine.' : (nothing[mode] ?? 'Nothing to do.'));
  }
  if (run.error && !output.json) output.error(run.error);
  const open = run.steps.find(({ state }) => state === 'cancelled' || state === 'interrupted');
  if (mode === 'up' && open) {
    output.line(`What it has done is kept. To go on: migratory resume ${run._id}`);
    output.line(`To take it back: migratory down ${open.name}`);
  }
  return exitCode;
}

/** An author's promise that nobody awaits must not take the process down: its migration fails, or the run says so. */
function reportStrays(output: Output): () => void {
  const report = (reason: unknown): void => {
    if (tellStray(reason)) return;
    const { message } = describeError(reason);
    output.say(`An error was not awaited by the migration: ${message}`, 'error');
  };
  process.on('unhandledRejection', report);
  process.on('uncaughtException', report);
  return () => {
    process.off('unhandledRejection', report);
    process.off('uncaughtException', report);
  };
}

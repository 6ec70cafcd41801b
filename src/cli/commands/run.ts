// `up`, `down`, `dry-run`, `validate` and `verify`: one run of the engine, told as it goes.
import { execute, rerun } from '../../engine/execute';
import { RunSwitch } from '../../engine/scope';
import { describeError } from '../../migration/describeError';
import type { Event } from '../../protocol/events';
import type { RunMode } from '../../protocol/run';
import type { RunResult } from '../../protocol/runner';
import { confirmProduction } from '../confirm';
import { JunitReport } from '../junit';
import type { Output } from '../output';
import { type GlobalOptions, withSession } from '../session';
import { obeySignals } from '../signals';

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
  retryQuarantine?: boolean;
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
  return withSession(globals, { sample: options.sample }, async (session) => {
    const { mode } = options;
    if (mode === 'up' || mode === 'down')
      await confirmProduction(output, globals, session.connection, inWords[mode]);
    output.line(`${inWords[mode]} on ${session.connection.label}`);
    const runSwitch = new RunSwitch();
    const release = obeySignals(runSwitch, output);
    const forgive = reportStrays(output);
    const junit = options.junit === undefined ? undefined : new JunitReport();
    try {
      const engine = {
        connection: session.connection,
        set: session.set,
        settings: session.settings,
        program: 'cli',
        wholeProcess: true,
        hooks: {
          event(event: Event) {
            junit?.event(event);
            output.event(event);
          },
        },
        switch: runSwitch,
      };
      const [only = ''] = options.names;
      const result = await (options.again ? rerun(engine, only) : execute({ ...engine, request: options }));
      return finish(output, options, result);
    } finally {
      // Also of a run that could not be finished: the pipeline shows how far it came.
      if (options.junit !== undefined) await junit?.write(options.junit);
      forgive();
      release();
    }
  });
}

function finish(output: Output, { mode, retryQuarantine }: RunOptions, { run, exitCode }: RunResult): number {
  if (run.steps.length === 0) {
    output.line(retryQuarantine ? 'Nothing is in quarantine.' : (nothing[mode] ?? 'Nothing to do.'));
  }
  if (run.error && !output.json) output.error(run.error);
  return exitCode;
}

/** An author's promise that nobody awaits must not take the run down with it: the run says so and goes on. */
function reportStrays(output: Output): () => void {
  const report = (reason: unknown): void => {
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

// `up`, `down`, `dry-run`, `validate` and `verify`: one run of the engine, told as it goes.
import { createInterface } from 'node:readline/promises';
import { execute, rerun } from '../../engine/execute';
import { RunSwitch } from '../../engine/scope';
import { ExitCode, UserError } from '../../protocol/errors';
import type { Event } from '../../protocol/events';
import type { RunMode } from '../../protocol/run';
import type { RunResult } from '../../protocol/runner';
import type { Output } from '../output';
import { type GlobalOptions, type Session, withSession } from '../session';

export interface RunOptions {
  mode: RunMode;
  names: string[];
  to?: string;
  steps?: number;
  sample?: number | 'all';
  allowOutOfOrder?: boolean;
  resume?: string;
  retryQuarantine?: boolean;
  /** Rolls the (only) named one back with the version that was applied, and runs it as its file is now. */
  again?: boolean;
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
    await confirmProduction(output, globals, session, options);
    output.line(`${inWords[options.mode]} on ${session.connection.label}`);
    const runSwitch = new RunSwitch();
    const release = obeySignals(runSwitch, output);
    try {
      const engine = {
        connection: session.connection,
        set: session.set,
        settings: session.settings,
        program: 'cli',
        wholeProcess: true,
        hooks: { event: (event: Event) => output.event(event) },
        switch: runSwitch,
      };
      const [only = ''] = options.names;
      const result = await (options.again ? rerun(engine, only) : execute({ ...engine, request: options }));
      return finish(output, options, result);
    } finally {
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

/** The first signal cancels within a batch, the second ends the process at once. */
function obeySignals(runSwitch: RunSwitch, output: Output): () => void {
  const onSignal = (): void => {
    if (runSwitch.signal.aborted) process.kill(process.pid, 'SIGKILL');
    output.line('Cancelling after the current batch. Once more ends it at once.');
    runSwitch.cancel();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}

/** Writes on a production connection are confirmed by the database's name, or by `--yes`. */
async function confirmProduction(
  output: Output,
  globals: GlobalOptions,
  { connection }: Session,
  { mode }: RunOptions,
): Promise<void> {
  const writes = mode === 'up' || mode === 'down';
  if (!writes || !connection.target.production || globals.yes) return;
  const { database } = connection.target;
  if (!process.stdin.isTTY || output.json) {
    throw new UserError(
      `${connection.label} is a production connection. Confirm with --yes when there is no terminal to ask.`,
      { exitCode: ExitCode.usage },
    );
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(
    `${inWords[mode]} on PRODUCTION ${connection.label}. Type the database's name to go on: `,
  );
  lines.close();
  if (answer.trim() !== database) {
    throw new UserError("Nothing was run: the name was not the database's.", { exitCode: ExitCode.usage });
  }
}

// `up`, `down`, `dry-run`, `validate`, `verify` and `status` with `--databases`: the same on each, and one table at the end.
import { readState } from '../../engine/selection';
import { type EngineSettings, RunSwitch } from '../../engine/scope';
import { describeError } from '../../migration/describeError';
import { ExitCode, UserError } from '../../protocol/errors';
import type { RunResult } from '../../protocol/runner';
import { confirmProduction } from '../confirm';
import { sessionsOf, spread } from '../databases';
import { type Output, sentence } from '../output';
import { type GlobalOptions, type Session, withSession } from '../session';
import { obeySignals } from '../signals';
import { renderTable } from '../table';

interface Ended {
  /** What the table says of the database. */
  words: string;
  exitCode: number;
}

const notBegun: Ended = { words: 'not begun', exitCode: ExitCode.done };

/** One run for each database. @returns the exit code of the first that did not end well. */
export function runOnDatabases(
  output: Output,
  globals: GlobalOptions & { databases: string },
  { what, writes, overrides }: { what: string; writes: boolean; overrides: Partial<EngineSettings> },
  run: (session: Session, output: Output, runSwitch: RunSwitch) => Promise<RunResult>,
): Promise<number> {
  const { databases, parallel = 1, continueOnFailure: goOn = false } = globals;
  return withSession(globals, overrides, async (session) => {
    const sessions = await sessionsOf(session, databases);
    if (writes)
      await confirmProduction(
        output,
        globals,
        session.connection,
        `${what} (${sessions.length} databases)`,
        databases,
      );
    output.line(`${what} on ${sessions.length} databases`);
    const runSwitch = new RunSwitch();
    const release = obeySignals(runSwitch, output, session.settings);
    try {
      const ended = await spread(sessions, { parallel, goOn }, async (one) => {
        const result = await oneDatabase(
          one,
          output.prefixed(`${one.connection.target.database}: `),
          runSwitch,
          run,
        );
        return { result, failed: result.exitCode !== ExitCode.done };
      });
      tell(output, sessions, ended);
      return ended.find((one) => one && one.exitCode !== ExitCode.done)?.exitCode ?? ExitCode.done;
    } finally {
      release();
    }
  });
}

async function oneDatabase(
  session: Session,
  output: Output,
  runSwitch: RunSwitch,
  run: (session: Session, output: Output, runSwitch: RunSwitch) => Promise<RunResult>,
): Promise<Ended> {
  if (runSwitch.signal.aborted) return { words: 'cancelled', exitCode: ExitCode.cancelled };
  // A switch of its own: through its document a run is paused or cancelled without the others.
  const own = new RunSwitch();
  const cancel = (): void => own.cancel();
  runSwitch.signal.addEventListener('abort', cancel, { once: true });
  try {
    const { run: document, exitCode } = await run(session, output, own);
    if (document.error) output.error(document.error);
    const done = document.steps.filter(({ state }) => state === 'applied' || state === 'rolled-back').length;
    const steps = `${done} of ${document.steps.length} steps`;
    if (document.steps.length === 0) return { words: 'nothing to do', exitCode };
    return { words: exitCode === ExitCode.done ? `done, ${steps}` : `${document.state}, ${steps}`, exitCode };
  } catch (error) {
    const info = describeError(error);
    output.error(info);
    return { words: sentence(info), exitCode: error instanceof UserError ? error.exitCode : ExitCode.failed };
  } finally {
    runSwitch.signal.removeEventListener('abort', cancel);
  }
}

function tell(output: Output, sessions: Session[], ended: (Ended | undefined)[]): void {
  const rows = sessions.map(({ connection }, at) => [
    connection.target.database,
    (ended[at] ?? notBegun).words,
  ]);
  output.emit({
    type: 'list',
    of: 'databases',
    items: rows.map(([database, words], at) => ({
      database,
      result: words,
      exitCode: ended[at]?.exitCode ?? null,
    })),
  });
  for (const line of renderTable(['Database', 'Result'], rows)) output.line(line);
}

/** `status`: migrations × databases. */
export function statusOfDatabases(
  output: Output,
  globals: GlobalOptions & { databases: string },
  pending: (state: string) => boolean,
): Promise<{ somePending: boolean }> {
  return withSession(globals, {}, async (session) => {
    const sessions = await sessionsOf(session, globals.databases);
    const states = await spread(sessions, { parallel: 4, goOn: true }, async (one) => {
      const { statuses } = await readState(one);
      output.emit({ type: 'status', target: one.connection.label, migrations: statuses });
      return { result: new Map(statuses.map(({ name, state }) => [name, state])), failed: false };
    });
    const names = [...new Set(states.flatMap((found) => [...(found?.keys() ?? [])]))];
    const header = ['Migration', ...sessions.map(({ connection }) => connection.target.database)];
    const rows = names.map((name) => [name, ...states.map((found) => found?.get(name) ?? '')]);
    if (names.length === 0) output.line('There are no migrations.');
    else for (const line of renderTable(header, rows)) output.line(line);
    return { somePending: states.some((found) => [...(found?.values() ?? [])].some(pending)) };
  });
}

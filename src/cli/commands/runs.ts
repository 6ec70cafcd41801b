// `runs`, `pause`, `continue` and `cancel`: history and control through the run documents of a database.
import { setThrottle, throttleInWords } from '../../engine/throttle';
import { controlRun, findRun, listRuns } from '../../engine/runs';
import { ExitCode, UserError } from '../../protocol/errors';
import type { RunControl, RunDocument } from '../../protocol/run';
import { type Output, sentence } from '../output';
import { type GlobalOptions, withSession } from '../session';
import { renderTable } from '../table';

export function runsCommand(output: Output, globals: GlobalOptions, id: string | undefined): Promise<number> {
  return withSession(globals, {}, async ({ connection }) => {
    const runs = id === undefined ? await listRuns(connection.db) : [await oneRun(connection.db, id)];
    output.emit({ type: 'list', of: 'runs', items: runs });
    if (runs.length === 0) output.line('There are no runs yet.');
    else
      for (const line of renderTable(['Run', 'State', 'Direction', 'Started', 'Steps'], runs.map(row)))
        output.line(line);
    if (id !== undefined) for (const run of runs) describe(output, run);
    return ExitCode.done;
  });
}

async function oneRun(db: Parameters<typeof findRun>[0], id: string): Promise<RunDocument> {
  const run = await findRun(db, id);
  if (!run) {
    throw new UserError(
      `There is no run ${id} in database "${db.databaseName}". \`migratory runs\` lists them all.`,
      {
        exitCode: ExitCode.usage,
      },
    );
  }
  return run;
}

function row(run: RunDocument): string[] {
  const done = run.steps.filter((step) => step.endedAt !== null).length;
  const started = new Date(run.startedAt).toISOString();
  return [run._id, run.state, run.direction, started, `${done} of ${run.steps.length}`];
}

function describe(output: Output, run: RunDocument): void {
  for (const step of run.steps) {
    output.line(
      `  ${step.name}: ${step.state}, ${step.processed} documents${step.error ? `: ${sentence(step.error)}` : ''}`,
    );
  }
  for (const { at, level, message } of run.log ?? []) output.line(`  ${at}  ${level}  ${message}`);
}

export interface ThrottleOptions {
  docsPerSecond?: number;
  maxLag?: number;
  maxLatency?: number;
  off?: boolean;
}

/** Changes the limits of a run, or shows them when nothing is said. */
export function throttleCommand(
  output: Output,
  globals: GlobalOptions,
  id: string,
  { docsPerSecond, maxLag, maxLatency, off }: ThrottleOptions,
): Promise<number> {
  const limits = { docsPerSecond, maxLagSeconds: maxLag, maxLatencyMs: maxLatency };
  if (off && Object.values(limits).some((limit) => limit !== undefined)) {
    throw new UserError('Say either --off or limits, not both.', { exitCode: ExitCode.usage });
  }
  return withSession(globals, {}, async ({ connection }) => {
    const now = await setThrottle(connection.db, id, off ? null : limits);
    output.emit({ type: 'list', of: 'throttle', items: [{ run: id, ...now }] });
    output.line(`Run ${id}: ${throttleInWords(now)}.`);
    return ExitCode.done;
  });
}

export function controlCommand(
  output: Output,
  globals: GlobalOptions,
  id: string,
  control: Exclude<RunControl, null>,
): Promise<number> {
  return withSession(globals, {}, async ({ connection }) => {
    await controlRun(connection.db, id, control);
    output.say(`Asked run ${id} to ${control}.`);
    return ExitCode.done;
  });
}

// `status`: every migration with its state, as a table or as one event line.
import { basename } from 'node:path';
import { readState } from '../../engine/selection';
import { ExitCode } from '../../protocol/errors';
import type { MigrationState, MigrationStatus } from '../../protocol/status';
import { type Output, sentence } from '../output';
import { type GlobalOptions, withSession } from '../session';
import { renderTable } from '../table';
import { statusOfDatabases } from './manyDatabases';

const colors: Record<MigrationState, Parameters<Output['style']>[0]> = {
  applied: 'green',
  pending: 'yellow',
  changed: 'magenta',
  missing: 'magenta',
  'out-of-order': 'yellow',
  failed: 'red',
  interrupted: 'red',
  running: 'cyan',
  conflicts: 'red',
};
const notApplied: readonly MigrationState[] = ['pending', 'out-of-order', 'failed', 'interrupted'];

export function statusCommand(
  output: Output,
  globals: GlobalOptions,
  { exitCode }: { exitCode?: boolean },
): Promise<number> {
  const { databases } = globals;
  if (databases !== undefined) return statusOfAll(output, { ...globals, databases }, exitCode);
  return withSession(globals, {}, async (session) => {
    const { statuses, problems } = await readState(session);
    output.emit({ type: 'status', target: session.connection.label, migrations: statuses });
    for (const { error } of problems) output.emit({ type: 'error', error });
    const rows = statuses.map((status) => row(status, output));
    output.line(`${session.connection.label} (${session.connection.server.summary})`);
    if (rows.length === 0) output.line('There are no migrations.');
    else
      for (const line of renderTable(['Migration', 'State', 'Applied at', 'Took'], rows)) output.line(line);
    for (const { name, state, error } of statuses) {
      if (!error) continue;
      const [style, label] =
        state === 'failed' ? (['red', 'failed'] as const) : (['yellow', 'waiting'] as const);
      output.line(`${output.style(style, label)}: ${name}: ${sentence(error)}`);
    }
    for (const { file, error } of problems) {
      output.line(`${output.style('red', 'problem')}: ${basename(file)}: ${sentence(error)}`);
    }
    const pending = statuses.some((status) => notApplied.includes(status.state));
    return exitCode && pending ? ExitCode.pending : ExitCode.done;
  });
}

async function statusOfAll(
  output: Output,
  globals: GlobalOptions & { databases: string },
  exitCode: boolean | undefined,
): Promise<number> {
  const { somePending } = await statusOfDatabases(output, globals, (state) =>
    notApplied.some((one) => one === state),
  );
  return exitCode && somePending ? ExitCode.pending : ExitCode.done;
}

function row(status: MigrationStatus, output: Output): string[] {
  return [
    status.name,
    output.style(colors[status.state], status.state) + standsFor(status),
    status.appliedAt ?? '',
    status.durationMs === null ? '' : `${(status.durationMs / 1000).toFixed(1)} s`,
  ];
}

function standsFor({ replaces = [] }: MigrationStatus): string {
  return replaces.length === 0 ? '' : `, stands for ${replaces.length}`;
}

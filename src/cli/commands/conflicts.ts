// `conflicts`: what a rollback has left alone, and deciding about it.
import { listConflicts, resolveConflicts } from '../../engine/conflicts/conflicts';
import { ExitCode, UserError } from '../../protocol/errors';
import type { Output } from '../output';
import { type GlobalOptions, withSession } from '../session';
import { renderTable } from '../table';

export function conflictsCommand(
  output: Output,
  globals: GlobalOptions,
  [action = '', name = '', id]: string[],
): Promise<number> {
  if (action === 'list') return list(output, globals, name);
  if (action !== 'keep' && action !== 'restore') {
    throw new UserError(`conflicts knows list, keep and restore, not "${action}".`, {
      exitCode: ExitCode.usage,
    });
  }
  return withSession(globals, {}, async ({ connection, settings }) => {
    const { settled, left, done } = await resolveConflicts(connection, settings, name, action, id);
    const what = action === 'keep' ? 'left as they are' : 'put back as they were before';
    output.emit({ type: 'list', of: 'conflicts', items: await listConflicts(connection, settings, name) });
    output.line(`${settled} ${what}, ${left} left.`);
    if (done) output.line(`"${name}" is rolled back.`);
    const stuck = id === undefined && left > 0;
    if (stuck) output.line('These concern no document: mend them by hand, and keep them then.');
    return stuck ? ExitCode.conflicts : ExitCode.done;
  });
}

function list(output: Output, globals: GlobalOptions, name: string): Promise<number> {
  return withSession(globals, {}, async ({ connection, settings }) => {
    const items = await listConflicts(connection, settings, name);
    output.emit({ type: 'list', of: 'conflicts', items });
    if (items.length === 0) output.line(`"${name}" has no conflicts.`);
    else {
      const rows = items.map(({ collection, id, reason }) => [collection, JSON.stringify(id), reason]);
      for (const line of renderTable(['Collection', '_id', 'Reason'], rows)) output.line(line);
      for (const { id, before, current } of items) {
        if (id === null) continue;
        output.line('');
        output.line(
          `${JSON.stringify(id)} before: ${before === null ? 'not there' : JSON.stringify(before)}`,
        );
        output.line(
          `${JSON.stringify(id)} now:    ${current === null ? 'not there' : JSON.stringify(current)}`,
        );
      }
    }
    return ExitCode.done;
  });
}

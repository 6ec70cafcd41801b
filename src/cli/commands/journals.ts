// `journals`: what runs have kept for rolling back, and dropping what is old.
import { bytes } from '../../engine/checks/check';
import { cleanJournals, listJournals, type JournalItem } from '../../engine/journals';
import { ExitCode, UserError } from '../../protocol/errors';
import type { Output } from '../output';
import { type GlobalOptions, withSession } from '../session';
import { renderTable } from '../table';

const reasons: Record<Exclude<JournalItem['needed'], null>, string> = {
  'at-work': 'its run is at work',
  resumable: 'its run can be resumed',
  conflicts: 'has conflicts',
};

export function journalsCommand(
  output: Output,
  globals: GlobalOptions,
  action: string,
  { days }: { days?: number },
): Promise<number> {
  if (action !== 'list' && action !== 'clean') {
    throw new UserError(`journals knows list and clean, not "${action}".`, { exitCode: ExitCode.usage });
  }
  return withSession(globals, {}, async ({ connection, settings }) => {
    if (action === 'list') {
      const items = await listJournals(connection, settings);
      output.emit({ type: 'list', of: 'journals', items });
      if (items.length === 0) output.line('There are no journals.');
      else show(output, items);
      return ExitCode.done;
    }
    const limit = days ?? settings.journalDays;
    if (limit === undefined) {
      throw new UserError('Say how old they have to be: --days, or journalDays in the config.', {
        exitCode: ExitCode.usage,
      });
    }
    const dropped = await cleanJournals(connection, settings, limit);
    output.emit({ type: 'list', of: 'journals', items: dropped });
    if (dropped.length === 0) output.line(`No journal that is not needed is older than ${limit} days.`);
    else {
      show(output, dropped);
      output.line(
        `Dropped ${dropped.length}. What these runs changed can no longer be rolled back from a journal.`,
      );
    }
    return ExitCode.done;
  });
}

function show(output: Output, items: JournalItem[]): void {
  const rows = items.map(({ run, steps, bytes: size, ageDays, needed }) => [
    run,
    bytes(size),
    ageDays === null ? '' : `${ageDays} d`,
    needed === null ? '' : reasons[needed],
    steps.join(', '),
  ]);
  for (const line of renderTable(['Run', 'Size', 'Age', 'Kept because', 'Migrations'], rows))
    output.line(line);
}

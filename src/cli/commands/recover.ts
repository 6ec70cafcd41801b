// `quarantine`, `unlock`, `mark`, `baseline`, `adopt` and `repair`: the ways out of bad states.
import { adopt } from '../../engine/adopt';
import { idFromText } from '../../engine/documents';
import { discardQuarantine, listQuarantine, notInQuarantine } from '../../engine/quarantine';
import { baseline, markMigration, repair, unlock } from '../../engine/recovery';
import { readLease } from '../../engine/lease';
import { refuseReadOnly } from '../../engine/readOnly';
import { ExitCode, UserError } from '../../protocol/errors';
import { confirmProduction } from '../confirm';
import type { Output } from '../output';
import { type GlobalOptions, withSession } from '../session';
import { renderTable } from '../table';
import { runCommand } from './run';

export function quarantineCommand(
  output: Output,
  globals: GlobalOptions,
  { id: ids }: { id?: string[] },
  [action = 'list', step]: string[],
): Promise<number> {
  const documents = ids?.map(idFromText);
  if (action === 'retry') {
    const names = step === undefined ? [] : [step];
    return runCommand(output, globals, { mode: 'up', names, retryQuarantine: true, documents });
  }
  return withSession(globals, {}, async ({ connection }) => {
    if (action === 'discard') {
      const discarded = await discardQuarantine(connection.db, { step, documents });
      if (documents && discarded === 0) throw notInQuarantine(documents, step);
      output.say(`Discarded ${discarded}; the documents stay as they are.`);
    } else if (action === 'list') {
      const items = await listQuarantine(connection.db, { step, documents });
      output.emit({ type: 'list', of: 'quarantine', items });
      const rows = items.map(({ step, collection, id, reason }) => [
        step,
        collection,
        JSON.stringify(id),
        reason,
      ]);
      if (rows.length === 0) output.line('Nothing is in quarantine.');
      else
        for (const line of renderTable(['Migration', 'Collection', '_id', 'Reason'], rows)) output.line(line);
    } else {
      throw new UserError(`quarantine knows list, retry and discard, not "${action}".`, {
        exitCode: ExitCode.usage,
      });
    }
    return ExitCode.done;
  });
}

export function unlockCommand(output: Output, globals: GlobalOptions): Promise<number> {
  return withSession(globals, {}, async ({ connection }) => {
    const holder = await readLease(connection.db);
    if (holder && !globals.yes) {
      throw new UserError(
        `Run ${holder.run} on ${holder.host} (process ${holder.pid}) is alive. Cancel it, or take its lease with --yes.`,
        { exitCode: ExitCode.locked, action: { label: 'Cancel it', cli: `migratory cancel ${holder.run}` } },
      );
    }
    refuseReadOnly(connection);
    const freed = await unlock(connection.db);
    output.say(freed ? `The lease of run ${freed.run} is freed.` : 'The lease is free.');
    return ExitCode.done;
  });
}

export function markCommand(
  output: Output,
  globals: GlobalOptions,
  name: string,
  { applied, pending }: { applied?: boolean; pending?: boolean },
): Promise<number> {
  if (applied === pending) {
    throw new UserError('Say what it is to be marked as: --applied or --pending.', {
      exitCode: ExitCode.usage,
    });
  }
  return withSession(globals, {}, async (session) => {
    const as = applied ? 'applied' : 'pending';
    await confirmProduction(output, globals, session.connection, 'Mark');
    const done = await markMigration(session, name, as);
    output.say(
      done === 'accepted'
        ? `The file of "${name}" is accepted as the version that was applied; nothing was run.`
        : `"${name}" is marked as ${as}; nothing was run.`,
    );
    return ExitCode.done;
  });
}

export function baselineCommand(output: Output, globals: GlobalOptions): Promise<number> {
  return withSession(globals, {}, async (session) => {
    await confirmProduction(output, globals, session.connection, 'Mark all as applied');
    const marked = await baseline(session);
    output.emit({ type: 'list', of: 'baseline', items: marked });
    for (const name of marked) output.line(name);
    output.line(
      marked.length === 0
        ? 'Every migration is applied already.'
        : `Marked ${marked.length} as applied; nothing was run.`,
    );
    return ExitCode.done;
  });
}

export function adoptCommand(
  output: Output,
  globals: GlobalOptions,
  { from, dryRun: look = false }: { from?: string; dryRun?: boolean },
): Promise<number> {
  return withSession(globals, {}, async (session) => {
    if (!look) await confirmProduction(output, globals, session.connection, 'Mark as applied');
    const { collection, tool, items } = await adopt(session, { from, look });
    output.emit({ type: 'list', of: 'adopted', items });
    output.line(`${collection} is a ledger of ${tool}.`);
    const rows = items.map(({ recorded, appliedAt, name, outcome }) => [
      recorded,
      appliedAt?.toISOString() ?? '',
      name ?? '',
      look && outcome === 'marked' ? 'would be marked' : outcome,
    ]);
    for (const line of renderTable(['Recorded', 'Applied at', 'Migration', ''], rows)) output.line(line);
    const marked = items.filter(({ outcome }) => outcome === 'marked').length;
    output.line(
      look ? `${marked} would be marked as applied.` : `Marked ${marked} as applied; nothing was run.`,
    );
    return ExitCode.done;
  });
}

export function repairCommand(output: Output, globals: GlobalOptions): Promise<number> {
  return withSession(globals, {}, async ({ connection }) => {
    const done = await repair(connection);
    for (const line of done) output.say(line);
    if (done.length === 0) output.say('There is nothing to repair.');
    return ExitCode.done;
  });
}

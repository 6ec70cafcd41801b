// Why something is not done, said before anything is asked or started: one sentence each, with a way on.
import * as vscode from 'vscode';
import type { ErrorAction } from '../../protocol/errors';
import { UserError } from '../../protocol/errors';
import type { ConnectionTarget } from '../../protocol/runner';
import type { ConnectionInfo } from '../connectionRecords';
import { Command } from '../manifest';
import { isOver } from '../runs';
import type { Services } from '../services';
import { runTitle } from '../words';
import type { Chosen } from './choose';

const t = vscode.l10n.t;

export function refuseWhileBusy(connection: ConnectionInfo, services: Services): void {
  const target = services.store.targetOf(connection);
  const busy = services.runs.active(target).find(({ mode }) => mode === 'up' || mode === 'down');
  if (!busy) return;
  throw new UserError(
    t(
      'Another run is under way on {0}: {1}, started by {2} on {3}. Wait for its end or cancel it first.',
      target,
      runTitle(busy, t),
      busy.program,
      busy.host,
    ),
    { action: showRun(busy._id, connection) },
  );
}

/** The same by the database's own lease, which also knows of runs that have not been seen here yet. */
export async function refuseWhileLeased(
  connection: ConnectionInfo,
  target: ConnectionTarget,
  services: Services,
): Promise<void> {
  const holder = await services.observer.call('lease', { target });
  if (!holder) return;
  // One that has just ended lets go of it in a moment; the runner judges for good.
  const known = services.runs.get(holder.run)?.run;
  if (known && isOver(known) && known.state !== 'interrupted') return;
  throw new UserError(
    t(
      'Another run is under way on {0}: run {1} on {2} (process {3}). Wait for its end or cancel it first.',
      services.store.targetOf(connection),
      holder.run,
      holder.host,
      holder.pid,
    ),
    { action: showRun(holder.run, connection) },
  );
}

function showRun(run: string, { id }: ConnectionInfo): ErrorAction {
  return { label: t('Show Run'), command: Command.showRun, args: [{ run, connection: id }] };
}

export function refuseReadOnly(connection: ConnectionInfo): void {
  if (!connection.readOnly) return;
  throw new UserError(
    t('"{0}" is marked read-only: nothing is run, rolled back or changed there.', connection.name),
    { action: { label: t('Select Connection'), command: Command.selectConnection } },
  );
}

export function noFolder(): UserError {
  return new UserError(t('Open the folder that holds the migrations first.'), {
    action: { label: t('Open Folder'), command: 'vscode.openFolder' },
  });
}

export function nothingInQuarantine({ connection, rows }: Chosen): UserError {
  const [first] = rows;
  const where = connection.words;
  return new UserError(
    rows.length === 1 && first
      ? t('"{0}" has no documents in quarantine on {1}.', first.name, where)
      : t('None of these migrations has documents in quarantine on {0}.', where),
    { action: { label: t('Refresh'), command: Command.refresh } },
  );
}

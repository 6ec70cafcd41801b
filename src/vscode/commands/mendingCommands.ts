// The ways out of bad states that run no migration: forget what is in quarantine, mark by hand, unlock, repair. Each
// asks once, says what it did, and has the views look again.
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import type { LeaseHolder, MendingRequest } from '../../protocol/runner';
import type { ConnectionInfo } from '../connections';
import { Command } from '../manifest';
import type { Services } from '../services';
import { hostOf } from '../target';
import { ago } from '../words';
import { ask } from './ask';
import { chooseMigrations, connectionOfArgument } from './choose';
import { changeConfirmation, whereOf } from './confirmation';
import { noFolder, nothingInQuarantine, refuseReadOnly, refuseWhileBusy } from './refusals';

const t = vscode.l10n.t;

export async function discardQuarantine(args: readonly unknown[], services: Services): Promise<void> {
  const chosen = await chooseMigrations('discardQuarantine', args, services);
  if (!chosen) return;
  const rows = chosen.rows.filter(({ quarantined }) => quarantined);
  if (rows.length === 0) throw nothingInQuarantine(chosen);
  const count = rows.reduce((sum, { quarantined }) => sum + (quarantined ?? 0), 0);
  const place = await placeOf(chosen.connection, services);
  const agreed = await agree(place, {
    message:
      count === 1
        ? t('Discard the quarantined document of {0}?', namesOf(rows))
        : t('Discard {0} quarantined documents of {1}?', count, namesOf(rows)),
    details: [
      t(
        'The documents stay as they are in their collection, not migrated. They cannot be retried afterwards.',
      ),
    ],
    button: t('Discard'),
  });
  if (!agreed) return;
  let discarded = 0;
  for (const { name } of rows) {
    discarded += await services.observer.call('discardQuarantine', { ...place.request, name });
  }
  await lookAgain(place.connection, services);
  say(
    discarded === 1
      ? t('One document was discarded from quarantine.')
      : t('{0} documents were discarded from quarantine.', discarded),
  );
}

/** Writes or removes ledger rows; for what was done, or undone, by other means. */
export async function mark(
  as: 'applied' | 'pending',
  args: readonly unknown[],
  services: Services,
): Promise<void> {
  const action = as === 'applied' ? 'markApplied' : 'markPending';
  const chosen = await chooseMigrations(action, args, services);
  if (!chosen) return;
  const rows = chosen.rows.filter(({ appliedAt }) => (appliedAt === null) === (as === 'applied'));
  const [first] = chosen.rows;
  if (rows.length === 0) {
    throw new UserError(
      as === 'applied'
        ? t('"{0}" is applied already.', first?.name ?? '')
        : t('"{0}" is not applied, so it is pending already.', first?.name ?? ''),
      { action: { label: t('Refresh'), command: Command.refresh } },
    );
  }
  const place = await placeOf(chosen.connection, services);
  refuseWhileBusy(chosen.connection, services);
  const where = whereOf(place.shown);
  const agreed = await agree(place, {
    message:
      as === 'applied'
        ? t('Mark {0} as applied on {1}?', namesOf(rows), where)
        : t('Mark {0} as pending on {1}?', namesOf(rows), where),
    details: [
      as === 'applied'
        ? t('Nothing is run. The ledger says from then on that it was applied.')
        : t(
            'Nothing is rolled back. The ledger forgets that it was applied, and its journal is not used any more.',
          ),
    ],
    button: t('Mark'),
  });
  if (!agreed) return;
  for (const { name } of rows) await services.observer.call('mark', { ...place.request, name, as });
  await lookAgain(place.connection, services);
}

/** Frees the lease, after it was said who holds it. */
export async function unlock(args: readonly unknown[], services: Services): Promise<void> {
  const connection = await connectionOfArgument(args, services);
  if (!connection) return;
  const place = await placeOf(connection, services);
  const holder = await services.observer.call('lease', { target: place.request.target });
  if (!holder) return say(t('{0} is not locked: no run is at work there.', connection.words));
  const agreed = await agree(place, {
    message: t('Unlock {0} while a run holds it?', whereOf(place.shown)),
    details: holderLines(holder),
    button: t('Unlock'),
  });
  if (!agreed) return;
  const freed = await services.observer.call('unlock', { ...place.request, expected: holder });
  await lookAgain(connection, services);
  say(
    freed
      ? t('{0} is unlocked.', connection.words)
      : t('Run {0} had ended by itself; nothing was unlocked.', holder.run),
  );
}

function holderLines({ run, host, pid, acquiredAt }: LeaseHolder): string[] {
  return [
    t('Held by run {0} on {1} (process {2}), since {3}.', run, host, pid, ago(acquiredAt, t, Date.now())),
    t('If that process is still at work, it stops at its next write; its run can be resumed afterwards.'),
  ];
}

export async function repair(args: readonly unknown[], services: Services): Promise<void> {
  const connection = await connectionOfArgument(args, services);
  if (!connection) return;
  const place = await placeOf(connection, services);
  refuseWhileBusy(connection, services);
  const agreed = await agree(place, {
    message: t('Repair what killed runs have left on {0}?', whereOf(place.shown)),
    details: [
      t('Runs without an end are marked as interrupted, so that they can be resumed or rolled back.'),
      t('Scratch databases of dry runs that nobody uses any more are dropped. No other data is touched.'),
    ],
    button: t('Repair'),
  });
  if (!agreed) return;
  const done = await services.observer.call('repair', place.request);
  for (const line of done) services.log.info(line);
  await lookAgain(connection, services);
  say(done.length === 0 ? t('There was nothing to repair on {0}.', connection.words) : done.join(' '));
}

/** Where something is to be changed, captured before the question is asked. */
interface Place {
  connection: ConnectionInfo;
  request: MendingRequest;
  shown: { name: string; host: string; database: string; production: boolean };
}

async function placeOf(connection: ConnectionInfo, services: Services): Promise<Place> {
  if (!services.project) throw noFolder();
  refuseReadOnly(connection);
  const target = await services.connections.target(connection.id);
  return {
    connection,
    request: { project: services.project.location, target },
    shown: { ...connection, host: hostOf(target.uri), database: target.database },
  };
}

function agree(
  { shown }: Place,
  question: { message: string; details: string[]; button: string },
): Promise<boolean> {
  return ask(changeConfirmation({ ...question, connection: shown }, t));
}

function namesOf(rows: readonly { name: string }[]): string {
  const [first] = rows;
  return rows.length === 1 && first ? `"${first.name}"` : t('{0} migrations', rows.length);
}

async function lookAgain(connection: ConnectionInfo, { statuses, panel }: Services): Promise<void> {
  await statuses.refresh(connection.id);
  await panel.reload();
}

/** Does not wait until the message is closed. */
function say(message: string): void {
  void vscode.window.showInformationMessage(message);
}

// Unlock and repair: what a whole database may need after a runner was killed.
import * as vscode from 'vscode';
import type { LeaseHolder } from '../../protocol/runner';
import type { Services } from '../services';
import { ago } from '../words';
import { connectionOfArgument } from './choose';
import { whereOf } from './confirmation';
import { agree, lookAgain, placeOf, say } from './place';
import { refuseWhileBusy } from './refusals';

const t = vscode.l10n.t;

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

// What is decided about single migrations without running them: quarantine, marks in the ledger, conflicts. Each asks
// once, says what it did, and has the views look again.
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import { waysOf } from '../lensModel';
import { Command } from '../manifest';
import type { Services } from '../services';
import { chooseMigrations } from './choose';
import { whereOf } from './confirmation';
import { agree, documentOf, lookAgain, namesOf, placeOf, say } from './place';
import { nothingInQuarantine, refuseWhileBusy } from './refusals';

const t = vscode.l10n.t;

export async function discardQuarantine(args: readonly unknown[], services: Services): Promise<void> {
  const chosen = await chooseMigrations('discardQuarantine', args, services);
  if (!chosen) return;
  const rows = chosen.rows.filter(({ quarantined }) => quarantined);
  if (rows.length === 0) throw nothingInQuarantine(chosen);
  const count = rows.reduce((sum, { quarantined }) => sum + (quarantined ?? 0), 0);
  const place = await placeOf(chosen.connection, services);
  const id = documentOf(args);
  const agreed = await agree(place, {
    message: discardQuestion(namesOf(rows), count, id),
    details: [
      t(
        'The documents stay as they are in their collection, not migrated. They cannot be retried afterwards.',
      ),
    ],
    button: t('Discard'),
  });
  if (!agreed) return;
  const documents = id === undefined ? undefined : [JSON.parse(id) as unknown];
  let discarded = 0;
  for (const { name } of rows) {
    discarded += await services.observer.call('discardQuarantine', { ...place.request, name, documents });
  }
  await lookAgain(place.connection, services);
  say(
    discarded === 1
      ? t('One document was discarded from quarantine.')
      : t('{0} documents were discarded from quarantine.', discarded),
  );
}

function discardQuestion(names: string, count: number, id: string | undefined): string {
  if (id !== undefined) return t('Discard the quarantined document {0} of {1}?', id, names);
  return count === 1
    ? t('Discard the quarantined document of {0}?', names)
    : t('Discard {0} quarantined documents of {1}?', count, names);
}

type Mark = 'applied' | 'pending' | 'accepted';

/** Writes or removes ledger rows; for what was done, or undone, by other means. */
export async function mark(as: Mark, args: readonly unknown[], services: Services): Promise<void> {
  const actions = { applied: 'markApplied', pending: 'markPending', accepted: 'acceptChanged' } as const;
  const chosen = await chooseMigrations(actions[as], args, services);
  if (!chosen) return;
  const rows = chosen.rows.filter((row) => waysOf(row).includes(actions[as]));
  const [first] = chosen.rows;
  if (rows.length === 0) throw alreadySo(as, first?.name ?? '');
  const place = await placeOf(chosen.connection, services);
  refuseWhileBusy(chosen.connection, services);
  if (!(await agree(place, markQuestion(as, namesOf(rows), whereOf(place.shown))))) return;
  for (const { name } of rows) {
    await services.observer.call('mark', {
      ...place.request,
      name,
      as: as === 'pending' ? 'pending' : 'applied',
    });
  }
  await lookAgain(place.connection, services);
}

function alreadySo(as: Mark, name: string): UserError {
  const sentences: Record<Mark, string> = {
    applied: t('"{0}" is applied already.', name),
    pending: t('"{0}" is not applied, so it is pending already.', name),
    accepted: t('"{0}" has not changed since it was applied.', name),
  };
  return new UserError(sentences[as], { action: { label: t('Refresh'), command: Command.refresh } });
}

function markQuestion(
  as: Mark,
  names: string,
  where: string,
): { message: string; details: string[]; button: string } {
  const questions: Record<Mark, [message: string, detail: string, button: string]> = {
    applied: [
      t('Mark {0} as applied on {1}?', names, where),
      t('Nothing is run. The ledger says from then on that it was applied.'),
      t('Mark'),
    ],
    pending: [
      t('Mark {0} as pending on {1}?', names, where),
      t(
        'Nothing is rolled back. The ledger forgets that it was applied, and its journal is not used any more.',
      ),
      t('Mark'),
    ],
    accepted: [
      t('Accept the changed file of {0} on {1}?', names, where),
      t('Nothing is run. The ledger takes the file as it is now for the version that was applied.'),
      t('Accept'),
    ],
  };
  const [message, detail, button] = questions[as];
  return { message, details: [detail], button };
}

/** Decides about what a rollback has left alone: one document (`id` in the argument) or all of a migration. */
export async function resolveConflicts(
  decision: 'keep' | 'restore',
  args: readonly unknown[],
  services: Services,
): Promise<void> {
  const action = decision === 'keep' ? 'keepConflicts' : 'restoreConflicts';
  const chosen = await chooseMigrations(action, args, services);
  const [row] = chosen?.rows ?? [];
  if (!chosen || !row) return;
  const id = documentOf(args);
  const place = await placeOf(chosen.connection, services);
  refuseWhileBusy(chosen.connection, services);
  const agreed = await agree(place, conflictQuestion(decision, row.name, id));
  if (!agreed) return;
  const { settled, left } = await services.observer.call('resolveConflicts', {
    ...place.request,
    name: row.name,
    decision,
    id,
  });
  await lookAgain(place.connection, services);
  say(
    left === 0
      ? t('"{0}" is rolled back: no conflict is left.', row.name)
      : t('{0} conflicts of "{1}" are decided, {2} are left.', settled, row.name, left),
  );
}

function conflictQuestion(
  decision: 'keep' | 'restore',
  name: string,
  id: string | undefined,
): { message: string; details: string[]; button: string } {
  if (decision === 'keep') {
    return {
      message:
        id === undefined
          ? t('Keep all documents in conflict of "{0}" as they are?', name)
          : t('Keep document {0} of "{1}" as it is?', id, name),
      details: [t('What the migration had changed in them stays, and what others wrote since, too.')],
      button: t('Keep'),
    };
  }
  return {
    message:
      id === undefined
        ? t('Restore all documents in conflict of "{0}"?', name)
        : t('Restore document {0} of "{1}"?', id, name),
    details: [t('They are put back as they were before the run. What others wrote in them since is lost.')],
    button: t('Restore'),
  };
}

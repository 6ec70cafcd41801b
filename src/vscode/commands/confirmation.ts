// The one question before a run or a roll back: what, which way, where. Pure texts; asking is the command's.
import type { Direction } from '../../protocol/run';
import { basename } from 'node:path';
import type { Rehearsal } from '../rehearsals';
import type { Translate } from '../words';
import { ago, duration } from '../words';

export interface ConfirmationRequest {
  direction: Direction;
  /** Goes on with an earlier run, or with the documents that it left in quarantine. */
  again?: 'resume' | 'retry';
  /** With `retry`: the only one of those documents that it is about; its `_id` as Extended JSON. */
  document?: string;
  /** `state` says where not the file as it is now counts, but the version that was applied. */
  migrations: { name: string; file?: string; state?: string }[];
  connection: { name: string; host: string; database: string; production: boolean };
  /** Pending migrations that come before the named ones and stay pending. */
  earlierPending: string[];
  /** Migrations among them that cannot be rolled back afterwards. */
  irreversible: string[];
  /** What dry runs of these files have shown there. */
  rehearsed?: { name: string; rehearsal: Rehearsal }[];
  now?: number;
}

export interface Confirmation {
  message: string;
  detail: string;
  /** The button that Enter presses. */
  button: string;
  /** On production: what must be typed instead of pressing Enter. */
  typed?: string;
}

/** More than this many names make a dialog nobody reads. */
const namesShown = 12;
const earlierShown = 3;

export function confirmation(request: ConfirmationRequest, t: Translate): Confirmation {
  const { connection } = request;
  return {
    message: question(request, t),
    detail: details(request, t).join('\n'),
    button: buttonOf(request, t),
    typed: connection.production ? connection.database : undefined,
  };
}

/** The same kind of question before a change that runs no migration. */
export function changeConfirmation(
  change: {
    message: string;
    details: string[];
    button: string;
    connection: ConfirmationRequest['connection'];
  },
  t: Translate,
): Confirmation {
  const { message, details, button, connection } = change;
  return {
    message,
    detail: [...connectionLines(connection, t), ...details].join('\n'),
    button,
    typed: connection.production ? connection.database : undefined,
  };
}

function buttonOf({ direction, again }: ConfirmationRequest, t: Translate): string {
  if (again === 'resume') return t('Resume');
  if (again === 'retry') return t('Retry');
  return direction === 'up' ? t('Run') : t('Roll Back');
}

function question(
  { direction, again, document, migrations, connection }: ConfirmationRequest,
  t: Translate,
): string {
  const where = whereOf(connection);
  const [first] = migrations;
  const what = migrations.length === 1 && first ? `"${first.name}"` : t('{0} migrations', migrations.length);
  if (again === 'resume') return t('Resume the run of {0} on {1}?', what, where);
  if (again === 'retry') {
    return document === undefined
      ? t('Retry the quarantined documents of {0} on {1}?', what, where)
      : t('Retry the quarantined document {0} of {1} on {2}?', document, what, where);
  }
  if (migrations.length === 1 && first) {
    return direction === 'up'
      ? t('Run "{0}" on {1}?', first.name, where)
      : t('Roll back "{0}" on {1}?', first.name, where);
  }
  return direction === 'up'
    ? t('Run {0} migrations on {1}?', migrations.length, where)
    : t('Roll back {0} migrations on {1}?', migrations.length, where);
}

/** `shop (localhost:27017)`. */
export function whereOf({ database, host }: { database: string; host: string }): string {
  return `${database} (${host})`;
}

function connectionLines(connection: ConfirmationRequest['connection'], t: Translate): string[] {
  return [
    ...(connection.production ? [t('This is a PRODUCTION connection.')] : []),
    t('Host: {0}', connection.host),
    t('Database: {0}', connection.database),
    t('Connection: {0}', connection.name),
  ];
}

function details(request: ConfirmationRequest, t: Translate): string[] {
  const { connection, migrations, direction } = request;
  const lines = [
    ...connectionLines(connection, t),
    t('Direction: {0}', direction === 'up' ? t('up (apply)') : t('down (undo)')),
    ...migrationLines(migrations, t),
  ];
  lines.push(...rehearsalLines(request, t), ...earlierLines(request.earlierPending, t));
  if (direction === 'down') lines.push(...appliedVersionLines(migrations, t));
  if (direction === 'up' && request.irreversible.length > 0) {
    lines.push(t('Cannot be rolled back afterwards: {0}', request.irreversible.join(', ')));
  }
  return lines;
}

/** How much is to be expected, and since when that is known. */
function rehearsalLines(
  { rehearsed = [], migrations, now = Date.now() }: ConfirmationRequest,
  t: Translate,
): string[] {
  const [first] = rehearsed;
  if (!first) return [];
  if (migrations.length > 1) return [t('Dry run passed: {0} of {1}', rehearsed.length, migrations.length)];
  const { at, documents, seconds } = first.rehearsal;
  const expected = [
    ...(documents === null ? [] : [t('about {0} documents', documents.toLocaleString())]),
    ...(seconds === null ? [] : [t('about {0}', duration(seconds * 1000))]),
  ];
  return [t('Dry run passed: {0}', [ago(at, t, now), ...expected].join(', '))];
}

function earlierLines(names: readonly string[], t: Translate): string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, earlierShown).join(', ');
  const more = names.length - earlierShown;
  return [
    t('Stay pending although they come earlier: {0}', names.length) +
      ` (${more > 0 ? t('{0} and {1} more', shown, more) : shown})`,
  ];
}

/** What is undone is what was done, not what the file says by now. */
function appliedVersionLines(migrations: ConfirmationRequest['migrations'], t: Translate): string[] {
  const changed = migrations.filter(({ state }) => state === 'changed');
  const missing = migrations.filter(({ state }) => state === 'missing');
  if (changed.length + missing.length === 0) return [];
  if (migrations.length > 1) {
    const names = [...changed, ...missing].map(({ name }) => name).join(', ');
    return [
      t(
        'Files of {0} have changed since or are gone: the versions that were applied are rolled back.',
        names,
      ),
    ];
  }
  return [
    missing.length > 0
      ? t('Its file is gone: the version that was applied is rolled back.')
      : t('Its file has changed since: the version that was applied is rolled back.'),
  ];
}

function migrationLines(migrations: ConfirmationRequest['migrations'], t: Translate): string[] {
  const [first] = migrations;
  if (migrations.length === 1 && first) {
    return [
      t('Migration: {0}', first.name),
      ...(first.file === undefined ? [] : [t('File: {0}', basename(first.file))]),
    ];
  }
  const shown = migrations.slice(0, namesShown).map(({ name }, index) => `  ${index + 1}. ${name}`);
  const more = migrations.length - shown.length;
  return [
    t('Migrations: {0}', migrations.length),
    ...shown,
    ...(more > 0 ? [t('  … and {0} more', more)] : []),
  ];
}

// The rehearsal before a run: what dry runs of these very files have shown on the connection, and that production
// wants one that passed.
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { sourceChecksum } from '../../migration/checksum';
import { UserError } from '../../protocol/errors';
import type { ConnectionInfo } from '../connectionRecords';
import type { Rehearsal } from '../rehearsals';
import type { Services } from '../services';
import { setting } from '../settings';
import { namesOf } from './place';
import { whereOf } from './confirmation';

const t = vscode.l10n.t;

interface Rehearsable {
  name: string;
  file?: string;
}

export interface Rehearsed<T> {
  passed: { name: string; rehearsal: Rehearsal }[];
  /** Those that no dry run has passed, as their files are now. */
  missing: T[];
}

export async function rehearsalsOf<T extends Rehearsable>(
  rows: readonly T[],
  connection: ConnectionInfo,
  { rehearsals }: Services,
): Promise<Rehearsed<T>> {
  const found: Rehearsed<T> = { passed: [], missing: [] };
  for (const row of rows) {
    const source = row.file === undefined ? undefined : await readFile(row.file).catch(() => undefined);
    const rehearsal = source && rehearsals.of(connection, row.name, sourceChecksum(source));
    if (rehearsal) found.passed.push({ name: row.name, rehearsal });
    else found.missing.push(row);
  }
  return found;
}

/** Whether the first run on this connection has to wait for a dry run. */
export function wantsRehearsal(connection: ConnectionInfo): boolean {
  return connection.production && setting('production.requireDryRun');
}

/** Offers the dry run in place of the run. True when the person takes it. */
export async function offerRehearsal(
  missing: readonly Rehearsable[],
  connection: ConnectionInfo,
): Promise<boolean> {
  const go = t('Dry Run');
  const pressed = await vscode.window.showWarningMessage(
    sentence(missing, connection),
    {
      modal: true,
      detail: [
        t('This is a PRODUCTION connection. It wants a dry run that passed before the first run of a file.'),
        ...(missing.length > 1 ? missing.slice(0, 12).map(({ name }) => `  ${name}`) : []),
        t('A dry run works on a scratch copy and writes nothing to {0}.', connection.database),
        t('The setting migratory.production.requireDryRun turns this off.'),
      ].join('\n'),
    },
    go,
  );
  return pressed === go;
}

/** For whoever cannot ask. */
export function notRehearsed(missing: readonly Rehearsable[], connection: ConnectionInfo): UserError {
  return new UserError(
    `${sentence(missing, connection)} ${t('Production wants a dry run that passed first.')}`,
  );
}

function sentence(missing: readonly Rehearsable[], connection: ConnectionInfo): string {
  return t(
    'No dry run of {0} has passed on {1} yet, as the file is now.',
    namesOf(missing),
    whereOf(connection),
  );
}

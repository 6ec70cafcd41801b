// Which connection: the one of the workspace, of a single file, or the one that a command is about.
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import type { ConnectionInfo } from '../connectionRecords';
import { Command } from '../manifest';
import type { Services } from '../services';
import { connectionIdOf } from './choose';

const t = vscode.l10n.t;

/** An `id` of none means that the file follows the workspace. */
export type Picked = 'add' | { id: string | undefined };

/** For a file (its target lens was clicked) or for the whole workspace. */
export async function pickConnection(
  services: Services,
  file: string | undefined,
): Promise<Picked | undefined> {
  const { connections } = services;
  const current = file === undefined ? connections.selected : connections.ofFile(file);
  const items = connections.list().map((connection) => ({
    label: `$(${connection.id === current?.id ? 'pass-filled' : 'database'}) ${connection.name}`,
    description: describe(connection),
    choice: { id: connection.id } as Picked,
  }));
  if (file !== undefined) {
    items.push({
      label: `$(root-folder) ${t('The connection of the workspace')}`,
      description: connections.selected?.words ?? t('none selected'),
      choice: { id: undefined },
    });
  }
  items.push({ label: `$(add) ${t('Add Connection…')}`, description: '', choice: 'add' });
  const picked = await vscode.window.showQuickPick(items, {
    placeHolder:
      file === undefined
        ? t('Which connection do migrations of this workspace run on?')
        : t('Which connection do migrations of this file run on?'),
    matchOnDescription: true,
  });
  return picked?.choice;
}

function describe({ name, words, production, readOnly }: ConnectionInfo): string {
  // A name that was made of the target says it already.
  return [
    ...(name === words ? [] : [words]),
    ...(production ? [t('production')] : []),
    ...(readOnly ? [t('read-only')] : []),
  ].join(' · ');
}

/** The connection that the arguments name, else one that is picked; undefined when the person backed out. */
export async function chooseConnection(
  args: readonly unknown[],
  services: Services,
): Promise<ConnectionInfo | undefined> {
  const given = services.connections.get(connectionIdOf(args));
  if (given) return given;
  const all = services.connections.list();
  if (all.length === 0) {
    throw new UserError(t('There is no connection yet.'), {
      action: { label: t('Add Connection…'), command: Command.addConnection },
    });
  }
  const picked = await vscode.window.showQuickPick(
    all.map((connection) => ({ label: connection.name, description: describe(connection), connection })),
    { placeHolder: t('Which connection?') },
  );
  return picked?.connection;
}

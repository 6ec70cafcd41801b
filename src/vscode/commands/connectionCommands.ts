// Commands on connections: add, edit, duplicate, remove, select, switch the database, retry.
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import type { ConnectionDraft, ConnectionInfo } from '../connectionRecords';
import { Command } from '../manifest';
import type { Services } from '../services';
import { databaseProblem } from '../target';
import { connectionIdOf } from './choose';
import { askForDraft, freeName } from './connectionForm';
import { chooseConnection, pickConnection } from './connectionSelect';
import { testBeforeSaving } from './connectionTesting';
import { refuseWhileBusy } from './refusals';

const t = vscode.l10n.t;

export async function addConnection(services: Services): Promise<ConnectionInfo | undefined> {
  const draft = await fillIn(t('Add Connection'), undefined, namesIn(services), services);
  return draft && keep(draft, services);
}

export async function editConnection(args: readonly unknown[], services: Services): Promise<void> {
  const connection = await chooseConnection(args, services);
  if (!connection) return;
  if (connection.origin === 'config') return openConfig(services);
  const taken = namesIn(services);
  taken.delete(connection.name);
  const before = await draftOf(connection, services);
  const draft = await fillIn(t('Edit Connection'), before, taken, services);
  if (!draft) return;
  await services.connections.update(connection.id, draft);
  tellIfUnsaved(connection.id, draft.name, services);
  await services.statuses.refresh(connection.id);
}

/** A connection of the config too: the copy is the person's own and stays on this machine. */
export async function duplicateConnection(args: readonly unknown[], services: Services): Promise<void> {
  const connection = await chooseConnection(args, services);
  if (!connection) return;
  const taken = namesIn(services);
  const copy = { ...(await draftOf(connection, services)), name: freeName(connection.name, taken) };
  const draft = await fillIn(t('Duplicate Connection'), copy, taken, services);
  if (draft) await keep(draft, services);
}

function namesIn({ connections }: Services): Set<string> {
  return new Set(connections.list().map(({ name }) => name));
}

/** Back to the form with what was typed as long as the test fails and the person wants to mend it. */
async function fillIn(
  title: string,
  before: ConnectionDraft | undefined,
  taken: ReadonlySet<string>,
  services: Services,
): Promise<ConnectionDraft | undefined> {
  let draft = before;
  for (;;) {
    draft = await askForDraft(title, draft, taken);
    if (!draft) return undefined;
    const decision = await testBeforeSaving(draft, services);
    if (decision !== 'edit') return decision === 'save' ? draft : undefined;
  }
}

async function keep(draft: ConnectionDraft, services: Services): Promise<ConnectionInfo> {
  const first = services.connections.selected === undefined;
  const connection = await services.connections.add(draft);
  tellIfUnsaved(connection.id, connection.name, services);
  if (first) await services.connections.select(connection.id);
  void services.statuses.refresh(connection.id);
  return connection;
}

function tellIfUnsaved(id: string, name: string, { connections }: Services): void {
  if (!connections.isUnsaved(id)) return;
  void vscode.window.showWarningMessage(
    t(
      'The secret storage of this machine cannot be written, so the connection string of "{0}" is known to this window only. Enter it again after a reload, or put it into the config as an environment variable.',
      name,
    ),
  );
}

/** What the form starts with; without its secret (lost with a machine) the string has to be entered again. */
async function draftOf(connection: ConnectionInfo, services: Services): Promise<ConnectionDraft> {
  const { name, database, production, readOnly } = connection;
  const uri = await services.connections.target(connection.id).then(
    (target) => target.uri,
    () => '',
  );
  return { name, uri, database, production, readOnly };
}

async function openConfig({ project }: Services): Promise<void> {
  const file = project?.config?.file;
  if (file == null)
    throw new UserError(t('This connection stands in the config of the folder, which is gone.'));
  await vscode.window.showTextDocument(vscode.Uri.file(file));
}

export async function removeConnection(args: readonly unknown[], services: Services): Promise<void> {
  const connection = await chooseConnection(args, services);
  if (!connection) return;
  if (connection.origin === 'config') {
    throw new UserError(t('"{0}" stands in the config of the folder: remove it there.', connection.name), {
      action: { label: t('Edit Connection…'), command: Command.editConnection },
    });
  }
  const remove = t('Remove');
  const pressed = await vscode.window.showWarningMessage(
    t('Remove the connection "{0}"?', connection.name),
    { modal: true, detail: t('{0}. The database is not touched.', connection.words) },
    remove,
  );
  if (pressed === remove) await services.connections.remove(connection.id);
}

export async function retryConnection(args: readonly unknown[], services: Services): Promise<void> {
  const connection = services.connections.get(connectionIdOf(args)) ?? services.connections.selected;
  if (connection) await services.statuses.refresh(connection.id);
}

/** For a file (its target lens was clicked) or for the whole workspace. */
export async function selectConnection([arg]: readonly unknown[], services: Services): Promise<void> {
  const given = services.connections.get(connectionIdOf([arg]));
  if (given) return services.connections.select(given.id);
  const file = fileOf(arg);
  const picked = await pickConnection(services, file);
  if (picked === undefined) return;
  const id = picked === 'add' ? (await addConnection(services))?.id : picked.id;
  if (picked === 'add' && id === undefined) return;
  if (file !== undefined) await services.connections.selectForFile(file, id);
  else if (id !== undefined) await services.connections.select(id);
}

function fileOf(arg: unknown): string | undefined {
  if (typeof arg !== 'object' || arg === null) return undefined;
  const { file } = arg as { file?: unknown };
  return typeof file === 'string' ? file : undefined;
}

/** To the database of a row in the tree, else to one that is picked or typed. */
export async function switchDatabase(args: readonly unknown[], services: Services): Promise<void> {
  const connection = await chooseConnection(args, services);
  if (!connection) return;
  refuseWhileBusy(connection, services);
  const { database: given } = (args[0] ?? {}) as { database?: unknown };
  const database = typeof given === 'string' ? given : await pickDatabase(connection, services);
  if (database === undefined || database === connection.database) return;
  await services.connections.switchDatabase(connection.id, database);
  await services.statuses.refresh(connection.id);
}

async function pickDatabase(connection: ConnectionInfo, services: Services): Promise<string | undefined> {
  const target = await services.connections.target(connection.id);
  const other = { label: `$(edit) ${t('Another Database…')}`, description: '', database: undefined };
  const items = services.observer.call('databases', { target }).then((names) => [
    ...names.map((database) => ({
      label: `$(${database === connection.database ? 'pass-filled' : 'database'}) ${database}`,
      description: database === connection.database ? t('in use') : '',
      database,
    })),
    other,
  ]);
  const picked = await vscode.window.showQuickPick<{ label: string; database?: string }>(items, {
    placeHolder: t('Which database of {0}?', connection.host),
  });
  if (picked?.database !== undefined || !picked) return picked?.database;
  const typed = await vscode.window.showInputBox({
    prompt: t('Database that holds the migrations’ ledger and that they work on'),
    validateInput: (text) => databaseProblem(text, t),
  });
  return typed?.trim();
}

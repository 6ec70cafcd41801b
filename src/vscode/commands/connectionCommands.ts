// Commands on connections: add, edit, remove, test, select, retry.
import * as vscode from 'vscode';
import { describeTarget } from '../../project/target';
import { UserError } from '../../protocol/errors';
import type { ConnectionTarget, ConnectionTestStep } from '../../protocol/runner';
import type { ConnectionDraft, ConnectionInfo } from '../connections';
import { Command } from '../manifest';
import type { Services } from '../services';
import { connectionIdOf } from './choose';
import { askForDraft } from './connectionForm';

const t = vscode.l10n.t;

export async function addConnection(services: Services): Promise<ConnectionInfo | undefined> {
  const taken = new Set(services.connections.list().map(({ name }) => name));
  let draft: ConnectionDraft | undefined;
  // Back to the form with what was typed as long as the test fails and the person wants to mend it.
  for (;;) {
    draft = await askForDraft(t('Add Connection'), draft, taken);
    if (!draft) return undefined;
    const decision = await testBeforeSaving(draft, services);
    if (decision === 'cancel') return undefined;
    if (decision === 'save') break;
  }
  const first = services.connections.selected === undefined;
  const connection = await services.connections.add(draft);
  if (first) await services.connections.select(connection.id);
  void services.statuses.refresh(connection.id);
  return connection;
}

export async function editConnection(args: readonly unknown[], services: Services): Promise<void> {
  const connection = await chooseConnection(args, services);
  if (!connection) return;
  if (connection.origin === 'config') return openConfig(services);
  const taken = new Set(services.connections.list().map(({ name }) => name));
  taken.delete(connection.name);
  let draft: ConnectionDraft | undefined = await draftOf(connection, services);
  for (;;) {
    draft = await askForDraft(t('Edit Connection'), draft, taken);
    if (!draft) return;
    const decision = await testBeforeSaving(draft, services);
    if (decision === 'cancel') return;
    if (decision === 'save') break;
  }
  await services.connections.update(connection.id, draft);
  await services.statuses.refresh(connection.id);
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

export async function testConnection(args: readonly unknown[], services: Services): Promise<void> {
  const connection = await chooseConnection(args, services);
  if (!connection) return;
  const target = await services.connections.target(connection.id);
  const { steps, server } = await runTest(target, services);
  const failed = steps.find(({ outcome }) => outcome === 'failed');
  if (failed) throw failure(target, failed);
  await services.statuses.refresh(connection.id);
  const summary = server ? `: ${server.summary}` : '';
  void vscode.window.showInformationMessage(t('{0} answers', describeTarget(target)) + summary);
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

async function pickConnection(
  services: Services,
  file: string | undefined,
): Promise<'add' | { id: string | undefined } | undefined> {
  const { connections } = services;
  const current = file === undefined ? connections.selected : connections.ofFile(file);
  const items = connections.list().map((connection) => ({
    label: `$(${connection.id === current?.id ? 'pass-filled' : 'database'}) ${connection.name}`,
    description: describe(connection),
    choice: { id: connection.id } as 'add' | { id: string | undefined },
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

function describe({ words, production, readOnly }: ConnectionInfo): string {
  return [words, ...(production ? [t('production')] : []), ...(readOnly ? [t('read-only')] : [])].join(' · ');
}

async function chooseConnection(
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

function fileOf(arg: unknown): string | undefined {
  if (typeof arg !== 'object' || arg === null) return undefined;
  const { file } = arg as { file?: unknown };
  return typeof file === 'string' ? file : undefined;
}

async function testBeforeSaving(
  draft: ConnectionDraft,
  services: Services,
): Promise<'save' | 'edit' | 'cancel'> {
  // In Restricted Mode nothing of ours is started; the connection is tested when the folder is trusted.
  if (!vscode.workspace.isTrusted) return 'save';
  const { steps } = await runTest(draft, services);
  const failed = steps.find(({ outcome }) => outcome === 'failed');
  if (!failed) return 'save';
  const edit = t('Edit');
  const save = t('Save Anyway');
  const pressed = await vscode.window.showWarningMessage(
    t('{0} does not answer', describeTarget(draft)),
    { modal: true, detail: failed.details },
    edit,
    save,
  );
  return pressed === edit ? 'edit' : pressed === save ? 'save' : 'cancel';
}

async function runTest(
  target: ConnectionTarget,
  { observer, log }: Services,
): ReturnType<typeof observer.call<'testConnection'>> {
  const result = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: t('Testing {0}…', describeTarget(target)) },
    () => observer.call('testConnection', { target }),
  );
  for (const { step, outcome, details, durationMs } of result.steps) {
    log.info(`${describeTarget(target)}: ${step} ${outcome} (${durationMs} ms): ${details}`);
  }
  return result;
}

function failure(target: ConnectionTarget, step: ConnectionTestStep): UserError {
  return new UserError(`${describeTarget(target)}: ${step.details}`, {
    action: step.action?.command
      ? step.action
      : { label: t('Edit Connection…'), command: Command.editConnection },
  });
}

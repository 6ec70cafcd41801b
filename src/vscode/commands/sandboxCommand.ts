// Start Sandbox Server: the server itself is sandbox.ts' matter.
import * as vscode from 'vscode';
import { Command } from '../manifest';
import type { Services } from '../services';

const t = vscode.l10n.t;

export async function startSandbox({ sandbox, statuses }: Services): Promise<void> {
  const { id, name, words } = await sandbox.start();
  await statuses.refresh(id);
  const add = t('New Migration…');
  void vscode.window
    .showInformationMessage(t('The sandbox server runs: "{0}", {1}, is selected.', name, words), add)
    .then((pressed) => {
      if (pressed === add) void vscode.commands.executeCommand(Command.newMigration);
    });
}

// Add Types for Migrations, and the offer of it to whoever writes the first migration in a project without the package.
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { typesAreMissing, typesFileName, typesReference, writeTypes } from '../../migration/typesFile';
import { UserError } from '../../protocol/errors';
import type { Services } from '../services';

const t = vscode.l10n.t;
/** In the workspace's memory: nobody wants to be asked again. */
const declinedKey = 'migratory.typesDeclined';

export async function addTypes({ project }: Services): Promise<void> {
  if (!project) {
    throw new UserError(t('Open the folder first that the migration belongs to.'), {
      action: { label: t('Open Folder'), command: 'vscode.openFolder' },
    });
  }
  const written = await writeTypes(project.migrationsDir, project.location.root);
  void vscode.window.showInformationMessage(
    t(
      '{0} in {1} tells the editor the types of migrations.',
      written.join(', '),
      basename(project.migrationsDir),
    ),
  );
}

/** Asks once in a workspace whose migrations get no types. Never rejects. */
export async function offerTypes(created: vscode.Uri, services: Services): Promise<void> {
  const { memory, log } = services;
  try {
    const dir = dirname(created.fsPath);
    if (memory.get(declinedKey) === true || !(await typesAreMissing(dir))) return;
    const add = t('Add Types');
    const never = t('Don’t Ask Again');
    const pressed = await vscode.window.showInformationMessage(
      t('The package migratory is not installed here, so the editor does not know the types of migrations.'),
      add,
      never,
    );
    if (pressed === never) await memory.update(declinedKey, true);
    if (pressed !== add) return;
    await addTypes(services);
    await refer(created);
  } catch (error) {
    log.error('The types of migrations', error);
  }
}

/** The new file gets the line that leads to its types, as those that are made later have it. */
async function refer(file: vscode.Uri): Promise<void> {
  const document = await vscode.workspace.openTextDocument(file);
  if (document.getText().includes(typesFileName)) return;
  const unchanged = !document.isDirty;
  const edit = new vscode.WorkspaceEdit();
  edit.insert(file, new vscode.Position(0, 0), typesReference(`./${typesFileName}`));
  await vscode.workspace.applyEdit(edit);
  if (unchanged) await document.save();
}

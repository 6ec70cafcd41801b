// New Migration…: which form, what it does, and the file opens with its cursor where the work is.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import type { TemplateId } from '../newMigrationFile';
import { newMigrationName, newMigrationText, slug } from '../newMigrationFile';
import type { Services } from '../services';

const t = vscode.l10n.t;

/** From the palette or a view; from the explorer with the folder that was clicked, which counts for nothing. */
export async function newMigration(
  _args: readonly unknown[],
  services: Services,
): Promise<vscode.Uri | undefined> {
  const { project } = services;
  if (!project) {
    throw new UserError(t('Open the folder first that the migration belongs to.'), {
      action: { label: t('Open Folder'), command: 'vscode.openFolder' },
    });
  }
  const template = await askForTemplate();
  if (template === undefined) return undefined;
  const description = await vscode.window.showInputBox({
    title: t('New Migration'),
    prompt: t('What does it do? This becomes part of the file’s name.'),
    placeHolder: t('add status to orders'),
    validateInput: (text) => (slug(text) === '' ? t('A few words with letters or digits') : undefined),
  });
  if (description === undefined) return undefined;
  const dir = project.migrationsDir;
  const uri = vscode.Uri.file(join(dir, newMigrationName(description, template, new Date())));
  const text = newMigrationText(template, await moduleSystem(dir, project.location.root));
  const edit = new vscode.WorkspaceEdit();
  edit.createFile(uri, { overwrite: false, contents: new TextEncoder().encode(text) });
  if (!(await vscode.workspace.applyEdit(edit))) {
    throw new UserError(t('{0} could not be created.', uri.fsPath));
  }
  await vscode.window.showTextDocument(uri);
  return uri;
}

async function askForTemplate(): Promise<TemplateId | undefined> {
  const items: (vscode.QuickPickItem & { id: TemplateId })[] = [
    {
      id: 'script-js',
      label: t('Script'),
      description: 'JavaScript',
      detail: t('up(db) and down(db): any commands'),
    },
    {
      id: 'script-ts',
      label: t('Script'),
      description: 'TypeScript',
      detail: t('up(db) and down(db): any commands'),
    },
    {
      id: 'transform-js',
      label: t('Transform'),
      description: 'JavaScript',
      detail: t('Every document of a collection, one by one: resumable, with progress and a journal'),
    },
    {
      id: 'transform-ts',
      label: t('Transform'),
      description: 'TypeScript',
      detail: t('Every document of a collection, one by one: resumable, with progress and a journal'),
    },
  ];
  const picked = await vscode.window.showQuickPick(items, {
    title: t('New Migration'),
    placeHolder: t('Which form?'),
    matchOnDescription: true,
  });
  return picked?.id;
}

/** What `.js` means there: the nearest package.json up to the workspace folder says it. */
async function moduleSystem(dir: string, root: string): Promise<'esm' | 'commonjs'> {
  for (let folder = dir; ; folder = dirname(folder)) {
    const type = await packageType(join(folder, 'package.json'));
    if (type !== undefined) return type;
    if (folder === root || folder === dirname(folder)) return 'commonjs';
  }
}

async function packageType(file: string): Promise<'esm' | 'commonjs' | undefined> {
  try {
    const { type } = JSON.parse(await readFile(file, 'utf8')) as { type?: unknown };
    return type === 'module' ? 'esm' : 'commonjs';
  } catch {
    return undefined;
  }
}

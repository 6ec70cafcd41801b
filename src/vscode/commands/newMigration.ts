// New Migration…: which form, in which language, what it does; the file is written and opened.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import type { TemplateKind, TemplateOptions } from '../../migration/templates';
import { createMigrationFile, newMigrationFileName, renderTemplate } from '../../migration/templates';
import { UserError } from '../../protocol/errors';
import type { Services } from '../services';

const t = vscode.l10n.t;

type Language = 'javascript' | 'typescript';
const extensions: Record<Language, string> = { javascript: '.js', typescript: '.ts' };

export async function newMigration({ project, outlines }: Services): Promise<vscode.Uri | undefined> {
  if (!project) {
    throw new UserError(t('Open the folder first that the migration belongs to.'), {
      action: { label: t('Open Folder'), command: 'vscode.openFolder' },
    });
  }
  const form = await askForForm();
  if (!form) return undefined;
  const extension = extensions[form.language];
  const description = await vscode.window.showInputBox({
    title: t('New Migration'),
    prompt: t('What does it do? This becomes part of the file’s name.'),
    placeHolder: t('add status to orders'),
    validateInput: (text) => nameProblem(text, extension),
  });
  if (description === undefined) return undefined;
  const dir = project.migrationsDir;
  const text = renderTemplate(form.kind, {
    language: form.language,
    moduleSystem: await moduleSystem(dir, project.location.root),
    description,
  });
  const uri = vscode.Uri.file(await createMigrationFile(dir, description, text, extension));
  await vscode.window.showTextDocument(uri);
  await outlines.refresh();
  return uri;
}

function nameProblem(description: string, extension: string): string | undefined {
  try {
    newMigrationFileName(description, extension);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface Form {
  kind: TemplateKind;
  language: Language;
}

async function askForForm(): Promise<Form | undefined> {
  const kinds: Record<TemplateKind, [label: string, detail: string]> = {
    script: [t('Script'), t('up(db) and down(db): any commands, each journaled so that it can be undone')],
    transform: [t('Transform'), t('A function for every document of a collection: resumable, with progress')],
    update: [t('Update Pipeline'), t('An update that runs on the server, in resumable batches')],
    pipeline: [t('Aggregation'), t('A new shape of the documents in another collection')],
  };
  const items = (Object.keys(kinds) as TemplateKind[]).flatMap((kind) =>
    (['javascript', 'typescript'] as const).map((language) => ({
      label: kinds[kind][0],
      description: language === 'javascript' ? 'JavaScript' : 'TypeScript',
      detail: kinds[kind][1],
      form: { kind, language },
    })),
  );
  const picked = await vscode.window.showQuickPick(items, {
    title: t('New Migration'),
    placeHolder: t('Which form?'),
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return picked?.form;
}

/** What `.js` means there: the nearest package.json up to the workspace folder says it. */
async function moduleSystem(dir: string, root: string): Promise<TemplateOptions['moduleSystem']> {
  for (let folder = dir; ; folder = dirname(folder)) {
    const type = await packageType(join(folder, 'package.json'));
    if (type !== undefined) return type;
    if (folder === root || folder === dirname(folder)) return 'commonjs';
  }
}

async function packageType(file: string): Promise<TemplateOptions['moduleSystem'] | undefined> {
  try {
    const { type } = JSON.parse(await readFile(file, 'utf8')) as { type?: unknown };
    return type === 'module' ? 'esm' : 'commonjs';
  } catch {
    return undefined;
  }
}

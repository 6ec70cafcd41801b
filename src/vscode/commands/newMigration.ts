// New Migration…: which form, in which language, what it does; the file is written and opened.
import { extname } from 'node:path';
import * as vscode from 'vscode';
import { moduleSystemOf } from '../../migration/projectFolder';
import type { TemplateKind, TemplateLanguage } from '../../migration/templates';
import {
  languageNames,
  createMigrationFile,
  newMigrationFileName,
  renderTemplate,
  templateExtensions,
  templateKinds,
} from '../../migration/templates';
import { typesFileIn } from '../../migration/typesFile';
import { UserError } from '../../protocol/errors';
import { offerTypes } from './typesCommand';
import type { Services } from '../services';

const t = vscode.l10n.t;

/** The collection that all templates speak of. */
const placeholder = 'orders';

export async function newMigration(services: Services): Promise<vscode.Uri | undefined> {
  const { project, outlines } = services;
  if (!project) {
    throw new UserError(t('Open the folder first that the migration belongs to.'), {
      action: { label: t('Open Folder'), command: 'vscode.openFolder' },
    });
  }
  const form = await askForForm(languageOfFile(outlines.files.at(-1)?.file));
  if (!form) return undefined;
  const extension = templateExtensions[form.language];
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
    moduleSystem: await moduleSystemOf(dir, project.location.root),
    description,
    typesFile: await typesFileIn(dir),
  });
  const uri = vscode.Uri.file(await createMigrationFile(dir, description, text, extension));
  await show(uri);
  await outlines.refresh();
  if (form.language !== 'python') void offerTypes(uri, services);
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
  language: TemplateLanguage;
}

interface FormItem extends vscode.QuickPickItem {
  form?: Form;
}

/** Grouped by language; that of the newest migration comes first. */
async function askForForm(newest: string | undefined): Promise<Form | undefined> {
  const kinds: Record<TemplateKind, [label: string, detail: string]> = {
    script: [t('Script'), t('up(db) and down(db): any commands, each journaled so that it can be undone')],
    transform: [t('Transform'), t('A function for every document of a collection: resumable, with progress')],
    update: [t('Update Pipeline'), t('An update that runs on the server, in resumable batches')],
    pipeline: [t('Aggregation'), t('A new shape of the documents in another collection, merged with $merge')],
    index: [t('Index'), t('An index for a query, and its removal')],
    convert: [t('Type Conversion'), t('Fields in another BSON type, exactly: dates, decimals, ObjectIds …')],
    extract: [t('Array to References'), t('The elements of an array as documents of their own')],
    split: [t('Split Collection'), t('Some documents of a collection into another one')],
  };
  const languages: TemplateLanguage[] = ['javascript', 'typescript', 'python'];
  const first = languages.find((language) => language === newest) ?? 'javascript';
  const items = [first, ...languages.filter((language) => language !== first)].flatMap((language) => [
    // A line alone: every row below it names its language.
    { label: '', kind: vscode.QuickPickItemKind.Separator } satisfies FormItem,
    ...templateKinds(language).map((kind): FormItem => ({
      label: kinds[kind][0],
      description: languageNames[language],
      detail: kinds[kind][1],
      form: { kind, language },
    })),
  ]);
  const picked = await vscode.window.showQuickPick<FormItem>(items, {
    title: t('New Migration'),
    placeHolder: t('Which form?'),
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return picked?.form;
}

function languageOfFile(file: string | undefined): TemplateLanguage | undefined {
  if (file === undefined) return undefined;
  const extension = extname(file);
  return extension === '.py' ? 'python' : extension.endsWith('ts') ? 'typescript' : 'javascript';
}

/** Opens a new migration with the first name selected that a person will want to change. */
async function show(uri: vscode.Uri): Promise<void> {
  const editor = await vscode.window.showTextDocument(uri);
  const at = editor.document.getText().indexOf(placeholder);
  if (at < 0) return;
  const { document } = editor;
  editor.selection = new vscode.Selection(
    document.positionAt(at),
    document.positionAt(at + placeholder.length),
  );
}

// Asks for a connection step by step: paste the string, name the database, give it a name, mark it. Knows nothing
// about storing or testing it.
import * as vscode from 'vscode';
import { databaseInUri, validateUri } from '../../project/target';
import type { ConnectionDraft } from '../connections';
import { databaseProblem, hostOf } from '../target';

const t = vscode.l10n.t;
const steps = 4;

/** Undefined when the person backed out. `taken` are names that others have. */
export async function askForDraft(
  title: string,
  before: ConnectionDraft | undefined,
  taken: ReadonlySet<string>,
): Promise<ConnectionDraft | undefined> {
  const box = async (
    step: number,
    options: vscode.InputBoxOptions & { validateInput: (text: string) => string | undefined },
  ): Promise<string | undefined> => {
    const typed = await vscode.window.showInputBox({
      title: `${title} (${step}/${steps})`,
      ignoreFocusOut: true,
      ...options,
    });
    return typed?.trim();
  };
  const uri = await box(1, {
    prompt: t('Connection string. It is kept in the secret storage of this machine, nowhere else.'),
    placeHolder: 'mongodb://localhost:27017/shop',
    value: before?.uri,
    validateInput: validateUri,
  });
  if (uri === undefined) return undefined;
  const database = await box(2, {
    prompt: t('Database that holds the migrations’ ledger and that they work on'),
    value: before?.database ?? databaseInUri(uri),
    validateInput: (text) => databaseProblem(text, t),
  });
  if (database === undefined) return undefined;
  const name = await box(3, {
    prompt: t('Name of the connection'),
    value: before?.name ?? freeName(`${database} on ${hostOf(uri)}`, taken),
    validateInput: (text) => nameProblem(text, taken),
  });
  if (name === undefined) return undefined;
  const marks = await askForMarks(`${title} (4/${steps})`, before);
  return marks && { uri, database, name, ...marks };
}

async function askForMarks(
  title: string,
  before: ConnectionDraft | undefined,
): Promise<Pick<ConnectionDraft, 'production' | 'readOnly'> | undefined> {
  const production = {
    label: t('Production'),
    detail: t('Runs there ask for the name of the database to be typed.'),
    picked: before?.production === true,
  };
  const readOnly = {
    label: t('Read-only'),
    detail: t('Nothing is run or rolled back there; states are shown.'),
    picked: before?.readOnly === true,
  };
  const picked = await vscode.window.showQuickPick([production, readOnly], {
    title,
    placeHolder: t('Mark it, or just press Enter'),
    canPickMany: true,
    ignoreFocusOut: true,
  });
  return picked && { production: picked.includes(production), readOnly: picked.includes(readOnly) };
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wanted)) return wanted;
  let number = 2;
  while (taken.has(`${wanted} (${number})`)) number++;
  return `${wanted} (${number})`;
}

function nameProblem(name: string, taken: ReadonlySet<string>): string | undefined {
  if (name.trim() === '') return t('A connection needs a name.');
  return taken.has(name.trim()) ? t('Another connection has this name.') : undefined;
}

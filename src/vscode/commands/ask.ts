// Asks the one question before anything is written. Enter confirms, except on production: there the name of the
// database has to be typed.
import * as vscode from 'vscode';
import type { Confirmation, ConfirmationRequest } from './confirmation';
import { confirmation } from './confirmation';

const t = vscode.l10n.t;

/** True when the person agreed. */
export function askToGo(request: ConfirmationRequest): Promise<boolean> {
  return ask(confirmation(request, t));
}

export async function ask({ message, detail, button, typed }: Confirmation): Promise<boolean> {
  const go = typed === undefined ? button : t('{0}…', button);
  const pressed = await vscode.window.showWarningMessage(message, { modal: true, detail }, go);
  if (pressed !== go) return false;
  return typed === undefined || askToType(message, typed);
}

async function askToType(title: string, word: string): Promise<boolean> {
  const typed = await vscode.window.showInputBox({
    title,
    prompt: t('This is production. Type the name of the database to go on: {0}', word),
    placeHolder: word,
    ignoreFocusOut: true,
    validateInput: (text) => (text === word ? undefined : t('Type {0}', word)),
  });
  return typed === word;
}

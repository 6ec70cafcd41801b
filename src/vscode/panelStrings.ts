// The texts of the run panel in the language of the editor, for its `strings` message. English is the panel's own.
import * as vscode from 'vscode';

/** Undefined where there are none in that language, so that the panel stays English. */
export async function panelStrings(
  extension: vscode.Uri,
  language: string = vscode.env.language,
): Promise<Record<string, string> | undefined> {
  for (const name of new Set([language, language.replace(/-.*/, '')])) {
    const file = vscode.Uri.joinPath(extension, 'l10n', `panel.${name}.json`);
    try {
      return JSON.parse(new TextDecoder().decode(await vscode.workspace.fs.readFile(file))) as Record<
        string,
        string
      >;
    } catch {
      // Not translated: the next less exact name, else English.
    }
  }
  return undefined;
}

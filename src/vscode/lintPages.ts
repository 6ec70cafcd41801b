// The pages of the lint rules, which come with the extension and are shown as read-only texts: so they fit its version,
// need no network, and are nobody's untrusted files.
import * as vscode from 'vscode';
import type { LintRuleId } from '../migration/lint/rules';

const scheme = 'migratory-docs';

/** Not a `command:` link to a rendered page: not every place that shows diagnostics follows such links. */
export function pageOf(rule: LintRuleId): vscode.Uri {
  return vscode.Uri.from({ scheme, path: `/docs/lint/${rule}.md` });
}

export function registerLintPages(extensionUri: vscode.Uri): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(scheme, {
    async provideTextDocumentContent({ path }) {
      const bytes = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(extensionUri, path));
      return new TextDecoder().decode(bytes);
    },
  });
}

// Colours for the operators and stages that stand as unquoted keys in JavaScript and TypeScript. The grammars colour
// them too, but the editor's own highlighting of these languages then paints every key alike; strings and Python are
// the grammars' alone.
import * as vscode from 'vscode';
import { Debounce } from './event';
import { Color } from './manifest';
import type { OutlineStore } from './outlines';

const delayMs = 150;
/** Longer texts (UTF-16 units) go without. */
const longestText = 500_000;

export class OperatorColors {
  readonly #debounce = new Debounce(() => void this.#paintVisible(), delayMs);
  readonly #decorations = {
    stage: vscode.window.createTextEditorDecorationType({ color: new vscode.ThemeColor(Color.stage) }),
    operator: vscode.window.createTextEditorDecorationType({ color: new vscode.ThemeColor(Color.operator) }),
  };
  readonly #subscriptions: { dispose(): unknown }[];

  constructor(private readonly outlines: OutlineStore) {
    const request = (): void => this.#debounce.request();
    this.#subscriptions = [
      vscode.window.onDidChangeVisibleTextEditors(request),
      outlines.onDidChange(request),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (outlines.holds(document.uri.fsPath)) request();
      }),
      ...Object.values(this.#decorations),
    ];
    request();
  }

  dispose(): void {
    this.#debounce.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }

  async #paintVisible(): Promise<void> {
    const editors = vscode.window.visibleTextEditors.filter(({ document }) => this.#concerns(document));
    if (editors.length === 0) return;
    const { operatorKeys } = await import('../migration/operatorKeys');
    for (const editor of editors) {
      const { document } = editor;
      const keys = operatorKeys(document.getText());
      for (const kind of ['stage', 'operator'] as const) {
        const ranges = keys
          .filter((key) => key.kind === kind)
          .map(({ start, end }) => new vscode.Range(document.positionAt(start), document.positionAt(end)));
        editor.setDecorations(this.#decorations[kind], ranges);
      }
    }
  }

  #concerns(document: vscode.TextDocument): boolean {
    const { fsPath } = document.uri;
    if (document.uri.scheme !== 'file' || fsPath.endsWith('.py') || !this.outlines.holds(fsPath))
      return false;
    return document.getText().length <= longestText;
  }
}

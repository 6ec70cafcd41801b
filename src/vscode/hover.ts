// Hover in the files of the migrations folder: what an operator or stage does, which types a field has and in how
// many documents it was seen.
import * as vscode from 'vscode';
import type { OutlineStore } from './outlines';
import { languageOf, type SampledNames } from './sampledNames';

export class HoverProvider implements vscode.HoverProvider {
  constructor(
    private readonly outlines: OutlineStore,
    private readonly names: SampledNames,
  ) {}

  async provideHover(
    document: vscode.TextDocument,
    position: vscode.Position,
    token: vscode.CancellationToken,
  ): Promise<vscode.Hover | undefined> {
    if (!this.outlines.holds(document.uri.fsPath)) return undefined;
    const { cursorContext } = await import('../migration/cursorContext');
    const language = languageOf(document.uri.path);
    const context = cursorContext(document.getText(), document.offsetAt(position), language);
    if (!context || context.word === '') return undefined;
    const { hoverText } = await import('./completionModel');
    const { known } = await this.names.about(document.uri.fsPath, context);
    if (token.isCancellationRequested) return undefined;
    const text = hoverText({ context, known, language, t: vscode.l10n.t });
    if (text === undefined) return undefined;
    const range = new vscode.Range(document.positionAt(context.start), document.positionAt(context.end));
    return new vscode.Hover(new vscode.MarkdownString(text), range);
  }
}

// Completion in the files of the migrations folder: collections, fields, operators, stages and expressions of
// MongoDB. What is offered is decided in completionModel.ts.
import * as vscode from 'vscode';
import type { Suggestion } from './completionModel';
import { HoverProvider } from './hover';
import type { OutlineStore } from './outlines';
import { languageOf, type SampledNames } from './sampledNames';

const selector: vscode.DocumentSelector = [{ scheme: 'file', pattern: '**/*.{js,mjs,cjs,ts,mts,cts,py}' }];

const kinds: Record<Suggestion['kind'], vscode.CompletionItemKind> = {
  collection: vscode.CompletionItemKind.Class,
  field: vscode.CompletionItemKind.Field,
  operator: vscode.CompletionItemKind.Operator,
  stage: vscode.CompletionItemKind.Function,
  variable: vscode.CompletionItemKind.Variable,
};

/** Beside letters, which open the list in any case outside strings. */
const triggers = ['$', "'", '"', '.'];

/** Completion and hover. */
export function registerLanguageHelp(outlines: OutlineStore, names: SampledNames): vscode.Disposable {
  const { languages } = vscode;
  return vscode.Disposable.from(
    languages.registerCompletionItemProvider(selector, new CompletionProvider(outlines, names), ...triggers),
    languages.registerHoverProvider(selector, new HoverProvider(outlines, names)),
  );
}

class CompletionProvider implements vscode.CompletionItemProvider {
  constructor(
    private readonly outlines: OutlineStore,
    private readonly names: SampledNames,
  ) {}

  async provideCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    token: vscode.CancellationToken,
  ): Promise<vscode.CompletionList | undefined> {
    if (!this.outlines.holds(document.uri.fsPath)) return undefined;
    // Loaded when somebody first types in a migration, not with the extension.
    const { cursorContext } = await import('../migration/cursorContext');
    const language = languageOf(document.uri.path);
    const offset = document.offsetAt(position);
    const context = cursorContext(document.getText(), offset, language);
    if (!context) return undefined;
    const { known, waiting } = await this.names.about(document.uri.fsPath, context);
    if (token.isCancellationRequested) return undefined;
    const { suggestionsFor } = await import('./completionModel');
    const suggestions = suggestionsFor({ context, known, language, t: vscode.l10n.t });
    return new vscode.CompletionList(
      suggestions.map((suggestion) => itemOf(suggestion, document, position)),
      waiting,
    );
  }
}

function itemOf(
  suggestion: Suggestion,
  document: vscode.TextDocument,
  position: vscode.Position,
): vscode.CompletionItem {
  const { label, detail, documentation, insert, filter, sort, kind } = suggestion;
  const start = document.positionAt(suggestion.start);
  const item = new vscode.CompletionItem({ label, description: detail }, kinds[kind]);
  item.documentation = new vscode.MarkdownString(documentation);
  item.insertText = new vscode.SnippetString(insert);
  item.filterText = filter;
  item.sortText = sort;
  const replacing = new vscode.Range(start, document.positionAt(suggestion.end));
  item.range = suggestion.whole ? replacing : { inserting: new vscode.Range(start, position), replacing };
  return item;
}

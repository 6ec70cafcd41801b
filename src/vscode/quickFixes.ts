// Lint's fixes as code actions. What an edit does is decided with the rule; here it gets its title, and where a person has
// to fill something in, the cursor goes there.
import * as vscode from 'vscode';
import type { Edit, Finding, Fix, FixKind } from '../migration/lint/finding';
import type { LintDiagnostics } from './diagnostics';

const t = vscode.l10n.t;

const selector: vscode.DocumentSelector = [{ scheme: 'file', pattern: '**/*.{js,mjs,cjs,ts,mts,cts,py}' }];
const { QuickFix } = vscode.CodeActionKind;

/** What does what is most likely meant, and leaves nothing to fill in. */
const preferred: ReadonlySet<FixKind> = new Set(['add-await', 'add-filter', 'drop-suppression']);

export class QuickFixProvider implements vscode.CodeActionProvider {
  constructor(private readonly diagnostics: LintDiagnostics) {}

  static register(diagnostics: LintDiagnostics): vscode.Disposable {
    return vscode.languages.registerCodeActionsProvider(selector, new QuickFixProvider(diagnostics), {
      providedCodeActionKinds: [QuickFix],
    });
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
    const here = this.diagnostics
      .of(document)
      .filter(({ diagnostic }) => diagnostic.range.intersection(range));
    return here.flatMap(({ finding, diagnostic }) =>
      finding.fixes.map((fix) => actionOf(fix, finding, diagnostic, document)),
    );
  }
}

function actionOf(
  { kind, edits }: Fix,
  { rule }: Finding,
  diagnostic: vscode.Diagnostic,
  document: vscode.TextDocument,
): vscode.CodeAction {
  const action = new vscode.CodeAction(titleOf(kind, rule), QuickFix);
  action.diagnostics = [diagnostic];
  action.isPreferred = preferred.has(kind);
  action.edit = new vscode.WorkspaceEdit();
  action.edit.set(
    document.uri,
    edits.map((edit) => editOf(edit, document)),
  );
  return action;
}

function titleOf(kind: FixKind, rule: string): string {
  const titles: Record<FixKind, string> = {
    'add-down': t('Add down'),
    'mark-irreversible': t('Mark as irreversible, with the reason'),
    'add-filter': t('Add a filter that leaves out what is done'),
    'use-batch': t('Use ctx.batch'),
    'add-await': t('Add await'),
    suppress: t('Ignore {0} here, with a reason', rule),
    'add-reason': t('Add the reason'),
    'drop-suppression': t('Remove what ignores nothing'),
  };
  return titles[kind];
}

function editOf(
  { start, end, text, placeholder }: Edit,
  document: vscode.TextDocument,
): vscode.TextEdit | vscode.SnippetTextEdit {
  const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
  if (placeholder === undefined) return vscode.TextEdit.replace(range, text);
  // Each line of a snippet gets the indent of the line that it is put into.
  const before = document.lineAt(range.start).text.slice(0, range.start.character);
  const indent = /^\s*/.exec(before)?.[0] ?? '';
  const [head = '', tail = ''] = text.replaceAll(`\n${indent}`, '\n').split(placeholder, 2);
  const snippet = new vscode.SnippetString();
  snippet.appendText(head);
  snippet.appendPlaceholder(placeholder);
  snippet.appendText(tail);
  return vscode.SnippetTextEdit.replace(range, snippet);
}

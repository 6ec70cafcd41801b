// What lint finds in open files of the migrations folder, as diagnostics. The rules and their parser are loaded with the
// first such file, never with the extension. The database is asked behind it (lintCatalogue.ts), and never waited for.
import * as vscode from 'vscode';
import type { Finding, LintContext } from '../migration/lint/finding';
import { Debounce } from './event';
import type { LintCatalogue } from './lintCatalogue';
import { lintContext } from './lintContext';
import { pageOf } from './lintPages';
import type { Log } from './log';
import type { MigrationStore } from './migrationStore';
import type { OutlineStore } from './outlines';
import type { Project } from './project';
import { onDidChangeSetting, setting } from './settings';

/** A pause in typing. */
const typingMs = 300;

const severities: Record<Finding['severity'], vscode.DiagnosticSeverity> = {
  error: vscode.DiagnosticSeverity.Error,
  warn: vscode.DiagnosticSeverity.Warning,
  hint: vscode.DiagnosticSeverity.Hint,
};

/** What was found in one version of a text. */
interface Linted {
  version: number;
  /** What the findings depend on beside the text. */
  context: string;
  findings: { finding: Finding; diagnostic: vscode.Diagnostic }[];
}

export interface LintSources {
  outlines: OutlineStore;
  store: MigrationStore;
  project: Project | undefined;
  log: Log;
  /** What the database says beside. */
  catalogue: LintCatalogue;
}

export class LintDiagnostics {
  readonly #collection = vscode.languages.createDiagnosticCollection('migratory');
  readonly #linted = new Map<string, Linted>();
  readonly #waiting = new Map<string, Debounce>();
  readonly #subscriptions: { dispose(): unknown }[];
  #disposed = false;

  constructor(private readonly sources: LintSources) {
    const { workspace } = vscode;
    const { outlines, store, project, catalogue } = sources;
    const all = (): void => this.#all();
    this.#subscriptions = [
      workspace.onDidOpenTextDocument((document) => void this.#lint(document)),
      workspace.onDidChangeTextDocument(({ document }) => this.#later(document)),
      workspace.onDidCloseTextDocument(({ uri }) => this.#forget(uri)),
      workspace.onDidDeleteFiles(({ files }) => files.forEach((uri) => this.#forget(uri))),
      onDidChangeSetting('lint', all),
      store.onDidChange(all),
      catalogue.onDidChange(() => this.#anew()),
      ...(project ? [project.onDidChange(all)] : []),
    ];
    // Before the folder was read nobody knows which files are migrations.
    void outlines.ready.then(all);
  }

  /** What was found in a document as it stands now; nothing while that is not known. */
  of(document: vscode.TextDocument): readonly { finding: Finding; diagnostic: vscode.Diagnostic }[] {
    const linted = this.#linted.get(document.uri.toString());
    return linted?.version === document.version ? linted.findings : [];
  }

  dispose(): void {
    this.#disposed = true;
    for (const subscription of this.#subscriptions) subscription.dispose();
    for (const debounce of this.#waiting.values()) debounce.dispose();
    this.#collection.dispose();
  }

  #all(): void {
    for (const document of vscode.workspace.textDocuments) void this.#lint(document);
  }

  /** The database has said something else than before. */
  #anew(): void {
    this.#linted.clear();
    this.#all();
  }

  #later(document: vscode.TextDocument): void {
    if (!this.#isLinted(document)) return;
    const key = document.uri.toString();
    const debounce = this.#waiting.get(key) ?? new Debounce(() => void this.#lint(document), typingMs);
    this.#waiting.set(key, debounce);
    debounce.request();
  }

  #forget(uri: vscode.Uri): void {
    const key = uri.toString();
    this.#waiting.get(key)?.dispose();
    this.#waiting.delete(key);
    this.#linted.delete(key);
    this.#collection.delete(uri);
  }

  /** A file that was deleted stays open, but is no migration any more. */
  #isLinted({ uri, isClosed }: vscode.TextDocument): boolean {
    if (isClosed || uri.scheme !== 'file') return false;
    const { outlines } = this.sources;
    return outlines.holds(uri.fsPath) && outlines.files.some(({ file }) => file === uri.fsPath);
  }

  async #lint(document: vscode.TextDocument): Promise<void> {
    try {
      if (!this.#isLinted(document) || !setting('lint.enabled')) return this.#forget(document.uri);
      const { lintSource } = await import('../migration/lint/lint');
      // Closed, or the extension gone, while the rules were loaded.
      if (this.#disposed || !this.#isLinted(document)) return;
      const { catalogue, store } = this.sources;
      const connection = store.connections.ofFile(document.uri.fsPath);
      const context = {
        ...contextOfFile(document.uri.fsPath, this.sources),
        ...catalogue.of(connection),
      };
      const described = describe(context);
      const key = document.uri.toString();
      const before = this.#linted.get(key);
      const { version } = document;
      if (before?.version === version && before.context === described) return;
      const findings = lintSource(document.getText(), document.uri.fsPath, context)
        .flatMap((finding) => catalogue.settle(finding, connection) ?? [])
        .map((finding) => ({ finding, diagnostic: this.#diagnostic(finding, document) }));
      this.#linted.set(key, { version, context: described, findings });
      this.#collection.set(
        document.uri,
        findings.map(({ diagnostic }) => diagnostic),
      );
    } catch (error) {
      this.sources.log.error('Lint', error);
    }
  }

  #diagnostic(
    { rule, severity, message, action, start, end }: Finding,
    document: vscode.TextDocument,
  ): vscode.Diagnostic {
    const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
    const diagnostic = new vscode.Diagnostic(range, `${message}\n${action}`, severities[severity]);
    diagnostic.source = 'migratory';
    diagnostic.code = { value: rule, target: pageOf(rule) };
    if (rule === 'L20') diagnostic.tags = [vscode.DiagnosticTag.Deprecated];
    if (rule === 'L0') diagnostic.tags = [vscode.DiagnosticTag.Unnecessary];
    return diagnostic;
  }
}

/** What lint is told about a file, out of what the extension knows already. */
export function contextOfFile(
  file: string,
  { store, outlines, project }: Pick<LintSources, 'store' | 'outlines' | 'project'>,
): LintContext {
  const connection = store.connections.ofFile(file);
  const status = store.status(connection)?.result;
  return lintContext({
    file,
    levels: [project?.config?.lint, setting('lint.rules')],
    database: connection?.database,
    status,
    // Without an answer the rows of the files alone: asking for more would connect.
    rows: store.of(status ? connection : undefined).rows,
    files: outlines.files.map((known) => known.file),
  });
}

/** What tells two contexts apart. */
function describe(context: LintContext): string {
  return JSON.stringify(context, (_key, value: unknown) => (value instanceof Set ? [...value] : value));
}

// Code lenses above every migration of the files in the migrations folder. What they say is decided in
// lensModel.ts; this file asks for it at the right moments.
import * as vscode from 'vscode';
import { lensesFor } from './lensModel';
import type { MigrationStore } from './migrationStore';
import type { OutlineStore } from './outlines';
import { onDidChangeSetting, setting } from './settings';

const selector: vscode.DocumentSelector = [{ scheme: 'file', pattern: '**/*.{js,mjs,cjs,ts,mts,cts,py}' }];

export class LensProvider implements vscode.CodeLensProvider {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #subscriptions: { dispose(): unknown }[];

  readonly onDidChangeCodeLenses = this.#changed.event;

  constructor(
    private readonly outlines: OutlineStore,
    private readonly store: MigrationStore,
  ) {
    const tell = (): void => this.#changed.fire();
    this.#subscriptions = [
      store.onDidChange(tell),
      onDidChangeSetting('codeLens.enabled', tell),
      vscode.workspace.onDidGrantWorkspaceTrust(tell),
      vscode.languages.registerCodeLensProvider(selector, this),
    ];
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    if (!setting('codeLens.enabled') || !this.outlines.holds(document.uri.fsPath)) return [];
    const outline = await this.outlines.outlineOf(document);
    const file = document.uri.fsPath;
    const connection = this.store.connections.ofFile(file);
    const lenses = lensesFor(outline.entries, {
      file,
      rows: this.store.of(connection).rows,
      connection: connection && { ...connection, words: this.store.targetOf(connection) },
      trusted: vscode.workspace.isTrusted,
      now: Date.now(),
      t: vscode.l10n.t,
    });
    return lenses.map(({ offset, title, tooltip, command, arguments: args }) => {
      const start = document.positionAt(offset);
      return new vscode.CodeLens(new vscode.Range(start, start), {
        title,
        tooltip,
        command,
        arguments: args,
      });
    });
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}

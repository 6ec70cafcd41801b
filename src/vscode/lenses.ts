// Code lenses above every migration of the files in the migrations folder. What they say is decided in
// lensModel.ts; this file asks for it at the right moments, and tells the editor only when that is something else.
import * as vscode from 'vscode';
import { Throttle } from './event';
import type { LensSpec } from './lensModel';
import { lensesFor } from './lensModel';
import type { MigrationStore } from './migrationStore';
import type { OutlineStore } from './outlines';
import { onDidChangeSetting, setting } from './settings';

const selector: vscode.DocumentSelector = [{ scheme: 'file', pattern: '**/*.{js,mjs,cjs,ts,mts,cts,py}' }];

/** The editor asks again after a pause: told of every percentage, it would never ask while a run goes on. */
const tellEveryMs = 2000;
/** The lenses of other extensions wait for ours, so ours wait for the config only this long. */
const patienceMs = 5000;

export class LensProvider implements vscode.CodeLensProvider {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #tell = new Throttle(() => this.#changed.fire(), tellEveryMs);
  /** What was handed out last for a document. */
  readonly #shown = new WeakMap<vscode.TextDocument, string>();
  /** What could be clicked when the editor was told or answered last. */
  readonly #told = new WeakMap<vscode.TextDocument, string>();
  readonly #ready: Promise<void>;
  readonly #subscriptions: { dispose(): unknown }[];

  readonly onDidChangeCodeLenses = this.#changed.event;

  constructor(
    private readonly outlines: OutlineStore,
    private readonly store: MigrationStore,
  ) {
    const patience = new Promise<void>((resolve) => setTimeout(resolve, patienceMs));
    this.#ready = Promise.race([outlines.ready, patience]);
    const look = (): void => void this.#look();
    this.#subscriptions = [
      store.onDidChange(look),
      onDidChangeSetting('codeLens', look),
      vscode.workspace.onDidGrantWorkspaceTrust(look),
      vscode.languages.registerCodeLensProvider(selector, this),
    ];
  }

  /** Before the folder was read there would be other lenses than a moment later, so the first ones wait for it. */
  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    await this.#ready;
    const specs = await this.#specsOf(document);
    this.#shown.set(document, JSON.stringify(specs));
    this.#told.set(document, commandsOf(specs));
    return specs.map(({ offset, title, tooltip, command, arguments: args }) => {
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
    this.#tell.dispose();
    this.#changed.dispose();
  }

  async #specsOf(document: vscode.TextDocument): Promise<LensSpec[]> {
    const file = document.uri.fsPath;
    if (!setting('codeLens.enabled') || !this.outlines.holds(file)) return [];
    const { entries } = await this.outlines.outlineOf(document);
    const connection = this.store.connections.ofFile(file);
    const { rows } = this.store.of(connection);
    const specs = lensesFor(entries, {
      file,
      rows,
      connection: connection && { ...connection, words: this.store.targetOf(connection) },
      asking: this.store.status(connection)?.state === 'checking',
      trusted: vscode.workspace.isTrusted,
      now: Date.now(),
      t: vscode.l10n.t,
    });
    const chosen = new Set<string>([...setting('codeLens.show'), 'control', 'trust']);
    return specs.filter(({ kind }) => chosen.has(kind));
  }

  /** Most of what changes is not seen in the lenses on the screen, and being drawn anew is. */
  async #look(): Promise<void> {
    const documents = new Set(vscode.window.visibleTextEditors.map(({ document }) => document));
    for (const document of documents) {
      if (!this.#shown.has(document)) continue;
      const specs = await this.#specsOf(document);
      if (JSON.stringify(specs) === this.#shown.get(document)) continue;
      const commands = commandsOf(specs);
      if (commands === this.#told.get(document)) {
        this.#tell.request();
      } else {
        this.#told.set(document, commands);
        this.#changed.fire();
      }
    }
  }
}

function commandsOf(specs: readonly LensSpec[]): string {
  return specs.map(({ kind, command }) => `${kind} ${command}`).join();
}

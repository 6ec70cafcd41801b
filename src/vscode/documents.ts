// Read-only texts that stand in no file: the applied source of a migration, documents before and after a dry run.
// Each lives as long as an editor shows it.
import * as vscode from 'vscode';

const scheme = 'migratory';
/** A diff that was opened and replaced before it was shown never closes; this bounds what is kept for those. */
const keptAtMost = 100;

export class VirtualDocuments implements vscode.TextDocumentContentProvider {
  readonly #texts = new Map<string, string>();
  readonly #subscriptions: vscode.Disposable[];
  #next = 1;

  constructor() {
    this.#subscriptions = [
      vscode.workspace.registerTextDocumentContentProvider(scheme, this),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        if (uri.scheme === scheme) this.#texts.delete(uri.toString());
      }),
    ];
  }

  /** The address of a text; `name` (its extension picks the language) is what its tab shows. */
  add(name: string, text: string): vscode.Uri {
    const uri = vscode.Uri.from({
      scheme,
      path: `/${name.replaceAll('/', '∕')}`,
      query: String(this.#next++),
    });
    this.#texts.set(uri.toString(), text);
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= keptAtMost) break;
      this.#texts.delete(oldest);
    }
    return uri;
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.#texts.get(uri.toString()) ?? vscode.l10n.t('This text is not kept any more. Open it again.');
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

/** A document in canonical Extended JSON (or its text), readable; nothing for one that is not there. */
export function pretty(document: unknown): string {
  if (document === null || document === undefined) return '';
  if (typeof document !== 'string') return JSON.stringify(document, null, 2);
  try {
    return JSON.stringify(JSON.parse(document), null, 2);
  } catch {
    return document;
  }
}

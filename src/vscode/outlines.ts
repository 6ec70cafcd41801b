// The files of the migrations folder and their outlines, kept up to date by a watcher. Parses a file again only
// when its text has changed. Lenses ask with the text of the editor, saved or not.
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import { compareNames, isMigrationFileName } from '../migration/files';
import type { Outline } from '../migration/outline';
import type { OutlineKeeper } from '../migration/outlineKeeper';
import { Debounce, Emitter } from './event';
import type { OutlinedFile } from './rows';

const watchDelayMs = 150;
/** How many files are read at once. */
const readAtOnce = 16;

export class OutlineStore {
  readonly #changed = new Emitter<void>();
  readonly #subscriptions: vscode.Disposable[] = [];
  readonly #debounce = new Debounce(() => void this.refresh(), watchDelayMs);
  #keeper: OutlineKeeper | undefined;
  #watcher: vscode.FileSystemWatcher | undefined;
  #dir: string | undefined;
  #files: OutlinedFile[] = [];
  #refreshing: Promise<void> | undefined;
  #again = false;
  #tellReady: () => void = () => undefined;

  /** Resolves when the folder has been read for the first time. */
  readonly ready = new Promise<void>((resolve) => (this.#tellReady = resolve));

  /** Files came, went or changed. */
  readonly onDidChange = this.#changed.event;

  constructor() {
    this.#subscriptions.push(
      vscode.workspace.onDidCloseTextDocument((document) => {
        this.#keeper?.forget(document.uri.toString());
      }),
    );
  }

  /** In order of their names. */
  get files(): readonly OutlinedFile[] {
    return this.#files;
  }

  /** Looks into another folder from now on. */
  setDirectory(dir: string): Promise<void> {
    if (this.#dir !== dir) {
      this.#dir = dir;
      this.#watcher?.dispose();
      this.#watcher = vscode.workspace.createFileSystemWatcher(
        new vscode.RelativePattern(vscode.Uri.file(dir), '*.{js,mjs,cjs,ts,mts,cts,py}'),
      );
      const request = (): void => this.#debounce.request();
      this.#watcher.onDidChange(request);
      this.#watcher.onDidCreate(request);
      this.#watcher.onDidDelete(request);
    }
    return this.refresh();
  }

  /** True for a file that stands directly in the migrations folder. */
  holds(file: string): boolean {
    if (this.#dir === undefined) return false;
    const name = basename(file);
    return isMigrationFileName(name) && join(this.#dir, name) === file;
  }

  /** The outline of an open document, by its text as it stands there; cheap when nothing has changed. */
  async outlineOf(document: vscode.TextDocument): Promise<Outline> {
    const keeper = await this.#loadKeeper();
    return keeper.outline(document.uri.toString(), document.getText(), document.uri.fsPath);
  }

  /** Reads the folder anew. */
  refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#again = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#refreshUntilCurrent().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  dispose(): void {
    this.#watcher?.dispose();
    this.#debounce.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  async #refreshUntilCurrent(): Promise<void> {
    do {
      this.#again = false;
      this.#files = await this.#readAll();
    } while (this.#again);
    this.#tellReady();
    this.#changed.fire();
  }

  async #readAll(): Promise<OutlinedFile[]> {
    const dir = this.#dir;
    if (dir === undefined) return [];
    const names = await listNames(dir);
    const files: OutlinedFile[] = [];
    for (let start = 0; start < names.length; start += readAtOnce) {
      const batch = names.slice(start, start + readAtOnce).map((name) => this.#read(join(dir, name)));
      files.push(...(await Promise.all(batch)).filter((file) => file !== undefined));
    }
    return files;
  }

  async #read(file: string): Promise<OutlinedFile | undefined> {
    const uri = vscode.Uri.file(file);
    try {
      const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
      const keeper = await this.#loadKeeper();
      // Not the open document's key: the text on disk must not push its unsaved outline out of the cache.
      return { file, outline: keeper.outline(`disk:${file}`, text, file) };
    } catch {
      // Gone between listing and reading; the watcher tells.
      return undefined;
    }
  }

  /** The parser is loaded when the first file is looked at, not when the extension starts. */
  async #loadKeeper(): Promise<OutlineKeeper> {
    if (!this.#keeper) {
      const { OutlineKeeper } = await import('../migration/outlineKeeper');
      this.#keeper ??= new OutlineKeeper();
    }
    return this.#keeper;
  }
}

async function listNames(dir: string): Promise<string[]> {
  try {
    const entries = await vscode.workspace.fs.readDirectory(vscode.Uri.file(dir));
    return entries
      .filter(([name, type]) => (type & vscode.FileType.Directory) === 0 && isMigrationFileName(name))
      .map(([name]) => name)
      .sort(compareNames);
  } catch {
    // No folder is no error: the view says that there are no migrations yet.
    return [];
  }
}

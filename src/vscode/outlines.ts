// The files of the migrations folder and their outlines, kept up to date by a watcher. Reads a file again only when the
// watcher names it or it was written since, and parses it only when its text has changed. Lenses ask with the text of
// the editor, saved or not.
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

/** What is asked of the editor's file system. */
export type FileReader = Pick<vscode.FileSystem, 'stat' | 'readFile' | 'readDirectory'>;

interface KnownFile extends OutlinedFile {
  modifiedAt: number;
  size: number;
}

export class OutlineStore {
  readonly #changed = new Emitter<void>();
  readonly #subscriptions: vscode.Disposable[] = [];
  readonly #debounce = new Debounce(() => void this.#catchUp(), watchDelayMs);
  #keeper: OutlineKeeper | undefined;
  #watcher: vscode.FileSystemWatcher | undefined;
  #dir: string | undefined;
  #files: readonly KnownFile[] = [];
  /** Paths that the watcher has named since they were read. */
  readonly #touched = new Set<string>();
  #all = false;
  #refreshing: Promise<void> | undefined;
  #again = false;
  #tellReady: () => void = () => undefined;

  /** Resolves when the folder has been read for the first time. */
  readonly ready = new Promise<void>((resolve) => (this.#tellReady = resolve));

  /** Files came, went or changed. */
  readonly onDidChange = this.#changed.event;

  constructor(private readonly disk: FileReader = vscode.workspace.fs) {
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
      const note = ({ fsPath }: vscode.Uri): void => {
        this.#touched.add(fsPath);
        this.#debounce.request();
      };
      this.#watcher.onDidChange(note);
      this.#watcher.onDidCreate(note);
      this.#watcher.onDidDelete(note);
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

  /** The collections that a migration names in its text on disk; the text is read when somebody asks. */
  async touchedBy(file: string, index: number): Promise<string[]> {
    const entries = this.#files.find((known) => known.file === file)?.outline.entries ?? [];
    const [{ touchedCollections }, text] = await Promise.all([
      import('../migration/touches'),
      this.disk.readFile(vscode.Uri.file(file)),
    ]);
    const stretch = entries.length > 1 ? entries.find((entry) => entry.index === index) : undefined;
    return touchedCollections(new TextDecoder().decode(text), file, stretch);
  }

  /** Looks at the whole folder again; files that were not written since are not read. */
  refresh(): Promise<void> {
    this.#all = true;
    return this.#catchUp();
  }

  #catchUp(): Promise<void> {
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
      const touched = new Set(this.#touched);
      this.#touched.clear();
      const all = this.#all;
      this.#all = false;
      const files = all ? await this.#readFolder(touched) : await this.#readTouched(touched);
      if (!sameFiles(files, this.#files)) this.#files = files;
    } while (this.#again);
    this.#tellReady();
    this.#changed.fire();
  }

  async #readFolder(touched: ReadonlySet<string>): Promise<KnownFile[]> {
    const dir = this.#dir;
    if (dir === undefined) return [];
    const known = new Map(this.#files.map((file) => [file.file, file]));
    const paths = (await listNames(dir, this.disk)).map((name) => join(dir, name));
    return this.#readEach(paths, (path) => (touched.has(path) ? undefined : known.get(path)));
  }

  /** What came, went or changed is put in its place among the others. */
  async #readTouched(touched: ReadonlySet<string>): Promise<readonly KnownFile[]> {
    const named = [...touched].filter((path) => this.holds(path));
    if (named.length === 0) return this.#files;
    const read = await this.#readEach(named, () => undefined);
    const others = this.#files.filter(({ file }) => !touched.has(file));
    return [...others, ...read].sort((a, b) => compareNames(basename(a.file), basename(b.file)));
  }

  async #readEach(
    paths: readonly string[],
    knownAs: (path: string) => KnownFile | undefined,
  ): Promise<KnownFile[]> {
    const files: KnownFile[] = [];
    for (let start = 0; start < paths.length; start += readAtOnce) {
      const batch = paths.slice(start, start + readAtOnce).map((path) => this.#read(path, knownAs(path)));
      files.push(...(await Promise.all(batch)).filter((file) => file !== undefined));
    }
    return files;
  }

  async #read(file: string, known: KnownFile | undefined): Promise<KnownFile | undefined> {
    const uri = vscode.Uri.file(file);
    try {
      const { mtime: modifiedAt, size } = await this.disk.stat(uri);
      if (known && known.modifiedAt === modifiedAt && known.size === size) return known;
      const text = new TextDecoder().decode(await this.disk.readFile(uri));
      const keeper = await this.#loadKeeper();
      // Not the open document's key: the text on disk must not push its unsaved outline out of the cache.
      return { file, outline: keeper.outline(`disk:${file}`, text, file), modifiedAt, size };
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

/** The same text gives the same outline, so that a file which was only touched is no other one. */
function sameFiles(fresh: readonly KnownFile[], before: readonly KnownFile[]): boolean {
  return (
    fresh === before ||
    (fresh.length === before.length &&
      fresh.every(({ file, outline, modifiedAt }, index) => {
        const other = before[index];
        return other?.file === file && other.outline === outline && other.modifiedAt === modifiedAt;
      }))
  );
}

async function listNames(dir: string, disk: FileReader): Promise<string[]> {
  try {
    const entries = await disk.readDirectory(vscode.Uri.file(dir));
    return entries
      .filter(([name, type]) => (type & vscode.FileType.Directory) === 0 && isMigrationFileName(name))
      .map(([name]) => name)
      .sort(compareNames);
  } catch {
    // No folder is no error: the view says that there are no migrations yet.
    return [];
  }
}

// The files of the migrations folder and their outlines, kept up to date by a watcher. Reads a file again only when the
// watcher names it or it was written since, and parses it only when its text has changed. Lenses ask with the text of
// the editor, saved or not.
import { join } from 'node:path';
import * as vscode from 'vscode';
import { compareFiles, isMigrationFile, isSearched } from '../migration/files';
import type { MigrationPlaces } from '../protocol/runner';
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
  #watchers: vscode.FileSystemWatcher[] = [];
  #places: MigrationPlaces = { folders: [], recursive: false };
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

  /** Looks into other folders from now on. */
  setPlaces(places: MigrationPlaces): Promise<void> {
    if (JSON.stringify(this.#places) !== JSON.stringify(places)) {
      this.#places = places;
      for (const watcher of this.#watchers) watcher.dispose();
      this.#watchers = places.folders.map((folder) => this.#watch(folder, places.recursive));
    }
    return this.refresh();
  }

  #watch(folder: string, recursive: boolean): vscode.FileSystemWatcher {
    const pattern = `${recursive ? '**/' : ''}*.{js,mjs,cjs,ts,mts,cts,py}`;
    const watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(vscode.Uri.file(folder), pattern),
    );
    const note = ({ fsPath }: vscode.Uri): void => {
      this.#touched.add(fsPath);
      this.#debounce.request();
    };
    watcher.onDidChange(note);
    watcher.onDidCreate(note);
    watcher.onDidDelete(note);
    return watcher;
  }

  /** True for a file that stands where migrations are. */
  holds(file: string): boolean {
    return isMigrationFile(file, this.#places);
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
    for (const watcher of this.#watchers) watcher.dispose();
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
    const known = new Map(this.#files.map((file) => [file.file, file]));
    const places = this.#places;
    const found = await Promise.all(places.folders.map((folder) => listFiles(folder, places, this.disk)));
    const paths = [...new Set(found.flat())].sort(compareFiles);
    return this.#readEach(paths, (path) => (touched.has(path) ? undefined : known.get(path)));
  }

  /** What came, went or changed is put in its place among the others. */
  async #readTouched(touched: ReadonlySet<string>): Promise<readonly KnownFile[]> {
    const named = [...touched].filter((path) => this.holds(path));
    if (named.length === 0) return this.#files;
    const read = await this.#readEach(named, () => undefined);
    const others = this.#files.filter(({ file }) => !touched.has(file));
    return [...others, ...read].sort((a, b) => compareFiles(a.file, b.file));
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

async function listFiles(folder: string, places: MigrationPlaces, disk: FileReader): Promise<string[]> {
  try {
    const entries = await disk.readDirectory(vscode.Uri.file(folder));
    const isFolder = (type: vscode.FileType): boolean => (type & vscode.FileType.Directory) !== 0;
    const inner = entries.filter(([name, type]) => places.recursive && isFolder(type) && isSearched(name));
    const below = await Promise.all(inner.map(([name]) => listFiles(join(folder, name), places, disk)));
    const here = entries.filter(([, type]) => !isFolder(type)).map(([name]) => join(folder, name));
    return [...here.filter((file) => isMigrationFile(file, places)), ...below.flat()];
  } catch {
    // No folder is no error: the view says that there are no migrations yet.
    return [];
  }
}

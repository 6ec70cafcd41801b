// The workspace folder that holds the migrations, and its config: read by the observer (a config can be code),
// in Restricted Mode only as far as it is plain JSON. Tells when either changes.
import { join } from 'node:path';
import * as vscode from 'vscode';
import { placesOf } from '../migration/files';
import type { ConfigView, MigrationPlaces, ProjectLocation } from '../protocol/runner';
import { Debounce, Emitter } from './event';
import { workspacePython } from './python';

// Braces in braces are fine for searching, but a watcher silently never matches them.
const configFiles = `{${[
  ...['ts', 'mts', 'js', 'mjs', 'cjs', 'json'].map((extension) => `migratory.config.${extension}`),
  'migrate-mongo-config.js',
].join(',')}}`;
const watchDelayMs = 200;

export interface ConfigReader {
  /** Runs the config file, if there is one. Only for trusted workspaces. */
  read(project: ProjectLocation): Promise<ConfigView>;
  /** Reads what needs no code to be run. */
  readStatic(root: string): Promise<ConfigView>;
}

export class Project {
  readonly #changed = new Emitter<void>();
  readonly #watcher: vscode.FileSystemWatcher;
  readonly #debounce = new Debounce(() => void this.reload(), watchDelayMs);
  #reading: Promise<void> | undefined;
  #again = false;
  #view: ConfigView | undefined;
  #error: Error | undefined;

  /** The config was read anew, or could not be. */
  readonly onDidChange = this.#changed.event;

  constructor(
    readonly folder: vscode.WorkspaceFolder,
    private readonly reader: ConfigReader,
  ) {
    this.#watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, configFiles));
    const request = (): void => this.#debounce.request();
    this.#watcher.onDidChange(request);
    this.#watcher.onDidCreate(request);
    this.#watcher.onDidDelete(request);
  }

  /** Always anew: the Python of a workspace can be changed by a click. */
  get location(): ProjectLocation {
    return { root: this.folder.uri.fsPath, python: workspacePython(this.folder) };
  }

  /** The config as last read well; undefined before the first time. */
  get config(): ConfigView | undefined {
    return this.#view;
  }

  /** Why the config cannot be read now. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** False until the config was read for the first time, well or not. */
  get isRead(): boolean {
    return this.#view !== undefined || this.#error !== undefined;
  }

  /** Where migrations are looked for. */
  get places(): MigrationPlaces {
    return placesOf({ migrationsDir: this.migrationsDir, places: this.#view?.places });
  }

  get migrationsDir(): string {
    return this.#view?.migrationsDir ?? join(this.location.root, 'migrations');
  }

  /** Reads the config; callers that come while it is being read wait for one reading that starts after them. */
  reload(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#readUntilCurrent().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readUntilCurrent(): Promise<void> {
    do {
      this.#again = false;
      try {
        this.#view = vscode.workspace.isTrusted
          ? await this.reader.read(this.location)
          : await this.reader.readStatic(this.location.root);
        this.#error = undefined;
      } catch (error) {
        this.#error = error instanceof Error ? error : new Error(String(error));
      }
    } while (this.#again);
    this.#changed.fire();
  }

  dispose(): void {
    this.#watcher.dispose();
    this.#debounce.dispose();
    this.#changed.dispose();
  }
}

/**
 * The folders that hold migrations: those with a config before those with a migrations folder, and without either just
 * the first. The first of them is the project of the window.
 */
export async function findProjectFolders(): Promise<vscode.WorkspaceFolder[]> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const configured: vscode.WorkspaceFolder[] = [];
  const others: vscode.WorkspaceFolder[] = [];
  for (const folder of folders) {
    const found = await vscode.workspace.findFiles(new vscode.RelativePattern(folder, configFiles), null, 1);
    if (found.length > 0) configured.push(folder);
    else if (await holdsFolder(folder, 'migrations')) others.push(folder);
  }
  const all = [...configured, ...others];
  return all.length > 0 ? all : folders.slice(0, 1);
}

function holdsFolder({ uri }: vscode.WorkspaceFolder, name: string): Thenable<boolean> {
  return vscode.workspace.fs.stat(vscode.Uri.joinPath(uri, name)).then(
    ({ type }) => type === vscode.FileType.Directory,
    () => false,
  );
}

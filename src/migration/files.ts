// Finding the files of a migrations folder and putting them in order. Nothing is opened or run here.
import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, sep } from 'node:path';
import { ExitCode, UserError } from '../protocol/errors';
import type { ConfigView, MigrationPlaces } from '../protocol/runner';

export interface MigrationFile {
  /** Path inside the folder as it was given (absolute when that was). */
  path: string;
  /** The file's name with its extension: the name of a migration that has none of its own. */
  name: string;
}

/** The folder that migrations belong into is not there (yet). */
export class NoMigrationsFolder extends UserError {}

/** Extensions of files that can hold migrations. */
export const migrationExtensions: readonly string[] = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.py'];

/**
 * Whether a file of this name (without its folder) can hold migrations.
 * @param extension the only one that counts, with its dot, where a project has said so.
 */
export function isMigrationFileName(name: string, extension?: string): boolean {
  if (name.startsWith('.') || name.startsWith('sample-migration.')) return false;
  if (/\.d\.[cm]?ts$/.test(name) || name === '__init__.py') return false;
  const found = extname(name);
  return extension === undefined ? migrationExtensions.includes(found) : found === extension;
}

/** Orders names as every part of the product does: plain code units, whatever the locale. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where a project's migrations are. */
export function placesOf({
  migrationsDir,
  places,
}: Pick<ConfigView, 'migrationsDir' | 'places'>): MigrationPlaces {
  return places ?? { folders: [migrationsDir], recursive: false };
}

/** Orders files by name; where two are called the same, by their folders. */
export function compareFiles(a: string, b: string): number {
  return compareNames(basename(a), basename(b)) || compareNames(a, b);
}

/** Whether a file of this path can hold migrations there. */
export function isMigrationFile(file: string, { folders, recursive, extension }: MigrationPlaces): boolean {
  if (!isMigrationFileName(basename(file), extension)) return false;
  return folders.some((folder) => {
    const way = relative(folder, dirname(file));
    if (way === '') return true;
    return recursive && !way.startsWith('..') && !isAbsolute(way) && way.split(sep).every(isSearched);
  });
}

/** Folders that tools make are not looked into. */
export function isSearched(folder: string): boolean {
  return !folder.startsWith('.') && folder !== 'node_modules' && folder !== '__pycache__';
}

/**
 * The files that can hold migrations, ordered by name.
 * @throws UserError when a folder is missing, is no folder or cannot be read.
 */
export async function findMigrationFiles(places: MigrationPlaces): Promise<MigrationFile[]> {
  const found = await Promise.all(places.folders.map((folder) => filesIn(folder, places)));
  // A folder may be named twice, or lie inside another.
  return [...new Set(found.flat())].sort(compareFiles).map((path) => ({ path, name: basename(path) }));
}

async function filesIn(folder: string, places: MigrationPlaces): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw unreadableFolder(folder, error);
  });
  const inner = entries.filter((entry) => places.recursive && entry.isDirectory() && isSearched(entry.name));
  const below = await Promise.all(inner.map(({ name }) => filesIn(join(folder, name), places)));
  const here = entries.filter(
    (entry) => !entry.isDirectory() && isMigrationFileName(entry.name, places.extension),
  );
  return [...here.map(({ name }) => join(folder, name)), ...below.flat()];
}

function unreadableFolder(dir: string, error: NodeJS.ErrnoException): UserError {
  const create = {
    label: 'Create the first migration',
    command: 'migratory.newMigration',
    cli: 'migratory init',
  };
  if (error.code === 'ENOENT') {
    return new NoMigrationsFolder(`There is no migrations folder at ${dir}.`, {
      action: create,
      exitCode: ExitCode.usage,
      cause: error,
    });
  }
  const reason = error.code === 'ENOTDIR' ? 'it is a file, not a folder' : error.message;
  return new UserError(`The migrations folder ${dir} cannot be read: ${reason}.`, {
    action: { label: 'Correct migrationsDir in the config' },
    exitCode: ExitCode.usage,
    cause: error,
  });
}

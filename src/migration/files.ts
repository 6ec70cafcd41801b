// Finding the files of a migrations folder and putting them in order. Nothing is opened or run here.
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { ExitCode, UserError } from '../protocol/errors';

export interface MigrationFile {
  /** Path inside the folder as it was given (absolute when that was). */
  path: string;
  /** The file's name with its extension: the name of a migration that has none of its own. */
  name: string;
}

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

/**
 * The files of `dir` that can hold migrations, ordered by name. Folders inside it are not searched.
 * @throws UserError when the folder is missing, is no folder or cannot be read.
 */
export async function findMigrationFiles(dir: string, extension?: string): Promise<MigrationFile[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw unreadableFolder(dir, error);
  });
  return entries
    .filter((entry) => !entry.isDirectory() && isMigrationFileName(entry.name, extension))
    .map(({ name }) => ({ path: join(dir, name), name }))
    .sort((a, b) => compareNames(a.name, b.name));
}

function unreadableFolder(dir: string, error: NodeJS.ErrnoException): UserError {
  const create = {
    label: 'Create the first migration',
    command: 'migratory.newMigration',
    cli: 'migratory init',
  };
  if (error.code === 'ENOENT') {
    return new UserError(`There is no migrations folder at ${dir}.`, {
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

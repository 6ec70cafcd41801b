// Loads a migration file in whatever language it is written: JavaScript and TypeScript in this process, Python in one
// of its own.
import { extname } from 'node:path';
import type { LoadedMigration } from '../migration/kinds';
import { loadMigrations } from '../migration/load';
import { loadPython, type LoadPythonOptions } from './python/load';

export type LoadOptions = LoadPythonOptions;

/** @throws UserError for everything that can be wrong with the file. */
export function loadFile(file: string, options: LoadOptions): Promise<LoadedMigration[]> {
  return isPython(file) ? loadPython(file, options) : loadMigrations(file, options);
}

export function isPython(file: string): boolean {
  return extname(file) === '.py';
}

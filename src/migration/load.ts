// Loads a migration file by running it, and finds the migrations in what it exports. Only the programs that run
// migrations do this; an editor reads the outline (outlineSource.ts).
import { basename, extname } from 'node:path';
import { classifyMigration } from './classify';
import type { LoadedMigration } from './kinds';
import { displayPath, fileError } from './loadErrors';
import { loadModule } from './loadModule';

/**
 * The migrations of one JavaScript or TypeScript file, in its order, checked.
 * @param file absolute path.
 * @param options.name what a migration without a name is called, if not by the file's name.
 * @throws UserError for everything that can be wrong with a file, with file, line and column where they are known.
 */
export async function loadMigrations(
  file: string,
  { root, name = basename(file) }: { root: string; name?: string },
): Promise<LoadedMigration[]> {
  const place = displayPath(file, root);
  if (extname(file) === '.py') {
    throw fileError(file, `${place} is Python, which only Python can load.`, 'Run it with Python');
  }
  const values = await migrationsIn(await loadModule(file, root));
  if (values === undefined) {
    const label = 'Export an up function';
    throw fileError(file, `${place} exports nothing that could be run.`, label);
  }
  if (values.length === 0) {
    throw fileError(file, `${place} exports an empty list of migrations.`, 'Add a migration to it');
  }
  return values.map((value, index) =>
    classifyMigration(value, { place, index, count: values.length, fallbackName: name, file }),
  );
}

/** What to take for the migrations of a module, by the same precedence as the outline's (outlineJavaScript.ts). */
async function migrationsIn(exported: unknown): Promise<unknown[] | undefined> {
  const module = await exported;
  const inDefault = await defaultOf(module);
  for (const candidate of [await defaultOf(inDefault), inDefault, module]) {
    const list = await listIn(candidate);
    if (list) return Promise.all(list);
  }
  // Nothing looks like a migration: what stands in the most likely place is what the message is about.
  const meant = inDefault ?? module;
  const empty = typeof meant === 'object' && meant !== null && Object.keys(meant).length === 0;
  return meant === undefined || meant === null || empty ? undefined : [meant];
}

async function defaultOf(value: unknown): Promise<unknown> {
  if (typeof value !== 'object' || value === null || !('default' in value)) return undefined;
  return value.default;
}

async function listIn(value: unknown): Promise<unknown[] | undefined> {
  if (Array.isArray(value)) return value as unknown[];
  if (typeof value !== 'object' || value === null) return undefined;
  const { up, source, migrations } = value as { up?: unknown; source?: unknown; migrations?: unknown };
  if (up !== undefined || source !== undefined) return [value];
  const list = await migrations;
  return Array.isArray(list) ? (list as unknown[]) : undefined;
}

// The catalogue: every migration of a project's folder, in order, with the source it stands in. Names come from
// the outline where it is certain, so that a status of a thousand files runs none of them.
import { lstatSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { ErrorInfo } from '../protocol/errors';
import type { MigrationPlaces } from '../protocol/runner';
import { UserError } from '../protocol/errors';
import { sourceChecksum } from '../migration/checksum';
import { describeError } from '../migration/describeError';
import { findMigrationFiles } from '../migration/files';
import type { LoadedMigration, MigrationKind } from '../migration/kinds';
import { isScript, isTransform } from '../migration/kinds';
import { loadFile, type LoadOptions } from './loadFile';
import { OutlineCache } from './outlineCache';

export interface CatalogueEntry {
  name: string;
  kind: MigrationKind;
  /** Absolute path. */
  file: string;
  index: number;
  description?: string;
  hasDown: boolean;
  irreversible?: true | string;
  /** Runs again when its file has changed. */
  repeatable?: boolean;
  requires: string[];
  /** Names of the migrations that it stands for. */
  replaces?: string[];
  /** SHA-256 (hex) of the file's bytes. */
  checksum: string;
  source: Buffer;
  /** Offsets of this migration in the text, where the outline knows them. */
  range?: { start: number; end: number };
}

export interface Catalogue {
  entries: CatalogueEntry[];
  /** Files that hold no readable migration, each with its reason. */
  problems: { file: string; error: ErrorInfo }[];
}

/** Reads the folders. Two migrations of one name are a problem of the later file; the first one stays. */
export async function readCatalogue(places: MigrationPlaces, options: LoadOptions): Promise<Catalogue> {
  const files = await findMigrationFiles(places);
  const outlines = new OutlineCache();
  await outlines.load();
  const read = await Promise.all(
    files.map(async ({ path }) => {
      try {
        return { path, entries: await readEntries(path, options, outlines) };
      } catch (error) {
        if (isGone(path)) return { path, entries: [] };
        return { path, error: describeError(error, { file: path, root: options.root }) };
      }
    }),
  );
  await outlines.save();
  const catalogue: Catalogue = { entries: [], problems: [] };
  const seen = new Map<string, string>();
  for (const { path, entries, error } of read) {
    if (error) catalogue.problems.push({ file: path, error });
    for (const entry of entries ?? []) {
      const other = seen.get(entry.name);
      if (other === undefined) {
        seen.set(entry.name, path);
        catalogue.entries.push(entry);
      } else {
        const where = other === path ? `twice in ${basename(path)}` : `in ${basename(other)} too`;
        catalogue.problems.push({
          file: path,
          error: describeError(
            new UserError(
              `Two migrations are called "${entry.name}": it stands ${where}. Rename one of them.`,
            ),
          ),
        });
      }
    }
  }
  return catalogue;
}

/** Deleted or renamed since the folder was listed; a link that leads nowhere is still there. */
function isGone(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined;
}

async function readEntries(
  file: string,
  options: LoadOptions,
  outlines: OutlineCache,
): Promise<CatalogueEntry[]> {
  // A thousand small files: reading them one after the other is five times as fast as all at once.
  const source = readFileSync(file);
  const checksum = sourceChecksum(source);
  const outline = outlines.outline(source, file, checksum);
  const certain = outline.complete && outline.entries.length > 0 && outline.error === undefined;
  if (certain && outline.entries.every((entry) => entry.name !== null)) {
    return outline.entries.map((entry) => ({
      name: entry.name ?? basename(file),
      kind: entry.kind,
      file,
      index: entry.index,
      description: entry.description,
      hasDown: entry.hasDown,
      irreversible: entry.irreversible,
      repeatable: entry.repeatable,
      requires: entry.requires ?? [],
      replaces: entry.replaces,
      checksum,
      source,
      range: { start: entry.start, end: entry.end },
    }));
  }
  // Only running the file can tell; its errors carry file, line and column.
  const loaded = await loadFile(file, options);
  return loaded.map((migration) => ({ ...describeLoaded(migration), file, checksum, source }));
}

export function describeLoaded(
  migration: LoadedMigration,
): Omit<CatalogueEntry, 'file' | 'checksum' | 'source'> {
  const { definition, name, kind, index } = migration;
  return {
    name,
    kind,
    index,
    description: definition.description,
    hasDown: isScript(definition)
      ? typeof definition.down === 'function'
      : isTransform(definition) && Boolean(definition.revert ?? definition.revertPipeline),
    irreversible: definition.irreversible,
    repeatable: definition.repeatable,
    requires: definition.requires ?? [],
    replaces: definition.replaces,
  };
}

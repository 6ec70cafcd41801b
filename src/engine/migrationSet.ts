// Where a run's migrations come from: a project's folder, or an array that a program hands over.
import { UserError } from '../protocol/errors';
import { acceptCallbacks } from '../migration/callbacks';
import { sourceChecksum } from '../migration/checksum';
import { checkNames } from '../migration/classify';
import { placesOf } from '../migration/files';
import type { LoadedMigration } from '../migration/kinds';
import type { ProjectConfig } from '../project/projectConfig';
import { loadAppliedVersion, type AppliedVersion } from './appliedVersion';
import { describeLoaded, readCatalogue, type Catalogue, type CatalogueEntry } from './catalogue';
import { loadFile } from './loadFile';
import type { Outlet } from './ownClients';

export interface MigrationSet {
  /** Workspace folder: modules of migrations are resolved from there. */
  root: string;
  /** The Python of the project, as the config or a setting names it. */
  python?: string;
  read(): Promise<Catalogue>;
  /**
   * Runs the file of an entry and gives its migration.
   * @param outlet where a run lets clients out that code in another process opens by itself.
   */
  load(entry: CatalogueEntry, outlet?: Outlet): Promise<LoadedMigration>;
  /** Runs the source that was applied; absent where migrations are no files. */
  loadApplied?(version: AppliedVersion, outlet?: Outlet): Promise<LoadedMigration>;
}

/** The migrations in the folders of a project. */
export function folderSet(
  config: Pick<ProjectConfig, 'migrationsDir' | 'places' | 'python' | 'migrateMongo'>,
  root: string,
): MigrationSet {
  const { migrationsDir, python } = config;
  // Files of migrate-mongo's may say by a callback when they are done; ours get `ctx` in that place.
  const asWritten = config.migrateMongo ? acceptCallbacks : (migration: LoadedMigration) => migration;
  const files = new Map<string, Promise<LoadedMigration[]>>();
  return {
    root,
    python,
    read: () => readCatalogue(placesOf(config), { root, python }),
    loadApplied: async (version, outlet) =>
      asWritten(await loadAppliedVersion(version, { dir: migrationsDir, root, python, outlet })),
    async load(entry, outlet) {
      let loading = files.get(entry.file);
      if (!loading) {
        loading = loadFile(entry.file, { root, python, outlet });
        files.set(entry.file, loading);
      }
      const found = (await loading).find((migration) => migration.name === entry.name);
      if (found) return asWritten(found);
      throw new UserError(
        `${entry.file} holds no migration "${entry.name}" once it is loaded. Give it a literal name.`,
      );
    },
  };
}

/**
 * Migrations that a program holds in memory, in the array's order.
 * @throws UserError when two have one name.
 */
export function arraySet(migrations: LoadedMigration[], root: string): MigrationSet {
  checkNames(migrations);
  const entries = migrations.map((migration, index): CatalogueEntry => {
    const source = Buffer.from(sourceOf(migration.definition), 'utf8');
    const described = describeLoaded(migration);
    return { ...described, file: migration.file ?? '', index, checksum: sourceChecksum(source), source };
  });
  return {
    root,
    read: () => Promise.resolve({ entries, problems: [] }),
    load(entry) {
      const found = migrations[entry.index];
      if (!found) throw new Error(`no migration at position ${entry.index}`);
      return Promise.resolve(found);
    },
  };
}

/** The nearest thing to a source that an object has: its fields, functions as they were written. */
function sourceOf(definition: object): string {
  return JSON.stringify(
    definition,
    (_key, value: unknown) => (typeof value === 'function' ? String(value) : value),
    2,
  );
}

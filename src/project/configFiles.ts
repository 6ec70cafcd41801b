// Which file is the config of a project.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { configError } from './configErrors';

/** Names of our own config, in the order in which messages list them. */
export const configFileNames: readonly string[] = ['ts', 'mts', 'js', 'mjs', 'cjs', 'json'].map(
  (extension) => `migratory.config.${extension}`,
);
export const migrateMongoConfigName = 'migrate-mongo-config.js';

/**
 * The config file in `root`: our own, else migrate-mongo's, else null.
 * @throws UserError when there are two of our own.
 */
export async function findConfigFile(root: string): Promise<string | null> {
  const present = new Set(await readdir(root).catch(() => []));
  const own = configFileNames.filter((name) => present.has(name));
  const [first, second] = own;
  if (first !== undefined && second !== undefined) {
    const file = join(root, first);
    throw configError(file, `There are two config files, ${first} and ${second}.`, 'Delete one of them');
  }
  if (first !== undefined) return join(root, first);
  return present.has(migrateMongoConfigName) ? join(root, migrateMongoConfigName) : null;
}

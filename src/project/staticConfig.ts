// The config as far as it can be known without running anything and without putting secrets of the environment
// into connections: what an untrusted workspace gets.
import { extname } from 'node:path';
import type { ConfigView } from '../protocol/runner';
import { checkConfig } from './configErrors';
import { findConfigFile } from './configFiles';
import { fillIn } from './fillIn';
import { readJsonConfig } from './jsonConfig';

/**
 * Reads migratory.config.json; every other form of config counts as not there, but for the name of its file.
 * Variables in connections are left as they stand.
 * @throws UserError when the JSON is not valid or not a config.
 */
export async function readStaticConfig(root: string): Promise<ConfigView> {
  const file = await findConfigFile(root);
  const name = 'migratory.config.json';
  const isJson = file !== null && extname(file) === '.json';
  const { connections, defaultConnection, ...rest } = isJson
    ? checkConfig(await readJsonConfig(file, name), file, name)
    : {};
  const view = fillIn(rest, { root, file, environment: process.env });
  const asWritten = fillIn({ connections, defaultConnection }, { root, file, environment: {} });
  return {
    file,
    flavor: isJson ? 'migratory' : 'defaults',
    migrationsDir: view.migrationsDir,
    ...(view.places && { places: view.places }),
    ledger: view.ledger,
    connections: asWritten.connections,
    defaultConnection: asWritten.defaultConnection,
    lint: view.lint,
  };
}

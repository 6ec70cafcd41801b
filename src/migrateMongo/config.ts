// migrate-mongo's config as its users know it: the file beside the project (or `-f`), or an object that a program has
// set. What it means for the engine is said in project/migrateMongoConfig.ts.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { defaultExport, loadModule } from '../migration/loadModule';
import { readMigrateMongoConfig } from '../project/migrateMongoConfig';
import type { MigrateMongoSettings, ProjectConfig } from '../project/projectConfig';

/** What a config of migrate-mongo can hold; other keys are passed over. */
export interface MigrateMongoConfig {
  mongodb?: { url?: string; databaseName?: string; options?: Record<string, unknown> };
  migrationsDir?: string;
  changelogCollectionName?: string;
  lockCollectionName?: string;
  lockTtl?: number;
  /** With its dot; default `.js`. */
  migrationFileExtension?: string;
  useFileHash?: boolean;
  moduleSystem?: 'commonjs' | 'esm';
  /** What only Migratory knows: `{ backup: 'journal' }` keeps a journal. */
  migratory?: Record<string, unknown>;
}

/** The options of one call, as the command line takes them. */
export interface CallOptions {
  file?: string;
  migrationsDir?: string;
  block?: boolean;
}

export const defaultConfigFile = 'migrate-mongo-config.js';

let given: MigrateMongoConfig | undefined;

/** Takes this object from now on, in the place of a file. */
export function setConfig(config: MigrateMongoConfig): void {
  given = config;
}

export function configPath({ file }: CallOptions = {}): string {
  return resolve(process.cwd(), file ?? defaultConfigFile);
}

export function configFileName(options?: CallOptions): string {
  return basename(configPath(options));
}

/** @throws Error when there is no config. */
export function configMustExist(options?: CallOptions): void {
  const path = configPath(options);
  if (!given && !existsSync(path)) throw new Error(`config file does not exist: ${path}`);
}

/** @throws Error when there is one. */
export function configMustNotExist(options?: CallOptions): void {
  const path = configPath(options);
  if (!given && existsSync(path)) throw new Error(`config file already exists: ${path}`);
}

/**
 * The config, as the author wrote it.
 * @throws Error when the file is missing; UserError when it does not load.
 */
export async function readConfig(options: CallOptions = {}): Promise<MigrateMongoConfig> {
  configMustExist(options);
  const config = given ?? (await exportedBy(configPath(options)));
  return options.migrationsDir === undefined ? config : { ...config, migrationsDir: options.migrationsDir };
}

async function exportedBy(path: string): Promise<MigrateMongoConfig> {
  if (extname(path) === '.json') return JSON.parse(await readFile(path, 'utf8')) as MigrateMongoConfig;
  return (await defaultExport(await loadModule(path, process.cwd()))) as MigrateMongoConfig;
}

/** @throws Error when it has no dot. */
export function extensionOf({ migrationFileExtension }: MigrateMongoConfig): string {
  const extension = migrationFileExtension || '.js';
  if (!extension.startsWith('.')) throw new Error('migrationFileExtension must start with dot');
  return extension;
}

/** The config in the engine's words. */
export type Settings = ProjectConfig & { migrateMongo: MigrateMongoSettings };

/** @throws Error or UserError for what it lacks or has wrong. */
export function settingsFrom(
  config: MigrateMongoConfig,
  options: CallOptions = {},
  { connection }: { connection: boolean } = { connection: true },
): Settings {
  extensionOf(config);
  return readMigrateMongoConfig(config, configPath(options), process.cwd(), { connection });
}

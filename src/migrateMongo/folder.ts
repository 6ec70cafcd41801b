// The folder of migrations as migrate-mongo sees it: every file with the one extension, by name; a sample beside them.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sourceChecksum } from '../migration/checksum';
import { findMigrationFiles } from '../migration/files';
import {
  type CallOptions,
  configFileName,
  configMustNotExist,
  configPath,
  extensionOf,
  type MigrateMongoConfig,
  readConfig,
} from './config';
import { sampleConfig, sampleMigration } from './samples';

const defaultDir = 'migrations';

/** @throws Error when the folder is missing. */
export function folderOf(config: MigrateMongoConfig): string {
  const dir = resolve(process.cwd(), config.migrationsDir || defaultDir);
  if (!existsSync(dir)) throw new Error(`migrations directory does not exist: ${dir}`);
  return dir;
}

/** Names of all migrations, in the order in which they run. */
export async function fileNames(config: MigrateMongoConfig): Promise<string[]> {
  const places = { folders: [folderOf(config)], recursive: false, extension: extensionOf(config) };
  return (await findMigrationFiles(places)).map(({ name }) => name);
}

/** SHA-256 (hex) of a file's bytes. */
export async function fileHash(config: MigrateMongoConfig, name: string): Promise<string> {
  return sourceChecksum(await readFile(join(folderOf(config), name)));
}

/**
 * Writes the config and makes the folder.
 * @returns the name of the config's file.
 * @throws Error when either is there already.
 */
export async function init({ module }: { module?: string } = {}): Promise<string> {
  const dir = join(process.cwd(), defaultDir);
  if (existsSync(dir)) throw new Error(`migrations directory already exists: ${dir}`);
  configMustNotExist();
  await writeFile(configPath(), sampleConfig(module === 'esm' ? 'esm' : 'commonjs'), { flag: 'wx' });
  await mkdir(dir, { recursive: true });
  return configFileName();
}

/**
 * Writes a new migration: a copy of `sample-migration<extension>` when the folder has one. No file is ever written over:
 * when the name is taken, the next second is.
 * @returns the file's name.
 */
export async function create(description: string | undefined, options: CallOptions = {}): Promise<string> {
  if (!description) throw new Error('Missing parameter: description');
  const config = await readConfig(options).catch(() => ({ migrationsDir: options.migrationsDir }));
  const dir = folderOf(config);
  const extension = extensionOf(config);
  const words = description
    .split(' ')
    .join('_')
    // What would lead out of the folder, or that some file system refuses.
    .replace(/[/\\:*?"<>|\p{Cc}]/gu, '_');
  const text = await sampleText(join(dir, `sample-migration${extension}`), config);
  for (let at = Date.now(); ; at += 1000) {
    const name = `${new Date(at).toISOString().replace(/\D/g, '').slice(0, 14)}-${words}${extension}`;
    try {
      await writeFile(join(dir, name), text, { flag: 'wx' });
      return name;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

async function sampleText(sample: string, { moduleSystem }: MigrateMongoConfig): Promise<Buffer | string> {
  if (existsSync(sample)) return readFile(sample);
  return sampleMigration(moduleSystem === 'esm' ? 'esm' : 'commonjs');
}

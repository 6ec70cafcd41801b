// `migratory/migrate-mongo`: migrate-mongo's programmatic API over our engine, for programs that migrate when they start.
import type { Db, MongoClient } from 'mongodb';
import { resolveDriver } from '../engine/driver';
import { withOwnConnection } from '../library/ownConnection';
import { type StatusItem, status as readStatus } from './changelog';
import {
  type CallOptions,
  configFileName,
  configMustExist,
  configMustNotExist,
  defaultConfigFile,
  type MigrateMongoConfig,
  readConfig,
  setConfig,
} from './config';
import { create as writeMigration, init as writeConfig } from './folder';
import { type Call, down as runDown, up as runUp } from './run';

export type { MigrateMongoConfig, StatusItem };

/** As there: programs that need other options than the defaults set them here. */
declare global {
  // oxlint-disable-next-line no-var
  var options: (CallOptions & { module?: string }) | undefined;
}

/** The config: an object that a program has set, or the file in the working directory. */
export const config = {
  DEFAULT_CONFIG_FILE_NAME: defaultConfigFile,
  set: setConfig,
  read: (): Promise<MigrateMongoConfig> => readConfig(globalThis.options),
  shouldExist: async (): Promise<void> => configMustExist(globalThis.options),
  shouldNotExist: async (): Promise<void> => configMustNotExist(globalThis.options),
  getConfigFilename: (): string => configFileName(globalThis.options),
};

/** A client of the project's own driver, as the config says. */
export const database = {
  async connect(): Promise<{ db: Db & { close: MongoClient['close'] }; client: MongoClient }> {
    const { mongodb } = await config.read();
    if (!mongodb?.url) throw new Error('No `url` defined in config file!');
    const { MongoClient } = resolveDriver(process.cwd());
    const client = await new MongoClient(mongodb.url, mongodb.options).connect();
    const db = Object.assign(client.db(mongodb.databaseName), { close: client.close.bind(client) });
    return { db, client };
  },
};

/** Writes the config and makes the folder. @throws Error when either is there already. */
export async function init(): Promise<void> {
  await writeConfig(globalThis.options);
}

/** Writes a new migration. @returns its file's name. */
export function create(description: string): Promise<string> {
  return writeMigration(description, globalThis.options);
}

/** Every file with its state, by name. */
export function status(db: Db): Promise<StatusItem[]> {
  return readStatus(db, globalThis.options);
}

/**
 * Runs everything that is pending, by file name. The migrations get `db` and `client`; with
 * `migratory: { backup: 'journal' }` in the config they get a client of the engine's, whose writes are journaled.
 * @returns the names of the files.
 * @throws Error with `migrated`, the names of what was done before the failure.
 */
export function up(db: Db, client: MongoClient): Promise<string[]> {
  return calling(db, client, runUp);
}

/**
 * Undoes the last applied file by name; with `{ block: true }` all that was applied together with it.
 * @returns the names of the files.
 */
export function down(db: Db, client: MongoClient, options?: Pick<CallOptions, 'block'>): Promise<string[]> {
  return calling(db, client, runDown, options);
}

function calling(
  db: Db,
  client: MongoClient,
  work: (call: Call) => Promise<string[]>,
  given?: CallOptions,
): Promise<string[]> {
  return withOwnConnection(db, async (connection) => {
    const options = { ...globalThis.options, ...given };
    const warn = (sentence: string): void => process.emitWarning(sentence, 'MigratoryWarning');
    const read = await readConfig(options);
    return work({ connection, config: read, options, own: { db, client }, program: 'library', warn });
  });
}

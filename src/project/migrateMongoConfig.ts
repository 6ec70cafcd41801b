// migrate-mongo's config, read as migrate-mongo 14 reads it, for projects that come from there.
import { basename, resolve } from 'node:path';
import { describeType } from '../migration/describeType';
import type { ConnectionTarget } from '../protocol/runner';
import { checkConfig, configError } from './configErrors';
import { definedOnly } from './definedOnly';
import type { MigrateMongoSettings, ProjectConfig } from './projectConfig';
import { databaseInUri } from './target';
import { withClientOptions } from './uriOptions';
import { sortDriverOptions } from './driverOptions';

/** The name of the one connection that such a config has. */
const connectionName = 'migrate-mongo';

/** Whether a config is migrate-mongo's by its keys: its file can have any name (`-f`). */
export function isMigrateMongoConfig(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'mongodb' in value && !('connections' in value);
}

/**
 * @param options.connection whether it has to say where the database is; a program may bring its own connection.
 * @throws UserError where migrate-mongo would fail too.
 */
export function readMigrateMongoConfig(
  value: unknown,
  file: string,
  root: string,
  { connection }: { connection: boolean } = { connection: true },
): ProjectConfig & { migrateMongo: MigrateMongoSettings } {
  const name = basename(file);
  const fail = (problem: string, label: string): never => {
    throw configError(file, `${name} ${problem}.`, label);
  };
  /** The string at a path; its fallback when it is absent; an error for anything else. */
  const text = (path: string, fallback?: string): string => {
    const given = valueAt(value, path) ?? fallback;
    if (typeof given === 'string' && given !== '') return given;
    if (given === undefined) return fail(`has no "${path}"`, `Add ${path}`);
    return fail(`has a "${path}" that is ${describeType(given)}; it must be a string`, `Correct ${path}`);
  };
  const fileExtension = text('migrationFileExtension', '.js');
  if (!fileExtension.startsWith('.')) {
    fail('has a "migrationFileExtension" that does not start with a dot', `Write ".${fileExtension}"`);
  }
  const { refused, ...client } = sortDriverOptions(asObject(valueAt(value, 'mongodb.options')));
  // A program that brings its own client has connected already.
  if (refused && connection) {
    throw configError(
      file,
      `${name} has "mongodb.options.${refused.name}", which cannot be obeyed here, where connections are made by a connection string. ${refused.instead}.`,
      `Change ${refused.name}`,
    );
  }
  const migrationsDir = resolve(root, text('migrationsDir', 'migrations'));
  const own = checkConfig(valueAt(value, 'migratory') ?? {}, file, name, ['migratory']);
  const { backup, onFailure, onCancel, journalDays, batchSize, maxErrors, throttle, dryRun, python, lint } =
    own;
  return {
    file,
    flavor: 'migrate-mongo',
    // Relative to where the program runs, which is the project, and not to the config.
    migrationsDir,
    // Only files of its one extension are migrations.
    places: { folders: [migrationsDir], recursive: false, extension: fileExtension },
    ledger: text('changelogCollectionName'),
    connections: connection ? [connectionOf(value, text)] : [],
    defaultConnection: connection ? connectionName : null,
    lint: lint ?? {},
    ...definedOnly({
      backup,
      onFailure,
      onCancel,
      journalDays,
      batchSize,
      maxErrors,
      throttle,
      dryRun,
      python,
    }),
    migrateMongo: {
      fileExtension,
      useFileHash: valueAt(value, 'useFileHash') === true,
      lock: lockOf(value),
      moduleSystem: valueAt(value, 'moduleSystem') === 'esm' ? 'esm' : 'commonjs',
      client,
    },
  };
}

/** What the driver would be told as options goes into the connection string, by which everything here connects. */
function connectionOf(config: unknown, text: (path: string) => string): ConnectionTarget {
  const url = text('mongodb.url');
  const named = valueAt(config, 'mongodb.databaseName');
  return {
    name: connectionName,
    uri: withClientOptions(url, asObject(valueAt(config, 'mongodb.options'))),
    database: named === undefined ? databaseInUri(url) : text('mongodb.databaseName'),
  };
}

/** An absent `lockTtl` locks without a limit, as in migrate-mongo. */
function lockOf(config: unknown): MigrateMongoSettings['lock'] {
  const collection = valueAt(config, 'lockCollectionName');
  const ttl = valueAt(config, 'lockTtl');
  if (typeof collection !== 'string' || collection === '') return null;
  if (typeof ttl === 'number' && ttl <= 0) return null;
  return { collection, ttlSeconds: typeof ttl === 'number' ? ttl : undefined };
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce((at, key) => asObject(at)[key], value);
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

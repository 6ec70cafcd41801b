// What most commands begin with: the config, the connection that is meant, and an open connection to it.
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, type Connection } from '../engine/connect';
import { nearest } from '../engine/checks/nearest';
import { explainingRefusals } from '../engine/lackOfPrivileges';
import { folderSet, type MigrationSet } from '../engine/migrationSet';
import { settingsOf } from '../engine/settings';
import type { EngineSettings } from '../engine/scope';
import { loadConfig, type ProjectConfig } from '../project/config';
import { placesOf } from '../migration/files';
import { requireVariables } from '../project/environment';
import { databaseInUri } from '../project/target';
import { ExitCode, UserError } from '../protocol/errors';
import type { ConnectionTarget, ProjectLocation } from '../protocol/runner';

export interface GlobalOptions {
  file?: string;
  migrationsDir?: string;
  uri?: string;
  database?: string;
  connection?: string;
  /** Patterns of databases: the command is for each of them. */
  databases?: string;
  /** At most so many of them at once. */
  parallel?: number;
  /** Go on with the others when one fails. */
  continueOnFailure?: boolean;
  json?: boolean;
  yes?: boolean;
  color?: boolean;
  quiet?: boolean;
}

export interface Session {
  config: ProjectConfig;
  connection: Connection;
  set: MigrationSet;
  settings: EngineSettings;
}

export function locate(globals: GlobalOptions): ProjectLocation {
  const root = process.cwd();
  return { root, configFile: globals.file === undefined ? undefined : resolve(root, globals.file) };
}

export async function readConfig(globals: GlobalOptions): Promise<ProjectConfig> {
  const config = await loadConfig(locate(globals));
  if (globals.migrationsDir === undefined) return config;
  const migrationsDir = resolve(process.cwd(), globals.migrationsDir);
  return { ...config, migrationsDir, places: { ...placesOf(config), folders: [migrationsDir] } };
}

/** Opens the connection, hands a session to `work`, and closes whatever happens. */
export async function withSession<T>(
  globals: GlobalOptions,
  overrides: Partial<EngineSettings>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const config = await readConfig(globals);
  const chosen = await chooseTarget(globals, config);
  // With patterns of databases the connection itself needs none.
  const anywhere = globals.databases !== undefined && chosen.database === '';
  const target = anywhere ? { ...chosen, database: 'admin' } : chosen;
  const connection = await connect(target, { appName: 'migratory cli' });
  try {
    const set = folderSet(config, process.cwd());
    const session = { config, connection, set, settings: settingsOf(config, overrides) };
    return await explainingRefusals(connection, () => work(session), ExitCode.failed);
  } finally {
    await connection.close();
  }
}

async function chooseTarget(globals: GlobalOptions, config: ProjectConfig): Promise<ConnectionTarget> {
  const uri = globals.uri === '-' ? (await text(process.stdin)).trim() : globals.uri;
  const given = uri ?? (globals.connection === undefined ? process.env['MIGRATORY_URI'] : undefined);
  // What a migration starts would inherit it.
  delete process.env['MIGRATORY_URI'];
  if (given !== undefined && given !== '') return givenTarget(given, globals, config);
  const name = globals.connection ?? config.defaultConnection ?? onlyOne(config);
  if (name === undefined || name === null) throw noConnection(config);
  const found = config.connections.find((connection) => connection.name === name);
  if (!found) {
    const names = config.connections.map((connection) => connection.name);
    const meant = nearest(name, names);
    const help = meant === null ? '' : ` Did you mean "${meant}"?`;
    throw new UserError(
      `The config has no connection "${name}" (it has: ${names.join(', ') || 'none'}).${help}`,
      {
        exitCode: ExitCode.usage,
      },
    );
  }
  return requireVariables({ ...found, database: globals.database ?? found.database });
}

/**
 * A connection string of the command line or the environment. One that the config knows as well is the config's
 * connection, with its marks: production stays production whoever spells its address.
 */
function givenTarget(uri: string, { database }: GlobalOptions, config: ProjectConfig): ConnectionTarget {
  const { connections, defaultConnection } = config;
  const chosen = connections.find(({ name }) => name === (defaultConnection ?? onlyOne(config)));
  const named = database ?? databaseInUri(uri);
  const known = [chosen, ...connections].filter((connection) => connection?.uri === uri);
  const same = known.find((connection) => connection?.database === named) ?? known[0];
  if (same) return { ...same, database: named === '' ? same.database : named };
  return { name: 'command line', uri, database: named === '' ? (chosen?.database ?? '') : named };
}

function onlyOne(config: ProjectConfig): string | undefined {
  return config.connections.length === 1 ? config.connections[0]?.name : undefined;
}

function noConnection(config: ProjectConfig): UserError {
  const where = config.file === null ? 'There is no config here.' : 'The config names no default connection.';
  return new UserError(
    `No connection is chosen. ${where} Set MIGRATORY_URI, or give --uri or --connection.`,
    {
      exitCode: ExitCode.usage,
      action: { label: 'Make a config', cli: 'migratory init' },
    },
  );
}

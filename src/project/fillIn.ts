// Defaults and variables of a checked config.
import { resolve } from 'node:path';
import type { ConnectionTarget } from '../protocol/runner';
import { configError } from './configErrors';
import { definedOnly } from './definedOnly';
import type { Environment } from './environment';
import { missingVariable, substitute } from './environment';
import type { ProjectConfig } from './projectConfig';
import type { CheckedConfig } from './schema';
import { databaseInUri } from './target';

export interface Place {
  root: string;
  file: string | null;
  environment: Environment;
}

/**
 * The config with defaults and with the variables that are set.
 * @throws UserError when a variable is missing outside of the connections, or no connection has the default's name.
 */
export function fillIn(config: CheckedConfig, { root, file, environment }: Place): ProjectConfig {
  const filled = (text: string): string => {
    const value = substitute(text, environment);
    const missing = missingVariable(value);
    if (missing === undefined) return value;
    const message = `The config needs the environment variable ${missing}, which is not set.`;
    throw configError(file ?? root, message, `Set ${missing}`);
  };
  const connections = Object.entries(config.connections ?? {}).map(([name, connection]): ConnectionTarget => {
    const uri = substitute(connection.uri, environment);
    const { production, readOnly } = connection;
    return {
      name,
      uri,
      database: substitute(connection.database ?? databaseInUri(uri), environment),
      ...(production === undefined ? {} : { production }),
      ...(readOnly === undefined ? {} : { readOnly }),
    };
  });
  const given = config.migrationsDir ?? 'migrations';
  const folders = (typeof given === 'string' ? [given] : given).map((folder) =>
    resolve(root, filled(folder)),
  );
  const [first = resolve(root, 'migrations'), ...more] = folders;
  const recursive = config.recursive === true;
  const { backup, onFailure, onCancel, journalDays, batchSize, maxErrors, throttle, dryRun, python, lint } =
    config;
  return {
    file,
    flavor: file === null ? 'defaults' : 'migratory',
    migrationsDir: first,
    ...(folders.length > 1 || recursive ? { places: { folders: [first, ...more], recursive } } : {}),
    ledger: filled(config.ledger ?? '_migrations'),
    connections,
    defaultConnection: chooseDefault(config.defaultConnection, connections, file, root),
    lint: lint ?? {},
    ...definedOnly({ backup, onFailure, onCancel, journalDays, batchSize, maxErrors, throttle, dryRun }),
    ...(python === undefined ? {} : { python: filled(python) }),
  };
}

/** The connection that is meant when nobody says which: the named one, or the only one. */
function chooseDefault(
  name: string | undefined,
  connections: ConnectionTarget[],
  file: string | null,
  root: string,
): string | null {
  if (name === undefined) return connections.length === 1 ? (connections[0]?.name ?? null) : null;
  if (connections.some((connection) => connection.name === name)) return name;
  const known = connections.map((connection) => `"${connection.name}"`).join(', ') || 'none';
  throw configError(
    file ?? root,
    `"defaultConnection" names "${name}", but the connections are: ${known}.`,
    'Name one of the connections',
  );
}

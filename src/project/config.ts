// The config of a project: found, loaded (which runs it unless it is JSON), checked, with defaults and variables
// filled in. Untrusted workspaces use staticConfig.ts, which runs nothing.
import { basename, extname } from 'node:path';
import { displayPath } from '../migration/loadErrors';
import { defaultExport, loadModule } from '../migration/loadModule';
import { ExitCode, UserError } from '../protocol/errors';
import type { ProjectLocation } from '../protocol/runner';
import { checkConfig, configError } from './configErrors';
import { findConfigFile } from './configFiles';
import type { Environment } from './environment';
import { fillIn } from './fillIn';
import { readJsonConfig } from './jsonConfig';
import { isMigrateMongoConfig, readMigrateMongoConfig } from './migrateMongoConfig';
import type { ProjectConfig } from './projectConfig';

export type { ProjectConfig };

/**
 * Reads the config of a project. Connections keep `${env:NAME}` of variables that are not set: requireVariables
 * (environment.ts) refuses one when it is used.
 * @throws UserError, with exit code 2, for everything that can be wrong with it.
 */
export async function loadConfig(
  location: ProjectLocation,
  environment: Environment = process.env,
): Promise<ProjectConfig> {
  const config = await readConfig(location, environment);
  return location.python === undefined ? config : { python: location.python, ...config };
}

async function readConfig(
  { root, configFile }: ProjectLocation,
  environment: Environment,
): Promise<ProjectConfig> {
  const file = configFile ?? (await findConfigFile(root));
  if (file === null) return fillIn({}, { root, file, environment });
  const name = displayPath(file, root);
  if (extname(file) === '.json') {
    const value = await readJsonConfig(file, name);
    return isMigrateMongoConfig(value)
      ? readMigrateMongoConfig(value, file, root)
      : fillIn(checkConfig(value, file, name), { root, file, environment });
  }
  const value = await exportedConfig(file, root);
  if (isMigrateMongoConfig(value) || basename(file).startsWith('migrate-mongo-config.')) {
    return readMigrateMongoConfig(value, file, root);
  }
  return fillIn(checkConfig(value, file, name), { root, file, environment });
}

/** What a config module exports: its default when it has one, awaited. */
async function exportedConfig(file: string, root: string): Promise<unknown> {
  let value: unknown;
  try {
    value = await defaultExport(await loadModule(file, root));
  } catch (error) {
    throw asUsage(error, file, displayPath(file, root));
  }
  const empty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (value === undefined || value === null || empty) {
    throw configError(file, `${displayPath(file, root)} exports nothing.`, 'Export the config');
  }
  return value;
}

/** A config that does not load is a matter of usage (exit code 2), not of a failed migration. */
function asUsage(error: unknown, file: string, name: string): UserError {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof UserError)) {
    return configError(file, `${name} does not load: ${message.replace(/\.$/, '')}.`, 'Correct the code', {
      cause: error,
    });
  }
  const { action, location, cause } = error;
  return new UserError(message, { action, location, cause, exitCode: ExitCode.usage });
}

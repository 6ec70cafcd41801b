// The driver that scripts get: the project's own `mongodb` package when it has one (so that its ObjectIds fit),
// else the one this program carries.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as bundled from 'mongodb';

/** What the engine needs of any driver from major 4 on. */
export interface ScriptDriver {
  MongoClient: new (uri: string, options?: bundled.MongoClientOptions) => bundled.MongoClient;
  /** Version of the package, or `bundled`. */
  version: string;
}

const oldestMajor = 4;

export function resolveDriver(root: string): ScriptDriver {
  const require = createRequire(join(root, 'package.json'));
  try {
    // By name: a project without the package is given the bundled one by the loader of migrations.
    const { version } = require('mongodb/package.json') as { version: string };
    if (Number.parseInt(version, 10) >= oldestMajor) {
      const { MongoClient } = require('mongodb') as { MongoClient: ScriptDriver['MongoClient'] };
      return { MongoClient, version };
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
  }
  return { MongoClient: bundled.MongoClient, version: 'bundled' };
}

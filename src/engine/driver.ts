// The driver that scripts get: the project's own `mongodb` package when it has one (so that its ObjectIds fit),
// else the one this program carries.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as bundled from 'mongodb';

/** What the engine needs of any driver from major 4 on. */
export interface ScriptDriver {
  MongoClient: new (uri: string, options?: Record<string, unknown>) => bundled.MongoClient;
  /** Version of the package, or `bundled`. */
  version: string;
}

const oldestMajor = 4;

export function resolveDriver(root: string): ScriptDriver {
  const require = createRequire(join(root, 'package.json'));
  let entry: string;
  try {
    entry = require.resolve('mongodb');
  } catch {
    return { MongoClient: bundled.MongoClient, version: 'bundled' };
  }
  const { version } = require('mongodb/package.json') as { version: string };
  if (Number.parseInt(version, 10) < oldestMajor) {
    return { MongoClient: bundled.MongoClient, version: 'bundled' };
  }
  const { MongoClient } = require(entry) as { MongoClient: ScriptDriver['MongoClient'] };
  return { MongoClient, version };
}

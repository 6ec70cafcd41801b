// The databases of a server that somebody could want to work on.
import type { MongoClient } from 'mongodb';
import { scratchName } from './dryRun/scratch';

/** Sorted. @throws MongoServerError when the user may not even list those that it may use. */
export async function listDatabases(client: MongoClient): Promise<string[]> {
  const { databases } = await client.db('admin').admin().listDatabases({
    nameOnly: true,
    authorizedDatabases: true,
    maxTimeMS: 5000,
  });
  return databases
    .map(({ name }) => name)
    .filter((name) => !serverOwn.has(name) && !scratchName.test(name))
    .sort();
}

const serverOwn: ReadonlySet<string> = new Set(['admin', 'config', 'local']);

// The stage of an end-to-end test: the packaged extension in one editor for all tests, and for each test a window
// of its own on a project of its own against a database of its own.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Db } from 'mongodb';
import { packageExtension } from '../../../tools/package';
import { startEditor, type Editor } from '../../../tools/vscode/editor';
import type { Workbench } from '../../../tools/vscode/workbench';
import { resolveMongod } from '../../../tools/servers/mongod';
import { mongodFolder } from '../../support/mongodOnPath';
import { replicaSet } from '../../support/server';

export interface Scene {
  window: Workbench;
  /** More windows of the same editor; who opens one closes it. */
  editor: Editor;
  /** The workspace folder. */
  folder: string;
  /** The same database that the project's connection `local` names, with a client of the test's own. */
  db: Db;
}

export interface SceneOptions {
  /** Files of the workspace, by path. */
  files: Record<string, string>;
  /** Connections instead of `local`, which names the scene's database; null = there is no config at all. */
  connections?: null | Record<string, { uri: string; database: string; production?: boolean }>;
  /** `local` is marked as production. */
  production?: boolean;
  /** More of the project's config. */
  config?: Record<string, unknown>;
  /** The workspace is not trusted. */
  restricted?: boolean;
  /** Documents to begin with, by collection. */
  documents?: Record<string, Record<string, unknown>[]>;
}

const editors = new Map<boolean, Promise<Editor>>();

function editor(restricted: boolean): Promise<Editor> {
  const running =
    editors.get(restricted) ??
    Promise.all([packageExtension(), programFolder()]).then(([vsix, programs]) =>
      startEditor({
        vsix,
        programs,
        name: restricted ? 'e2e-restricted' : 'e2e',
        settings: { 'security.workspace.trust.enabled': restricted },
      }),
    );
  editors.set(restricted, running);
  return running;
}

/** With a mongod on its PATH, so that the sandbox server can be started. */
async function programFolder(): Promise<string> {
  ownPrograms ??= await mkdtemp(join(tmpdir(), 'migratory-path-'));
  return mongodFolder(ownPrograms, await resolveMongod());
}
let ownPrograms: string | undefined;

/** Plays one test; a picture of the window stays in out/ when it fails. */
export async function scene(
  name: string,
  options: SceneOptions,
  play: (scene: Scene) => Promise<void>,
): Promise<void> {
  const server = await replicaSet();
  const { db, name: database } = await server.database('shop');
  for (const [collection, documents] of Object.entries(options.documents ?? {})) {
    await db.collection(collection).insertMany(documents);
  }
  const folder = await mkdtemp(join(tmpdir(), 'migratory-e2e-'));
  try {
    const local = { uri: server.uri, database, production: options.production === true };
    const connections = options.connections ?? { local };
    const [defaultConnection] = Object.keys(connections);
    const config = JSON.stringify({ ...options.config, connections, defaultConnection }, null, 2);
    const configured = options.connections === null ? {} : { 'migratory.config.json': config };
    for (const [path, text] of Object.entries({ ...configured, ...options.files })) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    const started = await editor(options.restricted === true);
    const window = await started.open(folder);
    try {
      await play({ window, folder, db, editor: started });
    } catch (error) {
      await window.screenshot(`e2e-${name}-failed`);
      throw error;
    } finally {
      await window.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The names in the ledger, in the order in which they were applied. */
export async function applied(db: Db): Promise<string[]> {
  const rows = await db.collection('_migrations').find().sort({ appliedAt: 1 }).toArray();
  return rows.map((row) => String(row['name']));
}

after('end the editors', async function () {
  this.timeout(30_000);
  // One that did not start has failed its test already.
  for (const started of await Promise.allSettled(editors.values())) {
    if (started.status === 'fulfilled') await started.value.stop();
  }
  if (ownPrograms !== undefined) await rm(ownPrograms, { recursive: true, force: true });
});

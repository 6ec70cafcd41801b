// Own clients of migrations in a process of its own, where every connection but the engine's is the author's: however
// the file is loaded, and also what it leaves running when its up has ended.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { replicaSet, standalone } from '../../support/server';
import type { Project } from '../helpers/project';
import { changes, everything, expectChanges, type Packages, projectWith, seed } from '../ownClients/project';

const source = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const external = ['jiti', 'kerberos', 'snappy', '@mongodb-js/zstd', 'mongodb-client-encryption'];
let program = '';

async function run({ connection, root }: Project, ...args: string[]): Promise<{ code: number; all: string }> {
  const { uri, database } = connection.target;
  const child = spawn(process.execPath, [program, '--database', database, ...args], {
    cwd: root,
    env: { ...process.env, MIGRATORY_URI: uri },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outputs = Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await once(child, 'close')) as [number];
  return { code, all: (await outputs).join('\n') };
}

/** Opened at the top, never closed, by each way of loading a file. */
const files: [file: string, packages: Packages, text: (uri: string) => string][] = [
  [
    '1-own.mjs',
    { mongodb: 'mongodb5' },
    (uri) => `
      import { MongoClient } from 'mongodb';
      const client = await MongoClient.connect(${JSON.stringify(uri)});
      export const up = async () => { const own = client.db(); ${changes('own')} };`,
  ],
  [
    '1-own.ts',
    { mongodb: 'mongodb6', mongoose: 'mongoose' },
    (uri) => `
      import mongoose from 'mongoose';
      const connecting = mongoose.connect(${JSON.stringify(uri)});
      export async function up(): Promise<void> {
        const own = (await connecting).connection.db!;
        ${changes('own')}
      }`,
  ],
  [
    '1-own.cjs',
    { mongodb: 'mongodb4' },
    (uri) => `
      const { MongoClient } = require('mongodb');
      const client = new MongoClient(${JSON.stringify(uri)});
      client.connect();
      exports.up = async () => { const own = client.db(); ${changes('own')} };`,
  ],
];

describe('own clients from the terminal', function () {
  this.timeout(120_000);
  let project: Project;
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'migratory-own-'));
    program = join(folder, 'cli.js');
    await build({
      entryPoints: [source],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'error',
      external: [...external, 'gcp-metadata', 'socks', '@aws-sdk/*'],
    });
    // What the built program has beside it.
    await mkdir(join(folder, 'node_modules'));
    const jiti = fileURLToPath(new URL('../../../node_modules/jiti', import.meta.url));
    await symlink(jiti, join(folder, 'node_modules', 'jiti'), 'junction');
  });
  after(() => rm(folder, { recursive: true }));
  afterEach(() => project.close());

  for (const [file, packages, content] of files) {
    it(`leads what ${file} opens at its top, in a dry run, up and down`, async () => {
      project = await projectWith(packages, (uri) => ({ [file]: content(uri) }), replicaSet());
      await seed(project);
      const before = await everything(project.db);
      const dry = await run(project, 'dry-run');
      assert.equal(dry.code, 0, dry.all);
      assert.equal(await everything(project.db), before);
      const up = await run(project, 'up');
      assert.equal(up.code, 0, up.all);
      await expectChanges(project);
      const down = await run(project, 'down');
      assert.equal(down.code, 0, down.all);
      assert.equal(await everything(project.db), before);
    });
  }

  it('lets nothing out that a dry run leaves running', async () => {
    const content = (uri: string): string => `
      const { MongoClient } = require('mongodb');
      const client = new MongoClient(${JSON.stringify(uri)});
      const people = client.db().collection('people');
      exports.up = async () => {
        await people.insertOne({ at: 'first' });
        // Goes on until the process ends.
        void (async () => { for (;;) await people.insertOne({}).catch(() => new Promise((f) => setTimeout(f, 1))); })();
        await new Promise((f) => setTimeout(f, 50));
      };`;
    const write = (uri: string): Record<string, string> => ({ '1-own.js': content(uri) });
    project = await projectWith({ mongodb: 'mongodb' }, write, replicaSet());
    await seed(project);
    const before = await everything(project.db);
    const dry = await run(project, 'dry-run');
    assert.equal(dry.code, 0, dry.all);
    assert.equal(await everything(project.db), before);
  });

  it('refuses another server in a dry run and names it without credentials', async () => {
    const other = await standalone();
    const { db, name } = await other.database('other');
    const host = new URL(other.uri.replace(/^mongodb/, 'http')).host;
    const content = `
      const { MongoClient } = require('mongodb');
      exports.up = async () => {
        const own = await new MongoClient('mongodb://someone:secretword@${host}/${name}').connect();
        await own.db().collection('people').insertOne({});
      };`;
    project = await projectWith({ mongodb: 'mongodb6' }, () => ({ '1-own.js': content }), replicaSet());
    const dry = await run(project, 'dry-run');
    assert.equal(dry.code, 1, dry.all);
    assert.ok(dry.all.includes(`a MongoClient of its own to ${host}`), dry.all);
    assert.ok(!dry.all.includes('secretword'), dry.all);
    assert.equal(await db.collection('people').countDocuments(), 0);
  });
});

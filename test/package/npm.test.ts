// What `npm publish` would ship, and that it works for somebody who installed it: as a library for both module
// systems, with types, and as a command line.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { root } from '../../tools/build';
import { packageExtension } from '../../tools/package';
import { pymongoFolder } from '../../tools/python/pymongo';
import { run } from '../../tools/servers/command';

const allowed = [
  'package.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  /^dist\/(cli|migrate-mongo|runner)\.js$/,
  /^dist\/(index|migrate-mongo-api)\.(cjs|mjs)$/,
  'dist/licenses.txt',
  /^dist\/types\/(index|migrate-mongo)\.d\.mts$/,
  /^dist\/types\/[\w/-]+\.d\.ts$/,
  /^dist\/jiti\/(lib\/jiti\.cjs|dist\/(jiti|babel)\.cjs)$/,
  /^schemas\/[\w.-]+\.json$/,
  /^python\/pyproject\.toml$/,
  /^python\/(_migratory_runner|migratory)\/\w+\.py$/,
  'python/migratory/py.typed',
];

const names = [
  'BatchMigrator',
  'MigrationMonitor',
  'MigrationRunner',
  'SafeMigration',
  'defineConfig',
  'defineMigration',
  'validateMigration',
];

const consumer = `
import { BatchMigrator, defineMigration, MigrationRunner, type Migration } from 'migratory';
export const migration = defineMigration({ name: 'one', async up(db) { await db.collection('a').insertOne({ b: 1 }); } });
// @ts-expect-error the name is a string
defineMigration({ name: 1, async up() {} });
interface Movie { _id: string; year?: number }
const typed = defineMigration({ name: 'two', source: 'movies', filter: { year: 1 }, transform: (doc: Movie) => ({ $set: { year: (doc.year ?? 0) + 1 } }) });
export const list: Migration[] = [migration, typed];
type Db = ConstructorParameters<typeof MigrationRunner>[0];
export const batch = (db: Db) => new BatchMigrator().migrate(db.collection<Movie>('movies'), { year: 1 }, (doc) => ({ $set: { year: doc.year } }));
export const runner: typeof MigrationRunner = MigrationRunner;
import { config, up } from 'migratory/migrate-mongo';
config.set({ mongodb: { url: 'mongodb://localhost' }, changelogCollectionName: 'changelog' });
export const names = (db: Parameters<typeof up>[0], client: Parameters<typeof up>[1]): Promise<string[]> => up(db, client);
`;

describe('the npm package', function () {
  this.timeout(180_000);
  let folder = '';
  let packed: string[] = [];

  /** Installs the packed file the way npm does it, without asking a registry: it has no dependencies. */
  before(async () => {
    await packageExtension();
    folder = await mkdtemp(join(tmpdir(), 'migratory-package-'));
    const output = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: root,
    });
    const answer: unknown = JSON.parse(output);
    const [report] = (Array.isArray(answer) ? answer : Object.values(answer as object)) as {
      filename: string;
      files: { path: string }[];
    }[];
    assert.ok(report !== undefined);
    packed = report.files.map((file) => file.path);
    await writeFile(join(folder, 'package.json'), '{ "private": true }');
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(folder, report.filename)], {
      cwd: folder,
    });
  });

  after(async () => {
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  it('holds only what is meant to be shipped', () => {
    assert.deepEqual(
      packed.filter(
        (name) => !allowed.some((one) => (typeof one === 'string' ? one === name : one.test(name))),
      ),
      [],
    );
  });

  it('depends on nothing that would have to be installed with it', async () => {
    const listed = JSON.parse(await run('npm', ['ls', '--all', '--json'], { cwd: folder })) as {
      dependencies: Record<string, { dependencies?: object }>;
    };
    assert.deepEqual(Object.keys(listed.dependencies), ['migratory']);
    assert.equal(listed.dependencies['migratory']?.dependencies, undefined);
  });

  it('answers to require and to import with the same library', async () => {
    const script = `
      const required = require('migratory');
      import('migratory').then((imported) => {
        const differing = Object.keys(required).filter((name) => imported[name] !== required[name]);
        console.log(JSON.stringify({ names: Object.keys(required), differing }));
      });`;
    const answer = JSON.parse(await run(process.execPath, ['-e', script], { cwd: folder })) as {
      names: string[];
      differing: string[];
    };
    assert.deepEqual(answer.differing, []);
    assert.deepEqual(
      names.filter((name) => !answer.names.includes(name)),
      [],
    );
  });

  it('answers as migrate-mongo to both, with a default export for import', async () => {
    const script = `
      const required = require('migratory/migrate-mongo');
      import('migratory/migrate-mongo').then((imported) => {
        const names = Object.keys(required).filter((name) => imported[name] === required[name] && imported.default[name] === required[name]);
        console.log(JSON.stringify(names.sort()));
      });`;
    const answer: unknown = JSON.parse(await run(process.execPath, ['-e', script], { cwd: folder }));
    assert.deepEqual(answer, ['config', 'create', 'database', 'down', 'init', 'status', 'up']);
  });

  it('has types for both module systems', async () => {
    // A consumer has the driver; its types come from there.
    await mkdir(join(folder, 'node_modules'), { recursive: true });
    await writeFile(join(folder, 'consumer.mts'), consumer);
    await writeFile(join(folder, 'consumer.cts'), consumer);
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noEmit: true,
          module: 'nodenext',
          target: 'es2022',
          types: ['node'],
          paths: { mongodb: [join(root, 'node_modules', 'mongodb')] },
          typeRoots: [join(root, 'node_modules', '@types')],
          skipLibCheck: false,
        },
        files: ['consumer.mts', 'consumer.cts'],
      }),
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    await run(process.execPath, [tsc, '-p', folder]);
  });

  it('brings the helpers for Python', async () => {
    const PYTHONPATH = [join(folder, 'node_modules', 'migratory', 'python'), await pymongoFolder()].join(
      delimiter,
    );
    const program =
      'import migratory; print(migratory.MigrationManager.__name__, migratory.batch_update.__name__)';
    const env = { ...process.env, PYTHONPATH };
    assert.equal((await run('python3', ['-c', program], { env })).trim(), 'MigrationManager batch_update');
  });

  it('brings the command line', async () => {
    const help = await run(process.execPath, [
      join(folder, 'node_modules', 'migratory', 'dist', 'cli.js'),
      '--help',
    ]);
    for (const command of ['status', 'up', 'down']) assert.match(help, new RegExp(`\\b${command}\\b`));
  });

  it('has an executable first line in every program of bin', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    for (const name of ['migratory', 'migratory-mm']) {
      const installed = join(folder, 'node_modules', '.bin', name);
      assert.equal((await run(installed, ['--version'])).trim(), version);
    }
  });
});

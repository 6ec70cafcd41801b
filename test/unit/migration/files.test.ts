import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { findMigrationFiles, isMigrationFile } from '../../../src/migration/files';
import { UserError } from '../../../src/protocol/errors';

describe('findMigrationFiles', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'migratory-files-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const touch = (...names: string[]): Promise<void[]> =>
    Promise.all(names.map((name) => writeFile(join(dir, name), '')));
  const inFolder = (folder: string): ReturnType<typeof findMigrationFiles> =>
    findMigrationFiles({ folders: [folder], recursive: false });
  const found = async (): Promise<string[]> => (await inFolder(dir)).map((file) => file.name);

  it('orders by plain code units, not by locale or number', async () => {
    await touch('b.js', 'a.js', 'B.js', '10.js', '2.js', 'ä.js', '_x.js');
    assert.deepEqual(await found(), ['10.js', '2.js', 'B.js', '_x.js', 'a.js', 'b.js', 'ä.js']);
  });

  it('takes every extension that can hold a migration', async () => {
    await touch('a.js', 'b.mjs', 'c.cjs', 'd.ts', 'e.mts', 'f.cts', 'g.py');
    assert.equal((await found()).length, 7);
  });

  it('leaves out types, samples, other files and dotfiles', async () => {
    await touch('a.d.ts', 'a.d.mts', 'a.d.cts', 'sample-migration.js', 'sample-migration.ts', '.hidden.js');
    await touch('notes.md', 'data.json', 'a.js~', 'a.js.map', 'x.tsx', '__init__.py', 'js');
    assert.deepEqual(await found(), []);
  });

  it('leaves out folders, whatever they are called', async () => {
    await mkdir(join(dir, 'helpers.js'));
    await mkdir(join(dir, 'lib'));
    await writeFile(join(dir, 'lib', 'inner.js'), '');
    await touch('a.js');
    assert.deepEqual(await found(), ['a.js']);
  });

  it('takes several folders, and folders inside them, as one list by the names of files', async () => {
    for (const folder of ['a', 'a/deep', 'b', 'a/node_modules', 'a/.git']) await mkdir(join(dir, folder));
    await touch('a/3.js', 'a/deep/1.js', 'b/2.js', 'b/1.js', 'a/node_modules/0.js', 'a/.git/0.js');
    const folders = [join(dir, 'a'), join(dir, 'b'), join(dir, 'a')];
    const paths = async (recursive: boolean): Promise<string[]> =>
      (await findMigrationFiles({ folders, recursive })).map(({ path }) => relative(dir, path));
    assert.deepEqual(await paths(false), ['b/1.js', 'b/2.js', 'a/3.js']);
    assert.deepEqual(await paths(true), ['a/deep/1.js', 'b/1.js', 'b/2.js', 'a/3.js']);
    const holds = (file: string, recursive = true): boolean =>
      isMigrationFile(join(dir, file), { folders, recursive });
    assert.ok(holds('a/deep/1.js') && holds('b/1.js', false));
    assert.ok(!holds('a/deep/1.js', false) && !holds('a/node_modules/0.js') && !holds('c/1.js'));
    assert.ok(!isMigrationFile(join(dir, 'a', '1.ts'), { folders, recursive: true, extension: '.js' }));
  });

  it('takes links to files', async () => {
    await touch('a.js');
    await symlink(join(dir, 'a.js'), join(dir, 'b.js'));
    assert.deepEqual(await found(), ['a.js', 'b.js']);
  });

  it('gives the paths inside the folder', async () => {
    await touch('a.js');
    assert.deepEqual(await inFolder(dir), [{ path: join(dir, 'a.js'), name: 'a.js' }]);
  });

  it('says that the folder is missing and how to get one', async () => {
    const missing = join(dir, 'migrations');
    await assert.rejects(inFolder(missing), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.message, `There is no migrations folder at ${missing}.`);
      assert.equal(error.action?.command, 'migratory.newMigration');
      assert.equal(error.action?.cli, 'migratory init');
      assert.equal(error.exitCode, 2);
      return true;
    });
  });

  it('says that the folder is a file', async () => {
    await touch('migrations');
    const file = join(dir, 'migrations');
    await assert.rejects(inFolder(file), {
      name: 'UserError',
      message: `The migrations folder ${file} cannot be read: it is a file, not a folder.`,
    });
  });
});

// The types for projects that have not installed the package: what is written is enough for the compiler, and says no
// where the package's own types would.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInstalled, moduleSystemOf } from '../../../src/migration/projectFolder';
import { renderTemplate, templateKinds } from '../../../src/migration/templates';
import { typesAreMissing, typesFileIn, writeTypes } from '../../../src/migration/typesFile';
import { root } from '../../../tools/build';
import { declarationLines, typesJson } from '../../../tools/typesFile';

const good = `import { defineMigration, type Migration } from 'migratory';
interface Movie { _id: string; year?: number }
export const one = defineMigration({ source: 'movies', filter: { year: 1 }, transform: (doc: Movie) => ({ $set: { year: doc.year } }) });
export const list: Migration[] = [one];
export default defineMigration([{ name: 'a', async up(db, client, ctx) { ctx.log.info('x'); await ctx.convert('a', { b: 'date' }); } }]);
`;
const bad = `import { defineConfig, defineMigration } from 'migratory';
// @ts-expect-error the name is a string
defineMigration({ name: 1, async up() {} });
// @ts-expect-error there is no such type
defineMigration({ name: 'a', up: (db, client, ctx) => ctx.convert('a', { b: 'dates' }) });
// @ts-expect-error there is no such key
defineConfig({ migrationDir: 'x' });
`;
const goodConfig = `import { defineConfig } from 'migratory';
export default defineConfig({ connections: { local: { uri: '\${env:URI}' } }, throttle: { docsPerSecond: 5 } });
`;

describe('the types file', function () {
  this.timeout(60_000);
  let project: string;
  let dir: string;
  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), 'migratory-types-'));
    dir = join(project, 'migrations');
  });
  afterEach(() => rm(project, { recursive: true, force: true }));

  it('says what our own declarations say (node --import tsx tools/typesFile.ts writes it)', async () => {
    const { lines } = JSON.parse(await readFile(typesJson, 'utf8')) as { lines: string[] };
    assert.deepEqual(lines, await declarationLines());
  });

  function compile(): { status: number | null; output: string } {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', dir], {
      encoding: 'utf8',
    });
    return { status, output: stdout };
  }

  async function write(files: Record<string, string>): Promise<void> {
    await mkdir(dir, { recursive: true });
    await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(dir, name), text)));
  }

  async function useDriver(): Promise<void> {
    await mkdir(join(project, 'node_modules'), { recursive: true });
    for (const name of ['mongodb', '@types']) {
      await symlink(join(root, 'node_modules', name), join(project, 'node_modules', name));
    }
  }

  for (const driver of ['without', 'with'] as const) {
    it(`is enough for every template and more, ${driver} the driver`, async () => {
      if (driver === 'with') await useDriver();
      await writeTypes(dir, project);
      const files: Record<string, string> = { 'good.ts': good, 'bad.ts': bad, 'config.ts': goodConfig };
      for (const kind of templateKinds('javascript')) {
        const typesFile = 'migratory-env.d.ts';
        const write = (language: 'javascript' | 'typescript', moduleSystem: 'commonjs' | 'esm') =>
          renderTemplate(kind, { language, moduleSystem, description: kind, typesFile });
        files[`${kind}.ts`] = write('typescript', 'esm');
        files[`${kind}.cjs`] = write('javascript', 'commonjs');
        files[`${kind}.mjs`] = write('javascript', 'esm');
      }
      files['tsconfig.json'] = JSON.stringify({
        compilerOptions: {
          target: 'es2023',
          module: 'nodenext',
          strict: true,
          allowJs: true,
          checkJs: true,
          noEmit: true,
          skipLibCheck: driver === 'with',
          types: driver === 'with' ? ['node'] : [],
        },
        include: ['.'],
      });
      await write(files);
      const { status, output } = compile();
      assert.equal(status, 0, output);
    });
  }

  it('is found through its line by files that no project of the compiler names', async () => {
    await writeTypes(dir, project);
    await rm(join(dir, 'jsconfig.json'));
    const text = renderTemplate('script', {
      language: 'typescript',
      moduleSystem: 'esm',
      typesFile: await typesFileIn(dir),
    });
    await write({ 'a.ts': text });
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { status, stdout } = spawnSync(
      process.execPath,
      [
        tsc,
        '--noEmit',
        '--strict',
        '--target',
        'es2023',
        '--module',
        'nodenext',
        '--types',
        '',
        join(dir, 'a.ts'),
      ],
      { encoding: 'utf8', cwd: project },
    );
    assert.equal(status, 0, stdout);
  });

  it('brings a project file for editors only where there is none', async () => {
    assert.equal(await typesAreMissing(dir), true);
    assert.deepEqual(await writeTypes(dir, project), ['migratory-env.d.ts', 'jsconfig.json']);
    assert.equal(await typesAreMissing(dir), false);
    await write({ 'one.js': 'exports.up = async (db) => {};' });
    await writeFile(join(dir, 'tsconfig.json'), await readFile(join(dir, 'jsconfig.json'), 'utf8'));
    assert.equal(compile().status, 0, compile().output);
    await rm(dir, { recursive: true });
    await writeFile(join(project, 'tsconfig.json'), '{}');
    assert.deepEqual(await writeTypes(dir, project), ['migratory-env.d.ts']);
  });
});

describe('the folder of a project', () => {
  let project: string;
  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), 'migratory-folder-'));
    await mkdir(join(project, 'a', 'b'), { recursive: true });
  });
  afterEach(() => rm(project, { recursive: true, force: true }));

  it('says by its nearest package.json what .js means', async () => {
    const dir = join(project, 'a', 'b');
    assert.equal(await moduleSystemOf(dir, project), 'commonjs');
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
    assert.equal(await moduleSystemOf(dir, project), 'esm');
    assert.equal(await moduleSystemOf(dir, join(project, 'a')), 'commonjs');
    await writeFile(join(dir, 'package.json'), '{}');
    assert.equal(await moduleSystemOf(dir, project), 'commonjs');
  });

  it('knows what is installed in it or above', async () => {
    const dir = join(project, 'a', 'b');
    assert.equal(await isInstalled('migratory', dir), false);
    await mkdir(join(project, 'node_modules', 'migratory'), { recursive: true });
    await writeFile(join(project, 'node_modules', 'migratory', 'package.json'), '{}');
    assert.equal(await isInstalled('migratory', dir), true);
  });
});

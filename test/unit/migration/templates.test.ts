import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { loadMigrations } from '../../../src/migration/load';
import { outlineSource } from '../../../src/migration/outlineSource';
import {
  createMigrationFile,
  newMigrationFileName,
  renderTemplate,
  type TemplateKind,
  templateKinds,
} from '../../../src/migration/templates';

const now = new Date('2024-01-31T17:45:01.999Z');
/** Everything that could break out of a literal, a comment or a docstring. */
const nasty = `it's "quoted" \`\${process.exit()}\` \\ */ """ \u2028\n\u2029 ä😀 </script>`;

const outlinedKinds: Partial<Record<TemplateKind, string>> = {
  transform: 'transform',
  update: 'transform',
  pipeline: 'pipeline',
};
const withDown = new Set<TemplateKind>(['script', 'update', 'index', 'split']);

describe('newMigrationFileName', () => {
  const cases: [description: string, name: string][] = [
    ['add status', '20240131174501-add_status.js'],
    ['  add   the status ', '20240131174501-add_the_status.js'],
    ['../../etc/passwd', '20240131174501-etc_passwd.js'],
    ['a\\b:c*d?"e<f>g|h\u0000i', '20240131174501-a_b_c_d_e_f_g_h_i.js'],
    ['größe-ändern', '20240131174501-größe-ändern.js'],
    ['x'.repeat(300), `20240131174501-${'x'.repeat(60)}.js`],
  ];
  for (const [description, name] of cases) {
    it(name.slice(0, 60), () => assert.equal(newMigrationFileName(description, '.js', now), name));
  }

  it('asks for a description', () => {
    for (const description of ['', '  ', '../', '...']) {
      assert.throws(() => newMigrationFileName(description, '.js', now), {
        name: 'UserError',
        message: 'A new migration needs a description; it becomes a part of the file’s name.',
      });
    }
  });
});

describe('createMigrationFile', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'migratory-templates-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('makes the folder and never overwrites', async () => {
    const folder = join(dir, 'db', 'migrations');
    const create = (text: string): Promise<string> => createMigrationFile(folder, 'x', text, '.js', now);
    const made = await Promise.all([create('1'), create('2'), create('3')]);
    assert.equal(new Set(made).size, 3);
    assert.deepEqual(await readdir(folder), [
      '20240131174501-x.js',
      '20240131174502-x.js',
      '20240131174503-x.js',
    ]);
    const texts = await Promise.all(made.map((path) => readFile(path, 'utf8')));
    assert.deepEqual(texts, ['1', '2', '3']);
  });

  for (const kind of templateKinds('javascript')) {
    for (const [language, moduleSystem, extension] of [
      ['javascript', 'commonjs', '.js'],
      ['javascript', 'esm', '.mjs'],
      ['typescript', 'esm', '.ts'],
    ] as const) {
      it(`starts a ${kind} in ${language}, ${moduleSystem}, that loads`, async () => {
        const text = renderTemplate(kind, { language, moduleSystem, name: nasty, description: nasty });
        const file = await createMigrationFile(dir, `${kind} one`, text, extension, now);
        const [migration, ...others] = await loadMigrations(file, { root: dir });
        assert.equal(others.length, 0);
        assert.equal(migration?.name, nasty);
        assert.equal(migration.definition.description, nasty);
        assert.equal(migration.kind, outlinedKinds[kind] ?? 'script');
        const outline = outlineSource(text, file);
        assert.equal(outline.complete, true);
        assert.equal(outline.entries[0]?.name, nasty);
        assert.equal(outline.entries[0].kind, migration.kind);
        assert.equal(outline.entries[0].hasDown, withDown.has(kind));
      });
    }
  }

  it('names nothing by itself', async () => {
    const text = renderTemplate('script', { language: 'javascript', moduleSystem: 'commonjs' });
    const file = await createMigrationFile(dir, 'x', text, '.js', now);
    assert.equal((await loadMigrations(file, { root: dir }))[0]?.name, basename(file));
  });

  it('leads to the types beside it, and is a migration all the same', async () => {
    const text = renderTemplate('script', {
      language: 'typescript',
      moduleSystem: 'esm',
      typesFile: 'migratory-env.d.ts',
    });
    assert.match(text, /^\/\/\/ <reference path="\.\/migratory-env\.d\.ts" \/>\n/);
    assert.equal(outlineSource(text, 'a.ts').entries.length, 1);
  });

  for (const kind of templateKinds('python')) {
    it(`starts a ${kind} in Python that compiles`, async () => {
      const text = renderTemplate(kind, { language: 'python', moduleSystem: 'commonjs', description: nasty });
      const file = await createMigrationFile(dir, 'x', text, '.py', now);
      execFileSync('python3', [
        '-c',
        'import ast, sys; ast.parse(open(sys.argv[1], encoding="utf-8").read())',
        file,
      ]);
      const { entries } = outlineSource(text, file);
      assert.deepEqual(
        entries.map(({ name, hasDown }) => [name, hasDown]),
        [[basename(file), kind !== 'convert' && kind !== 'extract']],
      );
    });
  }

  it('has no transform in Python', () => {
    assert.throws(() => renderTemplate('transform', { language: 'python', moduleSystem: 'commonjs' }));
  });
});

// The pages for people: every migration in them loads and is of the kind that its chapter is about, every config is
// one, every link leads somewhere.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checks } from '../../src/engine/checks/catalogue';
import { loadMigrations } from '../../src/migration/load';
import { loadConfig } from '../../src/project/config';

const root = join(import.meta.dirname, '..', '..');

interface Example {
  page: string;
  /** The headings above it, outermost first. */
  chapter: string;
  language: string;
  code: string;
}

async function pages(): Promise<string[]> {
  const docs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md'));
  const rules = (await readdir(join(root, 'docs', 'lint'))).map((name) => join('docs', 'lint', name));
  return [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...docs.map((name) => join('docs', name)),
    ...rules,
  ];
}

function examples(page: string, text: string): Example[] {
  const found: Example[] = [];
  let headings: string[] = [];
  for (const part of text.matchAll(/^(#+) (.*)$|^( *)```(\w+)\n([\s\S]*?)^ *```$/gm)) {
    const [, level, heading, indent = '', language, code] = part;
    if (level !== undefined) headings = [...headings.slice(0, level.length - 1), heading ?? ''];
    else if (language !== undefined && code !== undefined) {
      const text = code.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
      found.push({ page, chapter: headings.join(' > '), language, code: text });
    }
  }
  return found;
}

const isMigration = ({ language, code }: Example): boolean =>
  ['js', 'ts'].includes(language) &&
  /module\.exports|export default/.test(code) &&
  !/connections:/.test(code);
const isConfig = ({ language, code }: Example): boolean =>
  ['js', 'ts'].includes(language) && /connections:/.test(code);

describe('The pages for people', () => {
  let folder = '';
  let all: Example[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'migratory-docs-'));
    for (const page of await pages()) {
      all.push(...examples(page, await readFile(join(root, page), 'utf8')));
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('show migrations that load, each of the kind of its chapter', async () => {
    const migrations = all.filter(isMigration);
    assert.ok(migrations.length >= 8, `only ${migrations.length} migrations were found`);
    for (const [index, { page, chapter, language, code }] of migrations.entries()) {
      const file = join(folder, `example-${index}.${language}`);
      await writeFile(file, code);
      const loaded = await loadMigrations(file, { root: folder });
      const kind = /> (Script|Transform|Pipeline)s/.exec(chapter)?.[1]?.toLowerCase();
      if (kind === undefined) continue;
      assert.deepEqual(
        loaded.map((migration) => migration.kind),
        [kind],
        `${page}: ${chapter}`,
      );
    }
  });

  it('show configs that are read', async () => {
    const configs = all.filter(isConfig);
    assert.ok(configs.length >= 3, `only ${configs.length} configs were found`);
    for (const [index, { language, code }] of configs.entries()) {
      const configFile = join(folder, `config-${index}.${language}`);
      await writeFile(configFile, code);
      const config = await loadConfig({ root: folder, configFile }, {});
      assert.equal(config.connections[0]?.uri, 'mongodb://localhost:27017/shop');
    }
  });

  it('describe every check before a run', async () => {
    const text = await readFile(join(root, 'docs', 'checks.md'), 'utf8');
    const [before = ''] = text.split('## After a run');
    const described = [...before.matchAll(/^\| `([\w-]+)`/gm)].map(([, id]) => id ?? '');
    // Python's is made before all others, by whoever starts Python.
    assert.deepEqual(described.toSorted(), ['python', ...checks.map(({ id }) => id)].toSorted());
  });

  it('link to pages and pictures that are there', async () => {
    const broken: string[] = [];
    for (const page of await pages()) {
      const text = await readFile(join(root, page), 'utf8');
      for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(link)) continue;
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? join(root, page) : join(root, dirname(page), path);
        if (!existsSync(target)) broken.push(`${page}: ${link}`);
        else if (anchor !== undefined && !(await anchors(target)).includes(anchor)) {
          broken.push(`${page}: no heading #${anchor}`);
        }
      }
    }
    assert.deepEqual(broken, []);
  });
});

async function anchors(page: string): Promise<string[]> {
  const text = await readFile(page, 'utf8');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

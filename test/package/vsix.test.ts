// What is in migratory.vsix: everything that the extension reads, and nothing else.
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import JSZip from 'jszip';
import { lintRuleIds } from '../../src/migration/lint/rules';
import { root } from '../../tools/build';
import { packageExtension } from '../../tools/package';

const budget = 2 * 1024 * 1024;

const allowed = [
  'extension/package.json',
  /^extension\/package\.nls(\.[a-z-]+)?\.json$/,
  /^extension\/l10n\/(bundle\.l10n|panel)(\.[a-z-]+)?\.json$/,
  /^extension\/(readme|changelog)\.md$/i,
  /^extension\/LICENSE(\.txt)?$/,
  /^extension\/dist\/(extension|runner|panel)\.js$/,
  'extension/dist/licenses.txt',
  'extension/dist/jiti/lib/jiti.cjs',
  /^extension\/dist\/jiti\/dist\/(jiti|babel)\.cjs$/,
  /^extension\/dist\/codicons\/codicon\.(css|ttf)$/,
  /^extension\/media\/[\w./-]+\.(svg|png|md|css)$/,
  /^extension\/syntaxes\/[\w.-]+\.json$/,
  /^extension\/snippets\/[\w.-]+\.json$/,
  /^extension\/schemas\/[\w.-]+\.json$/,
  /^extension\/python\/(_migratory_runner|migratory)\/\w+\.py$/,
  'extension/python/migratory/py.typed',
  'extension/python/pyproject.toml',
  // The pages that findings of lint lead to.
  /^extension\/docs\/lint\/(L\d+|README)\.md$/i,
  // What vsce itself writes.
  'extension.vsixmanifest',
  '[Content_Types].xml',
];

/** Read by the extension at run time; without one of them something does not work. */
const needed = [
  'extension/package.json',
  'extension/dist/extension.js',
  'extension/dist/runner.js',
  'extension/dist/panel.js',
  'extension/dist/jiti/lib/jiti.cjs',
  'extension/dist/jiti/dist/jiti.cjs',
  'extension/dist/jiti/dist/babel.cjs',
  'extension/dist/codicons/codicon.css',
  'extension/dist/codicons/codicon.ttf',
  'extension/python/_migratory_runner/start.py',
  'extension/python/migratory/__init__.py',
  ...lintRuleIds.map((id) => `extension/docs/lint/${id}.md`),
];

describe('migratory.vsix', function () {
  this.timeout(120_000);
  let size = 0;
  let entries: JSZip.JSZipObject[] = [];

  before(async () => {
    const path = await packageExtension();
    size = (await stat(path)).size;
    const zip = await JSZip.loadAsync(await readFile(path));
    entries = Object.values(zip.files).filter((entry) => !entry.dir);
  });

  it('holds only what is meant to be shipped', () => {
    const strangers = entries
      .map((entry) => entry.name)
      .filter((name) => !allowed.some((one) => (typeof one === 'string' ? one === name : one.test(name))));
    assert.deepEqual(strangers, []);
  });

  it('holds everything that is read at run time', () => {
    const names = new Set(entries.map((entry) => entry.name));
    assert.deepEqual(
      needed.filter((name) => !names.has(name)),
      [],
    );
  });

  it('holds every file that its manifest names', async () => {
    const names = new Set(entries.map((entry) => entry.name));
    const manifest = await readFile(`${root}/package.json`, 'utf8');
    const files = [...manifest.matchAll(/"\.\/((?:media|syntaxes|snippets|schemas)\/[^"#*]+)"/g)];
    assert.ok(files.length > 0, 'the manifest names no files at all');
    assert.deepEqual(
      files.map((match) => `extension/${match[1]}`).filter((name) => !names.has(name)),
      [],
    );
  });

  it('has a page that needs nothing beside it: VS Code shows no pictures and pages out of a package', async () => {
    const page = entries.find(({ name }) => name.toLowerCase() === 'extension/readme.md');
    const text = (await page?.async('string')) ?? '';
    assert.match(text, /^# Migratory\n/);
    assert.match(text, /## Your first migration/);
    const links = [...text.matchAll(/\]\(([^)]+)\)|(?:src|href)="([^"]+)"/g)].map(
      ([, one, other]) => one ?? other,
    );
    assert.deepEqual(
      links.filter((link) => !link?.startsWith('https://')),
      [],
    );
  });

  it('stays small', () => {
    assert.ok(size < budget, `${size} bytes are more than ${budget}`);
  });

  it('says nothing about the machine it was built on, and carries no address of a server', async () => {
    for (const entry of entries) {
      if (!/\.(js|cjs|json|md|css)$/.test(entry.name)) continue;
      const text = await entry.async('string');
      assert.ok(!text.includes(root), `${entry.name} names the checkout`);
      assert.ok(homedir() === '/' || !text.includes(`${homedir()}/`), `${entry.name} names the home folder`);
      assert.ok(!/sourceMappingURL=(?!data:)\S+\.map/.test(text), `${entry.name} asks for a source map`);
      const secret = /mongodb(?:\+srv)?:\/\/[\w.%-]+:[^@\s"'`$*<{]+@[\w.-]+/.exec(text);
      assert.equal(secret, null, `${entry.name} holds credentials: ${secret?.[0]}`);
    }
  });
});

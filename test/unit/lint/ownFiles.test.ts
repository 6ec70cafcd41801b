// What Migratory itself hands to people has nothing that its lint finds: samples, and the templates of new migrations.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lintSource } from '../../../src/migration/lint/lint';
import { lintRuleIds, lintRules } from '../../../src/migration/lint/rules';
import { filled } from '../support/snippet';
import { renderTemplate, templateKinds } from '../../../src/migration/templates';

const root = join(import.meta.dirname, '..', '..', '..');
const found = (text: string, file: string): string[] =>
  lintSource(text, file, { serverVersion: '6.0.27', database: 'shop' }).map(({ rule, start }) => {
    return `${file}:${text.slice(0, start).split('\n').length} ${rule}`;
  });

describe('lint of our own files', () => {
  it('finds nothing in the samples but what they ignore for a reason', async () => {
    const folder = join(root, 'samples', 'shop', 'migrations');
    const names = await readdir(folder);
    assert.ok(names.length >= 7);
    for (const name of names) {
      const text = await readFile(join(folder, name), 'utf8');
      assert.deepEqual(found(text, name), []);
      const without = text.replaceAll(/^.*migrate-ignore.*\n/gm, '');
      const expected = name.includes('movie-defaults') ? [`${name}:9 L7`] : [];
      assert.deepEqual(found(without, name), expected);
    }
  });

  for (const [language, extension] of [
    ['javascript', 'js'],
    ['typescript', 'ts'],
    ['python', 'py'],
  ] as const) {
    for (const kind of templateKinds(language)) {
      it(`finds nothing in a new ${kind} in ${language}`, () => {
        const text = renderTemplate(kind, { language, moduleSystem: 'esm', description: 'orders are open' });
        assert.deepEqual(found(text, `a.${extension}`), [], text);
      });
    }
  }

  for (const [language, extension] of [
    ['javascript', 'js'],
    ['typescript', 'ts'],
    ['python', 'py'],
  ] as const) {
    it(`finds nothing in the snippets for ${language}`, async () => {
      const file = await readFile(join(root, 'snippets', `${language}.json`), 'utf8');
      const snippets = JSON.parse(file) as Record<string, { body: string[] }>;
      for (const [title, { body }] of Object.entries(snippets)) {
        assert.deepEqual(found(filled(body.join('\n')), `a.${extension}`), [], title);
      }
    });
  }

  it('has the rules’ titles in the settings', async () => {
    const strings = JSON.parse(await readFile(join(root, 'package.nls.json'), 'utf8')) as Record<
      string,
      string
    >;
    for (const id of lintRuleIds) assert.equal(strings[`lint.${id}`], lintRules[id].title);
  });
});

// Every rule has a page whose bad example it finds, and whose good example has no finding at all.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LintContext } from '../../../src/migration/lint/finding';
import { lintSource } from '../../../src/migration/lint/lint';
import { lintRuleIds, lintRules, type LintRuleId } from '../../../src/migration/lint/rules';

const folder = join(import.meta.dirname, '..', '..', '..', 'docs', 'lint');

/** What the pages say that is known. */
const known: Partial<Record<LintRuleId, LintContext>> = {
  L21: { serverVersion: '5.0.31' },
  L24: { changed: new Set(['orders-status']) },
  L25: { duplicates: new Set(['orders-status']) },
};

function example(page: string, heading: string): string {
  const found = new RegExp(`^## ${heading}\\n+\`\`\`js\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)?.[1];
  assert.ok(found, `no example under "${heading}"`);
  return found;
}

describe('the pages of the lint rules', () => {
  it('are one for each rule, and are all in the table', async () => {
    const pages = (await readdir(folder)).filter((name) => name !== 'README.md');
    assert.deepEqual(pages.sort(), lintRuleIds.map((id) => `${id}.md`).sort());
    const index = await readFile(join(folder, 'README.md'), 'utf8');
    for (const id of lintRuleIds) {
      const { title, severity } = lintRules[id];
      const cells = index
        .split('\n')
        .find((line) => line.startsWith(`| [${id}](`))
        ?.split('|')
        .map((cell) => cell.trim());
      assert.deepEqual(cells?.slice(1, 4), [
        `[${id}](${id}.md)`,
        title,
        severity === 'warn' ? 'warning' : 'error',
      ]);
    }
  });

  for (const id of lintRuleIds) {
    it(`${id}: the bad example is found, the good one is not`, async () => {
      const page = await readFile(join(folder, `${id}.md`), 'utf8');
      assert.ok(page.startsWith(`# ${id}: ${lintRules[id].title}\n`), 'the title is another one');
      const article = lintRules[id].severity === 'warn' ? 'a warning' : 'an error';
      assert.match(page, new RegExp(`^By default ${article}\\.$`, 'm'));
      const rulesIn = (heading: string): string[] =>
        lintSource(example(page, heading), '20240101090000-example.js', known[id]).map(({ rule }) => rule);
      const bad = new Set(rulesIn('Found'));
      assert.ok(bad.has(id), `found ${[...bad].join(', ') || 'nothing'}`);
      assert.deepEqual(rulesIn('Not found'), [], 'the good example');
    });
  }
});

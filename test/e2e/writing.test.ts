// Writing a migration by keyboard in the packaged extension: the list that opens while typing, what it writes, and the
// hover under the mouse, with pictures in four themes.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import type { Theme, Workbench } from '../../tools/vscode/workbench';
import { eventually } from '../../tools/vscode/eventually';
import { scene } from './support/scene';

const name = '20240101000000-one.js';
const text = `module.exports = {
  async up(db) {
    await db.collection('films').updateMany({}, [{ $set: { seen: '$year' } }]);
    await db.collection('films').find({ });
  },
};
`;
const films = [
  { title: 'A', year: 1999, cast: [{ name: 'x', born: new Date() }] },
  { title: 'B', year: '2001' },
  { title: 'C', year: 2003, gross: 5.5 },
];

/** Types at the end of a text in the editor. */
async function typeBehind({ page }: Workbench, line: number, column: number, typed: string): Promise<void> {
  await page.keyboard.press('Control+g');
  await page.keyboard.type(`${line}:${column}`);
  await page.keyboard.press('Enter');
  await page.keyboard.type(typed, { delay: 60 });
}

function colour({ page }: Workbench, text: RegExp): Promise<string> {
  const span = page.locator('.view-line span span', { hasText: text }).first();
  return span.evaluate((element) => getComputedStyle(element).color);
}

/** While colours change, the editor may not notice where the mouse has come to: it is moved there again. */
function hoverUntil({ page }: Workbench, target: Locator, said: string): Promise<unknown> {
  const hover = page.locator('.monaco-hover:visible', { hasText: said });
  return eventually(
    `the hover "${said}"`,
    async () => {
      await page.mouse.move(0, 0);
      await target.hover();
      await hover.waitFor({ timeout: 5000 });
    },
    () => true,
  );
}

describe('writing a migration', () => {
  it('offers what the database holds and MongoDB knows, and explains it', () =>
    scene(
      'writing',
      { files: { [`migrations/${name}`]: text }, documents: { films } },
      async ({ window, folder }) => {
        const { page } = window;
        await window.openFile(name);
        await window.waitForLens('pending');
        const list = page.locator('.suggest-widget.visible');
        const column = text.split('\n')[3]?.indexOf('{ }') ?? 0;

        await typeBehind(window, 4, column + 3, 'y');
        const field = list.locator('.monaco-list-row', { hasText: 'year' }).first();
        await field.waitFor();
        assert.match((await field.textContent()) ?? '', /year.*int 67 %, string 33 %/);
        await window.screenshot('e2e-writing-field');
        await page.keyboard.press('Tab');
        await page.keyboard.type('{ $g', { delay: 60 });
        await list.locator('.monaco-list-row', { hasText: '$gte' }).first().waitFor();
        await window.screenshot('e2e-writing-operator');
        await page.keyboard.type('te', { delay: 60 });
        await page.keyboard.press('Tab');
        await page.keyboard.type('2000', { delay: 60 });
        await page.keyboard.press('Control+s');
        const saved = await eventually(
          'the file to be saved',
          () => readFile(join(folder, 'migrations', name), 'utf8'),
          (found) => found.includes('2000'),
        );
        assert.match(saved, /find\(\{ year: \{ \$gte: 2000 ?\} ?\}\)/);

        await page
          .locator('.view-line span', { hasText: /^\$set$/ })
          .first()
          .hover();
        const hover = page.locator('.monaco-hover:visible', { hasText: 'Adds fields to the documents' });
        await hover.waitFor();
        await window.screenshot('e2e-writing-hover-operator');
        for (const theme of ['light', 'hc-black', 'hc-light', 'dark'] satisfies Theme[]) {
          await window.setTheme(theme);
          await hoverUntil(
            window,
            page.locator('.view-line span', { hasText: '$year' }).last(),
            'In 100 % of the 3 documents',
          );
          await window.screenshot(`e2e-writing-hover-field-${theme}`);
          // The editor paints its lines anew some time after the theme has changed.
          const [operator, name, path, word] = await eventually(
            `the colours of ${theme}`,
            () =>
              Promise.all(
                [/^\$set$/, /^seen:?$/, /^\$year$/, /^'films'$/].map((text) => colour(window, text)),
              ),
            ([a, b, c, d]) => a !== b && c !== d,
          );
          assert.notEqual(operator, name, `${theme}: operators look like any name`);
          assert.notEqual(path, word, `${theme}: paths look like any string`);
        }
      },
    ));
});

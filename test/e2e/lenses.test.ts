// Lenses do not flicker: the first that are shown are the right ones, and they are drawn anew only when they say
// something else.
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scene } from './support/scene';

const script = `module.exports = {\n  async up() {},\n  async down() {},\n};\n`;

/** Everything that lenses on the screen have said, one entry for each time that some were drawn. */
const watchLenses = `
  window.drawnLenses = [];
  new MutationObserver((mutations) => {
    const touched = mutations.flatMap(({ target, addedNodes }) => [target, ...addedNodes]);
    const drawn = touched.filter((node) => node instanceof Element && node.matches('.codelens-decoration'));
    for (const row of new Set(drawn)) {
      window.drawnLenses.push([...row.querySelectorAll('a')].map((link) => link.textContent.trim()).join(' | '));
    }
  }).observe(document, { subtree: true, childList: true });`;

declare global {
  interface Window {
    drawnLenses: string[];
  }
}

describe('lenses', () => {
  it('are the right ones from the first, and stay while nothing of theirs changes', () =>
    scene(
      'lenses',
      { files: { 'migrations/20240101000000-one.js': script } },
      async ({ window: workbench, folder, db }) => {
        await workbench.openFile('20240101000000-one.js');
        await workbench.waitForLens('pending');
        await workbench.page.addInitScript(watchLenses);
        await workbench.reload();
        await workbench.waitForLens('pending');
        const target = `${db.databaseName} on `;
        const said = await workbench.page.evaluate(() => window.drawnLenses.filter((text) => text !== ''));
        assert.ok(said.length > 0);
        for (const text of said) {
          const [run, dryRun, validate, state, where] = text.replaceAll('\u00a0', '').split(' | ');
          assert.deepEqual([run, dryRun, validate], ['Run', 'Dry run', 'Validate'], text);
          assert.match(state ?? '', /^(not checked|pending)$/, text);
          assert.ok(where?.startsWith(target), text);
        }

        await workbench.openContainer();
        await workbench.waitForRow('Migrations', '20240101000000-one.js', 'pending');
        await workbench.page.evaluate(() => void window.drawnLenses.splice(0));
        const other = join(folder, 'migrations', '20240102000000-two.js');
        for (let round = 0; round < 3; round++) {
          await writeFile(other, script);
          await workbench.waitForRow('Migrations', '20240102000000-two.js', 'pending');
          await rm(other);
          await workbench.waitForRows('Migrations', 'one migration', (rows) => rows.length === 1);
        }
        assert.deepEqual(await workbench.page.evaluate(() => window.drawnLenses), []);
      },
    ));

  it('stay the same while somebody types, also while the text does not parse', () =>
    scene(
      'typing',
      { files: { 'migrations/20240101000000-one.js': script } },
      async ({ window: workbench }) => {
        await workbench.openFile('20240101000000-one.js');
        const before = await workbench.waitForLens('pending');
        await workbench.page.evaluate(watchLenses);
        await workbench.openFile('20240101000000-one.js', 3);
        await workbench.page.keyboard.press('End');
        for (const key of "\n  // await db.collection('orders').find({") {
          await workbench.page.keyboard.type(key, { delay: 30 });
        }
        for (const key of '\nconst open = {{{') await workbench.page.keyboard.type(key, { delay: 30 });
        await workbench.page.locator('.squiggly-error').first().waitFor();
        assert.deepEqual(await workbench.waitForLens('pending'), before);
        const drawn = await workbench.page.evaluate(() => window.drawnLenses.filter((text) => text !== ''));
        const said = new Set(drawn.map((text) => text.replaceAll('\u00a0', '')));
        assert.ok(said.size <= 1, [...said].join('; '));
      },
    ));
});

// Lint as a person meets it: underlined code, and a number that leads to the rule's page.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../tools/vscode/eventually';
import { pictures } from './support/pictures';
import { scene } from './support/scene';

const file = 'migrations/20240101000000-open.js';
const script = `module.exports = {
  async up(db) {
    await db.collection('orders').updateMany({}, { $set: { status: 'open' } });
  },

  async down(db) {
    await db.collection('orders').updateMany({ status: 'open' }, { $unset: { status: '' } });
  },
};
`;

const oneWay = `module.exports = {
  async up(db) {
    await db.collection('orders').updateMany({ status: null }, { $set: { status: 'open' } });
  },
};
`;

describe('lint', () => {
  it('underlines, and leads to a page of its own', () =>
    scene('lint', { files: { [file]: script } }, async ({ window: workbench }) => {
      const { page } = workbench;
      await workbench.openFile('20240101000000-open.js', 3);
      await page.locator('.squiggly-error').first().waitFor({ timeout: 30_000 });
      await page.keyboard.press('F8');
      const marker = page.locator('.marker-widget');
      await marker.getByText('L3').waitFor();
      assert.match(
        (await marker.innerText()).replaceAll('\u00a0', ' '),
        /This changes every document of the collection/,
      );
      await pictures(workbench, 'lint-marker', () => marker.getByText('L3').waitFor());
      await marker.locator('a', { hasText: 'L3' }).click();
      await page.locator('.view-line', { hasText: 'A change of all documents, without a filter' }).waitFor();
      await workbench.screenshot('e2e-lint-page');
    }));

  it('is mended by the light bulb', () =>
    scene('light-bulb', { files: { [file]: oneWay } }, async ({ window: workbench, folder }) => {
      const { page } = workbench;
      await workbench.openFile('20240101000000-open.js', 1);
      const squiggly = page.locator('.squiggly-warning, .squiggly-error, .squiggly-info').first();
      await squiggly.waitFor();
      await page.keyboard.press('F8');
      await page.locator('.marker-widget').getByText('L1').waitFor();
      await page.keyboard.press('Escape');
      const menu = page.locator('.action-widget').filter({ hasText: 'Add down' });
      const open = async (): Promise<void> => {
        await page.keyboard.press('Control+.');
        await menu.getByText('Add down').waitFor();
        await menu.getByText('Mark as irreversible, with the reason').waitFor();
      };
      await pictures(workbench, 'light-bulb', open, async () => {
        await page.keyboard.press('Escape');
        await menu.waitFor({ state: 'hidden' });
      });
      await open();
      await menu.getByText('Add down').click();
      await page.locator('.view-line', { hasText: 'async down(' }).waitFor();
      await page.keyboard.press('Control+s');
      await eventually(
        'the file with its way back',
        () => readFile(join(folder, file), 'utf8'),
        (text) => text.includes('async down('),
      );
    }));
});

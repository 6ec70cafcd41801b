// Lint as a person meets it: underlined code, and a number that leads to the rule's page.
import assert from 'node:assert/strict';
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
      await workbench.screenshot('e2e-lint-marker');
      await marker.locator('a', { hasText: 'L3' }).click();
      await page.locator('.view-line', { hasText: 'A change of all documents, without a filter' }).waitFor();
      await workbench.screenshot('e2e-lint-page');
    }));
});

// Migrations in VS Code's own Test Explorer: a click rehearses them, and each part of the answer stands at its test.
import assert from 'node:assert/strict';
import { eventually } from '../../tools/vscode/eventually';
import { pictures } from './support/pictures';
import { scene } from './support/scene';

const leadsBack = `module.exports = {
  async up(db) {
    await db.collection('orders').updateMany({ status: null }, { $set: { status: 'open' } });
  },
  async down(db) {
    await db.collection('orders').updateMany({ status: 'open' }, { $unset: { status: '' } });
  },
};
`;
const addsUp = `module.exports = {
  async up(db) {
    await db.collection('orders').updateMany({ _id: { $gt: 0 } }, { $inc: { total: 1 } });
  },
  async down(db) {
    await db.collection('orders').updateMany({ _id: { $gt: 0 } }, { $inc: { total: -1 } });
  },
};
`;

describe('the Test Explorer', () => {
  it('rehearses all migrations by a click, and says which part of which one failed', () =>
    scene(
      'test-explorer',
      {
        files: {
          'migrations/20240101000000-leads-back.js': leadsBack,
          'migrations/20240102000000-adds-up.js': addsUp,
        },
        documents: { orders: [{ _id: 1, total: 1 }] as never },
      },
      async ({ window, db }) => {
        const { page } = window;
        await window.openContainer('Testing');
        const rows = page.locator('.test-explorer .monaco-list-row');
        await rows.filter({ hasText: 'leads-back' }).first().waitFor();
        await window.command('Test: Run All Tests');
        const labels = (): Promise<string[]> =>
          rows.evaluateAll((all) => all.map((row) => row.getAttribute('aria-label') ?? ''));
        await eventually('the outcome of both', labels, (all) =>
          [/leads-back\.js \(Passed/, /adds-up\.js \(Failed/].every((outcome) =>
            all.some((label) => outcome.test(label)),
          ),
        );
        await rows.filter({ hasText: 'adds-up' }).locator('.monaco-tl-twistie').click();
        const parts = await eventually('its three parts', labels, (all) => all.length === 5);
        assert.deepEqual(
          parts.slice(2).map((label) => /^(.*?) \((\w+)/.exec(label)?.slice(1)),
          [
            ['up', 'Passed'],
            ['up again', 'Failed'],
            ['down', 'Passed'],
          ],
        );
        await pictures(window, 'test-explorer');
        assert.deepEqual(await db.collection('orders').find().toArray(), [{ _id: 1, total: 1 }]);
        assert.deepEqual(
          (await db.listCollections().toArray()).map((one) => one.name),
          ['orders'],
        );
      },
    ));
});

// The trees and the lenses in their states, in a real workbench, with pictures in four themes.
import assert from 'node:assert/strict';
import { pictures } from './support/pictures';
import { scene } from './support/scene';

const script = `module.exports = {\n  async up() {},\n  async down() {},\n};\n`;
const fails = `module.exports = {\n  async up() {\n    throw new Error('total is null');\n  },\n  async down() {},\n};\n`;
const transform = `module.exports = {
  source: 'orders',
  filter: { total: { $type: 'string' } },
  transform: (order) => ({ $set: { total: Number(order.total) } }),
};
`;
const irreversible = `module.exports = {\n  irreversible: 'drops a field',\n  async up() {},\n};\n`;

const applied = (name: string): Record<string, unknown> => ({ name, appliedAt: new Date(), durationMs: 12 });

describe('the trees', () => {
  it('tell states, what a dry run has shown, and the stages of a test, flat and in groups', () =>
    scene(
      'tree',
      {
        files: {
          'migrations/20240101000000-first.js': script,
          'migrations/20240102000000-drop-field.js': irreversible,
          'migrations/20240103000000-fails.js': fails,
          'migrations/20240104000000-totals.js': transform,
          'migrations/20240105000000-last.js': script,
        },
        documents: {
          orders: [{ total: '12' }, { total: '7' }],
          _migrations: [
            '20231201000000-gone.js',
            '20240101000000-first.js',
            '20240102000000-drop-field.js',
          ].map(applied),
        },
      },
      async ({ window }) => {
        await window.openContainer();
        await window.waitForRow('Migrations', '20240102000000-drop-field.js', /^applied .* irreversible$/);
        await window.waitForRow('Migrations', '20231201000000-gone.js', 'file missing');
        await window.openFile('20240103000000-fails.js');
        await window.clickLens('Run');
        await window.confirmDialog();
        await window.waitForRow('Migrations', '20240103000000-fails.js', 'failed');
        await window.command('View: Close All Editors');
        await window.openFile('20240104000000-totals.js');
        await window.clickLens('Dry run');
        const row = await window.waitForLens(/^dry run passed .*, 2 documents would change$/);
        assert.ok(row.includes('pending'), row.join());
        await window.widenSideBar(560);
        for (const name of ['20240103000000-fails.js', '20240104000000-totals.js']) {
          await window.row('Migrations', name).locator('.monaco-tl-twistie').click();
        }
        await window.row('Migrations', 'orders').waitFor();
        await window.waitForRow('Migrations', 'orders', 'dry run: 2 changed');
        await window.row('Connections', 'local').hover();
        await window.row('Connections', 'local').getByRole('button', { name: 'Test Connection' }).click();
        await window.row('Connections', 'local').locator('.monaco-tl-twistie').click();
        await window.row('Connections', 'Test passed').locator('.monaco-tl-twistie').click();
        await window.row('Connections', 'Round trip').waitFor();
        // The page of the dry run beside the trees must not go blank with its colours.
        await pictures(window, 'tree', () => window.waitForWebview('Dry-run report'));

        await window.command('Migratory: Group Migrations by State');
        const groups = ['Needs Attention', 'Pending', 'Applied'];
        await window.waitForRows('Migrations', 'groups', (all) => {
          return (
            groups.join() ===
            all
              .filter(({ label }) => !label.endsWith('.js'))
              .map(({ label }) => label)
              .join()
          );
        });
        await window.screenshot('e2e-tree-grouped-dark');
        await window.command('Migratory: Show Migrations as a List');
        await window.waitForRows('Migrations', 'a list', (all) => all[0]?.label.endsWith('.js') === true);
      },
    ));
});

// What stands around the migrations: the walkthrough and the filter of the tree, with pictures in four themes.
import assert from 'node:assert/strict';
import { pictures } from './support/pictures';
import { scene } from './support/scene';

const script = `module.exports = {\n  async up() {},\n  async down() {},\n};\n`;

describe('the walkthrough', () => {
  it('leads through five steps, each with a picture in the colours of the theme', () =>
    scene('walkthrough', { files: { 'migrations/20240101000000-one.js': script } }, async ({ window }) => {
      await window.command('Migratory: Open Walkthrough');
      const page = window.page.locator('.gettingStartedContainer');
      await page.getByText('Get Started with Migratory').first().waitFor();
      const steps = [
        'Write a migration',
        'Connect a database',
        'Rehearse it',
        'Run and watch it',
        'Get back',
      ];
      for (const title of steps) {
        await page.getByRole('button', { name: title }).first().click();
        const picture = page.locator('.getting-started-media');
        await picture.locator('svg, iframe, .image').first().waitFor();
        await window.screenshot(`e2e-walkthrough-${title.toLowerCase().replaceAll(' ', '-')}`);
      }
      await pictures(window, 'walkthrough');
    }));
});

describe('the tree of migrations', () => {
  it('shows only the states that were chosen, says so, and shows all again', () =>
    scene(
      'filter',
      {
        files: {
          'migrations/20240101000000-one.js': script,
          'migrations/20240102000000-two.js': script,
          'migrations/20240103000000-three.js': script,
        },
        documents: { _migrations: [{ name: '20240101000000-one.js', appliedAt: new Date(), durationMs: 5 }] },
      },
      async ({ window }) => {
        await window.openContainer();
        await window.waitForRow('Migrations', '20240101000000-one.js', /^applied/);
        await window.command('Migratory: Filter Migrations by State…');
        await window.checkOnly('Pending');
        const rows = await window.waitForRows('Migrations', 'two migrations', (all) => all.length === 2);
        assert.deepEqual(
          rows.map(({ label }) => label),
          ['20240102000000-two.js', '20240103000000-three.js'],
        );
        await window.view('Migrations').getByText('Filtered: 2 of 3 migrations are shown.').waitFor();
        await pictures(window, 'filter');
        await window.command('Migratory: Show All Migrations');
        await window.waitForRows('Migrations', 'all three', (all) => all.length === 3);
      },
    ));
});

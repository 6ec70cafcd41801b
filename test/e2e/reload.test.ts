// A run outlives the window that started it: the window finds it again, in tree, lens and panel, and is obeyed.
import { untilRunIs } from './support/runs';
import { scene } from './support/scene';

const name = '20240101000000-endless.js';
const endless = `module.exports = {
  async up(db) {
    for (;;) await db.collection('orders').findOne({});
  },
  async down() {},
};
`;

describe('a window that reloads', () => {
  it('leaves its run alone and finds it again', () =>
    scene('reload', { files: { [`migrations/${name}`]: endless } }, async ({ window, db }) => {
      await window.openFile(name);
      await window.waitForLens('pending');
      await window.clickLens('Run');
      await window.dialog();
      await window.confirmDialog();
      await window.waitForWebview('Running');
      const run = await untilRunIs(db, 'running');

      await window.reload();
      await window.openContainer();
      await window.waitForRow('Migrations', name, /^running/);
      await window.waitForWebview('Running');
      process.kill(run.pid, 0);

      await window.openFile(name);
      await window.waitForLens('Pause');
      await window.clickLens('Pause');
      await untilRunIs(db, 'paused');
      await window.waitForLens('Resume');
      await window.clickLens('Resume');
      await untilRunIs(db, 'running');
      await window.waitForLens('Cancel');
      await window.clickLens('Cancel');
      await untilRunIs(db, 'cancelled');
      await window.waitForRow('Migrations', name, /^pending/);
      await window.waitForWebview('Cancelled');

      // Its page is there before the connections are, and asks them for a record that is gone.
      await db.collection('_migratory_runs').deleteMany({});
      await window.reload();
      await window.waitForWebview(/There is no record of this run in .* any more\. Show Runs/);
    }));
});

// What happens on bad days, as a person sees it: failing, endless and killed runs, an untrusted folder, and
// connections that do not answer. Each says what is wrong and leaves a way on.
import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { guardedServer } from '../support/server';
import { untilGone, untilRunIs } from './support/runs';
import { applied, scene } from './support/scene';

const name = '20240101000000-one.js';
const path = `migrations/${name}`;

const harmless = `module.exports = {
  async up(db) {
    await db.collection('orders').insertOne({ by: 'up' });
  },
  async down(db) {
    await db.collection('orders').deleteMany({ by: 'up' });
  },
};
`;

const failing = `module.exports = {
  async up(db) {
    await db.collection('orders').updateOne({ _id: 1 }, { $set: { seen: true } });
    const order = await db.collection('orders').findOne({ _id: 404 });
    await db.collection('orders').updateOne({ _id: 2 }, { $set: { total: order.total } });
  },
};
`;

const endless = `module.exports = {
  async up(db) {
    for (;;) await db.collection('orders').findOne({});
  },
  async down() {},
};
`;

/** A port that refuses connections. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('a run that goes wrong', () => {
  it('that throws is named with its file, line and cause, and is not in the ledger', () =>
    scene(
      'failing',
      {
        files: { [path]: failing },
        documents: {
          orders: [
            { _id: 1, total: 1 },
            { _id: 2, total: 2 },
          ],
        },
      },
      async ({ window, db }) => {
        await window.openFile(name);
        await window.waitForLens('pending');
        await window.clickLens('Run');
        await window.dialog();
        await window.confirmDialog();
        const text = await window.waitForWebview('Failed');
        assert.match(text, /Cannot read properties of null \(reading 'total'\)/);
        assert.match(text, new RegExp(`${name.replaceAll('.', '\\.')}:5`));
        assert.deepEqual(await applied(db), []);
        await window.openContainer();
        await window.waitForRow('Migrations', name, /^failed/);
      },
    ));

  it('that never ends can be cancelled', () =>
    scene('endless', { files: { [path]: endless } }, async ({ window, db }) => {
      await window.openFile(name);
      await window.waitForLens('pending');
      await window.clickLens('Run');
      await window.dialog();
      await window.confirmDialog();
      await window.waitForLens('Cancel');
      await untilRunIs(db, 'running');
      await window.clickLens('Cancel');
      await window.waitForWebview('Cancelled');
      const run = await untilRunIs(db, 'cancelled');
      await untilGone(run.pid);
      assert.deepEqual(await applied(db), []);
      await window.waitForLens('Run');
    }));

  it('whose process is killed is interrupted, and nothing hangs', () =>
    scene('killed', { files: { [path]: endless } }, async ({ window, db }) => {
      await window.openFile(name);
      await window.waitForLens('pending');
      await window.clickLens('Run');
      await window.dialog();
      await window.confirmDialog();
      await window.waitForLens('Cancel');
      const run = await untilRunIs(db, 'running');
      process.kill(run.pid, 'SIGKILL');
      await window.waitForWebview('Interrupted');
      await window.openContainer();
      await window.waitForRow('Migrations', name, /^interrupted/);
      assert.deepEqual(await applied(db), []);
    }));
});

describe('an untrusted folder', () => {
  it('can be read and written in, but nothing of it is run', () =>
    scene('restricted', { files: { [path]: harmless }, restricted: true }, async ({ window, db }) => {
      await window.openFile(name);
      await window.waitForLenses([['Restricted Mode']]);
      // Showing runs is reading; everything that would start one is gone from the palette.
      const found = await window.findCommands('Migratory: Run', 'Migratory: Show Run');
      assert.ok(!found.some((title) => /: (Run|Dry Run|Roll Back|Validate)\b/.test(title)), found.join(', '));
      await window.clickLens('Restricted Mode');
      await window.page.getByText('You are in Restricted Mode').first().waitFor();
      assert.deepEqual(await db.listCollections().toArray(), []);
    }));
});

describe('a connection that does not answer', () => {
  it('that is missing is asked for', () =>
    scene('no-connection', { files: { [path]: harmless }, connections: {} }, async ({ window }) => {
      await window.openFile(name);
      await window.waitForLenses([['Run', 'Dry run', 'Validate', 'not checked', 'no connection']]);
      await window.openContainer();
      await window.view('Connections').getByText('Add Connection').first().waitFor();
    }));

  it('because nobody listens says so within seconds, with a way to try again', async () => {
    const port = await closedPort();
    const connections = { local: { uri: `mongodb://127.0.0.1:${port}`, database: 'shop' } };
    await scene('server-down', { files: { [path]: harmless }, connections }, async ({ window }) => {
      await window.openContainer();
      await window.view('Migrations').getByText(`Nothing listens on 127.0.0.1:${port}`).first().waitFor();
      await window.row('Migrations', 'Retry').waitFor();
      await window.waitForRow('Migrations', name, 'not checked');
    });
  });

  it('because the password is wrong says so without repeating it', async () => {
    const { servers } = await guardedServer();
    const secret = 'not-the-password-8d1f';
    const uri = servers.uri.replace(/:[^:@/]+@/, `:${secret}@`);
    const connections = { local: { uri, database: 'shop' } };
    await scene('wrong-password', { files: { [path]: harmless }, connections }, async ({ window }) => {
      await window.openContainer();
      const failure = window.view('Migrations').getByText('refused the login').first();
      await failure.waitFor();
      const shown = await window.page.locator('body').innerText();
      assert.ok(!shown.includes(secret), 'the password is on the screen');
    });
  });
});

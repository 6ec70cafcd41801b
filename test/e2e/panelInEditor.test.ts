// The run panel in the packaged extension, worked by the keyboard alone: what is pressed reaches the run, documents
// open in the editor, and the real themes of VS Code make it no less accessible.
import assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { eventually } from '../../tools/vscode/eventually';
import type { Workbench } from '../../tools/vscode/workbench';
import { violations } from './support/axe';
import { pictures } from './support/pictures';
import { untilRunIs } from './support/runs';
import { applied, scene } from './support/scene';

const name = '20240101000000-cents.js';
const count = 2_000;
const cents = `module.exports = {
  source: 'orders',
  onError: 'quarantine',
  transform(order) {
    if (typeof order.total !== 'number') throw new Error('"' + order.total + '" is no number');
    return { $set: { cents: order.total * 100 } };
  },
};
`;
const orders = Array.from({ length: count }, (_, _id) => ({ _id, total: _id === 3 ? 'three' : _id }));

async function frameOf(window: Workbench): Promise<Frame> {
  const body = await window.webview().locator('body').elementHandle();
  const frame = await body?.ownerFrame();
  assert.ok(frame, 'there is no panel');
  return frame;
}

describe('the panel in the editor', () => {
  it('pauses, resumes and holds back a run by the keyboard, in every theme, and opens what went aside', () =>
    scene(
      'panel',
      {
        files: { [`migrations/${name}`]: cents },
        documents: { orders },
        config: { throttle: { docsPerSecond: 20 } },
      },
      async ({ window, db }) => {
        const { keyboard } = window.page;
        await window.openFile(name);
        await window.waitForLens('pending');
        await window.clickLens('Run');
        assert.match((await window.dialog()).detail, /File: 20240101000000-cents\.js/);
        await window.confirmDialog();
        await window.waitForWebview('20 documents a second');
        await untilRunIs(db, 'running');

        await keyboard.press('Control+2');
        const frame = await frameOf(window);
        const policy = await frame
          .locator('meta[http-equiv="Content-Security-Policy"]')
          .getAttribute('content');
        assert.match(policy ?? '', /^default-src 'none'; script-src 'nonce-[0-9a-f]{32}';/);
        assert.doesNotMatch(policy ?? '', /unsafe/);
        const focused = (): Promise<string> =>
          frame.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
        const tabTo = (label: string): Promise<string> =>
          eventually(
            `the focus on ${label}`,
            async () => {
              if ((await focused()) !== label) await keyboard.press('Tab');
              return focused();
            },
            (at) => at === label,
          );
        await tabTo('Pause');
        await keyboard.press('Enter');
        await untilRunIs(db, 'paused');
        await window.waitForWebview('Paused');
        assert.equal(await focused(), 'Resume');
        await keyboard.press('Space');
        await untilRunIs(db, 'running');

        await tabTo('Open file');
        await keyboard.press('Tab');
        await keyboard.press('End');
        await window.waitForWebview(/Applied.*1 document in quarantine/);
        assert.deepEqual(await applied(db), [name]);
        assert.equal(await db.collection('orders').countDocuments({ cents: { $exists: true } }), count - 1);
        assert.deepEqual((await untilRunIs(db, 'applied')).throttle, {});

        for (const theme of ['light', 'hc-light', 'hc-black', 'dark'] as const) {
          await window.setTheme(theme);
          await window.screenshot(`e2e-panel-${theme}`);
          assert.deepEqual(await violations(frame), [], theme);
        }

        await window.webview().getByRole('button', { name: 'Open document: 3', exact: true }).press('Enter');
        await window.page.getByRole('tab', { name: /^orders\.json/ }).waitFor();
        const text = window.page.locator('.editor-group-container.active .view-lines');
        await text.getByText('"three"').waitFor();
      },
    ));

  it('leads from a refused run on production over its dry run to the run, with the name typed', () =>
    scene(
      'production',
      {
        files: { [`migrations/${name}`]: cents },
        documents: { orders: orders.slice(0, 50) },
        production: true,
      },
      async ({ window, db }) => {
        await window.openFile(name);
        await window.waitForLens('pending');
        await window.clickLens('Run');
        const refusal = await window.dialog();
        assert.match(refusal.message, /^No dry run of "20240101000000-cents\.js" has passed on shop_/);
        await window.screenshot('e2e-production-refused');
        await window.confirmDialog();
        await window.waitForWebview('Dry run Succeeded');
        assert.deepEqual(await applied(db), []);

        const ask = async (): Promise<void> => {
          await window
            .webview()
            .getByRole('button', { name: `Run: ${name}`, exact: true })
            .click();
          const question = await window.dialog();
          assert.match(question.detail, /This is a PRODUCTION connection/);
          assert.match(question.detail, /Dry run passed: (just now|1 min ago), about 50 documents/);
        };
        await pictures(window, 'production-question', ask, () => window.dismissDialog());
        assert.deepEqual(await applied(db), []);
        await ask();
        await window.confirmDialog();
        const input = window.page.locator('.quick-input-widget input[type=text]');
        await input.waitFor();
        await window.screenshot('e2e-production-name');
        await window.page.keyboard.type('another');
        await window.page.keyboard.press('Enter');
        assert.deepEqual(await applied(db), []);
        await input.fill(db.databaseName);
        await window.page.keyboard.press('Enter');
        await window.waitForWebview(/Applied.*1 document in quarantine/);
        assert.deepEqual(await applied(db), [name]);
      },
    ));
});

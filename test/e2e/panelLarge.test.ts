// The run panel in a real browser with what is hard to lay out and what could freeze a page: many steps, long names
// and logs, documents of megabytes; and names, ids and texts that look like HTML.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { ConflictEvent, DryRunReport, QuarantinedEvent, RunSnapshot } from '../../src/protocol/events';
import { panelSnapshot } from '../../src/vscode/panelSnapshot';
import { english } from '../../src/vscode/words';
import { dryRun, failed, quarantined, several } from '../unit/webview/fixtures';
import { largeSnapshots } from '../unit/webview/largeFixtures';
import { panelSuite, pictures } from './panel/suite';
import { themes, type ThemeName } from './panel/themes';
import { violations } from './support/axe';

function firstOf<T>(rows: readonly T[]): T {
  const [first] = rows;
  assert.ok(first);
  return first;
}

describe('The run panel with much in it', () => {
  const suite = panelSuite();
  const { open } = suite;

  for (const theme of Object.keys(themes) as ThemeName[]) {
    it(`is accessible and no wider than its page (${theme})`, async () => {
      for (const width of [320, 1200]) {
        const shown = await suite.harness.open(theme, width);
        for (const [name, snapshot] of Object.entries(largeSnapshots)) {
          await shown.show(snapshot);
          const wide = await shown.page.evaluate(
            () => document.documentElement.scrollWidth - window.innerWidth,
          );
          assert.ok(wide <= 0, `${name} at ${width} px is ${wide} px too wide`);
          const empty = await shown.page.evaluate(() => {
            const { bottom } = (document.querySelector('.page') as HTMLElement).getBoundingClientRect();
            return document.documentElement.scrollHeight - window.scrollY - Math.ceil(bottom);
          });
          assert.ok(empty <= 1, `${name} at ${width} px ends with ${empty} px of nothing`);
          // Colours and structure are the same at both.
          if (width === 320) assert.deepEqual(await violations(shown.page), [], name);
          await shown.page.screenshot({
            path: join(pictures, `${name}-${theme}-${width}.png`),
            fullPage: true,
          });
        }
        await shown.close();
      }
    });
  }

  it('keeps the migration at work in view in the list of many, and the list where somebody has scrolled it', async () => {
    const shown = await open(largeSnapshots.thirty);
    const list = shown.page.locator('ol.steps');
    const { picked, box, page } = await list.evaluate((element) => ({
      picked: (element.querySelector('.picked') as HTMLElement).getBoundingClientRect().toJSON() as DOMRect,
      box: element.getBoundingClientRect().toJSON() as DOMRect,
      page: window.innerHeight,
    }));
    assert.ok(box.height < page && picked.top >= box.top && picked.bottom <= box.bottom);
    await list.evaluate((element) => (element.scrollTop = 0));
    await shown.show(largeSnapshots.thirty);
    assert.equal(await list.evaluate((element) => element.scrollTop), 0);
  });

  it('shows a verification that failed above what is left of the migration', async () => {
    const shown = await open(largeSnapshots.unverified);
    const titles = await shown.page.locator('.top h2').allInnerTexts();
    assert.deepEqual(titles, ['What went wrong', 'Verification', 'Result']);
  });

  it('stays small with documents and texts of megabytes, and opens them whole', async () => {
    const huge = 'x'.repeat(3_000_000);
    const report = firstOf(dryRun.reports);
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`f${n}`, true]));
    const diffs: DryRunReport['diffs'] = [
      { collection: 'movies', id: 1, before: { text: huge }, after: { text: `${huge}y` } },
      { collection: 'movies', id: 2, before: {}, after: many },
      { collection: 'movies', id: 'i'.repeat(5_000), before: null, after: { text: 'x'.repeat(30_000) } },
    ];
    const snapshot = { ...dryRun, reports: [{ ...report, diffs, warnings: [huge] }] };
    const shown = await open(panelSnapshot(snapshot, english));
    const size = await shown.page.evaluate(() => ({
      nodes: document.querySelectorAll('*').length,
      characters: document.body.innerText.length,
    }));
    assert.ok(size.nodes < 3_000 && size.characters < 30_000, JSON.stringify(size));
    const samples = shown.page.locator('.sample');
    assert.match(await samples.nth(0).innerText(), /Too large to be compared here/);
    assert.match(await samples.nth(1).innerText(), /50 of 2,000 shown/);
    assert.match(await samples.nth(2).innerText(), /New document[^]*… 29,602 more characters/);
    await samples
      .nth(0)
      .getByRole('button', { name: /^Open diff/ })
      .click();
    const run = dryRun.run._id;
    assert.deepEqual(await shown.sent(), [{ type: 'openDiff', run, step: report.step, index: 0 }]);
    await samples.nth(1).getByRole('button', { name: 'Show more' }).click();
    await samples.nth(1).getByRole('row').nth(150).waitFor();
  });

  it('compares a conflict of large documents in the editor', async () => {
    const row: ConflictEvent = { ...firstOf(several.conflicts), current: { text: 'x'.repeat(3_000_000) } };
    const shown = await open(panelSnapshot({ ...several, conflicts: [row] }, english));
    const conflicts = shown.page.locator('.conflicts');
    assert.match(await conflicts.innerText(), /Now too large to be shown here/);
    await conflicts.getByRole('button', { name: /^Compare/ }).click();
    assert.deepEqual(
      (await shown.sent()).map((message) => message.type === 'openDocument' && message.of),
      ['conflicts'],
    );
  });

  it('treats ids, reasons, errors and lines of the log as text', async () => {
    const html = '<img src=x onerror="window.hit=1"><b>bold</b>';
    const conflict: ConflictEvent = {
      ...firstOf(several.conflicts),
      id: html,
      collection: html,
      reason: html,
      before: { [html]: html },
      current: html,
    };
    const aside: QuarantinedEvent = {
      ...firstOf(quarantined.quarantined),
      id: { [html]: html },
      reason: html,
    };
    const log: RunSnapshot['log'] = [{ at: html, level: html as 'info', message: html, step: html }];
    const report = firstOf(dryRun.reports);
    const diffs = [{ collection: html, id: html, before: { [html]: html }, after: { [html]: 1 } }];
    const error = {
      message: html,
      stack: html,
      name: html,
      file: html,
      cause: { message: html },
      code: html,
    };
    const steps = failed.run.steps.map((one) => ({ ...one, error, activity: html }));
    for (const snapshot of [
      { ...several, conflicts: [conflict], log },
      { ...quarantined, quarantined: [aside], log },
      { ...dryRun, reports: [{ ...report, diffs, warnings: [html] }] },
      { ...failed, run: { ...failed.run, steps, target: html, host: html } },
    ]) {
      const shown = await open(panelSnapshot(snapshot, english));
      assert.equal(await shown.page.locator('img, b:text-is("bold")').count(), 0);
      assert.ok((await shown.page.locator('main').innerText()).includes(html));
      assert.equal(await shown.page.evaluate(() => 'hit' in window), false);
      assert.deepEqual(shown.errors, []);
    }
  });
});

// The run panel alone in a real browser: every state in the four kinds of themes and three widths, without an
// accessibility violation, a policy violation or anything wider than the page; and what its buttons send.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSnapshot } from '../../src/protocol/events';
import {
  allSnapshots,
  applied,
  dryRun,
  failed,
  quarantined,
  refused,
  running,
  runOf,
  several,
  severalFailed,
  snapshotOf,
  step,
  undone,
} from '../unit/webview/fixtures';
import type { Panel } from './panel/panelPage';
import { panelSuite, pictures } from './panel/suite';
import { themes, type ThemeName } from './panel/themes';
import { violations } from './support/axe';

const root = join(import.meta.dirname, '..', '..');
const themeNames = Object.keys(themes) as ThemeName[];

/** A run that goes on is as old as its clock says; the fixture's dates are fixed. */
function asOfNow(snapshot: RunSnapshot): RunSnapshot {
  const copy = structuredClone(snapshot);
  if (!copy.run.endedAt) copy.run.startedAt = new Date(Date.now() - 52_000).toISOString();
  return copy;
}

function picture({ page }: Panel, name: string): Promise<unknown> {
  return page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

describe('The run panel', () => {
  const suite = panelSuite();
  const open = (snapshot: RunSnapshot, theme?: ThemeName, width?: number): Promise<Panel> =>
    suite.open(asOfNow(snapshot), theme, width);

  for (const theme of themeNames) {
    it(`is accessible, within its policy and no wider than its page in every state (${theme})`, async () => {
      for (const width of [300, 700, 1200]) {
        const shown = await suite.harness.open(theme, width);
        for (const [name, snapshot] of Object.entries(allSnapshots)) {
          await shown.show(asOfNow(snapshot));
          const overflow = await shown.page.evaluate(
            () => document.documentElement.scrollWidth - window.innerWidth,
          );
          assert.ok(overflow <= 0, `${name} at ${width} px is ${overflow} px too wide`);
          if (width !== 700 || theme === 'dark') await picture(shown, `${name}-${theme}-${width}`);
          // Colours and structure are the same at every width but for narrow tables.
          if (width === 700 || (width === 300 && theme === 'dark'))
            assert.deepEqual(await violations(shown.page), [], `${name} at ${width} px`);
        }
        assert.deepEqual(await shown.page.evaluate(() => window.policyViolations), []);
        assert.deepEqual(shown.errors, []);
        await shown.close();
      }
    });
  }

  it('says what, which way, in which state, where, since when and by whom', async () => {
    const { page } = await open(running);
    const header = (await page.locator('header').innerText()).replaceAll(/\s+/g, ' ');
    assert.match(
      header,
      /20260302094107-population-buckets\.js Run Running 1 document in quarantine Pause Cancel Target shop on localhost:27017/,
    );
    assert.match(header, /Elapsed (\d+m )?\d+s Started by VS Code on build-07/);
    const bar = page.getByRole('progressbar');
    assert.equal(await bar.getAttribute('aria-valuenow'), '42');
    assert.match(await page.locator('.progress').innerText(), /59,340\s+of 138,398/);
  });

  it('marks production and offers Resume for a paused run', async () => {
    const shown = await open(allSnapshots.production);
    assert.match(await shown.page.locator('header .target').innerText(), /Production/);
    await shown.page.getByRole('button', { name: 'Resume' }).click();
    const run = allSnapshots.production.run._id;
    assert.deepEqual(await shown.sent(), [{ type: 'control', run, control: 'resume' }]);
  });

  it('is worked by the keyboard alone, and a resting button says why and sends nothing', async () => {
    const shown = await open(allSnapshots.checking);
    await shown.page.keyboard.press('Tab');
    const pause = shown.page.getByRole('button', { name: 'Pause' });
    assert.equal(await pause.evaluate((element) => element === document.activeElement), true);
    assert.equal(await pause.getAttribute('aria-disabled'), 'true');
    assert.equal(await pause.getAttribute('title'), 'Possible as soon as documents are being changed');
    await shown.page.keyboard.press('Enter');
    assert.deepEqual(await shown.sent(), []);
    await shown.page.keyboard.press('Tab');
    await shown.page.keyboard.press('Space');
    const run = allSnapshots.checking.run._id;
    assert.deepEqual(await shown.sent(), [{ type: 'control', run, control: 'cancel' }]);
  });

  it('is walked through by Tab alone: everything that can be pressed, in the order of the page, seen', async () => {
    for (const name of ['running', 'several', 'dry-run', 'refused'] as const) {
      const shown = await suite.harness.open('high-contrast', 700);
      await shown.show(asOfNow(allSnapshots[name]));
      const expected = await shown.page.evaluate(() => {
        const pressable = 'button, summary, input, [tabindex="0"]';
        return [...document.querySelectorAll(pressable)].map((element, place) => {
          element.setAttribute('data-place', String(place));
          return place;
        });
      });
      assert.ok(expected.length > 5, name);
      const walked: number[] = [];
      for (const place of expected) {
        await shown.page.keyboard.press('Tab');
        const at = await shown.page.evaluate(() => {
          const element = document.activeElement as HTMLElement;
          const { outlineStyle, outlineWidth } = getComputedStyle(element);
          const ring = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0;
          return { place: Number(element.dataset['place'] ?? -1), ring };
        });
        assert.ok(at.ring, `${name}: the focus on ${place} is not seen`);
        walked.push(at.place);
      }
      assert.deepEqual(walked, expected, name);
      await shown.close();
    }
  });

  it('keeps the keyboard where it is when a button changes under it', async () => {
    const shown = await open(running);
    const focused = (): Promise<string> =>
      shown.page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
    await shown.page.keyboard.press('Tab');
    assert.equal(await focused(), 'Pause');
    await shown.show(asOfNow(allSnapshots.production));
    assert.equal(await focused(), 'Resume');
  });

  it('changes the speed limit by the slider, and shows what was chosen until the run obeys', async () => {
    const shown = await open(running);
    const slider = shown.page.getByRole('slider', { name: 'Speed limit' });
    assert.equal(await slider.getAttribute('aria-valuetext'), 'No limit');
    await slider.focus();
    for (let press = 0; press < 3; press++) await shown.page.keyboard.press('ArrowLeft');
    await shown.page.waitForFunction(() => window.sent.some((message) => message.type === 'throttle'));
    const run = running.run._id;
    assert.deepEqual(await shown.sent(), [{ type: 'throttle', run, docsPerSecond: 20_000 }]);
    await shown.show(asOfNow(running));
    assert.equal(await slider.getAttribute('aria-valuetext'), '20,000 documents a second');
    assert.equal(await slider.inputValue(), '10');
    // Somebody else has changed it meanwhile, and the run says so.
    const theirs = { ...running, run: { ...running.run, throttle: { docsPerSecond: 20_000 } } };
    await shown.show(asOfNow(theirs));
    await shown.show(asOfNow({ ...running, run: { ...running.run, throttle: { docsPerSecond: 750 } } }));
    assert.equal(await slider.getAttribute('aria-valuetext'), '750 documents a second');
    await shown.page.keyboard.press('End');
    await shown.page.waitForFunction(() => window.sent.some((message) => message.type === 'throttle'));
    assert.deepEqual(await shown.sent(), [{ type: 'throttle', run, docsPerSecond: null }]);
    await shown.show(applied);
    assert.equal(await slider.count(), 0);
  });

  it('says of an undone run that nothing is left of it, and shows no bar', async () => {
    const { page } = await open(undone);
    assert.match(await page.locator('header').innerText(), /Failed and undone/);
    const words = (await page.locator('.progress').innerText()).replaceAll(/\s+/g, ' ');
    assert.match(
      words,
      /Nothing of it is left All 41,200 documents that it had changed are back as they were/,
    );
    assert.equal(await page.getByRole('progressbar').count(), 0);
    assert.doesNotMatch(words, /100/);
    const aside = page.locator('.quarantine');
    assert.match(await aside.innerText(), /nothing of them is kept aside any more[^]*"unknown"/);
    assert.equal(await aside.getByRole('button', { name: /^(Retry|Discard)/ }).count(), 0);
  });

  it('has a button for each failed check that it can do something about', async () => {
    const shown = await open(refused);
    assert.match(await shown.page.locator('.failure').innerText(), /Nothing was changed/);
    await shown.page.getByRole('button', { name: /^Select connection/ }).click();
    await shown.page.getByRole('button', { name: /^Run required first/ }).click();
    assert.deepEqual(await shown.sent(), [
      { type: 'action', command: 'migratory.selectConnection' },
      { type: 'again', command: 'run', names: ['1-base.js'] },
    ]);
    await shown.page.getByRole('button', { name: /^Copy command/ }).click();
    await shown.page.getByText('Copied').waitFor();
    const copied = await shown.page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, 'db.movies.createIndex({"Release Date":1})');
  });

  it('opens documents that went aside', async () => {
    const shown = await open(several);
    const run = several.run._id;
    const step = '20260302094107-population-buckets.js';
    await shown.page.getByRole('button', { name: 'Compare: 3114714' }).click();
    await shown.page.getByRole('button', { name: 'Open document: 2960316' }).click();
    const row = { type: 'openDocument', run, step, collection: 'cities' };
    assert.deepEqual(await shown.sent(), [
      { ...row, of: 'conflicts', id: '{"$numberInt":"3114714"}' },
      { ...row, of: 'quarantine', id: '{"$numberInt":"2960316"}' },
    ]);
  });

  it('leads from each of several errors to its migration, its document and its line', async () => {
    const shown = await open(severalFailed);
    const errors = shown.page.locator('.errors');
    assert.equal(await errors.getByRole('row').count(), 3);
    await errors.getByRole('button', { name: 'Line 12: 20260302094107-population-buckets.js' }).click();
    await errors.getByRole('button', { name: 'Open document: 65e2f3c9a1b2c3d4e5f6000c' }).click();
    await errors.getByTitle('Show 20260305080000-split-names.ts').click();
    await shown.page.locator('.failure').getByText('E11000').waitFor();
    await shown.page
      .locator('.failure')
      .getByRole('button', { name: /^Open document/ })
      .click();
    const document = {
      type: 'openDocument',
      run: severalFailed.run._id,
      of: 'errors',
      step: '20260305080000-split-names.ts',
      collection: 'people',
      id: '{"$oid":"65e2f3c9a1b2c3d4e5f6000c"}',
    };
    assert.deepEqual(await shown.sent(), [
      {
        type: 'openFile',
        file: '/work/shop/migrations/20260302094107-population-buckets.js',
        line: 12,
        column: 38,
      },
      document,
      document,
    ]);
    await shown.show(failed);
    assert.equal(await shown.page.locator('.errors').count(), 0);
  });

  it('leads from a document in quarantine to the line that it failed at', async () => {
    const shown = await open(quarantined);
    await shown.page
      .locator('.quarantine')
      .getByRole('button', { name: /^Line 18: .*buckets\.js$/ })
      .first()
      .click();
    const file = '/work/shop/migrations/20260302094107-population-buckets.js';
    assert.deepEqual(await shown.sent(), [{ type: 'openFile', file, line: 18, column: 13 }]);
  });

  it('stands still for those who want no motion, and moves for the others', async () => {
    for (const [reduced, expected] of [
      [true, 'none'],
      [false, 'spin'],
    ] as const) {
      const shown = await suite.harness.open('dark', 700, reduced);
      await shown.show(asOfNow(running));
      const moving = shown.page.locator('header .spin');
      assert.equal(await moving.evaluate((element) => getComputedStyle(element).animationName), expected);
      await shown.close();
    }
  });

  it('lets people decide about conflicts and quarantine, and take the rest of a run up again', async () => {
    const shown = await open(several);
    const name = '20260302094107-population-buckets.js';
    const conflicts = shown.page.locator('.conflicts');
    await conflicts.getByRole('button', { name: 'Restore: 3114714' }).click();
    await conflicts.getByRole('button', { name: 'Keep all' }).click();
    const quarantine = shown.page.locator('.quarantine');
    await quarantine.getByRole('button', { name: 'Retry all' }).click();
    await quarantine.getByRole('button', { name: 'Discard all…' }).click();
    await quarantine.getByRole('button', { name: 'Retry: 2960316' }).click();
    await quarantine.getByRole('button', { name: 'Discard…: 2960323' }).click();
    await shown.page.getByRole('button', { name: 'Roll back the rest: 3 migrations' }).click();
    assert.deepEqual(await shown.sent(), [
      { type: 'resolve', decision: 'restore', name, id: '{"$numberInt":"3114714"}' },
      { type: 'resolve', decision: 'keep', name, id: undefined },
      { type: 'quarantine', decision: 'retry', name },
      { type: 'quarantine', decision: 'discard', name },
      { type: 'quarantine', decision: 'retry', name, id: '{"$numberInt":"2960316"}' },
      { type: 'quarantine', decision: 'discard', name, id: '{"$numberInt":"2960323"}' },
      { type: 'again', command: 'rollBack', names: several.run.steps.map((one) => one.name) },
    ]);
  });

  it('turns the way out of an error into a button, where there is a command for it', async () => {
    const action = { label: 'Select Connection', command: 'migratory.selectConnection' };
    const error = { message: 'The connection is read-only.', user: true, action };
    const shown = await open(
      snapshotOf(runOf([step('a.js', { state: 'failed', error })], { state: 'failed' })),
    );
    await shown.page.getByRole('button', { name: 'Select Connection' }).click();
    assert.deepEqual(await shown.sent(), [{ type: 'action', command: 'migratory.selectConnection' }]);
  });

  it('opens the place of an error, and runs the migration again', async () => {
    const shown = await open(failed);
    await shown.page.getByRole('button', { name: 'Open 20260305080000-split-names.ts:27' }).click();
    await shown.page.getByRole('button', { name: 'Run again: 20260305080000-split-names.ts' }).click();
    assert.deepEqual(await shown.sent(), [
      { type: 'openFile', file: '/work/shop/migrations/20260305080000-split-names.ts', line: 27, column: 11 },
      { type: 'command', command: 'run', name: '20260305080000-split-names.ts' },
    ]);
    assert.equal(await shown.page.locator('.failure pre').count(), 0);
    await shown.page.getByText('Stack trace').click();
    assert.match(await shown.page.locator('.failure pre').innerText(), /at up/);
  });

  it('shows what a dry run found, and opens a diff in the editor', async () => {
    const shown = await open(dryRun);
    assert.match(await shown.page.locator('header').innerText(), /1 document would go into quarantine/);
    const aside = shown.page.locator('.quarantine');
    assert.match(await aside.innerText(), /would go into quarantine: the migration could not take them/);
    assert.equal(await aside.getByRole('button', { name: /^(Retry|Discard)/ }).count(), 0);
    const words = (await shown.page.locator('.report').innerText()).replaceAll(/\s+/g, ' ');
    assert.match(words, /Repeatable Yes A second run changed nothing\./);
    assert.match(words, /Reversible No After down, 994 documents lack "Major Genre"\./);
    assert.match(words, /"Jun 12 1998" String 1998-06-12T00:00:00Z Date/);
    await shown.page
      .getByRole('button', { name: /Open diff/ })
      .nth(1)
      .click();
    assert.deepEqual(await shown.sent(), [
      { type: 'openDiff', run: dryRun.run._id, step: '20260301101500-release-dates.js', index: 1 },
    ]);
  });

  it('keeps what was picked and opened when it is hidden and comes back', async () => {
    const shown = await open(several);
    await shown.page.getByRole('button', { name: /release-dates/ }).click();
    await shown.page.getByText('5 checks passed').click();
    await shown.page.getByText('Source data exists').waitFor();
    await shown.page.reload();
    await shown.show(several);
    assert.match(await shown.page.locator('.step.picked').innerText(), /release-dates/);
    assert.match(await shown.page.locator('.checks').first().innerText(), /Source data exists/);
  });

  it('says how many rows it shows and shows more on demand', async () => {
    const shown = await open(several);
    const quarantine = shown.page.locator('.quarantine');
    assert.equal(await quarantine.getByRole('row').count(), 21);
    assert.match(await quarantine.locator('.shown').innerText(), /20 of 431 shown/);
    await quarantine.getByRole('button', { name: 'Show more' }).click();
    await quarantine.getByRole('button', { name: 'Show more' }).click();
    await quarantine.getByRole('row').nth(120).waitFor();
    assert.equal(await quarantine.getByRole('row').count(), 121);
    assert.match(await quarantine.locator('.shown').innerText(), /120 of 431 shown.*no more than 120 rows/);
  });

  it('follows the log unless somebody has scrolled up, and copies it whole', async () => {
    const lines = (count: number): RunSnapshot['log'] =>
      Array.from({ length: count }, (_, n) => ({
        at: '2026-03-02T09:41:07.000Z',
        level: 'info',
        message: `line ${n}`,
      }));
    const shown = await open({ ...running, log: lines(300) });
    const box = shown.page.locator('.lines');
    const atEnd = (): Promise<boolean> =>
      box.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 8);
    assert.equal(await atEnd(), true);
    assert.match(await shown.page.locator('.log .shown').innerText(), /200 of 300 shown/);
    await box.evaluate((element) => {
      element.scrollTop = 0;
      element.dispatchEvent(new Event('scroll'));
    });
    await shown.show({ ...asOfNow(running), log: lines(310) });
    assert.equal(await atEnd(), false);
    await shown.page.getByRole('button', { name: 'Copy log' }).click();
    await shown.page.getByRole('button', { name: 'Copied' }).waitFor();
    const copied = await shown.page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied.trimEnd().split('\n').length, 310);
    assert.match(copied, /^2026-03-02T09:41:07\.000Z INFO line 0\n/);
  });

  it('tells changes of state and every tenth of the way to screen readers', async () => {
    const shown = await open(running);
    const status = shown.page.getByRole('status');
    assert.equal((await status.innerText()).trim(), '20260302094107-population-buckets.js: Running');
    const [first] = running.run.steps;
    assert.ok(first);
    const at = (processed: number): RunSnapshot => ({ ...running, run: runOf([{ ...first, processed }]) });
    await shown.show(at(60_000));
    assert.equal((await status.innerText()).trim(), '20260302094107-population-buckets.js: Running');
    await shown.show(at(70_000));
    assert.equal((await status.innerText()).trim(), '20260302094107-population-buckets.js: 50% done');
  });

  it('shows what it can of broken data, and treats what authors wrote as text', async () => {
    const broken = step('<img src=x onerror=alert(1)>', {
      state: 'running',
      checks: [
        null as never,
        { id: 'a', check: 'A check', severity: 'error', outcome: 'failed', details: '<b>bold</b>' },
      ],
    });
    const shown = await open(snapshotOf(runOf([broken])));
    assert.equal(await shown.page.locator('h1').innerText(), '<img src=x onerror=alert(1)>');
    assert.match(await shown.page.locator('main').innerText(), /This part could not be shown/);
    await shown.receive(null as never);
    await shown.receive({ type: 'snapshot', snapshot: { run: null } as never });
    await shown.show(running);
    assert.match(await shown.page.locator('.checks').first().innerText(), /"population"/);
  });

  it('speaks the language of the host and writes its numbers', async () => {
    const shown = await open(running);
    await shown.receive({
      type: 'strings',
      language: 'de',
      strings: { 'progress.rate': 'Tempo', unknown: 'x' },
    });
    const words = await shown.page.locator('.progress').innerText();
    assert.match(words, /Tempo/);
    assert.match(words, /59\.340/);
    assert.match(words, /Time left/);
  });

  it('is no wider than its page in German either', async () => {
    const strings = JSON.parse(await readFile(join(root, 'l10n', 'panel.de.json'), 'utf8')) as Record<
      string,
      string
    >;
    const shown = await suite.harness.open('light', 300);
    await shown.receive({ type: 'strings', language: 'de', strings });
    for (const [name, snapshot] of Object.entries(allSnapshots)) {
      await shown.show(asOfNow(snapshot));
      const overflow = await shown.page.evaluate(
        () => document.documentElement.scrollWidth - window.innerWidth,
      );
      assert.ok(overflow <= 0, `${name} is ${overflow} px too wide`);
    }
    await picture(shown, 'german-light-300');
    await shown.close();
  });

  it('says why a run cannot be shown, and leads on', async () => {
    const shown = await open(running);
    const action = { label: 'Show Runs', command: 'migratory.runs.focus' };
    const message = 'There is no record of this run in shop on localhost:27017 any more.';
    await shown.receive({ type: 'gone', message, action });
    assert.match(
      await shown.page.locator('main').innerText(),
      /cannot be shown\s+There is no record of this run/,
    );
    assert.deepEqual(await violations(shown.page), []);
    await picture(shown, 'gone-dark-700');
    await shown.page.getByRole('button', { name: 'Show Runs' }).click();
    assert.deepEqual(await shown.sent(), [{ type: 'action', command: 'migratory.runs.focus' }]);
    await shown.show(running);
    assert.equal(await shown.page.getByRole('progressbar').count(), 1);
  });
});

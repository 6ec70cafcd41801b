import assert from 'node:assert/strict';
import type { ConflictEvent, DryRunReport, RunSnapshot } from '../../../src/protocol/events';
import { panelSnapshot } from '../../../src/vscode/panelSnapshot';
import { english } from '../../../src/vscode/words';
import { allSnapshots, dryRun, runOf, several, snapshotOf, step } from '../webview/fixtures';

const huge = 'x'.repeat(3_000_000);
const cut = `${'x'.repeat(10_000)}\n… 2990000 more characters`;

const conflictsOf = (snapshot: RunSnapshot): ConflictEvent[] => panelSnapshot(snapshot, english).conflicts;

describe('what the panel gets of a run', () => {
  it('is the snapshot itself where nothing is too much', () => {
    for (const snapshot of Object.values(allSnapshots))
      assert.equal(panelSnapshot(snapshot, english), snapshot);
  });

  it('holds long texts cut, with a note, wherever they stand', () => {
    const error = { message: huge, stack: huge, cause: { message: huge } };
    const failed = step('a.js', { error, activity: huge });
    const { reports, quarantined } = dryRun;
    const snapshot = snapshotOf(runOf([failed]), {
      log: [{ at: '2026-03-02T09:41:07.000Z', level: 'info', message: huge }],
      quarantined: quarantined.map((row) => ({ ...row, reason: huge })),
      reports: reports.map((report) => ({ ...report, warnings: [huge] })),
    });
    const light = panelSnapshot(snapshot, english);
    const [first] = light.run.steps;
    assert.deepEqual(first?.error, { message: cut, stack: cut, cause: { message: cut } });
    assert.equal(first.activity, cut);
    assert.equal(light.log[0]?.message, cut);
    assert.equal(light.quarantined[0]?.reason, cut);
    assert.deepEqual(light.reports[0]?.warnings, [cut]);
    assert.ok(JSON.stringify(light).length < 200_000);
    assert.equal(snapshot.run.steps[0]?.error?.message, huge, 'the whole is kept for the editor');
  });

  it('names large documents only, and keeps what says which one is meant', () => {
    const id = { text: 'i'.repeat(20_000) };
    const [conflict] = several.conflicts;
    const [report] = dryRun.reports;
    assert.ok(conflict && report);
    const rows: DryRunReport['diffs'] = [
      { collection: 'a', id, before: { text: huge }, after: null },
      { collection: 'a', id, before: JSON.stringify({ text: huge }), after: { text: 'small' } },
      { collection: 'a', id, before: null, after: { list: Array.from({ length: 100_000 }, (_, n) => n) } },
    ];
    const light = panelSnapshot({ ...dryRun, reports: [{ ...report, diffs: rows }] }, english);
    const tooLarge = { $tooLarge: true };
    assert.deepEqual(light.reports[0]?.diffs, [
      { collection: 'a', id, before: tooLarge, after: null },
      { collection: 'a', id, before: tooLarge, after: { text: 'small' } },
      { collection: 'a', id, before: null, after: tooLarge },
    ]);
    const [row] = conflictsOf({ ...several, conflicts: [{ ...conflict, current: { text: huge } }] });
    assert.deepEqual(row, { ...conflict, current: tooLarge });
  });

  it('is bounded as a whole, however many documents there are', () => {
    const [conflict] = several.conflicts;
    assert.ok(conflict);
    const before = { text: 'x'.repeat(40_000) };
    const conflicts = Array.from({ length: 1_000 }, (_, n) => ({
      ...conflict,
      before,
      current: n === 998 ? null : before,
    }));
    const light = conflictsOf({ ...several, conflicts });
    assert.equal(light.length, 1_000);
    assert.equal(light[0]?.before, before);
    assert.deepEqual(light.at(-1)?.current, { $tooLarge: true });
    assert.equal(light.at(-2)?.current, null);
    assert.ok(JSON.stringify(light).length < 5_000_000);
  });

  it('is bounded as a whole, however many texts there are', () => {
    const line = { at: '2026-03-02T09:41:07.000Z', level: 'info' as const, message: 'x'.repeat(10_000) };
    const log = Array.from({ length: 2_000 }, () => line);
    const light = panelSnapshot(snapshotOf(runOf([step('a.js')]), { log }), english);
    assert.equal(light.log[0], line);
    assert.equal(light.log.at(-1)?.message, `${'x'.repeat(500)}\n… 9500 more characters`);
    assert.ok(JSON.stringify(light).length < 6_000_000);
  });
});

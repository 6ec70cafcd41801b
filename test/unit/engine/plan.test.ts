import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Catalogue, CatalogueEntry } from '../../../src/engine/catalogue';
import type { LedgerRow } from '../../../src/engine/ledger';
import { earlierPending, selectDown, selectUp } from '../../../src/engine/choice';
import { readStatus, unfinishedRun } from '../../../src/engine/plan';
import type { RunDocument, RunState, RunStep } from '../../../src/protocol/run';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function entry(name: string, source = `// ${name}`, more: Partial<CatalogueEntry> = {}): CatalogueEntry {
  return {
    name,
    kind: 'script',
    file: `/work/migrations/${name}`,
    index: 0,
    hasDown: true,
    requires: [],
    checksum: sha256(source),
    source: Buffer.from(source),
    ...more,
  };
}

function row(name: string, minute: number, more: Partial<LedgerRow> = {}): LedgerRow {
  const appliedAt = new Date(Date.UTC(2026, 0, 1, 0, minute));
  return { name, appliedAt, durationMs: 5, checksum: sha256(`// ${name}`), state: 'applied', ...more };
}

function run(
  id: string,
  state: RunState,
  steps: Partial<RunStep>[],
  direction: 'up' | 'down' = 'up',
): RunDocument {
  return {
    _id: id,
    state,
    direction,
    mode: direction,
    startedAt: new Date(),
    steps: steps.map((step) => ({
      kind: 'transform',
      startedAt: new Date(),
      endedAt: null,
      processed: 10,
      total: 100,
      quarantined: 0,
      error: null,
      ...step,
    })),
  } as unknown as RunDocument;
}

async function statesOf(
  entries: CatalogueEntry[],
  rows: LedgerRow[],
  runs: RunDocument[] = [],
  sources: Record<string, string> = {},
): Promise<Record<string, string>> {
  const catalogue: Catalogue = { entries, problems: [] };
  const ledger = {
    source: (name: string) =>
      Promise.resolve(sources[name] === undefined ? null : Buffer.from(sources[name])),
  };
  const statuses = await readStatus({ catalogue, rows, runs, ledger });
  return Object.fromEntries(statuses.map(({ name, state }) => [name, state]));
}

describe('plan: states', () => {
  const [a, b, c] = [entry('1-a.js'), entry('2-b.js'), entry('3-c.js')];

  it('tells applied, pending and out of order', async () => {
    assert.deepEqual(await statesOf([a, b, c], [row('1-a.js', 1)]), {
      '1-a.js': 'applied',
      '2-b.js': 'pending',
      '3-c.js': 'pending',
    });
    assert.deepEqual(await statesOf([a, b, c], [row('1-a.js', 1), row('3-c.js', 2)]), {
      '1-a.js': 'applied',
      '2-b.js': 'out-of-order',
      '3-c.js': 'applied',
    });
  });

  it('tells a changed file, a missing file, and takes rows without a checksum as they are', async () => {
    const edited = entry('1-a.js', '// edited');
    const rows = [row('1-a.js', 1), row('0-gone.js', 2), row('2-b.js', 3, { checksum: undefined })];
    assert.deepEqual(await statesOf([edited, b], rows), {
      '1-a.js': 'changed',
      '2-b.js': 'applied',
      '0-gone.js': 'missing',
    });
  });

  it('does not take a migration for changed because another was added to its file', async () => {
    const one = `{ name: 'one', up: async () => {} }`;
    const before = `module.exports = [${one}];`;
    const after = `module.exports = [${one}, { name: 'two', up: async () => {} }];`;
    const at = (text: string): { start: number; end: number } => {
      const start = text.indexOf(one);
      return { start, end: start + one.length };
    };
    const file = '/work/migrations/1-list.js';
    const first = entry('one', after, { file, range: at(after) });
    const second = entry('two', after, { file, index: 1 });
    const rows = [row('one', 1, { checksum: sha256(before) })];
    assert.equal((await statesOf([first, second], rows, [], { one: before }))['one'], 'applied');
    const edited = after.replace('async () => {} }, {', 'async () => 1 }, {');
    const changed = entry('one', edited, { file, range: { start: at(after).start, end: at(after).end + 0 } });
    assert.equal((await statesOf([changed, second], rows, [], { one: before }))['one'], 'changed');
  });

  it('shows the end of the last run: failed, interrupted, running, and half-done after a cancel', async () => {
    const step = (state: RunState): Partial<RunStep>[] => [{ name: '1-a.js', state }];
    const stateAfter = async (document: RunDocument): Promise<string | undefined> =>
      (await statesOf([a], [], [document]))['1-a.js'];
    assert.equal(await stateAfter(run('r', 'failed', step('failed'))), 'failed');
    assert.equal(await stateAfter(run('r', 'interrupted', step('interrupted'))), 'interrupted');
    assert.equal(await stateAfter(run('r', 'running', step('running'))), 'running');
    assert.equal(await stateAfter(run('r', 'cancelled', step('cancelled'))), 'interrupted');
    const rolledBack = [{ name: '1-a.js', state: 'rolled-back' as const, error: { message: 'x' } }];
    assert.equal(await stateAfter(run('r', 'rolled-back', rolledBack)), 'failed');
    assert.equal(await stateAfter(run('r', 'rolled-back', step('rolled-back'), 'down')), 'pending');
  });

  it('goes on with the run that left documents half-way', () => {
    const cancelled = run('old', 'cancelled', [{ name: 't', state: 'cancelled' }]);
    const other = run('new', 'applied', [{ name: 'u', state: 'applied' }]);
    assert.equal(unfinishedRun('t', [other, cancelled]), 'old');
    assert.equal(unfinishedRun('u', [other, cancelled]), undefined);
    const again = run('again', 'interrupted', [{ name: 't', state: 'interrupted', journal: 'old' }]);
    assert.equal(unfinishedRun('t', [again, cancelled]), 'old');
  });
});

describe('plan: selection', () => {
  const entries = ['1-a.js', '2-b.js', '3-c.js'].map((name) => entry(name));
  const statuses = (rows: LedgerRow[]): ReturnType<typeof readStatus> =>
    readStatus({ catalogue: { entries, problems: [] }, rows, runs: [] });
  const names = (chosen: { name: string }[]): string[] => chosen.map(({ name }) => name);

  it('takes what is pending in order, up to a name or a number', async () => {
    const all = await statuses([]);
    assert.deepEqual(names(selectUp(all, { names: [] })), ['1-a.js', '2-b.js', '3-c.js']);
    assert.deepEqual(names(selectUp(all, { names: [], to: '2-b.js' })), ['1-a.js', '2-b.js']);
    assert.deepEqual(names(selectUp(all, { names: [], steps: 1 })), ['1-a.js']);
    assert.deepEqual(names(selectUp(all, { names: ['3-c.js', '1-a.js'] })), ['1-a.js', '3-c.js']);
  });

  it('asks for a decision when older ones would run late', async () => {
    const late = await statuses([row('2-b.js', 1)]);
    assert.throws(
      () => selectUp(late, { names: [] }),
      /"1-a.js" would run out of order: "2-b.js", which comes later, is applied already\. Run it by name/,
    );
    assert.deepEqual(earlierPending(late, ['3-c.js']), ['1-a.js']);
    assert.deepEqual(earlierPending(late, ['3-c.js', '1-a.js']), []);
    assert.deepEqual(names(selectUp(late, { names: [], allowOutOfOrder: true })), ['1-a.js', '3-c.js']);
    assert.deepEqual(names(selectUp(late, { names: ['1-a.js'] })), ['1-a.js']);
  });

  it('refuses unknown and applied names with one sentence', async () => {
    const all = await statuses([row('1-a.js', 1)]);
    assert.throws(() => selectUp(all, { names: ['nope'] }), /There is no migration "nope"/);
    assert.throws(() => selectUp(all, { names: ['1-a.js'] }), /"1-a.js" is applied already/);
    assert.throws(() => selectDown(all, [row('1-a.js', 1)], { names: ['2-b.js'] }), /is not applied/);
  });

  it('rolls back in reverse order of application, not of names', async () => {
    const rows = [row('3-c.js', 1), row('1-a.js', 2), row('2-b.js', 3)];
    const all = await statuses(rows);
    assert.deepEqual(names(selectDown(all, rows, { names: [] })), ['2-b.js']);
    assert.deepEqual(names(selectDown(all, rows, { names: [], steps: 2 })), ['2-b.js', '1-a.js']);
    assert.deepEqual(names(selectDown(all, rows, { names: [], to: '3-c.js' })), ['2-b.js', '1-a.js']);
    assert.deepEqual(names(selectDown(all, rows, { names: ['3-c.js', '2-b.js'] })), ['2-b.js', '3-c.js']);
  });
});

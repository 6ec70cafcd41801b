import assert from 'node:assert/strict';
import { outlineSource } from '../../../src/migration/outlineSource';
import type { MigrationStatus } from '../../../src/protocol/status';
import type { LensContext, LensSpec } from '../../../src/vscode/lensModel';
import { lensesFor } from '../../../src/vscode/lensModel';
import type { LastDryRun } from '../../../src/vscode/lastDryRun';
import { english } from '../../../src/vscode/words';
import { migration, migrationRows, run, start, status, step } from './support';

const file = '/m/a.js';
const text = `module.exports = { name: 'a', async up() {}, async down() {} };`;
const connection = {
  id: 'config:local',
  words: 'shop on localhost:27017',
  production: false,
  readOnly: false,
};

function lenses(given: Partial<MigrationStatus> | undefined, context: Partial<LensContext> = {}): LensSpec[] {
  const files = [{ file, outline: outlineSource(text, file) }];
  const answer = given && status([migration({ name: 'a', file, ...given })]);
  return lensesFor(files[0]!.outline.entries, {
    file,
    rows: migrationRows(files, answer, []).rows,
    connection,
    asking: false,
    trusted: true,
    now: start,
    t: english,
    ...context,
  });
}

const titles = (specs: LensSpec[]): string[] => specs.map(({ title }) => title.replace(/\$\([^)]*\)\s/, ''));
const target = 'shop on localhost:27017';

describe('code lenses', () => {
  it('offer what makes sense in each state, then the state, then the target', () => {
    const appliedAt = new Date(start).toISOString();
    const cases: [Partial<MigrationStatus>, string[]][] = [
      [{ state: 'pending' }, ['Run', 'Dry run', 'Validate', 'pending', target]],
      [{ state: 'out-of-order' }, ['Run', 'Dry run', 'Validate', 'out of order', target]],
      [{ state: 'applied', appliedAt, durationMs: 12 }, ['Roll back', 'applied just now · 12 ms', target]],
      [{ state: 'applied', appliedAt, reversible: false }, ['applied just now · irreversible', target]],
      [{ state: 'changed' }, ['Roll back', 'Compare', 'changed since applied', target]],
      [{ state: 'failed' }, ['Run', 'Dry run', 'Roll back', 'Validate', 'failed', target]],
      [{ state: 'interrupted' }, ['Run', 'Dry run', 'Roll back', 'Validate', 'interrupted', target]],
      [{ state: 'conflicts' }, ['Roll back', 'rolled back with conflicts', target]],
    ];
    for (const [given, expected] of cases) assert.deepEqual(titles(lenses(given)), expected, given.state);
  });

  it('hand exactly this migration on the shown connection to the command', () => {
    const [first] = lenses({ state: 'pending' });
    assert.equal(first?.command, 'migratory.run');
    assert.deepEqual(first?.arguments, [{ name: 'a', file, index: 0, connection: 'config:local' }]);
    assert.match(first?.tooltip ?? '', /Run a on shop on localhost:27017/);
  });

  it('stand above each element of an array and each Python dict', () => {
    const array = `module.exports = [\n  { name: 'x', up() {} },\n  { name: 'y', up() {} },\n];`;
    const python = `migrations = [\n    {'name': 'p', 'up': up},\n    {'name': 'q', 'up': up},\n]\n`;
    for (const [name, source] of [
      ['/m/b.js', array],
      ['/m/c.py', python],
    ] as const) {
      const outline = outlineSource(source, name);
      const rows = migrationRows([{ file: name, outline }], undefined, []).rows;
      const specs = lensesFor(outline.entries, {
        file: name,
        rows,
        asking: false,
        trusted: true,
        now: start,
        t: english,
      });
      const lines = [...new Set(specs.map(({ offset }) => source.slice(0, offset).split('\n').length))];
      assert.deepEqual(lines, [2, 3], name);
    }
  });

  it('offer pause and cancel while it runs, resume while it is paused', () => {
    const during = (state: 'running' | 'paused', mode: 'up' | 'dry-run' = 'up'): string[] => {
      const files = [{ file, outline: outlineSource(text, file) }];
      const active = [run({ mode, steps: [step({ state, processed: 1, total: 4 })] })];
      const { rows } = migrationRows(files, status([migration({ file })]), active);
      return titles(lenses({}, { rows }));
    };
    assert.deepEqual(during('running'), ['Pause', 'Cancel', 'running 25 %', target]);
    assert.deepEqual(during('paused'), ['Resume', 'Cancel', 'paused 25 %', target]);
    assert.deepEqual(during('running', 'dry-run'), ['Cancel', 'dry run 25 %', target]);
  });

  it('turn their wheel while the database is asked, and only where nothing is known yet', () => {
    const icon = (given: Partial<MigrationStatus> | undefined, asking: boolean): string | undefined =>
      /\$\(([^)]*)\)/.exec(lenses(given, { asking }).at(-2)?.title ?? '')?.[1];
    assert.equal(icon(undefined, true), 'loading~spin');
    assert.equal(icon(undefined, false), 'question');
    assert.equal(icon({ state: 'pending' }, true), 'circle-outline');
  });

  it('say what the last dry run has shown until the migration is applied', () => {
    const lastDryRun = {
      run: 'd1',
      at: new Date(start - 300_000).toISOString(),
      passed: true,
      documents: 1204,
    };
    const shown = (
      given: Partial<LastDryRun>,
      state: Partial<MigrationStatus> = {},
    ): LensSpec | undefined => {
      const files = [{ file, outline: outlineSource(text, file) }];
      const dryRuns = new Map([['a', { ...lastDryRun, ...given }]]);
      const { rows } = migrationRows(
        files,
        status([migration({ file, checksum: 'now', ...state })]),
        [],
        dryRuns,
      );
      return lenses({}, { rows }).find(({ kind }) => kind === 'lastDryRun');
    };
    const words = (given: Partial<LastDryRun>): string | undefined => titles([shown(given)!])[0];
    const thousands = (1204).toLocaleString();
    assert.equal(words({}), `dry run passed 5 min ago, ${thousands} documents would change`);
    assert.equal(words({ documents: 1 }), 'dry run passed 5 min ago, 1 document would change');
    assert.equal(words({ documents: null }), 'dry run passed 5 min ago');
    assert.equal(words({ passed: false }), 'dry run failed 5 min ago');
    assert.match(words({ checksum: 'then' }) ?? '', / · file changed since$/);
    assert.doesNotMatch(words({ checksum: 'now' }) ?? '', /since/);
    const before = new Date(start - 900_000).toISOString();
    assert.deepEqual(shown({})?.arguments, [
      { name: 'a', file, index: 0, connection: 'config:local', run: 'd1' },
    ]);
    assert.equal(shown({}, { state: 'applied', appliedAt: before }), undefined);
  });

  it('say that nothing runs in Restricted Mode', () => {
    assert.deepEqual(titles(lenses(undefined, { trusted: false })), ['Restricted Mode']);
  });

  it('ask for a connection where there is none, and mark production and read-only ones', () => {
    assert.deepEqual(titles(lenses(undefined, { connection: undefined })), [
      'Run',
      'Dry run',
      'Validate',
      'not checked',
      'no connection',
    ]);
    const marked = { ...connection, production: true, readOnly: true };
    assert.equal(titles(lenses({}, { connection: marked })).at(-1), `${target} · production · read-only`);
  });
});

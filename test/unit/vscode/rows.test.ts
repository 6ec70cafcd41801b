import assert from 'node:assert/strict';
import { outlineSource } from '../../../src/migration/outlineSource';
import type { OutlinedFile } from '../../../src/vscode/rows';
import { pendingRows, rowOf } from '../../../src/vscode/rows';
import { english, stateWords } from '../../../src/vscode/words';
import { migration, migrationRows, run, start, status, step } from './support';

const outlined = (file: string, text: string): OutlinedFile => ({ file, outline: outlineSource(text, file) });
const script = 'module.exports = { async up() {}, async down() {} };';

describe('the rows of a migrations folder', () => {
  it('come from the text alone while no database was asked', () => {
    const files = [
      outlined('/m/1.js', script),
      outlined('/m/2.js', `module.exports = [{name: 'x', up() {}}]`),
    ];
    const { rows, problems } = migrationRows(files, undefined, []);
    assert.deepEqual(
      rows.map(({ name, state }) => [name, state]),
      [
        ['1.js', 'not-checked'],
        ['x', 'not-checked'],
      ],
    );
    assert.deepEqual(problems, []);
  });

  it('keep the order of the engine; what it has not seen yet comes last', () => {
    const files = [outlined('/m/1.js', script), outlined('/m/0-new.js', script)];
    const { rows } = migrationRows(
      files,
      status([
        migration({ name: 'gone', state: 'missing', file: undefined }),
        migration({ name: '1.js', file: '/m/1.js' }),
      ]),
      [],
    );
    assert.deepEqual(
      rows.map(({ name, state }) => [name, state]),
      [
        ['gone', 'missing'],
        ['1.js', 'pending'],
        ['0-new.js', 'not-checked'],
      ],
    );
  });

  it('name two migrations of one name', () => {
    const files = [outlined('/m/1.js', `module.exports = [{name: 'x', up() {}}, {name: 'x', up() {}}]`)];
    const { rows } = migrationRows(files, undefined, []);
    assert.deepEqual(
      rows.map(({ duplicate }) => duplicate),
      [true, true],
    );
    assert.match(stateWords(rows[0]!, english, start), /another migration has this name/);
    assert.equal(rowOf(rows, '/m/1.js', { name: 'x', index: 1 }), rows[1]);
  });

  it('tell which files cannot be read, and where', () => {
    const files = [outlined('/m/1.js', 'module.exports = {\n  up( {'), outlined('/m/2.js', 'const x = 1;')];
    const { rows, problems } = migrationRows(files, undefined, []);
    assert.deepEqual(rows, []);
    assert.equal(problems.length, 2);
    assert.equal(problems[0]?.line, 2);
    assert.equal(problems[1]?.message, 'exports no migration');
  });

  it('take the reason of a file that does not load from the engine', () => {
    const files = [outlined('/m/1.js', script)];
    const error = { message: 'Cannot find module "nope"', line: 3, column: 5 };
    const { problems } = migrationRows(files, status([], [{ file: '/m/1.js', error }]), []);
    assert.deepEqual(problems, [{ file: '/m/1.js', message: error.message, line: 3, column: 5 }]);
  });

  it('show the run that is under way', () => {
    const steps = [step({ name: 'a', processed: 43, total: 100 }), step({ name: 'b', state: 'planned' })];
    const { rows } = migrationRows([], status([migration(), migration({ name: 'b' })]), [run({ steps })]);
    assert.deepEqual(
      rows.map((row) => stateWords(row, english, start)),
      ['running 43 %', 'waiting for its turn'],
    );
    assert.equal(pendingRows(rows).length, 2);
  });

  it('count a failed one as pending: running past it would leave a gap', () => {
    const states = [
      'applied',
      'failed',
      'pending',
      'interrupted',
      'changed',
      'missing',
      'out-of-order',
    ] as const;
    const answer = status(states.map((state) => migration({ name: state, state })));
    assert.deepEqual(
      pendingRows(migrationRows([], answer, []).rows).map(({ name }) => name),
      ['failed', 'pending', 'interrupted', 'out-of-order'],
    );
  });
});

describe('a run that lost its runner', () => {
  it('makes a migration that looks pending interrupted, unless a newer run says otherwise', () => {
    const lost = run({ state: 'interrupted', steps: [step({ startedAt: new Date(start) })] });
    const [interrupted] = migrationRows([], status([migration()]), [lost]).rows;
    assert.equal(interrupted?.state, 'interrupted');
    assert.equal(interrupted?.run, 'r1');
    const newer = run({ _id: 'r2', state: 'cancelled', steps: [step({ state: 'cancelled' })] });
    assert.equal(migrationRows([], status([migration()]), [newer, lost]).rows[0]?.state, 'pending');
    assert.equal(
      migrationRows([], status([migration({ state: 'applied' })]), [lost]).rows[0]?.state,
      'applied',
    );
    const untouched = run({ state: 'interrupted', steps: [step({ state: 'planned' })] });
    assert.equal(migrationRows([], status([migration()]), [untouched]).rows[0]?.state, 'pending');
  });
});

describe('states in words', () => {
  const words = (given: Parameters<typeof migration>[0]): string =>
    stateWords(migrationRows([], status([migration(given)]), []).rows[0]!, english, start);

  it('say when and how long', () => {
    const appliedAt = new Date(start - 120_000).toISOString();
    assert.equal(words({ state: 'applied', appliedAt, durationMs: 1200 }), 'applied 2 min ago · 1.2 s');
    const yesterday = new Date(start - 30 * 3_600_000).toISOString();
    assert.equal(
      words({ state: 'applied', appliedAt: yesterday, durationMs: 5 }),
      'applied 1 day ago · 5 ms',
    );
    assert.equal(words({ state: 'applied', appliedAt: null, durationMs: null }), 'applied');
  });

  it('are plain for every state', () => {
    const states = [
      'pending',
      'changed',
      'missing',
      'out-of-order',
      'failed',
      'interrupted',
      'conflicts',
    ] as const;
    assert.deepEqual(
      states.map((state) => words({ state })),
      [
        'pending',
        'changed since applied',
        'file missing',
        'out of order',
        'failed',
        'interrupted',
        'rolled back with conflicts',
      ],
    );
    assert.equal(words({ state: 'applied', quarantined: 3 }), 'applied · 3 quarantined');
  });
});

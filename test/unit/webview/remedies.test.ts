import assert from 'node:assert/strict';
import type { CheckResult } from '../../../src/protocol/run';
import { createIndexIn, remedyOf } from '../../../src/webview/remedies';
import { placeOf, speeds } from '../../../src/webview/speeds';
import { refused, runOf, snapshotOf, step } from './fixtures';

const failedOf = (id: string, change: Partial<CheckResult> = {}): CheckResult => ({
  id,
  check: id,
  severity: 'error',
  outcome: 'failed',
  details: '',
  ...change,
});

describe('What can be done about a check', () => {
  const page = (state: 'failed' | 'running' = 'failed') => {
    const snapshot = snapshotOf(runOf([step('a.js', { state })], { state }));
    const view = { run: '', picked: null, open: {}, shown: {} };
    return { snapshot, view, step: snapshot.run.steps[0], now: 0, update: () => undefined };
  };
  const does = (check: CheckResult, of = page()): unknown => remedyOf(of, check)?.does;

  it('is copying the command that it proposes', () => {
    const action = 'Create it first: db.my-shop.createIndex({"a.b":1}, { unique: true }).';
    assert.equal(createIndexIn(action), 'db.my-shop.createIndex({"a.b":1}, { unique: true })');
    assert.deepEqual(does(failedOf('index', { action })), { copy: createIndexIn(action) });
    assert.equal(createIndexIn('Create an index for the filter first.'), undefined);
  });

  it('is running what it needs, another connection, another look, or the file', () => {
    assert.deepEqual(does(failedOf('requires', { names: ['x'] })), {
      send: { type: 'again', command: 'run', names: ['x'] },
    });
    assert.deepEqual(does(failedOf('privileges')), {
      send: { type: 'action', command: 'migratory.selectConnection' },
    });
    assert.deepEqual(does(failedOf('replication-lag')), {
      send: { type: 'command', command: 'validate', name: 'a.js' },
    });
    assert.deepEqual(does(failedOf('transform-sample')), {
      send: { type: 'openFile', file: '/work/shop/migrations/a.js' },
    });
  });

  it('is nothing for what has passed or is not known, and starts nothing beside a run at work', () => {
    assert.equal(does(failedOf('privileges', { outcome: 'passed' })), undefined);
    assert.equal(does(failedOf('something-new')), undefined);
    assert.equal(does(failedOf('requires', { names: ['x'] }), page('running')), undefined);
    assert.equal(does(failedOf('replication-lag'), page('running')), undefined);
  });

  it('is there for every failed check of a refused run', () => {
    const [refusedStep] = refused.run.steps;
    const whole = { ...page(), snapshot: refused, step: refusedStep };
    for (const check of refusedStep?.checks ?? [])
      assert.equal(remedyOf(whole, check) !== undefined, check.outcome === 'failed', check.id);
  });
});

describe('The speed limit', () => {
  it('stands at its place on the slider, between two at the lower, without one at the end', () => {
    assert.equal(placeOf(undefined), speeds.length);
    assert.equal(placeOf(10), 0);
    assert.equal(placeOf(1), 0);
    assert.equal(placeOf(750), placeOf(500));
    assert.equal(placeOf(9_000_000), speeds.length - 1);
  });
});

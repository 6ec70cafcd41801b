import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventBody } from '../../../src/protocol/events';
import { errorLine, linesOf } from '../../../src/vscode/tasks/eventLines';

const lines = (body: EventBody): string[] => linesOf({ run: 'r', at: '', ...body });
const manifest = JSON.parse(readFileSync(join(__dirname, '..', '..', '..', 'package.json'), 'utf8')) as {
  contributes: { problemPatterns: { regexp: string }[] };
};
const pattern = new RegExp(manifest.contributes.problemPatterns[0]?.regexp ?? '');

describe('lines of a task', () => {
  it('tell steps, what failed, and the log', () => {
    assert.deepEqual(lines({ type: 'step.started', step: 'a.js', kind: 'script', total: null }), ['▸ a.js']);
    assert.deepEqual(lines({ type: 'log', level: 'info', message: 'one\ntwo' }), ['  one', '  two']);
    const check = { id: 'index', check: 'Index {"a":1} exists', details: 'There is none.', step: 'a.js' };
    assert.deepEqual(lines({ type: 'check', severity: 'warning', outcome: 'passed', ...check }), []);
    assert.deepEqual(lines({ type: 'check', severity: 'warning', outcome: 'failed', ...check }), [
      '  warning: Index {"a":1} exists: There is none.',
    ]);
  });

  it('end a failed step with an error that the problem matcher finds', () => {
    const error = {
      message: 'total is\n  not defined',
      file: '/shop/migrations/a (1).js',
      line: 4,
      column: 7,
    };
    const said = lines({
      type: 'step.finished',
      step: 'a.js',
      state: 'failed',
      processed: 12,
      durationMs: 1250,
      error,
    });
    assert.equal(said[0], '✗ a.js: failed (1.3 s, 12 documents)');
    const found = pattern.exec(said[1] ?? '');
    assert.deepEqual(found?.slice(1), [
      'error',
      'total is not defined',
      '/shop/migrations/a (1).js',
      '4',
      '7',
    ]);
  });

  it('tell a finding of lint with its place and its severity', () => {
    const finding = {
      id: 'L7',
      check: 'L7: Documents and indexes changed',
      details: 'It changes both.',
      action: 'Split it.',
      step: 'a.js',
      file: '/shop/a.js',
      line: 7,
      column: 3,
    };
    const said = lines({ type: 'check', severity: 'warning', outcome: 'failed', ...finding });
    const text = 'L7: Documents and indexes changed: It changes both. Split it.';
    assert.deepEqual(said, [`  warning: ${text} (/shop/a.js:7:3)`]);
    assert.deepEqual(pattern.exec(said[0] ?? '')?.slice(1), ['warning', text, '/shop/a.js', '7', '3']);
  });

  it('name no place that is not known', () => {
    assert.equal(errorLine({ message: 'no server' }), 'error: no server');
    assert.equal(pattern.test('error: no server'), false);
    assert.equal(errorLine({ message: 'x', file: '/a.js' }), 'error: x (/a.js)');
    assert.deepEqual(pattern.exec('error: f(1) (of 2) (C:\\shop\\a.js:4:7)')?.slice(1, 4), [
      'error',
      'f(1) (of 2)',
      'C:\\shop\\a.js',
    ]);
  });
});

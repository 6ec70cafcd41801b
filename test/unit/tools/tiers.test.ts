import assert from 'node:assert/strict';
import { emptyResult, report, runTier } from '../../../tools/tiers';

describe('the report of npm test', () => {
  it('adds all tiers up in its last line, after what was skipped and what failed', () => {
    const engine = {
      passed: 900,
      failed: 1,
      skipped: 1,
      skips: [{ title: 'a disk that is too small', reason: 'it takes root on Linux' }],
      failures: [{ title: 'a lease is held once', message: 'expected 1\n    at lease.test.ts:7' }],
    };
    const text = report([
      { tier: 'unit', result: { ...emptyResult(), passed: 40 }, seconds: 2 },
      { tier: 'engine', result: engine, seconds: 61.25 },
    ]);
    assert.deepEqual(text.split('\n'), [
      '',
      '=== total ===',
      'unit      40 passed, 0 failed, 0 skipped (2.0 s)',
      'engine    900 passed, 1 failed, 1 skipped (61.3 s)',
      'skipped  engine: a disk that is too small - it takes root on Linux',
      'FAILED   engine: a lease is held once - expected 1',
      '940 passed, 1 failed, 1 skipped',
      '',
    ]);
  });

  it('counts a tier that could not run as failed, with the reason', async () => {
    let said = '';
    const broken = () => Promise.reject(new Error('no VS Code was found'));
    const { result } = await runTier('host', broken, (text) => (said += text));
    assert.deepEqual([result.passed, result.failed, result.skipped], [0, 1, 0]);
    assert.match(result.failures[0]?.message ?? '', /^Error: no VS Code was found/);
    assert.match(said, /no VS Code was found/);
  });
});

import assert from 'node:assert/strict';
import { runMocha } from '../../../tools/tests/mocha';

describe('the runner of mocha', function () {
  this.timeout(60_000);
  // Its output is that of tests made to fail; nobody wants to read it between real ones.
  const options = { timeout: 5000, processes: 2, patience: 500, quiet: true };

  it('adds up what passed, failed and was skipped, with reasons', async () => {
    const result = await runMocha('test/fixtures/tiers', { ...options, grep: 'mixed' });
    assert.deepEqual(result.skips, [
      { title: 'mixed is skipped', reason: 'the moon is not full' },
      { title: 'mixed as a whole is skipped too', reason: 'the sun does not shine' },
      { title: 'mixed one by one is skipped as well', reason: 'it rains' },
    ]);
    assert.deepEqual([result.passed, result.failed, result.skipped], [1, 2, 3]);
    const [left, failed] = result.failures.toSorted((a, b) => b.title.length - a.title.length);
    assert.match(left?.message ?? '', /without a reason/);
    assert.match(failed?.message ?? '', /1 !== 2/);
  });

  it('counts a file that does not end by itself as a failure', async () => {
    const result = await runMocha('test/fixtures/tiers', { ...options, grep: 'stays' });
    assert.equal(result.passed, 1);
    assert.match(result.failures[0]?.title ?? '', /stays\.test\.ts does not end by itself/);
  });

  it('counts a file that dies half-way as a failure', async () => {
    const result = await runMocha('test/fixtures/tiers', { ...options, grep: 'dies' });
    assert.equal(result.passed, 0);
    assert.match(result.failures[0]?.title ?? '', /dies\.test\.ts did not come to an end/);
    assert.match(result.failures[0]?.message ?? '', /ended with 7/);
  });

  it('ends what a dead file leaves behind, and does not wait for it', async () => {
    const result = await runMocha('test/fixtures/tiers', { ...options, grep: 'orphan' });
    assert.equal(result.passed, 0);
    assert.match(result.failures[0]?.message ?? '', /ended with 7/);
  });

  it('kills a file that takes too long', async () => {
    const result = await runMocha('test/fixtures/tiers', {
      ...options,
      grep: 'stays',
      patience: 50_000,
      limit: 3000,
    });
    assert.equal(result.failed, 1);
    assert.match(result.failures[0]?.message ?? '', /SIGKILL/);
  });

  it('cannot run a tier without tests', async () => {
    await assert.rejects(runMocha('test/nowhere', options), /no tests in test\/nowhere/);
  });
});

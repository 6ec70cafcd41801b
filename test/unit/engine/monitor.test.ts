import assert from 'node:assert/strict';
import { formatTime, ProgressMonitor } from '../../../src/engine/monitor';

describe('progress monitor', () => {
  it('formats seconds as people say them', () => {
    const cases: [number, string][] = [
      [0, '0s'],
      [42, '42s'],
      [59.4, '59s'],
      [60, '1m 0s'],
      [185, '3m 5s'],
      [7800, '2h 10m'],
      [-3, '0s'],
    ];
    for (const [seconds, text] of cases) assert.equal(formatTime(seconds), text);
  });

  it('looks at the last seconds for the rate, not at the whole run', () => {
    let now = 0;
    const monitor = new ProgressMonitor(100_000, () => now);
    for (let second = 1; second <= 60; second++) {
      now = second * 1000;
      monitor.recordBatch(second <= 30 ? 1000 : 100, 50);
    }
    const { rate, processed, percentage, batchMs } = monitor.figures();
    assert.equal(processed, 33_000);
    assert.equal(percentage, 33);
    assert.equal(batchMs, 50);
    assert.ok(rate >= 100 && rate < 120, `rate ${rate} should be that of the slow half`);
  });

  it('does not let the ETA jump when one batch is slow', () => {
    let now = 0;
    const monitor = new ProgressMonitor(10_000, () => now);
    for (let second = 1; second <= 20; second++) {
      now = second * 1000;
      monitor.recordBatch(100, 100);
      monitor.figures();
    }
    const before = monitor.figures().etaSeconds ?? 0;
    now += 5000;
    const after = monitor.figures().etaSeconds ?? 0;
    assert.ok(Math.abs(before - 80) <= 4, `steady ETA was ${before}`);
    assert.ok(after < before * 1.5, `ETA jumped from ${before} to ${after}`);
  });

  it('knows no percentage without a total, and is complete with a total of nothing', () => {
    assert.equal(new ProgressMonitor(null).figures().percentage, null);
    assert.equal(new ProgressMonitor(0).figures().percentage, 100);
  });
});

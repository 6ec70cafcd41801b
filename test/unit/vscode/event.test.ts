import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { Throttle } from '../../../src/vscode/event';

describe('a throttle', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  it('calls at once, then once at the end of each interval in which it was asked', () => {
    let calls = 0;
    const throttle = new Throttle(() => calls++, 100);
    throttle.request();
    assert.equal(calls, 1);
    throttle.request();
    throttle.request();
    mock.timers.tick(99);
    assert.equal(calls, 1);
    mock.timers.tick(1);
    assert.equal(calls, 2);
    mock.timers.tick(100);
    assert.equal(calls, 2);
    throttle.request();
    assert.equal(calls, 3);
  });

  it('calls no more after its end', () => {
    let calls = 0;
    const throttle = new Throttle(() => calls++, 100);
    throttle.request();
    throttle.request();
    throttle.dispose();
    mock.timers.tick(200);
    assert.equal(calls, 1);
  });
});

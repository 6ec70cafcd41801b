// A sample of two runners that start together (together.ts); the hundred is in test/long.
import { startTogether } from './together';

describe('two runners that start together', function () {
  this.timeout(60_000);
  it('exactly one runs, and the work is done once', () => startTogether(8));
});

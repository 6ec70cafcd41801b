// A sample of runs whose primary steps down (stepDown.ts); the others are in test/long.
import { stepDownDuring } from './stepDown';

describe('a run whose primary steps down', function () {
  this.timeout(120_000);
  it('function up: ends as if nothing had happened', () => stepDownDuring('function', 'up'));
});

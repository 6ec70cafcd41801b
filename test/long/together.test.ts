// Two runners start together a hundred times. The sample in test/engine/run runs with every `npm test`.
import { startTogether } from '../engine/run/together';

describe('two runners that start together a hundred times', function () {
  this.timeout(600_000);
  it('exactly one runs each time, and the work is done once', () => startTogether(100));
});

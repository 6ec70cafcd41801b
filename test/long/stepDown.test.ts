// Primaries that step down under every kind of work, in both directions (test/engine/faults/stepDown.ts).
import { stepDownDuring } from '../engine/faults/stepDown';

describe('a run whose primary steps down', function () {
  this.timeout(180_000);
  for (const job of ['function', 'update', 'pipeline', 'batch', 'script'] as const) {
    for (const direction of ['up', 'down'] as const) {
      // A script's way back passes no point at which it could be met.
      if (job === 'script' && direction === 'down') continue;
      it(`${job} ${direction}: ends as if nothing had happened`, () => stepDownDuring(job, direction));
    }
  }
});

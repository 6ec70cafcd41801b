// A sample of the crash matrix (crash.ts): one kill at each kind of point, for each kind of change, in both directions.
import { crash, total, type CrashCase } from './crash';
import { replicated, single } from './setup';

const cases: CrashCase[] = [
  { deployment: replicated, job: 'function', direction: 'up', point: 'after-claim' },
  { deployment: replicated, job: 'function', direction: 'up', point: 'after-journal' },
  { deployment: replicated, job: 'pipeline', direction: 'up', point: 'before-commit' },
  { deployment: replicated, job: 'pipeline', direction: 'up', point: 'after-commit' },
  { deployment: replicated, job: 'kept', direction: 'up', point: 'after-images' },
  { deployment: replicated, job: 'kept', direction: 'up', point: 'before-commit', writer: true },
  { deployment: replicated, job: 'kept', direction: 'down', point: 'after-commit' },
  { deployment: replicated, job: 'into', direction: 'up', point: 'after-commit' },
  { deployment: replicated, job: 'quarantine', direction: 'up', point: 'after-commit' },
  { deployment: replicated, job: 'function', direction: 'down', point: 'after-write' },
  { deployment: replicated, job: 'operators', direction: 'down', point: 'after-commit' },
  { deployment: replicated, job: 'pipeline', direction: 'up', point: 'before-sweep' },
  { deployment: replicated, job: 'pipeline', direction: 'up', point: 'before-finish' },
  { deployment: replicated, job: 'function', direction: 'up', point: 'after-commit', writer: true },
  { deployment: replicated, job: 'pipeline', direction: 'up', point: 'before-commit', writer: true },
  { deployment: replicated, job: 'function', direction: 'down', point: 'after-commit', writer: true },
  { deployment: replicated, job: 'merge', direction: 'up', point: 'after-commit' },
  { deployment: single, job: 'merge', direction: 'up', point: 'after-write' },
  { deployment: single, job: 'function', direction: 'up', point: 'after-journal' },
  { deployment: single, job: 'function', direction: 'up', point: 'after-write' },
  { deployment: single, job: 'pipeline', direction: 'up', point: 'after-write' },
  { deployment: single, job: 'into', direction: 'up', point: 'after-write' },
  { deployment: single, job: 'operators', direction: 'up', point: 'after-checkpoint' },
  { deployment: single, job: 'function', direction: 'down', point: 'after-write' },
];

describe('a transfer that is killed and goes on', function () {
  this.timeout(120_000);
  for (const test of cases) {
    const { deployment, job, direction, point, writer } = test;
    const others = writer ? ', while others write' : '';
    it(`${job} ${direction}, ${deployment.name}, at ${point}${others}`, async () => {
      console.log(`      ${await crash(test)} of ${total} documents were done at the kill`);
    });
  }
});

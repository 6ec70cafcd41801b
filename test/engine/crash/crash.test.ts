// A sample of the crash matrix (crash.ts): every kind of migration, both directions, killed half-way and at the seams
// between the work, the ledger and the end of the run.
import { atPoint, defineCases, type CrashCase } from './crash';

const set = 'a replica set' as const;
const single = 'a standalone' as const;

const cases: CrashCase[] = [
  { on: set, job: 'function', direction: 'up', kill: atPoint('after-commit') },
  { on: set, job: 'function', direction: 'up', kill: { at: 'event', type: 'verification' } },
  { on: set, job: 'function', direction: 'up', kill: { at: 'event', type: 'step.finished' } },
  { on: set, job: 'update', direction: 'up', kill: atPoint('before-commit') },
  { on: set, job: 'pipeline', direction: 'up', kill: atPoint('after-commit') },
  { on: set, job: 'into', direction: 'up', kill: atPoint('after-write') },
  { on: set, job: 'batch', direction: 'up', kill: atPoint('after-commit') },
  { on: set, job: 'script', direction: 'up', kill: { at: 'command', commands: 7 } },
  { on: set, job: 'catalogue', direction: 'up', kill: { at: 'command', commands: 4 } },
  { on: set, job: 'function', direction: 'down', kill: atPoint('after-commit') },
  { on: set, job: 'pipeline', direction: 'down', kill: atPoint('after-commit') },
  { on: set, job: 'batch', direction: 'down', kill: atPoint('after-commit') },
  { on: set, job: 'revert', direction: 'down', kill: atPoint('after-commit') },
  {
    on: set,
    job: 'script',
    direction: 'down',
    kill: { at: 'reply', command: 'commitTransaction', times: 2 },
  },
  { on: set, job: 'function', direction: 'down', kill: { at: 'event', type: 'step.finished' } },
  { on: single, job: 'function', direction: 'up', kill: atPoint('after-write') },
  { on: single, job: 'function', direction: 'down', kill: atPoint('after-commit') },
  { on: single, job: 'script', direction: 'up', kill: { at: 'command', commands: 7 } },
];

describe('a run that is killed, and the next one', function () {
  this.timeout(120_000);
  defineCases(cases);
});

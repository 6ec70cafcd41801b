// A sample of runners that stand still and are taken over (frozen.ts); the others are in test/long.
import { skip } from '../../support/skip';
import { atPoint, type CrashCase } from './crash';
import { freezeAll } from './frozen';

const cases: CrashCase[] = [
  { on: 'a replica set', job: 'function', direction: 'up', kill: atPoint('before-commit') },
  { on: 'a replica set', job: 'script', direction: 'up', kill: { at: 'command', commands: 7 } },
  { on: 'a replica set', job: 'update', direction: 'up', kill: { at: 'event', type: 'verification' } },
  { on: 'a standalone', job: 'function', direction: 'up', kill: atPoint('after-read') },
];

describe('a runner that stands still and is taken over', function () {
  this.timeout(180_000);
  it('writes nothing more when it wakes, and everything is done once', async function () {
    if (process.platform === 'win32') skip(this, 'Windows stops no process by a signal');
    await freezeAll(cases);
  });
});

// Runners of every kind of work that stand still at every point, and are taken over before they wake
// (test/engine/crash/frozen.ts).
import { atPoint, type CrashCase } from '../engine/crash/crash';
import { freezeAll } from '../engine/crash/frozen';
import { skip } from '../support/skip';

const points = [
  'after-claim',
  'after-read',
  'after-journal',
  'after-write',
  'after-checkpoint',
  'after-commit',
] as const;

for (const on of ['a replica set', 'a standalone'] as const) {
  describe(`runners on ${on} that stand still and are taken over`, function () {
    this.timeout(600_000);
    for (const job of ['function', 'update', 'into', 'pipeline', 'batch'] as const) {
      const cases = (['up', 'down'] as const).flatMap((direction): CrashCase[] => [
        ...points
          .filter((point) => direction === 'up' || point !== 'after-journal')
          .map((point): CrashCase => ({ on, job, direction, kill: atPoint(point) })),
        ...(on === 'a replica set' ? [{ on, job, direction, kill: atPoint('before-commit') }] : []),
      ]);
      it(`${job}: writes nothing more, and everything is done once`, async function () {
        if (process.platform === 'win32') skip(this, 'Windows stops no process by a signal');
        await freezeAll(cases);
      });
    }
    it('script: writes nothing more, and everything is done once', async function () {
      if (process.platform === 'win32') skip(this, 'Windows stops no process by a signal');
      await freezeAll([
        ...[1, 2, 13, 25].map((commands): CrashCase => ({
          on,
          job: 'script',
          direction: 'up',
          kill: { at: 'command', commands },
        })),
        ...[1, 3, 5].map((commands): CrashCase => ({
          on,
          job: 'catalogue',
          direction: 'up',
          kill: { at: 'command', commands },
        })),
      ]);
    });
  });
}

// The whole crash matrix of runs, through execute(): every named point, every kind of migration, both directions, both
// kinds of deployments, and the seams around the work. Its sample in test/engine/crash runs with every `npm test`.
import { atPoint, defineCases, type CrashCase } from '../engine/crash/crash';
import { allPoints } from '../engine/transfer/crash';

const set = 'a replica set' as const;
const single = 'a standalone' as const;

/** Jobs whose work is that of the kernel; a deployment or a direction passes some of the points. */
const transfers = ['function', 'update', 'into', 'pipeline', 'batch'] as const;

function pointsOf(on: CrashCase['on'], direction: CrashCase['direction']): typeof allPoints {
  // Only pipelines over _ids of one kind pass `after-images`: the kernel's own matrix has them.
  const never = new Set<string>(['after-images', ...(on === single ? ['before-commit'] : [])]);
  if (direction === 'down') never.add('before-sweep').add('after-journal');
  return allPoints.filter((point) => !never.has(point));
}

const cases: CrashCase[] = [];
for (const on of [set, single]) {
  for (const direction of ['up', 'down'] as const) {
    for (const job of transfers)
      for (const point of pointsOf(on, direction)) cases.push({ on, job, direction, kill: atPoint(point) });
    for (const job of [...transfers, 'script', 'catalogue'] as const)
      cases.push({ on, job, direction, kill: { at: 'event', type: 'step.finished' } });
  }
  // The author's own way back is a transfer forwards.
  for (const point of pointsOf(on, 'up'))
    cases.push({ on, job: 'revert', direction: 'down', kill: atPoint(point) });
  for (const job of ['function', 'update', 'into', 'pipeline'] as const)
    cases.push({ on, job, direction: 'up', kill: { at: 'event', type: 'verification' } });
  for (const commands of [1, 2, 13, 25])
    cases.push({ on, job: 'script', direction: 'up', kill: { at: 'command', commands } });
  for (const commands of [1, 2, 3, 4, 5, 6])
    cases.push({ on, job: 'catalogue', direction: 'up', kill: { at: 'command', commands } });
  // What it dropped comes back by one, what it renamed by the other.
  for (const times of [1, 2])
    cases.push({
      on,
      job: 'catalogue',
      direction: 'down',
      kill: { at: 'reply', command: 'renameCollection', times },
    });
}
// The command by which a range of a script's way back holds.
for (const [on, command] of [
  [single, 'update'],
  [set, 'commitTransaction'],
] as const)
  for (const times of [1, 2])
    cases.push({ on, job: 'script', direction: 'down', kill: { at: 'reply', command, times } });

describe('every way to kill a run, and the next one', function () {
  this.timeout(180_000);
  defineCases(cases);
});

// The core of what lives on MongoDB 6.0 lives on older servers and without a replica set too: one migration of each
// kind, its whole life.
import { replicaSet, standalone, type TestServer } from '../support/server';
import { kinds } from '../engine/harness/kinds';
import { live } from '../engine/harness/lifeCycle';

const core = [
  'a script with down',
  'a script without down that writes in every way',
  'a script with ctx.batch',
  'a transform that answers a replacement',
  'an update pipeline',
  'a transform into a new collection',
  'a pipeline that joins, unwinds and projects',
  'a pipeline that merges by a pipeline',
];

const servers: [string, () => Promise<TestServer>, string[]][] = [
  ['a replica set of MongoDB 4.4', () => replicaSet('4.4'), core],
  ['a replica set of MongoDB 5.0', () => replicaSet('5.0'), core.slice(1, 5)],
  ['a standalone of MongoDB 4.4', () => standalone('4.4'), core],
];

for (const [on, server, names] of servers) {
  describe(`on ${on}`, function () {
    this.timeout(120_000);
    for (const name of names) {
      it(`${name}: started, undone byte for byte, and started again`, async () => {
        await live(await server(), kinds[name]!);
      });
    }
  });
}

describe('on a standalone', function () {
  this.timeout(120_000);
  for (const name of [...core, 'a script without down that changes the catalogue', 'several of one file']) {
    it(`${name}: started, undone byte for byte, and started again`, async () => {
      await live(await standalone(), kinds[name]!);
    });
  }
});

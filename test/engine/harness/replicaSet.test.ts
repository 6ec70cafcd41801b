// Every kind of migration lives its whole life on a replica set.
import { replicaSet } from '../../support/server';
import { kinds } from './kinds';
import { live } from './lifeCycle';

describe('on a replica set', function () {
  this.timeout(60_000);
  for (const [name, kind] of Object.entries(kinds)) {
    it(`${name}: started, undone byte for byte, and started again`, async () => {
      await live(await replicaSet(), kind);
    });
  }
});

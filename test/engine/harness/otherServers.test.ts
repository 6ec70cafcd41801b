// A sample of lives on other servers than a replica set of MongoDB 6.0; all of them are in test/long.
import { replicaSet, standalone } from '../../support/server';
import { skip } from '../../support/skip';
import { kinds } from './kinds';
import { live } from './lifeCycle';

describe('on other servers', function () {
  this.timeout(120_000);
  for (const name of [
    'a transform that answers a replacement',
    'a script without down that writes in every way',
  ]) {
    it(`${name}: its whole life on MongoDB 4.4`, async function () {
      if (process.platform !== 'linux')
        skip(this, 'mongod 4.4 is fetched on Linux alone; other systems have 6.0');
      await live(await replicaSet('4.4'), kinds[name]!);
    });
  }
  for (const name of ['an update pipeline', 'a script without down that changes the catalogue']) {
    it(`${name}: its whole life on a standalone`, async () => {
      await live(await standalone(), kinds[name]!);
    });
  }
});

// Every type and edge of BSON through every kind of migration: what is not touched keeps its bytes, and the way back
// gives every byte back.
import { replicaSet, standalone } from '../../support/server';
import { skipBelow } from '../../support/skip';
import { changes } from './changes';
import { goThrough } from './unscathed';

for (const [on, server] of [
  ['a replica set', () => replicaSet()],
  ['a standalone', () => standalone()],
] as const) {
  describe(`every type of BSON on ${on}`, function () {
    this.timeout(60_000);
    for (const [name, change] of Object.entries(changes)) {
      it(`${name}: keeps its bytes, and comes back byte for byte`, async function () {
        const mongod = await server();
        await skipBelow(
          this,
          (await mongod.database('corpus')).db,
          5,
          'updating documents with fields of any name',
        );
        await goThrough(mongod, on, change);
      });
    }
  });
}

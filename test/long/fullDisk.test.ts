// A disk that is nearly full before a run, and one that others fill while it is at work: the server then dies. Nothing
// is written in the one case, and nothing is lost or done twice in the other.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { startReplicaSet } from '../../tools/servers/mongod';
import { withSmallDisk } from '../support/smallDisk';
import { assertSame, describe as inWords, Stage } from '../engine/harness/stage';

const total = 240;
const megabyte = 1024 * 1024;

describe('a disk that is too small', function () {
  this.timeout(180_000);

  it('is told before anything is written, and a run whose server died of it goes on afterwards', async function () {
    await withSmallDisk(this, 3000, startReplicaSet, async ({ servers, fill, clear }) => {
      const uri = new URL(servers.uri);
      uri.pathname = '/full';
      const transform = (doc: { x?: number }): object => ({ $set: { x: Number(doc.x) + 100 } });
      const stage = await Stage.at(uri.href, [{ source: 'rows', transform }], { batchSize: 10 });
      const rows = stage.db.collection<{ _id: number; x: number }>('rows');
      const done = (): Promise<number> => rows.countDocuments({ x: { $gte: 100 } });
      try {
        for (let _id = 0; _id < total; _id++)
          await rows.insertOne({ _id, x: _id % 100, blob: randomBytes(megabyte) } as never);
        const beginning = await stage.state();

        fill(200 * megabyte);
        const refused = await stage.run({ mode: 'up' });
        assert.equal(refused.exitCode, 5, inWords(refused));
        assert.match(inWords(refused), /Sufficient disk space: .* are free, the migration needs about/);
        assertSame(await stage.state(), beginning, 'after the refusal');
        assert.deepEqual(await stage.leftovers(), []);
        clear();

        const first = await stage.run(
          { mode: 'up' },
          { crashPoint: (point, count) => void (point === 'after-commit' && count >= 30 && fill(0)) },
        );
        assert.notEqual(first.exitCode, 0, 'the disk never became full');
        console.log(`      the run on the full disk: ${inWords(first)}`);
        assert.equal(first.run.state, 'interrupted', inWords(first));
        clear();
        await servers.restart();
        await untilFree(stage);
        const before = await done();
        assert.ok(before > 0 && before < total, `${before} of ${total} were done when the server died`);
        assert.deepEqual(await stage.ledger(), []);

        await stage.succeed({ mode: 'up' });
        assert.equal(await rows.countDocuments({ x: { $gte: 100, $lt: 200 } }), total);
        await stage.down();
        assertSame(await stage.state(), beginning, 'after the way back');
        assert.deepEqual(await stage.leftovers(), []);
      } finally {
        await stage.close();
      }
    });
  });
});

/** The lease of a run that could not give it back lapses by itself. */
async function untilFree({ db }: Stage): Promise<void> {
  const held = { $expr: { $gt: ['$expiresAt', '$$NOW'] } };
  while (await db.collection('_migratory_lease').findOne(held))
    await new Promise((resolve) => setTimeout(resolve, 200));
}

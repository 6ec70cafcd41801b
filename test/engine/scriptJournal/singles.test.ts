// Writes that name their one document take one command for the change and the image, not two; where that does not work
// they go on as all others do.
import assert from 'node:assert/strict';
import type { Collection, Db } from 'mongodb';
import { replicaSet } from '../../support/server';
import { Bench } from './support';

const rows = (db: Db): Collection<any> => db.collection<any>('rows');

describe('writes of scripts that name one document', function () {
  this.timeout(60_000);
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open(await replicaSet());
    await rows(bench.db).insertMany(
      Array.from({ length: 60 }, (_, _id) => ({ _id, n: _id, f: _id + 0.5, text: 'old' })),
    );
  });
  afterEach(() => bench.close());

  /** Commands of each kind while the script runs. */
  async function counted(work: (all: Collection<any>) => Promise<void>): Promise<Record<string, number>> {
    const names = ['findAndModify', 'update', 'find'];
    const now = async () => {
      const { metrics } = (await bench.client.db('admin').command({ serverStatus: 1 })) as {
        metrics: { commands: Record<string, { total: unknown }> };
      };
      return names.map((name) => Number(metrics.commands[name]?.total));
    };
    let used: number[] = [];
    const { exitCode, run } = await bench.up(async (db) => {
      const before = await now();
      await work(rows(db));
      used = (await now()).map((total, i) => total - (before[i] as number));
    });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    return Object.fromEntries(names.map((name, i) => [name, used[i] as number]));
  }

  it('are one command where their outcome can be foreseen, and come back to the byte', async () => {
    const before = await bench.state();
    const used = await counted(async (all) => {
      for (let _id = 0; _id < 40; _id++) {
        const { matchedCount, modifiedCount } = await all.updateOne(
          { _id },
          { $set: { text: 'new' }, $inc: { n: 1 } },
        );
        assert.deepEqual([matchedCount, modifiedCount], [1, 1]);
      }
      for (let _id = 50; _id < 60; _id++) assert.equal((await all.deleteOne({ _id })).deletedCount, 1);
    });
    // Others may send some meanwhile; without this way there would be none.
    assert.ok(used['findAndModify']! >= 50 && used['update']! < 40, JSON.stringify(used));
    const down = await bench.down();
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.error));
    assert.deepEqual(await bench.state(), before);
  });

  it('are not tried again and again where it cannot', async () => {
    const before = await bench.state();
    const used = await counted(async (all) => {
      for (let _id = 0; _id < 40; _id++)
        assert.equal((await all.updateOne({ _id }, { $inc: { f: 1 } })).modifiedCount, 1);
    });
    // An integer is added to a double, which only the server does.
    assert.ok(used['findAndModify']! < 20 && used['update']! >= 40, JSON.stringify(used));
    const down = await bench.down();
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.error));
    assert.deepEqual(await bench.state(), before);
  });
});

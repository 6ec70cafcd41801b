// Scripts with `transaction: true`: all or nothing, with the ledger's row.
import assert from 'node:assert/strict';
import type { Collection, Db, Document } from 'mongodb';
import { replicaSet, standalone } from '../../support/server';
import { Bench, type Up } from './support';

const rows = (db: Db): Collection<any> => db.collection<any>('rows');

describe('scripts in one transaction', function () {
  this.timeout(60_000);
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open(await replicaSet());
    await rows(bench.db).insertMany(Array.from({ length: 10 }, (_, i) => ({ _id: i, n: 0 })));
  });
  afterEach(() => bench.close());

  for (const backup of ['journal', 'none'] as const) {
    it(`commits the ledger's row together with the script (backup: ${backup})`, async () => {
      bench.settings.backup = backup;
      const before = await bench.state();
      const { run, exitCode } = await bench.up(
        async (db, _client, ctx) => {
          await rows(db).updateMany({}, { $inc: { n: 1 } }, { session: ctx.session });
          await rows(db).insertOne({ _id: 'new', n: 1 }, { session: ctx.session });
          assert.equal(await rows(bench.db).countDocuments({ n: 1 }), 0, 'nothing is seen outside');
          assert.equal(await bench.db.collection('_migrations').countDocuments(), 0);
        },
        { transaction: true },
      );
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      assert.equal(await rows(bench.db).countDocuments({ n: 1 }), 11);
      const row = await bench.db.collection('_migrations').findOne({ name: 'script' });
      assert.equal(row?.['run'], run._id);
      if (backup === 'none') return;
      assert.equal((await bench.down()).exitCode, 0);
      assert.deepEqual(await bench.state(), before);
    });
  }

  it('leaves nothing of a script that throws', async () => {
    const before = await bench.state();
    const { run, exitCode } = await bench.up(
      async (db, _client, ctx) => {
        await rows(db).updateMany({}, { $inc: { n: 1 } }, { session: ctx.session });
        throw new Error('half-way');
      },
      { transaction: true },
    );
    assert.equal(exitCode, 1);
    assert.equal(run.error?.message, 'half-way');
    assert.deepEqual(await bench.state(), before);
    assert.equal(await bench.db.collection('_migrations').countDocuments(), 0);
  });

  it('runs it again after a conflict with somebody else', async () => {
    let runs = 0;
    const { run, exitCode } = await bench.up(
      async (db, _client, ctx) => {
        runs += 1;
        await rows(db).findOne({ _id: 2 }, { session: ctx.session });
        if (runs === 1) await rows(bench.db).updateOne({ _id: 1 }, { $inc: { n: 100 } });
        await rows(db).updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session: ctx.session });
      },
      { transaction: true },
    );
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.equal(runs, 2);
    assert.equal((await rows(bench.db).findOne({ _id: 1 }))?.['n'], 101);
  });

  for (const [what, failing] of [
    ['the commit fails again and again', { failCommands: ['commitTransaction'], errorCode: 91 }],
    ['the connection is lost at the commit', { failCommands: ['commitTransaction'], closeConnection: true }],
    [
      'nobody knows whether the commit will stay',
      {
        failCommands: ['commitTransaction'],
        writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' },
      },
    ],
    [
      'the server gives the transaction up',
      { failCommands: ['delete'], errorCode: 112, errorLabels: ['TransientTransactionError'] },
    ],
    ['the connection is lost in the middle', { failCommands: ['delete'], closeConnection: true }],
    [
      "the ledger's row meets a conflict",
      { failCommands: ['insert'], errorCode: 112, errorLabels: ['TransientTransactionError'] },
    ],
  ] as [string, Document][]) {
    it(`is done once, with one row, although ${what}`, async () => {
      const before = await bench.state();
      const admin = bench.client.db('admin');
      let armed = false;
      let failures = 0;
      try {
        const { count } = await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
        const { run, exitCode } = await bench.up(
          async (db, _client, { session }) => {
            await rows(db).updateMany({}, { $inc: { n: 1 } }, { session });
            if (!armed)
              await admin.command({ configureFailPoint: 'failCommand', mode: { times: 2 }, data: failing });
            armed = true;
            await rows(db).deleteOne({ _id: 3 }, { session });
          },
          { transaction: true },
        );
        const off = await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
        failures = Number(off['count']) - Number(count);
        assert.equal(exitCode, 0, JSON.stringify(run.error));
      } finally {
        await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
      }
      assert.equal(failures, 2, 'the server did not fail');
      assert.equal(await rows(bench.db).countDocuments({ n: 1 }), 9);
      assert.equal(await rows(bench.db).countDocuments(), 9);
      assert.equal(await bench.db.collection('_migrations').countDocuments(), 1);
      assert.equal((await bench.down()).exitCode, 0);
      assert.deepEqual(await bench.state(), before);
    });
  }

  it('refuses what would happen outside of the transaction', async () => {
    const outside = /cannot be part of a transaction/;
    for (const [up, message] of [
      [(db) => rows(db).updateOne({ _id: 1 }, { $set: { n: 1 } }), /ctx\.session/],
      [(db) => rows(db).createIndex({ n: 1 }), outside],
      [(db, _client, { session }) => rows(db).createIndex({ n: 1 }, { session }), outside],
      [(db, _client, { session }) => db.createCollection('fresh', { session }), outside],
    ] as [Up, RegExp][]) {
      const { run, exitCode } = await bench.up(up, { transaction: true });
      assert.equal(exitCode, 1);
      assert.match(run.error?.message ?? '', message);
    }
  });

  it('is refused by a check where there are no transactions', async () => {
    const alone = await Bench.open(await standalone());
    const { run, exitCode } = await alone.up(() => undefined, { transaction: true });
    assert.equal(exitCode, 5);
    assert.match(run.error?.message ?? '', /transaction/);
    await alone.close();
  });
});

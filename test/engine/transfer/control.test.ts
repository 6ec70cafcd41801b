// What acts on a transfer from outside: pause, cancel, a newer owner, throttle, other writers and server failures.
import assert from 'node:assert/strict';
import { MongoClient, type Db } from 'mongodb';
import { revertFromJournal } from '../../../src/transfer/revert';
import { transfer } from '../../../src/transfer/transfer';
import { replicaSet, standalone } from '../../support/server';
import { byFunction, byPipeline, contextOf, deployments, replicated } from './setup';

const plus = byFunction((doc) => ({ $set: { x: doc.x + 100 } }));
const plusOnServer = byPipeline({ $set: { x: { $add: ['$x', 100] } } });
const total = 600;

async function fill(db: Db): Promise<void> {
  await db
    .collection('t')
    .insertMany(Array.from({ length: total }, (_, n) => ({ _id: n as never, n, x: n })));
}

async function sum(db: Db): Promise<number> {
  const [row] = await db
    .collection('t')
    .aggregate([{ $group: { _id: null, x: { $sum: '$x' } } }])
    .toArray();
  return Number(row?.['x']);
}

const before = (total * (total - 1)) / 2;

for (const deployment of deployments) {
  describe(`a transfer under control, ${deployment.name}`, () => {
    let db: Db;
    beforeEach(async () => {
      db = await deployment.database();
      await fill(db);
    });

    it('is cancelled within one batch and goes on later', async () => {
      const cancel = new AbortController();
      const context = contextOf(deployment, db, { batchSize: 50, lanes: 1, signal: cancel.signal });
      const batch = () => {
        context.heard.batches += 1;
        if (context.heard.batches === 3) cancel.abort(new Error('cancelled by a test'));
      };
      await assert.rejects(
        transfer({ ...context, monitor: { batch }, collection: 't', change: plus }),
        /cancelled by a test/,
      );
      assert.equal(await sum(db), before + 3 * 50 * 100);
      await transfer({ ...contextOf(deployment, db), collection: 't', change: plus });
      assert.equal(await sum(db), before + total * 100);
      // Whoever comes once more hears how much was done.
      const told: [number, number][] = [];
      const monitor = { total: (all: number, done: number) => void told.push([all, done]) };
      await transfer({ ...contextOf(deployment, db), monitor, collection: 't', change: plus });
      assert.deepEqual(told, [[total, total]]);
      assert.equal(await sum(db), before + total * 100);
    });

    it('ends although a transform never answers', async () => {
      const cancel = new AbortController();
      const change = byFunction(() => new Promise(() => undefined));
      const running = transfer({
        ...contextOf(deployment, db, { signal: cancel.signal }),
        collection: 't',
        change,
      });
      setTimeout(() => cancel.abort(new Error('enough')), 100);
      await assert.rejects(running, /enough/);
      assert.equal(await sum(db), before);
    });

    it('waits at the gate between batches', async () => {
      let open!: () => void;
      const gate = new Promise<void>((resolve) => (open = resolve));
      const passed = { gates: 0 };
      const context = contextOf(deployment, db, {
        batchSize: 50,
        lanes: 1,
        gate: () => (++passed.gates > 2 ? gate : Promise.resolve()),
      });
      let finished = false;
      const running = transfer({ ...context, collection: 't', change: plus }).then(() => (finished = true));
      while (passed.gates < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(await sum(db), before + 2 * 50 * 100);
      assert.equal(finished, false);
      open();
      await running;
      assert.equal(await sum(db), before + total * 100);
    });

    it('commits nothing more once a newer owner has taken over', async () => {
      let others: Promise<unknown> | undefined;
      const change = byFunction(async (doc) => {
        if (doc.n === 100)
          await (others ??= transfer({
            ...contextOf(deployment, db, { epoch: 2, batchSize: 50 }),
            collection: 't',
            change: plus,
          }));
        return { $set: { x: doc.x + 100 } };
      });
      await assert.rejects(
        transfer({ ...contextOf(deployment, db, { batchSize: 50, lanes: 1 }), collection: 't', change }),
        (error: Error) => error.name === 'FencedError',
      );
      await others;
      assert.equal(await sum(db), before + total * 100);
      await assert.rejects(
        transfer({ ...contextOf(deployment, db), step: 'step', collection: 't', change: plus }),
        (error: Error) => error.name === 'FencedError',
      );
    });

    it('is not done again once it is done', async () => {
      const first = await transfer({ ...contextOf(deployment, db), collection: 't', change: plus });
      assert.deepEqual(
        await transfer({ ...contextOf(deployment, db, { epoch: 2 }), collection: 't', change: plus }),
        first,
      );
      assert.equal(await sum(db), before + total * 100);
    });

    it('keeps to a number of documents a second, also when it is changed on the way', async () => {
      const throttle: { docsPerSecond?: number } = { docsPerSecond: 400 };
      const context = contextOf(deployment, db, { throttle });
      const started = performance.now();
      const batch = () => {
        if (performance.now() - started > 500) delete throttle.docsPerSecond;
      };
      await transfer({ ...context, monitor: { batch }, collection: 't', change: plus });
      const ms = performance.now() - started;
      assert.ok(ms > 400, `600 documents took ${ms} ms`);
      assert.equal(await sum(db), before + total * 100);
    });

    for (const [name, change] of [
      ['function', plus],
      ['pipeline', plusOnServer],
    ] as const) {
      it(`changes what is inserted behind it, and loses no write of others (${name})`, async () => {
        const t = db.collection('t');
        let added = 0;
        const inserted = { n: 0 };
        const end = new AbortController();
        const writer = (async () => {
          for (let i = 0; !end.signal.aborted; i++) {
            await t.updateOne({ _id: ((i * 7919) % total) as never }, { $inc: { x: 1 } });
            added += 1;
            if (i % 3 === 0 && inserted.n < 200)
              await t
                .insertOne({
                  _id: (inserted.n++ % 2 === 0 ? `s${i}` : 0.5 + (i % total)) as never,
                  x: 0,
                  late: true,
                })
                .catch(() => (inserted.n -= 1));
          }
        })();
        let batches = 0;
        const context = contextOf(deployment, db, {
          batchSize: 40,
          gate: async () => {
            // The inserter gets its turn while the scan is under way.
            const seen = { n: inserted.n };
            while (++batches < 20 && inserted.n < 200 && inserted.n <= seen.n)
              await new Promise((resolve) => setTimeout(resolve, 2));
          },
        });
        let lateBefore = 0;
        await transfer({
          ...context,
          collection: 't',
          change,
          crashPoint: async (point) => {
            if (point !== 'before-sweep') return;
            end.abort();
            await writer;
            lateBefore = await t.countDocuments({ late: true });
          },
        });
        assert.ok(lateBefore > 0);
        const missed = await t.countDocuments({ late: true, x: { $lt: 100 } });
        assert.equal(missed, 0);
        assert.equal(await sum(db), before + added + (total + lateBefore) * 100);
      });
    }
  });
}

describe('a transfer whose server fails now and then', () => {
  const faults: [string, object][] = [
    ['update 91', { failCommands: ['update'], errorCode: 91 }],
    ['update 189', { failCommands: ['update'], errorCode: 189 }],
    ['update 11600', { failCommands: ['update'], errorCode: 11600 }],
    ['update loses the connection', { failCommands: ['update'], closeConnection: true }],
    ['find 11600', { failCommands: ['find'], errorCode: 11600 }],
    ['find loses the connection', { failCommands: ['find'], closeConnection: true }],
    ['insert 91', { failCommands: ['insert'], errorCode: 91 }],
    [
      'overload 462',
      {
        failCommands: ['update', 'find'],
        errorCode: 462,
        errorLabels: ['SystemOverloadedError', 'RetryableError', 'TransientTransactionError'],
      },
    ],
    ['commit 91', { failCommands: ['commitTransaction'], errorCode: 91 }],
    ['commit loses the connection', { failCommands: ['commitTransaction'], closeConnection: true }],
    [
      'commit with an unclear write concern',
      { failCommands: ['commitTransaction'], writeConcernError: { code: 91, errmsg: 'shutting down' } },
    ],
  ];

  for (const deployment of deployments) {
    for (const [name, data] of faults) {
      if (!deployment.transactions && /commit|462/.test(name)) continue;
      for (const direction of ['up', 'down'] as const) {
        it(`${name}, ${direction}, ${deployment.name}: everything exactly once`, async () => {
          const server = await (deployment.transactions ? replicaSet() : standalone());
          const appName = `fault-${name.replaceAll(/\W/g, '-')}-${direction}`;
          const client = await MongoClient.connect(server.uri, {
            appName,
            retryWrites: deployment.transactions,
          });
          const db = client.db((await deployment.database()).databaseName);
          try {
            await fill(db);
            const change = plus;
            if (direction === 'down')
              await transfer({ ...contextOf(deployment, db), collection: 't', change });
            let armed = false;
            const crashPoint = async (point: string) => {
              if (armed || point !== 'after-commit') return;
              armed = true;
              await client.db('admin').command({
                configureFailPoint: 'failCommand',
                mode: { times: 3 },
                data: { ...data, appName },
              });
            };
            const context = contextOf(deployment, db, { batchSize: 50, crashPoint });
            if (direction === 'up') await transfer({ ...context, collection: 't', change });
            else assert.equal((await revertFromJournal(context)).conflicts, 0);
            assert.ok(armed || direction === 'down');
            assert.equal(await sum(db), before + (direction === 'up' ? total * 100 : 0));
          } finally {
            await client.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' });
            await client.close();
          }
        });
      }
    }
  }

  it('goes on although a document is locked by somebody else for a while', async () => {
    const db = await replicated.database();
    await fill(db);
    const session = db.client.startSession();
    session.startTransaction();
    await db.collection('t').updateOne({ _id: 77 as never }, { $inc: { x: 1 } }, { session });
    const running = transfer({ ...contextOf(replicated, db), collection: 't', change: plus });
    await new Promise((resolve) => setTimeout(resolve, 400));
    await session.commitTransaction();
    await session.endSession();
    await running;
    assert.equal(await sum(db), before + 1 + total * 100);
  });
});

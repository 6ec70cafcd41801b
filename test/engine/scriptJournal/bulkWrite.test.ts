// The bulkWrite command of MongoDB 8 through the door: it does what the single commands do, is journaled and undone like
// them, and tells each operation. Servers before 8 do not know it, so here it is always the door that carries it out.
import assert from 'node:assert/strict';
import type { Db, Document, MongoClient } from 'mongodb';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { skipBelow } from '../../support/skip';
import { Bench } from './support';

function bulk(client: MongoClient, ops: Document[], namespaces: string[], options: Document = {}) {
  const { session, ...more } = options;
  const nsInfo = namespaces.map((ns) => ({ ns }));
  const command = { bulkWrite: 1, ops, nsInfo, ordered: true, errorsOnly: false, ...more };
  return client.db('admin').command(command, session ? { session: session as never } : {});
}

const told = (reply: Document): unknown[] =>
  (reply['cursor'].firstBatch as Document[]).map((item) => {
    const { errmsg, keyPattern: _, keyValue: __, ...rest } = item;
    return errmsg === undefined ? rest : { ...rest, errmsg: /E11000/.test(String(errmsg)) };
  });

const counted = ({ nErrors, nInserted, nMatched, nModified, nUpserted, nDeleted }: Document) => [
  nErrors,
  nInserted,
  nMatched,
  nModified,
  nUpserted,
  nDeleted,
];

for (const [kind, server] of [
  ['a replica set', replicaSet],
  ['a standalone', standalone],
] as [string, () => Promise<TestServer>][]) {
  describe(`bulkWrite of a script on ${kind}`, function () {
    this.timeout(60_000);
    let bench: Bench;
    let a: string;
    let b: string;
    beforeEach(async () => {
      bench = await Bench.open(await server());
      for (const name of ['a', 'b'])
        await bench.db
          .collection<any>(name)
          .insertMany(Array.from({ length: 10 }, (_, i) => ({ _id: i, n: i, name: `N${i}` })));
      a = `${bench.db.databaseName}.a`;
      b = `${bench.db.databaseName}.b`;
    });
    afterEach(() => bench.close());

    const run = async (work: (db: Db, client: MongoClient) => Promise<unknown>): Promise<void> => {
      const before = await bench.state();
      const up = await bench.up(work);
      assert.equal(up.exitCode, 0, JSON.stringify(up.run.error));
      assert.notDeepEqual(await bench.state(), before);
      const down = await bench.down();
      assert.equal(down.exitCode, 0, JSON.stringify(bench.conflicts));
      assert.deepEqual(await bench.state(), before);
    };

    it('does every kind of operation in order, tells each, and is undone', async function () {
      await skipBelow(this, bench.db, 5, 'variables of an update');
      await run(async (db, client) => {
        const reply = await bulk(
          client,
          [
            { insert: 0, document: { _id: 'new', n: 1 } },
            { insert: 0, document: { _id: 'newer', n: 1 } },
            { update: 0, filter: { n: 1 }, updateMods: { $inc: { n: 100 } }, multi: true },
            { update: 1, filter: { _id: 3 }, updateMods: [{ $set: { n: { $add: ['$n', '$$by'] } } }] },
            { update: 1, filter: { _id: 'up' }, updateMods: { $set: { x: 1 } }, upsert: true },
            {
              update: 1,
              filter: { name: 'n4' },
              updateMods: { $set: { n: 0 } },
              collation: { locale: 'en', strength: 2 },
            },
            { update: 0, filter: { _id: 5 }, updateMods: { _id: 5, whole: true }, hint: { _id: 1 } },
            { delete: 1, filter: { _id: { $gte: 7 } }, multi: true },
            { delete: 0, filter: { _id: { $gte: 7 } } },
            { update: 0, filter: { _id: 'nobody' }, updateMods: { $set: { n: 1 } } },
          ],
          [a, b],
          { let: { by: 10 }, comment: 'all' },
        );
        assert.deepEqual(told(reply), [
          { ok: 1, idx: 0, n: 1 },
          { ok: 1, idx: 1, n: 1 },
          { ok: 1, idx: 2, n: 3, nModified: 3 },
          { ok: 1, idx: 3, n: 1, nModified: 1 },
          { ok: 1, idx: 4, n: 1, nModified: 0, upserted: { _id: 'up' } },
          { ok: 1, idx: 5, n: 1, nModified: 1 },
          { ok: 1, idx: 6, n: 1, nModified: 1 },
          { ok: 1, idx: 7, n: 3 },
          { ok: 1, idx: 8, n: 1 },
          { ok: 1, idx: 9, n: 0, nModified: 0 },
        ]);
        assert.deepEqual(counted(reply), [0, 2, 6, 6, 1, 4]);
        assert.equal(reply['cursor'].id, 0);
        assert.deepEqual(await db.collection<any>('b').findOne({ _id: 3 }), { _id: 3, n: 13, name: 'N3' });
        assert.equal(await db.collection('a').countDocuments({ n: 101 }), 3);
      });
    });

    it('ends at the first failure when ordered, and goes on when not', () =>
      run(async (_db, client) => {
        const ops = [
          { update: 0, filter: { _id: 0 }, updateMods: { $inc: { n: 1 } } },
          { insert: 0, document: { _id: 1 } },
          { insert: 0, document: { _id: 'made' } },
          { delete: 1, filter: { _id: 0 } },
        ];
        const failed = { ok: 0, idx: 1, n: 0, code: 11000, errmsg: true };
        const ordered = await bulk(client, ops, [a, b]);
        assert.deepEqual(told(ordered), [{ ok: 1, idx: 0, n: 1, nModified: 1 }, failed]);
        assert.deepEqual(counted(ordered), [1, 0, 1, 1, 0, 0]);
        const unordered = await bulk(client, ops, [a, b], { ordered: false });
        assert.deepEqual(told(unordered), [
          { ok: 1, idx: 0, n: 1, nModified: 1 },
          failed,
          { ok: 1, idx: 2, n: 1 },
          { ok: 1, idx: 3, n: 1 },
        ]);
        assert.deepEqual(counted(unordered), [1, 1, 1, 1, 0, 1]);
      }));

    it('tells failures alone if asked, and what is wrong with one operation for that operation', () =>
      run(async (_db, client) => {
        const inc = (_id: number) => ({ update: 0, filter: { _id }, updateMods: { $inc: { n: 1 } } });
        const fine = await bulk(client, [inc(0), inc(1), inc(1)], [a], { errorsOnly: true });
        assert.deepEqual([told(fine), counted(fine)], [[], [0, 0, 3, 3, 0, 0]]);
        const wrong = { update: 0, filter: { _id: 1 }, updateMods: { $nope: { n: 1 } } };
        const ops = [inc(0), wrong, inc(2)];
        const some = await bulk(client, ops, [a], { errorsOnly: true, ordered: false });
        const [item] = some['cursor'].firstBatch as Document[];
        assert.deepEqual([item?.['ok'], item?.['idx'], item?.['code']], [0, 1, 9]);
        assert.deepEqual(counted(some), [1, 0, 2, 2, 0, 0]);
        await assert.rejects(bulk(client, [{ replace: 0 }], [a]), /inserts, updates and deletes/);
        await assert.rejects(bulk(client, [inc(0)], []), /nsInfo/);
        await assert.rejects(bulk(client, [{ ...inc(0), odd: 1 }], [a]), /bulkWrite.ops.odd/);
      }));

    it('passes over a validator only if it may', async () => {
      await bench.db.createCollection('strict', { validator: { n: { $type: 'number' } } });
      await run(async (_db, client) => {
        const ops = [{ insert: 0, document: { _id: 1, n: 'text' } }];
        const strict = [`${bench.db.databaseName}.strict`];
        assert.deepEqual(counted(await bulk(client, ops, strict)), [1, 0, 0, 0, 0, 0]);
        const passed = await bulk(client, ops, strict, { bypassDocumentValidation: true });
        assert.deepEqual(counted(passed), [0, 1, 0, 0, 0, 0]);
      });
    });

    if (kind === 'a replica set') {
      it('belongs to the transaction of the script', () =>
        run(async (db, client) => {
          const ops = [
            { update: 0, filter: { _id: 0 }, updateMods: { $set: { n: 50 } } },
            { delete: 1, filter: {}, multi: true },
            { insert: 1, document: { _id: 'in' } },
          ];
          await client.withSession(async (session) => {
            session.startTransaction();
            const reply = await bulk(client, ops, [a, b], { session });
            assert.deepEqual(counted(reply), [0, 1, 1, 1, 0, 10]);
            await session.abortTransaction();
            assert.equal(await db.collection('b').countDocuments(), 10);
            session.startTransaction();
            await bulk(client, ops, [a, b], { session });
            await session.commitTransaction();
          });
          assert.deepEqual(await db.collection<any>('b').find().toArray(), [{ _id: 'in' }]);
        }));
    }

    it('is rehearsed without touching anything', async function () {
      await skipBelow(this, bench.db, 5, 'telling the collection of a duplicate key that $out has made');
      const before = await bench.state();
      const dry = await bench.dryRun(async (db, client) => {
        const reply = await bulk(
          client,
          [
            { insert: 0, document: { _id: 1 } },
            { delete: 0, filter: {}, multi: true },
          ],
          [a],
          { ordered: false },
        );
        const [item] = reply['cursor'].firstBatch as Document[];
        assert.match(String(item?.['errmsg']), new RegExp(`collection: ${a} `));
        assert.equal(await db.collection('a').countDocuments(), 0);
      });
      assert.equal(dry.exitCode, 0, JSON.stringify(dry.run.error));
      assert.deepEqual(await bench.state(), before);
    });
  });
}

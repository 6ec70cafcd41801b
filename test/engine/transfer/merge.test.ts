// New shapes in other collections: transforms with `into`, and aggregations merged into a target; and their way back.
import assert from 'node:assert/strict';
import type { Db, Document } from 'mongodb';
import { revertFromJournal } from '../../../src/transfer/revert';
import { transfer, transferPipeline } from '../../../src/transfer/transfer';
import type { PipelineTransferOptions } from '../../../src/transfer/types';
import { rawBytes } from '../../support/bytes';
import { skipBelow } from '../../support/skip';
import { byFunction, byPipeline, contextOf, deployments, stateLeft } from './setup';

const flat: Document[] = [
  { $lookup: { from: 'customers', localField: 'customer', foreignField: '_id', as: 'who' } },
  { $unwind: '$lines' },
  {
    $project: {
      _id: 0,
      order: '$_id',
      sku: '$lines.sku',
      quantity: '$lines.quantity',
      name: { $first: '$who.name' },
    },
  },
];

for (const deployment of deployments) {
  describe(`writing into another collection, ${deployment.name}`, () => {
    let db: Db;
    beforeEach(async () => {
      db = await deployment.database();
      await db.collection('orders').insertMany(
        Array.from({ length: 250 }, (_, i) => ({
          _id: i as never,
          customer: i % 10,
          lines: [
            { sku: 'a', quantity: i },
            { sku: 'b', quantity: 2 },
          ],
        })),
      );
      await db
        .collection('customers')
        .insertMany(Array.from({ length: 10 }, (_, i) => ({ _id: i as never, name: `customer ${i}` })));
    });

    const merge = (options: Partial<PipelineTransferOptions>) =>
      transferPipeline({
        ...contextOf(deployment, db, { batchSize: 60 }),
        collection: 'orders',
        into: 'target',
        pipeline: [],
        ...options,
      });
    const revert = () => revertFromJournal(contextOf(deployment, db));

    it('joins, unwinds and merges by a key of its own, and takes it back', async () => {
      const target = db.collection('target');
      await target.createIndex({ order: 1, sku: 1 }, { unique: true });
      await target.insertMany([
        { order: 5, sku: 'a', kept: true },
        { order: -1, sku: 'z' },
      ]);
      const before = await rawBytes(target);
      const result = await merge({ pipeline: flat, on: ['order', 'sku'] });
      assert.deepEqual([result.scanned, result.processed], [250, 500]);
      assert.equal(await target.countDocuments(), 501);
      const [met] = await target.find({ order: 5, sku: 'a' }, { projection: { _id: 0 } }).toArray();
      assert.deepEqual(met, { order: 5, sku: 'a', kept: true, quantity: 5, name: 'customer 5' });
      const back = await revert();
      assert.deepEqual([back.deleted, back.restored, back.conflicts], [499, 1, 0]);
      assert.deepEqual(await rawBytes(target), before);
    });

    it('groups over all documents, and leaves no stage behind', async () => {
      const pipeline = [
        { $unwind: '$lines' },
        { $group: { _id: '$lines.sku', sold: { $sum: '$lines.quantity' } } },
      ];
      const result = await merge({ pipeline });
      assert.equal(result.processed, 2);
      assert.deepEqual(await db.collection('target').find().sort({ _id: 1 }).toArray(), [
        { _id: 'a', sold: (250 * 249) / 2 },
        { _id: 'b', sold: 500 },
      ]);
      assert.deepEqual(await stateLeft(db), ['_migratory_checkpoints', '_migratory_journal_run1']);
      await revert();
      assert.equal(await db.collection('target').countDocuments(), 0);
    });

    it('adds up what several ranges merge into one document, and takes all of it back', async () => {
      await db.collection('target').insertOne({ _id: 3 as never, count: 1000 });
      const before = await rawBytes(db.collection('target'));
      await merge({
        batchSize: 20,
        pipeline: [{ $project: { _id: '$customer' } }],
        whenMatched: [{ $set: { count: { $add: [{ $ifNull: ['$count', 1] }, 1] } } }],
      });
      const found = await db.collection('target').find().sort({ _id: 1 }).toArray();
      assert.equal(found.length, 10);
      assert.equal(found.find((doc) => Number(doc._id) === 3)?.['count'], 1025);
      const back = await revert();
      assert.equal(back.conflicts, 0);
      assert.deepEqual(await rawBytes(db.collection('target')), before);
    });

    const modes: [string, Partial<PipelineTransferOptions>, Document | null, Document | null][] = [
      ['merge', {}, { _id: 1, old: true, n: 1 }, { _id: 2, n: 2 }],
      ['replace', { whenMatched: 'replace' }, { _id: 1, n: 1 }, { _id: 2, n: 2 }],
      ['keep existing', { whenMatched: 'keepExisting' }, { _id: 1, old: true }, { _id: 2, n: 2 }],
      [
        'a pipeline',
        { whenMatched: [{ $set: { seen: '$$new.n' } }] },
        { _id: 1, old: true, seen: 1 },
        { _id: 2, n: 2 },
      ],
      ['discard what is not there', { whenNotMatched: 'discard' }, { _id: 1, old: true, n: 1 }, null],
    ];
    for (const [name, mode, one, two] of modes) {
      it(`follows $merge: ${name}`, async () => {
        const target = db.collection('target');
        await target.insertOne({ _id: 1 as never, old: true });
        const before = await rawBytes(target);
        await merge({
          pipeline: [{ $match: { _id: { $in: [1, 2] } } }, { $project: { n: '$_id' } }],
          ...mode,
        });
        assert.deepEqual(await target.findOne({ _id: 1 as never }), one);
        assert.deepEqual(await target.findOne({ _id: 2 as never }), two);
        await revert();
        assert.deepEqual(await rawBytes(target), before);
      });
    }

    it('follows $merge: fail', async () => {
      await db.collection('target').insertOne({ _id: 100 as never });
      await assert.rejects(merge({ whenMatched: 'fail' }), /document 100 .*already holds/);
      await assert.rejects(
        merge({ step: 'other', whenNotMatched: 'fail' }),
        /holds no document with this key/,
      );
    });

    for (const [name, change, shape] of [
      [
        'update operators',
        byFunction(() => ({ $unset: { lines: '' }, $inc: { customer: 1 } })),
        { customer: 2 },
      ],
      [
        'a whole document',
        byFunction(({ _id, customer }) => ({ _id, customer: customer + 1 })),
        { customer: 2 },
      ],
      [
        'a pipeline',
        byPipeline({ $set: { customer: { $add: ['$customer', 1] } } }, { $unset: 'lines' }),
        { customer: 2 },
      ],
    ] as const) {
      it(`copies what ${name} make of documents, and takes it back`, async () => {
        const target = db.collection('target');
        await target.insertOne({ _id: 7 as never, there: 'before' });
        const before = await rawBytes(target);
        const source = await rawBytes(db.collection('orders'));
        const result = await transfer({
          ...contextOf(deployment, db, { batchSize: 60 }),
          collection: 'orders',
          into: 'target',
          change,
        });
        assert.equal(result.processed, 250);
        assert.deepEqual(await target.findOne({ _id: 1 as never }), { _id: 1, ...shape });
        assert.deepEqual(await target.findOne({ _id: 7 as never }), { _id: 7, customer: 8 });
        await target.updateOne({ _id: 2 as never }, { $set: { touched: true } });
        const back = await revert();
        assert.deepEqual([back.deleted, back.restored, back.conflicts], [248, 1, 1]);
        await target.deleteOne({ _id: 2 as never });
        assert.deepEqual(await rawBytes(target), before);
        assert.deepEqual(await rawBytes(db.collection('orders')), source);
      });
    }

    it('refuses views, time-series and collections of the server, with the reason', async function () {
      await skipBelow(this, db, 5, 'time series');
      await db.createCollection('view', { viewOn: 'orders', pipeline: [] });
      await db.createCollection('series', { timeseries: { timeField: 'at' } });
      const change = byPipeline({ $set: { a: 1 } });
      const run = (collection: string, into?: string) =>
        transfer({ ...contextOf(deployment, db), collection, into, change });
      await assert.rejects(run('view'), /"view" is a view/);
      await assert.rejects(run('series'), /"series" is a time-series collection/);
      await assert.rejects(run('orders', 'series'), /"series" is a time-series collection/);
      await assert.rejects(run('_migratory_runs'), /state of migrations/);
      assert.deepEqual(await stateLeft(db), []);
    });

    it('changes a capped collection under guard', async () => {
      await db.createCollection('capped', { capped: true, size: 100_000 });
      await db
        .collection('capped')
        .insertMany(Array.from({ length: 50 }, (_, i) => ({ _id: i as never, n: i })));
      const result = await transfer({
        ...contextOf(deployment, db),
        collection: 'capped',
        change: byFunction((doc) => ({ $set: { n: doc.n + 1 } })),
      });
      assert.equal(result.processed, 50);
      assert.equal(
        await db.collection('capped').countDocuments({ $expr: { $eq: ['$n', { $add: ['$_id', 1] }] } }),
        50,
      );
    });
  });
}

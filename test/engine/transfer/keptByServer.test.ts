// Pipelines whose documents the server itself puts into the journal: the way is taken, given up where it has to be, and
// what it kept is what was there.
import assert from 'node:assert/strict';
import { Long, type Collection, type Db, type Document } from 'mongodb';
import { revertFromJournal } from '../../../src/transfer/revert';
import { transfer } from '../../../src/transfer/transfer';
import type { TransferContext } from '../../../src/transfer/types';
import { rawBytes } from '../../support/bytes';
import { corpus } from '../../support/corpus';
import { insertRaw } from '../../support/rawInsert';
import { skipBelow } from '../../support/skip';
import { byPipeline, contextOf, replicated } from './setup';

const total = 3000;
const fromDocument = byPipeline({ $set: { x: { $add: ['$x', 100] }, added: { $toString: '$_id' } } });

describe('documents that the server keeps by itself', function () {
  this.timeout(60_000);
  let db: Db;
  let t: Collection;
  let journal: Collection;
  const run = (more: Partial<TransferContext> = {}, change = fromDocument, filter?: Document) =>
    transfer({ ...contextOf(replicated, db, { batchSize: 500, ...more }), collection: 't', filter, change });
  const rows = async () => ({
    images: await journal.countDocuments({ images: { $exists: true } }),
    packed: await journal.countDocuments({ data: { $exists: true } }),
  });

  beforeEach(async () => {
    db = await replicated.database();
    t = db.collection('t');
    journal = db.collection('_migratory_journal_run1');
    await t.insertMany(
      Array.from({ length: total }, (_, n) => ({
        _id: n as never,
        x: n,
        odd: n % 2 === 1,
        old: n % 3 ? 'old' : null,
        big: Long.fromNumber(n),
      })),
    );
  });

  for (const [name, change] of [
    ['fields that are set and removed', byPipeline({ $set: { x: 0, 'deep.in': '$x' } }, { $unset: 'old' })],
    [
      'a field that comes and goes',
      byPipeline({ $set: { y: '$x' } }, { $set: { z: '$y' } }, { $unset: 'y' }),
    ],
    ['a change of some', byPipeline({ $set: { x: { $cond: ['$odd', -1, '$x'] } } })],
    ['another order of the fields', byPipeline({ $unset: 'x' }, { $set: { x: 5 } })],
  ] as const) {
    it(`takes back ${name}`, async () => {
      const before = await rawBytes(t);
      const result = await run({}, change);
      assert.equal(result.processed, total);
      const changed = (await rawBytes(t)).filter((raw, i) => !raw.equals(before[i]!)).length;
      const { images, packed } = await rows();
      assert.ok(images > 0 && packed === 0, `${images} rows of images, ${packed} packed here`);
      const back = await revertFromJournal(contextOf(replicated, db));
      assert.deepEqual([back.restored, back.conflicts, back.total], [changed, 0, changed]);
      assert.deepEqual(await rawBytes(t), before);
    });
  }

  for (const other of ['before', 'stepping', 'zzz', 'step#script'])
    it(`leaves the rows of another step, "${other}", when it is taken back`, async () => {
      await run();
      await run({ step: other }, byPipeline({ $set: { note: 1 } }));
      const left = await journal.countDocuments({ '_id.s': other });
      assert.ok(left > 0);
      assert.equal((await revertFromJournal(contextOf(replicated, db))).total, total);
      assert.deepEqual(
        [await journal.countDocuments({}), await journal.countDocuments({ '_id.s': other })],
        [left, left],
      );
    });

  it('leaves what other steps note of collections that they made', async () => {
    await run();
    await journal.insertOne({ _id: 'created other new' as never, step: 'other', created: 'new' });
    await revertFromJournal(contextOf(replicated, db));
    assert.deepEqual(await journal.find().toArray(), [
      { _id: 'created other new', step: 'other', created: 'new' },
    ]);
  });

  it('follows a filter whose field it changes', async () => {
    const before = await rawBytes(t);
    const result = await run({}, byPipeline({ $set: { odd: false, x: -1 } }), { odd: true });
    assert.equal(result.processed, total / 2);
    assert.equal(await t.countDocuments({ x: -1 }), total / 2);
    assert.ok((await rows()).images > 0);
    assert.equal((await revertFromJournal(contextOf(replicated, db))).restored, total / 2);
    assert.deepEqual(await rawBytes(t), before);
  });

  it('keeps the bytes of all kinds of documents', async function () {
    await skipBelow(this, db, 5, 'updating documents with fields of any name');
    await t.deleteMany({});
    await insertRaw(
      db,
      't',
      corpus.map((item) => item.bytes),
    );
    const before = await rawBytes(t);
    const change = byPipeline({ $set: { migrated: '$_id' } });
    assert.equal((await run({ batchSize: 20 }, change)).processed, corpus.length);
    assert.ok((await rows()).images > 0);
    assert.equal((await revertFromJournal(contextOf(replicated, db))).conflicts, 0);
    assert.deepEqual(await rawBytes(t), before);
  });

  it('is not the way for what depends on the time, for _ids of several kinds, or for large documents', async () => {
    await run({ runId: 'run1', step: 'time' }, byPipeline({ $set: { at: '$$NOW' } }));
    assert.equal((await rows()).images, 0);
    await t.insertOne({ _id: 'text' as never, x: 1 });
    await run({ step: 'kinds' });
    assert.equal((await rows()).images, 0);
    await t.deleteOne({ _id: 'text' as never });
    const before = await rawBytes(t);
    const text = 'x'.repeat(5_000_000);
    await t.insertMany([1, 2, 3, 4].map((n) => ({ _id: -n as never, x: n, text })));
    assert.equal((await run({ step: 'large' })).processed, total + 4);
    const { images, packed } = await rows();
    assert.ok(images > 0 && packed > 0, `${images} rows of images, ${packed} packed here`);
    assert.equal((await revertFromJournal(contextOf(replicated, db, { step: 'large' }))).conflicts, 0);
    await t.deleteMany({ text });
    assert.deepEqual(await rawBytes(t), before);
  });

  it('does not count images of documents that somebody changed before the change came', async () => {
    const others = new Set<number>();
    const crashPoint = async (point: string): Promise<void> => {
      // Between the images and the change; each time other documents.
      if (point !== 'after-images' || others.size >= 3) return;
      const n = others.size * 600 + 7;
      others.add(n);
      await t.updateOne({ _id: n as never }, { $inc: { x: 1_000_000 } });
      await t.insertOne({ _id: (n + 0.5) as never, x: 0 });
    };
    const result = await run({ crashPoint });
    assert.equal(result.processed, total + 3);
    const [sum] = await t.aggregate([{ $group: { _id: null, x: { $sum: '$x' } } }]).toArray();
    assert.equal(sum?.['x'], (total * (total - 1)) / 2 + (total + 3) * 100 + 3 * 1_000_000);
    const back = await revertFromJournal(contextOf(replicated, db));
    assert.deepEqual([back.restored, back.conflicts], [total + 3, 0]);
    assert.equal(others.size, 3);
    for (const n of others)
      assert.equal((await t.findOne({ _id: n as never }))?.['x'], n + 1_000_000, `document ${n}`);
  });

  it('leaves alone what was changed since, and tells both versions', async () => {
    await run();
    await t.updateOne({ _id: 11 as never }, { $set: { x: 5 } });
    await t.updateOne({ _id: 12 as never }, { $set: { odd: 'mine' } });
    const context = contextOf(replicated, db);
    const back = await revertFromJournal(context);
    assert.deepEqual([back.restored, back.conflicts], [total - 1, 1]);
    assert.equal(context.heard.conflicts[0]?.id?.valueOf(), 11);
    assert.equal((await t.findOne({ _id: 11 as never }))?.['x'], 5);
    const mine = await t.findOne({ _id: 12 as never });
    assert.deepEqual([mine?.['x'], mine?.['odd'], 'added' in mine!], [12, 'mine', false]);
  });
});

// Documents that cannot be changed: stop or quarantine, retry after a fix, and the way back of what was done.
import assert from 'node:assert/strict';
import type { Db } from 'mongodb';
import { revertFromJournal } from '../../../src/transfer/revert';
import { retryQuarantine, transfer } from '../../../src/transfer/transfer';
import { rawBytes } from '../../support/bytes';
import { byFunction, byPipeline, contextOf, deployments, stateLeft } from './setup';

for (const deployment of deployments) {
  describe(`documents that fail, ${deployment.name}`, () => {
    let db: Db;
    beforeEach(async () => {
      db = await deployment.database();
      await db
        .collection('t')
        .insertMany(Array.from({ length: 300 }, (_, n) => ({ _id: n as never, n, key: `k${n}` })));
    });

    const strict = { $jsonSchema: { properties: { n: { bsonType: ['int', 'double'], maximum: 350 } } } };

    for (const [kind, change] of [
      ['function', byFunction((doc) => ({ $set: { n: doc.n + 100 } }))],
      ['pipeline', byPipeline({ $set: { n: { $add: ['$n', 100] } } })],
    ] as const) {
      it(`quarantines what the validator refuses (${kind}), and changes it after a fix`, async () => {
        await db.command({ collMod: 't', validator: strict });
        const before = await rawBytes(db.collection('t'));
        const context = contextOf(deployment, db, { batchSize: 100 });
        const result = await transfer({ ...context, collection: 't', change, onError: 'quarantine' });
        assert.deepEqual([result.processed, result.quarantined, result.errors], [251, 49, 49]);
        assert.match(context.heard.quarantined[0]?.reason ?? '', /validation/i);
        const rows = await db.collection('_migratory_quarantine').find().sort({ id: 1 }).toArray();
        assert.equal(rows.length, 49);
        assert.deepEqual(rows[0]?.['document'], { _id: 251, n: 251, key: 'k251' });
        assert.equal(rows[0]?.['collection'], 't');

        const again = await retryQuarantine({ ...contextOf(deployment, db), collection: 't', change });
        assert.deepEqual([again.processed, again.quarantined], [0, 49]);
        await db.command({ collMod: 't', validator: {} });
        const fixed = await retryQuarantine({ ...contextOf(deployment, db), collection: 't', change });
        assert.deepEqual([fixed.processed, fixed.quarantined, fixed.total], [49, 0, 49]);
        assert.equal(await db.collection('_migratory_quarantine').countDocuments(), 0);
        assert.equal(
          await db.collection('t').countDocuments({ $expr: { $eq: ['$n', { $add: ['$_id', 100] }] } }),
          300,
        );

        const reverted = await revertFromJournal(contextOf(deployment, db));
        assert.deepEqual([reverted.restored, reverted.conflicts], [300, 0]);
        assert.deepEqual(await rawBytes(db.collection('t')), before);
      });
    }

    it('tries only the named ones again, also those whose _id reads like an expression', async () => {
      const odd = ['$id', '$$ROOT', 'plain'];
      await db.collection('t').insertMany(odd.map((_id) => ({ _id: _id as never, n: 900 })));
      const options = { ...contextOf(deployment, db), collection: 't', filter: { n: 900 } };
      const refuse = byFunction(() => {
        throw new Error('no');
      });
      assert.equal((await transfer({ ...options, change: refuse, onError: 'quarantine' })).quarantined, 3);
      const change = byFunction(() => ({ $set: { n: 901 } }));
      assert.equal((await retryQuarantine({ ...options, change, only: ['$id'] })).processed, 1);
      const left = await db.collection('_migratory_quarantine').distinct('id');
      assert.deepEqual(left, ['$$ROOT', 'plain']);
    });

    it('stops at a duplicate key, names the document, and goes on after a fix', async () => {
      await db.collection('t').createIndex({ key: 1 }, { unique: true });
      const change = byFunction((doc) => ({ $set: { key: doc.n === 250 ? 'k0' : `new ${doc.n}` } }));
      // The value that is taken twice is one that the first batch has not freed.
      await db.collection('t').updateOne({ _id: 0 as never }, { $set: { n: -1 } });
      await db.collection('t').insertOne({ _id: 999 as never, n: 999, key: 'new 250' });
      const run = () =>
        transfer({
          ...contextOf(deployment, db, { batchSize: 50, lanes: 1 }),
          collection: 't',
          change: byFunction((doc) => ({ $set: { key: `new ${doc.n}` } })),
        });
      await assert.rejects(run(), /document 250 of "t" could not be changed: .*(E11000|duplicate key)/);
      assert.ok(change);
      await db.collection('t').deleteOne({ _id: 999 as never });
      const result = await run();
      assert.equal(result.processed, 300);
      assert.equal(await db.collection('t').countDocuments({ key: /^new / }), 300);
    });

    it('stops when more documents fail than may', async () => {
      const change = byFunction((doc) => {
        if (doc.n >= 100) throw new Error('too high');
        return { $set: { done: true } };
      });
      const options = {
        ...contextOf(deployment, db, { batchSize: 20, lanes: 1 }),
        collection: 't',
        change,
        onError: 'quarantine' as const,
      };
      await assert.rejects(transfer({ ...options, maxErrors: 5 }), /more than 5 documents failed/);
    });

    it('refuses a document that would outgrow 16 MB and goes on with the others', async () => {
      await db
        .collection('t')
        .insertOne({ _id: 1000 as never, n: 1000, big: 'x'.repeat(16 * 1024 * 1024 - 200) });
      const change = byFunction((doc) => ({ $set: { more: 'y'.repeat(doc.n === 1000 ? 500 : 5) } }));
      const result = await transfer({
        ...contextOf(deployment, db),
        collection: 't',
        change,
        onError: 'quarantine',
      });
      assert.deepEqual([result.processed, result.quarantined], [300, 1]);
      const [row] = await db.collection('_migratory_quarantine').find().toArray();
      assert.equal(row?.['id'], 1000);
    });

    it('keeps nothing of a run without a journal', async () => {
      const change = byFunction((doc) => ({ $set: { n: doc.n + 1 } }));
      const result = await transfer({
        ...contextOf(deployment, db),
        collection: 't',
        change,
        journal: 'none',
      });
      assert.equal(result.processed, 300);
      assert.deepEqual(await stateLeft(db), ['_migratory_checkpoints']);
    });

    it('lists as conflicts what others changed since, and leaves it alone', async () => {
      const change = byFunction((doc) => ({ $set: { n: doc.n + 100 }, $unset: { key: '' } }));
      await transfer({ ...contextOf(deployment, db), collection: 't', change });
      const t = db.collection('t');
      await t.updateOne({ _id: 1 as never }, { $set: { n: 7 } });
      await t.updateOne({ _id: 2 as never }, { $set: { other: 'kept' } });
      await t.deleteOne({ _id: 3 as never });
      await t.updateOne({ _id: 4 as never }, { $set: { key: 'again' } });
      await t.updateOne({ _id: 5 as never }, { $set: { n: 5, key: 'k5' } });
      const context = contextOf(deployment, db);
      const result = await revertFromJournal(context);
      assert.deepEqual([result.restored, result.conflicts], [297, 3]);
      const ids = context.heard.conflicts.map((conflict) => Number(conflict.id));
      assert.deepEqual(
        ids.sort((a, b) => a - b),
        [1, 3, 4],
      );
      assert.deepEqual(await t.findOne({ _id: 1 as never }), { _id: 1, n: 7 });
      assert.deepEqual(await t.findOne({ _id: 2 as never }), { _id: 2, n: 2, key: 'k2', other: 'kept' });
      assert.deepEqual(await t.findOne({ _id: 4 as never }), { _id: 4, n: 104, key: 'again' });
      const gone = context.heard.conflicts.find((conflict) => Number(conflict.id) === 3);
      assert.equal(gone?.current, null);
    });
  });
}

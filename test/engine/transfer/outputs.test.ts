// What a transform may answer, on real documents: each form of output, what it leaves alone, and the way back.
import assert from 'node:assert/strict';
import { BSON, Decimal128, Double, Int32, Long, ObjectId, Timestamp, type Db, type Document } from 'mongodb';
import { revertFromJournal } from '../../../src/transfer/revert';
import { transfer } from '../../../src/transfer/transfer';
import type { Change } from '../../../src/transfer/types';
import { rawBytes } from '../../support/bytes';
import { corpus, corpusOfIds } from '../../support/corpus';
import { insertRaw } from '../../support/rawInsert';
import { skipBelow } from '../../support/skip';
import { byFunction, byPipeline, contextOf, deployments } from './setup';

const typed = {
  a: new Int32(1),
  d: new Double(1),
  l: Long.fromNumber(7),
  big: Long.fromString('9007199254740993'),
  m: Decimal128.fromString('1.10'),
  s: 'text',
  when: new Date(0),
  sub: { x: new Double(2), y: [new Double(3), Long.fromNumber(4), { z: new Double(5) }] },
  list: [new Double(1), new Int32(2)],
  '2': 'two',
};

interface Form {
  name: string;
  change: Change;
  /** The document that is expected of `{_id: 1, ...typed}`, compared byte for byte. */
  expected: Document;
}

const { a: _a, ...withoutA } = typed;
const forms: Form[] = [
  { name: '$set', change: byFunction(() => ({ $set: { s: 'new' } })), expected: { ...typed, s: 'new' } },
  {
    name: '$set of undefined removes the field',
    change: byFunction(() => ({ $set: { a: undefined } })),
    expected: withoutA,
  },
  {
    name: '$set of values that were read keeps their types',
    change: byFunction((doc) => ({
      $set: { d: doc.d, l: doc.l, big: doc.big, sub: doc.sub, list: doc.list, s: 'x' },
    })),
    expected: { ...typed, s: 'x' },
  },
  {
    name: '$set of a dotted path',
    change: byFunction(() => ({ $set: { 'sub.x': 'y', 'made.deep': 1 } })),
    expected: { ...typed, sub: { ...typed.sub, x: 'y' }, made: { deep: new Int32(1) } },
  },
  {
    name: 'a value under a new name keeps its type',
    change: byFunction((doc) => ({ $set: { renamed: doc.d }, $unset: { d: '' } })),
    expected: Object.fromEntries([
      ...Object.entries(typed).filter(([key]) => key !== 'd'),
      ['renamed', new Double(1)],
    ]),
  },
  {
    name: 'operators that the server works out',
    change: byFunction(() => ({ $inc: { a: 1, l: 1 }, $push: { list: 'z' } })),
    expected: { ...typed, a: new Int32(2), l: Long.fromNumber(8), list: [...typed.list, 'z'] },
  },
  {
    name: 'an update pipeline as an answer',
    change: byFunction((doc) => [{ $set: { s: { $concat: ['$s', String(doc.a)] } } }]),
    expected: { ...typed, s: 'text1' },
  },
  {
    name: 'the document changed and handed back',
    change: byFunction((doc) => {
      doc.sub.y[2].z = 6;
      doc.s = undefined;
      return doc;
    }),
    expected: Object.fromEntries(
      Object.entries({
        ...typed,
        sub: { x: new Double(2), y: [new Double(3), Long.fromNumber(4), { z: new Int32(6) }] },
      }).filter(([key]) => key !== 's'),
    ),
  },
  {
    name: 'a new document with moved parts',
    change: byFunction(({ _id, sub, list }) => ({
      _id,
      inner: { sub },
      list: list.filter((n: number) => n === 2),
    })),
    expected: { inner: { sub: typed.sub }, list: [new Int32(2)] },
  },
  { name: 'nothing', change: byFunction(() => undefined), expected: typed },
  {
    name: 'an update pipeline for all',
    change: byPipeline({ $set: { s: { $toUpper: '$s' } } }, { $unset: 'a' }),
    expected: { ...withoutA, s: 'TEXT' },
  },
];

const wrong: [string, (doc: any) => unknown, RegExp][] = [
  ['an object without _id', () => ({ name: 1 }), /without update operators and without _id/],
  ['an empty object', () => ({}), /empty object/],
  ['another _id', (doc) => ({ ...doc, _id: 99 }), /another _id/],
  ['operators beside fields', (doc) => ({ ...doc, $set: { a: 1 } }), /operators and plain fields/],
  ['a text', () => 'done', /returned a string/],
  ['an invalid date', () => ({ $set: { at: new Date(Number.NaN) } }), /invalid Date/],
  ['a Set', () => ({ $set: { all: new Set([1]) } }), /is a Set/],
  [
    'a thrown error',
    () => {
      throw new Error('no price');
    },
    /document 1 of "t" could not be changed: no price/,
  ],
  [
    'a thrown text',
    () => {
      throw 'bad';
    },
    /could not be changed: bad/,
  ],
  ['what the server refuses', () => ({ $inc: { s: 1 } }), /non-numeric/],
];

for (const deployment of deployments) {
  describe(`what a transform answers, ${deployment.name}`, () => {
    let db: Db;
    beforeEach(async () => {
      db = await deployment.database();
    });

    for (const { name, change, expected } of forms) {
      it(`${name}, and back`, async () => {
        const original = { _id: 1 as never, ...typed };
        await db.collection('t').insertOne(original);
        const before = await rawBytes(db.collection('t'));
        await transfer({ ...contextOf(deployment, db), collection: 't', change });
        const [after] = await rawBytes(db.collection('t'));
        assert.deepEqual(
          shownBytes(after!),
          shownBytes(Buffer.from(BSON.serialize({ _id: 1, ...expected }))),
        );
        const reverted = await revertFromJournal(contextOf(deployment, db));
        assert.equal(reverted.conflicts, 0);
        assert.deepEqual(await rawBytes(db.collection('t')), before);
      });
    }

    for (const [name, transform, message] of wrong) {
      it(`stops at ${name}, and nothing is written`, async () => {
        await db.collection('t').insertOne({ _id: 1 as never, ...typed });
        const before = await rawBytes(db.collection('t'));
        await assert.rejects(
          transfer({ ...contextOf(deployment, db), collection: 't', change: byFunction(transform) }),
          (error: Error) => {
            assert.equal(error.name, 'DocumentError');
            assert.match(error.message, message);
            return true;
          },
        );
        assert.deepEqual(await rawBytes(db.collection('t')), before);
      });
    }

    it('leaves every byte of what it does not touch, and takes everything back, for all kinds of documents', async () => {
      const documents = corpus.map((item) => item.bytes);
      await insertRaw(db, 't', documents);
      const before = await rawBytes(db.collection('t'));
      const context = contextOf(deployment, db);
      const change = byFunction((doc) => ({ $set: { migrated: doc._id } }));
      const result = await transfer({ ...context, collection: 't', change, onError: 'quarantine' });
      assert.equal(result.processed + result.quarantined, documents.length);
      const failed = new Set(context.heard.quarantined.map((item) => item.id));
      const after = await rawBytes(db.collection('t'));
      for (const [i, raw] of after.entries()) {
        const was = before[i]!;
        const name = String(BSON.deserialize(was, { validation: { utf8: false } })['_id']);
        if (failed.has(name)) assert.deepEqual(raw, was, name);
        else assert.deepEqual(raw.subarray(4, was.length - 1), was.subarray(4, was.length - 1), name);
      }
      await revertFromJournal(contextOf(deployment, db));
      assert.deepEqual(await rawBytes(db.collection('t')), before);
    });

    it('runs a pipeline over all kinds of documents and takes it back', async function () {
      await skipBelow(this, db, 5, 'updating documents with fields of any name');
      await insertRaw(
        db,
        't',
        corpus.map((item) => item.bytes),
      );
      const before = await rawBytes(db.collection('t'));
      const result = await transfer({
        ...contextOf(deployment, db),
        collection: 't',
        change: byPipeline({ $set: { migrated: '$_id' } }),
      });
      assert.equal(result.processed, corpus.length);
      await revertFromJournal(contextOf(deployment, db));
      assert.deepEqual(await rawBytes(db.collection('t')), before);
    });

    it('finds every document whatever its _id, in one batch and in many', async () => {
      await insertRaw(
        db,
        't',
        corpusOfIds.map((item) => item.bytes),
      );
      for (const [round, batchSize] of [100, 1, 2].entries()) {
        const change = byPipeline({ $set: { n: { $add: [{ $ifNull: ['$n', 0] }, 1] } } });
        const result = await transfer({
          ...contextOf(deployment, db, { runId: `r${round}`, batchSize }),
          collection: 't',
          change,
        });
        assert.equal(result.processed, corpusOfIds.length);
      }
      const change = byFunction((doc) => ({ $set: { n: doc.n + 1 } }));
      await transfer({ ...contextOf(deployment, db, { runId: 'f', batchSize: 2 }), collection: 't', change });
      assert.equal(await db.collection('t').countDocuments({ n: 4 }), corpusOfIds.length);
    });

    it('writes documents that look like operators or hold an empty timestamp', async () => {
      await db.collection('t').insertOne({ _id: 1 as never, n: 1, at: new Timestamp({ t: 5, i: 1 }) });
      const change = byFunction((doc) => ({
        ...doc,
        $price: 3,
        at: new Timestamp({ t: 0, i: 0 }),
        'a.b': 2,
      }));
      await assert.rejects(
        transfer({ ...contextOf(deployment, db), collection: 't', change }),
        /operators and plain fields/,
      );
      const plain = byFunction((doc) => ({ ...doc, at: new Timestamp({ t: 0, i: 0 }), 'a.b': 2 }));
      await transfer({ ...contextOf(deployment, db), collection: 't', change: plain });
      const found = await db.collection('t').findOne({ _id: 1 as never });
      assert.equal(found?.['a.b'], 2);
      assert.equal(String(found?.['at']), '0');
    });

    it('reads 4,000 documents through a filter and an asynchronous transform', async () => {
      const ids = Array.from({ length: 4000 }, (_, i) => ({ _id: new ObjectId(), n: i, odd: i % 2 === 1 }));
      await db.collection('t').insertMany(ids);
      const change = byFunction(async (doc) => ({ $set: { n: (await Promise.resolve(doc.n)) + 1 } }));
      const context = contextOf(deployment, db, { batchSize: 300 });
      const result = await transfer({ ...context, collection: 't', filter: { odd: true }, change });
      assert.equal(result.processed, 2000);
      assert.deepEqual(context.heard.totals, [[2000, 0]]);
      const [sum] = await db
        .collection('t')
        .aggregate([{ $group: { _id: null, n: { $sum: '$n' } } }])
        .toArray();
      assert.equal(sum?.['n'], (4000 * 3999) / 2 + 2000);
    });
  });
}

function shownBytes(raw: Buffer): string {
  return BSON.EJSON.stringify(BSON.deserialize(raw, { promoteValues: false, bsonRegExp: true }), {
    relaxed: false,
  });
}

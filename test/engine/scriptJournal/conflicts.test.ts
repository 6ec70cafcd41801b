// What an undo meets: other people's writes, which it never overwrites; and ends that came too early.
import assert from 'node:assert/strict';
import type { Collection, Db } from 'mongodb';
import { corpus } from '../../support/corpus';
import { rawBytes } from '../../support/bytes';
import { insertRaw } from '../../support/rawInsert';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { Bench } from './support';

const rows = (db: Db): Collection<any> => db.collection<any>('rows');

for (const [kind, server] of [
  ['a replica set', replicaSet],
  ['a standalone', standalone],
] as [string, () => Promise<TestServer>][]) {
  describe(`undoing scripts on ${kind}`, function () {
    this.timeout(60_000);
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(await server());
      await rows(bench.db).insertMany(
        Array.from({ length: 10 }, (_, i) => ({ _id: i, a: 1, b: { c: 1, d: 1 } })),
      );
    });
    afterEach(() => bench.close());

    it('leaves alone what others changed since, and tells both versions', async () => {
      await bench.up(async (db) => {
        await rows(db).updateMany({ _id: { $lt: 5 } }, { $set: { a: 2 } });
        await rows(db).updateOne({ _id: 0 }, { $set: { e: 'again' } });
        await rows(db).deleteOne({ _id: 5 });
        await rows(db).deleteOne({ _id: 6 });
        await rows(db).insertOne({ _id: 'made', x: 1 });
        await rows(db).insertOne({ _id: 'made too', x: 1 });
      });
      const app = rows(bench.db);
      await app.updateOne({ _id: 0 }, { $set: { a: 99 } });
      await app.updateOne({ _id: 1 }, { $set: { 'b.c': 99 } });
      await app.deleteOne({ _id: 2 });
      await app.insertOne({ _id: 5, a: 'again' });
      await app.updateOne({ _id: 'made' }, { $set: { x: 2 } });
      const { run, exitCode } = await bench.down();
      assert.equal(exitCode, 6);
      assert.equal(run.state, 'conflicts');
      const ids = bench.conflicts.map(({ id }) => JSON.stringify(id)).toSorted();
      assert.deepEqual(ids, ['"made"', '{"$numberInt":"0"}', '{"$numberInt":"2"}', '{"$numberInt":"5"}']);
      assert.ok(bench.conflicts.every(({ reason }) => reason.length > 10));
      const left = await app.find({}, { sort: { _id: 1 } }).toArray();
      assert.deepEqual(
        left.filter(({ _id }) => [0, 1, 2, 3, 5, 6, 'made', 'made too'].includes(_id)),
        [
          { _id: 0, a: 99, b: { c: 1, d: 1 }, e: 'again' },
          { _id: 1, a: 1, b: { c: 99, d: 1 } },
          { _id: 3, a: 1, b: { c: 1, d: 1 } },
          { _id: 5, a: 'again' },
          { _id: 6, a: 1, b: { c: 1, d: 1 } },
          { _id: 'made', x: 2 },
        ],
      );
      const journal = await bench.db.listCollections({ name: /^_migratory_journal/ }).toArray();
      assert.equal(journal.length, 1, 'what belongs to the conflicts is kept');
      assert.equal(run.steps[0]?.conflicts, 4);
    });

    it('leaves a collection alone that others have filled, and fills up one that was made again', async () => {
      await bench.up(async (db) => {
        await db.createCollection('made');
        await rows(db).drop();
      });
      await bench.db.collection('made').insertOne({ mine: true });
      await rows(bench.db).insertMany([{ _id: 1, a: 'mine' }, { _id: 'mine' }]);
      const { exitCode } = await bench.down();
      assert.equal(exitCode, 6);
      assert.equal(await bench.db.collection('made').countDocuments(), 1);
      assert.equal(await rows(bench.db).countDocuments(), 11);
      assert.deepEqual((await rows(bench.db).findOne({ _id: 1 }))?.['a'], 'mine');
      assert.deepEqual(bench.conflicts.map(({ collection }) => collection).toSorted(), ['made', 'rows']);
    });

    it('undoes a script that fails by itself, and runs it again once it is mended', async () => {
      const before = await bench.state();
      const failed = await bench.up(async (db) => {
        await rows(db).updateMany({}, { $inc: { a: 1 } });
        await rows(db).createIndex({ a: 1 });
        await db.collection('made').insertOne({ x: 1 });
        throw new Error('half-way');
      });
      assert.equal(failed.exitCode, 1);
      assert.equal(failed.run.state, 'rolled-back');
      assert.deepEqual(await bench.state(), before);
      const { exitCode } = await bench.up((db) => rows(db).updateMany({}, { $inc: { a: 1 } }));
      assert.equal(exitCode, 0);
    });

    it('goes back to the journal when down fails', async () => {
      const before = await bench.state();
      await bench.up((db) => rows(db).updateMany({}, { $inc: { a: 1 } }));
      const { exitCode } = await bench.down({
        down: async (db) => {
          await rows(db).updateOne({ _id: 1 }, { $inc: { a: -1 } });
          throw new Error('no');
        },
      });
      assert.equal(exitCode, 0);
      assert.deepEqual(await bench.state(), before);
    });

    it('prefers down, and forgets the journal then', async () => {
      await bench.up(async (db) => {
        await rows(db).updateOne({ _id: 1 }, { $set: { a: 2 } });
        await db.collection('rows').rename('moved');
        await db.collection('moved').drop();
      });
      const { exitCode } = await bench.down({ down: (db) => db.collection('by down').insertOne({ x: 1 }) });
      assert.equal(exitCode, 0);
      const names = (await bench.db.listCollections().toArray()).map(({ name }) => name);
      assert.deepEqual(
        names.filter((name) => /journal|undo/.test(name)),
        [],
      );
      assert.ok(names.includes('by down'));
    });

    it('keeps every byte of documents that no driver writes', async () => {
      const odd = corpus.filter(({ name }) => !/16 ?MB/i.test(name));
      await insertRaw(
        bench.db,
        'odd',
        odd.map(({ bytes }) => bytes),
      );
      const before = await rawBytes(bench.db.collection('odd'));
      const up = await bench.up(async (db) => {
        await db.collection('odd').updateMany({}, { $set: { 'added by the script': 1 } });
        await db.collection('odd').deleteMany({});
      });
      assert.equal(up.exitCode, 0, JSON.stringify(up.run.error));
      const { exitCode } = await bench.down();
      assert.equal(exitCode, 0, JSON.stringify(bench.conflicts));
      const after = await rawBytes(bench.db.collection('odd'));
      assert.equal(after.length, before.length);
      for (const [i, bytes] of before.entries()) assert.ok(bytes.equals(after[i] as Buffer), odd[i]?.name);
    });

    it('keeps large documents', async () => {
      const text = 'x'.repeat((kind === 'a replica set' ? 15.9 : 5) * 1024 * 1024);
      await rows(bench.db).insertMany([
        { _id: 'big', text },
        { _id: 'big too', text },
      ]);
      const before = await bench.state();
      const up = await bench.up(async (db) => {
        await rows(db).updateOne({ _id: 'big' }, { $set: { text: text.toUpperCase() } });
        await rows(db).deleteOne({ _id: 'big too' });
        await rows(db).insertOne({ _id: 'new', text });
        await rows(db).bulkWrite([
          { updateOne: { filter: { _id: 'big' }, update: { $set: { text: 'small' } } } },
          { updateOne: { filter: { _id: 'new' }, update: { $set: { text: 'small' } } } },
        ]);
      });
      assert.equal(up.exitCode, 0, JSON.stringify(up.run.error));
      assert.equal((await bench.down()).exitCode, 0);
      assert.deepEqual(await bench.state(), before);
    });

    it('keeps what ctx does for the script in the same order', async () => {
      const before = await bench.state();
      const up = await bench.up(async (db, _client, ctx) => {
        await rows(db).updateMany({}, { $set: { a: 2 } });
        await ctx.batch('rows', {}, (doc) => ({ $set: { a: doc['a'] * 10 } }));
        await rows(db).updateMany({}, { $inc: { a: 1 } });
      });
      assert.equal(up.exitCode, 0, JSON.stringify(up.run.error));
      assert.deepEqual(await rows(bench.db).distinct('a'), [21]);
      assert.equal((await bench.down()).exitCode, 0);
      assert.deepEqual(await bench.state(), before);
    });

    it('changes many documents as the server would, in ranges', async () => {
      const many = bench.db.collection<any>('many');
      const docs = Array.from({ length: 6000 }, (_, i) => ({ _id: i, n: i % 3, list: [{ x: i % 5, y: 0 }] }));
      await many.insertMany(docs);
      const before = await bench.state();
      const heard: unknown[] = [];
      const up = await bench.up(async (db) => {
        const rows = db.collection<any>('many');
        const told = async (
          work: Promise<{ modifiedCount?: number; matchedCount?: number; deletedCount?: number }>,
        ) => {
          const { matchedCount, modifiedCount, deletedCount } = await work;
          heard.push([matchedCount, modifiedCount, deletedCount]);
        };
        await told(rows.updateMany({}, { $set: { n: 1 } }));
        await told(rows.updateMany({ 'list.x': 3 }, { $inc: { 'list.$.y': 5 } }));
        await told(rows.updateMany({}, { $set: { 'list.$[e].y': 7 } }, { arrayFilters: [{ 'e.x': 4 }] }));
        await told(rows.updateMany({ n: 1 }, [{ $set: { n: { $add: ['$n', 1] } } }]));
        await told(rows.updateMany({ n: 2 }, { $inc: { n: 1 } }, { hint: { _id: 1 } }));
        await told(rows.deleteMany({ _id: { $lt: 2500 } }));
        await told(rows.updateMany({ nope: 1 }, { $set: { a: 1 } }));
      });
      assert.equal(up.exitCode, 0, JSON.stringify(up.run.error));
      assert.deepEqual(heard, [
        [6000, 4000, undefined],
        [1200, 1200, undefined],
        [6000, 1200, undefined],
        [6000, 6000, undefined],
        [6000, 6000, undefined],
        [undefined, undefined, 2500],
        [0, 0, undefined],
      ]);
      assert.deepEqual(await many.distinct('list.y'), [0, 5, 7]);
      assert.equal((await bench.down()).exitCode, 0, JSON.stringify(bench.conflicts.slice(0, 3)));
      assert.deepEqual(await bench.state(), before);
    });

    it('refuses writes to its own collections, and what cannot be undone', async () => {
      const refused: RegExp[] = [];
      for (const [work, message] of [
        [(db: Db) => db.collection('_migratory_runs').deleteMany({}), /Migratory's own/],
        [(db: Db) => db.command({ convertToCapped: 'rows', size: 1000 }), /cannot be undone/],
      ] as const) {
        const { run, exitCode } = await bench.up((db) => work(db));
        assert.equal(exitCode, 1);
        assert.match(run.error?.message ?? '', message);
        refused.push(message);
      }
      const passes = await bench.up((db) => db.command({ convertToCapped: 'rows', size: 1000 }), {
        irreversible: true,
      });
      assert.equal(passes.exitCode, 0, JSON.stringify(passes.run.error));
    });

    it('shows a script neither our collections nor what it has dropped', async () => {
      let seen: string[] = [];
      await bench.up(async (db) => {
        await db.collection('gone').insertOne({});
        await db.collection('gone').drop();
        seen = (await db.listCollections({ name: { $ne: 'x' } }, { nameOnly: true }).toArray()).map(
          ({ name }) => name,
        );
      });
      assert.deepEqual(
        seen.filter((name) => name !== '_migrations'),
        ['rows'],
      );
    });
  });
}

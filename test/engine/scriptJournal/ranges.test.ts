// Updates and deletes by a filter that mean many documents, beside an application that writes to the same ones: the
// journal holds each document exactly as it was right before the script changed it.
import assert from 'node:assert/strict';
import type { Collection, Db, Document } from 'mongodb';
import { document, element, intValue } from '../../../src/transfer/raw';
import { insertRaw } from '../../support/rawInsert';
import { replicaSet } from '../../support/server';
import { Bench } from './support';

const many = 8000;
const rows = (db: Db): Collection<any> => db.collection<any>('rows');

/** Counts documents up, one after the other; knows the last number of each that was written before `changed`. */
class Application {
  readonly last = new Map<number, number>();
  writes = 0;
  working = true;
  #loops: Promise<void>[] = [];

  constructor(private readonly collection: Collection<any>) {}

  begin(): void {
    this.#loops = [0, 1].map((start) => this.#loop(start));
  }

  async #loop(start: number): Promise<void> {
    for (let i = start; this.working; i += 2) {
      const _id = (i * 37) % many;
      const now = await this.collection.findOneAndUpdate(
        { _id, n: { $gte: 0 } },
        { $inc: { n: 1 } },
        { returnDocument: 'after' },
      );
      if (now) this.last.set(_id, now['n'] as number);
      if (now) this.writes += 1;
    }
  }

  async end(): Promise<void> {
    this.working = false;
    await Promise.all(this.#loops);
  }
}

describe('scripts that change many documents by a filter', function () {
  this.timeout(60_000);
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open(await replicaSet());
    const text = 'lorem ipsum '.repeat(30);
    await rows(bench.db).insertMany(Array.from({ length: many }, (_, _id) => ({ _id, n: 0, text })));
  });
  afterEach(() => bench.close());

  for (const [name, filter, work] of [
    ['an update of all', {}, (all: Collection<any>) => all.updateMany({}, { $set: { n: -1 } })],
    [
      'an update by a field without an index',
      {},
      (all: Collection<any>) => all.updateMany({ text: /lorem/ }, { $set: { n: -1 }, $unset: { text: 1 } }),
    ],
    [
      'an update by a pipeline',
      {},
      (all: Collection<any>) => all.updateMany({}, [{ $set: { n: { $subtract: [-1, '$n'] } } }]),
    ],
    [
      'an update by an index',
      { n: 1 },
      (all: Collection<any>) => all.updateMany({ n: { $gte: 0 } }, { $set: { n: -1 } }),
    ],
    ['a delete of all', {}, (all: Collection<any>) => all.deleteMany({})],
  ] as [string, Document, (all: Collection<any>) => Promise<Document>][]) {
    it(`${name}: nothing of what others write meanwhile is lost`, async () => {
      if (Object.keys(filter).length > 0) await rows(bench.db).createIndex(filter);
      const application = new Application(rows(bench.db));
      let changed: Document = {};
      const up = await bench.up(async (db) => {
        application.begin();
        while (application.writes < 50) await rows(db).findOne();
        changed = await work(rows(db));
        await application.end();
      });
      assert.equal(up.exitCode, 0, JSON.stringify(up.run.error));
      assert.equal(changed['modifiedCount'] ?? changed['deletedCount'], many);
      assert.equal(await rows(bench.db).countDocuments({ n: { $gte: 0 } }), 0);
      const down = await bench.down();
      assert.equal(down.exitCode, 0, JSON.stringify(bench.conflicts.slice(0, 3)));
      const now = await rows(bench.db).find().toArray();
      assert.equal(now.length, many);
      for (const { _id, n } of now)
        assert.equal(n, application.last.get(_id as number) ?? 0, `document ${_id}`);
      assert.ok(now.every(({ text }) => typeof text === 'string'));
      assert.deepEqual(await bench.db.listCollections({ name: /^_migratory_journal/ }).toArray(), []);
    });
  }

  it('takes documents with a name that occurs twice, and `_id`s of all kinds, back to the byte', async () => {
    const twins = (id: number): Buffer =>
      document([
        element('_id', intValue(id)),
        ...['n', 'z', 'n', 'b'].map((name, i) => element(name, intValue(i))),
      ]);
    await insertRaw(bench.db, 'rows', [twins(many), twins(many + 1)]);
    await rows(bench.db).createIndex({ z: 1 });
    for (const ids of [[], ['text', null, new Date(0)]]) {
      if (ids.length > 0) await rows(bench.db).insertMany(ids.map((_id) => ({ _id, n: 5 })));
      const before = await bench.state();
      const counts: unknown[] = [];
      const up = await bench.up(async (db) => {
        const set = await rows(db).updateMany({}, { $set: { n: -1, added: 1, also: 'x' }, $unset: { b: 1 } });
        const gone = await rows(db).deleteMany({ n: -1, added: { $exists: true } });
        counts.push(set.modifiedCount, gone.deletedCount);
      });
      assert.equal(up.exitCode, 0, JSON.stringify(up.run.error));
      assert.deepEqual(counts, [many + 2 + ids.length, many + 2 + ids.length]);
      const down = await bench.down();
      assert.equal(down.exitCode, 0, JSON.stringify(bench.conflicts.slice(0, 3)));
      assert.deepEqual(await bench.state(), before);
    }
  });

  it('reaches every document by an index also where a throttle makes the parts smaller', async () => {
    await rows(bench.db).createIndex({ n: 1 });
    bench.settings.throttle = { docsPerSecond: 3000 };
    let changed = 0;
    const up = await bench.up(async (db) => {
      changed = (await rows(db).updateMany({ n: 0 }, { $set: { n: 1 } })).modifiedCount;
    });
    assert.equal(up.exitCode, 0, JSON.stringify(up.run.error));
    assert.equal(changed, many);
    assert.equal(await rows(bench.db).countDocuments({ n: 1 }), many);
  });

  it('lets the server keep what a pipeline changes, and takes it back to the byte', async () => {
    const before = await bench.state();
    const up = await bench.up(async (db) => {
      const pipeline = [{ $set: { size: { $strLenCP: '$text' }, n: { $add: ['$n', '$_id'] } } }];
      const { modifiedCount } = await rows(db).updateMany({ n: { $gte: 0 } }, pipeline);
      assert.equal(modifiedCount, many);
      assert.equal((await rows(db).updateMany({}, [{ $set: { at: '$$NOW' } }])).modifiedCount, many);
    });
    assert.equal(up.exitCode, 0, JSON.stringify(up.run.error));
    const [journal] = await bench.db.listCollections({ name: /^_migratory_journal/ }).toArray();
    const kept = await bench.db
      .collection(journal!.name)
      .aggregate([{ $group: { _id: { $type: '$images' }, rows: { $sum: 1 } } }])
      .toArray();
    // Those of the first update; the time of the second one cannot be told again.
    assert.ok(kept.some(({ _id, rows: n }) => _id === 'array' && n > 0 && n <= 8));
    const down = await bench.down();
    assert.equal(down.exitCode, 0, JSON.stringify(bench.conflicts.slice(0, 3)));
    assert.deepEqual(await bench.state(), before);
  });

  it('stops at a document that the server refuses, and takes back what was done', async () => {
    await rows(bench.db).updateOne({ _id: many - 1 }, { $set: { n: 'text' } });
    await bench.db.command({
      collMod: 'rows',
      validator: { $or: [{ n: 'text', bad: { $exists: false } }, { n: { $type: 'int' } }] },
    });
    const before = await bench.state();
    const up = await bench.up((db) => rows(db).updateMany({}, { $set: { bad: 1 } }));
    assert.equal(up.exitCode, 1);
    assert.match(up.run.error?.message ?? '', /Document failed validation/);
    assert.deepEqual(await bench.state(), before);
  });
});

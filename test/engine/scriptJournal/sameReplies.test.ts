// With a journal a script hears what it would have heard without: the same results and the same errors, of commands
// alone, of bulks that fail half-way and inside its own transactions; and the same documents stand there afterwards.
import assert from 'node:assert/strict';
import { Double, Timestamp, type Collection, type Db, type Document, type MongoClient } from 'mongodb';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { Bench } from './support';

type Rows = Collection<any>;
const rowsOf = (db: Db): Rows => db.collection<any>('rows');

async function seed(db: Db): Promise<void> {
  await db.createCollection('rows', { validator: { n: { $not: { $type: 'string' } } } });
  await rowsOf(db).insertMany(Array.from({ length: 20 }, (_, i) => ({ _id: i, n: i, key: `k${i}` })));
  await rowsOf(db).createIndex({ key: 1 }, { unique: true });
}

const works: Record<string, (rows: Rows, client: MongoClient) => Promise<unknown>> = {
  'insert of a duplicate': (rows) => rows.insertOne({ _id: 1 }),
  'insert that the validator refuses': (rows) => rows.insertOne({ _id: 'x', n: 'text' }),
  'ordered insertMany with a duplicate': (rows) =>
    rows.insertMany([{ _id: 'a', key: 'a' }, { _id: 1 }, { _id: 'b', key: 'b' }]),
  'unordered insertMany with duplicates': (rows) =>
    rows.insertMany(
      [
        { _id: 'a', key: 'a' },
        { _id: 1 },
        { _id: 'b', key: 'b' },
        { _id: 'c', n: 'text' },
        { _id: 'd', key: 'd' },
      ],
      { ordered: false },
    ),
  'update of a duplicate key': (rows) => rows.updateOne({ _id: 1 }, { $set: { key: 'k2' } }),
  'update that the validator refuses': (rows) => rows.updateOne({ _id: 1 }, { $set: { n: 'text' } }),
  'update of nothing': (rows) => rows.updateOne({ _id: 'none' }, { $set: { n: 1 } }),
  'update that changes nothing': (rows) => rows.updateOne({ _id: 1 }, { $set: { n: 1 } }),
  'updateMany where some stay the same': (rows) => rows.updateMany({ _id: { $lt: 10 } }, { $min: { n: 5 } }),
  'update with an upsert': (rows) => rows.updateOne({ _id: 'up' }, { $set: { key: 'up' } }, { upsert: true }),
  'update of _id': (rows) => rows.updateOne({ _id: 1 }, { $set: { _id: 2 } }),
  'update with a wrong operator': (rows) => rows.updateOne({ _id: 1 }, { $wrong: { a: 1 } }),
  'update with a wrong filter': (rows) => rows.updateOne({ n: { $wrong: 1 } }, { $set: { n: 1 } }),
  'update of a field that is no number': (rows) => rows.updateOne({ _id: 1 }, { $inc: { key: 1 } }),
  'updates and deletes of named documents, one after the other': async (rows) => {
    const results: unknown[] = [];
    const updates: Document[] = [
      { $set: { x: 1, 'y.z': 2 }, $unset: { key: 1 } },
      { $set: { x: 1 } },
      { $unset: { none: 1 } },
      { $setOnInsert: { never: 1 } },
      { $inc: { x: 0 } },
      { $inc: { x: 2_147_483_647 } },
      { $inc: { y: { z: 1 } } },
      { $set: { f: new Double(-0) } },
      { $inc: { f: new Double(0) } },
      { $set: { f: NaN } },
      { $inc: { f: 1 } },
      { $inc: { f: new Double(1) } },
      { $push: { list: 1 } },
      { $push: { list: { $each: [], $slice: 5 } } },
      { $mul: { x: 1 } },
      { $set: { at: new Timestamp({ t: 0, i: 0 }) } },
    ];
    for (const update of updates)
      results.push(
        await rows.updateOne({ _id: 2 }, update).catch((error: unknown) => (error as Error).message),
      );
    for (const replacement of [{ key: 'r' }, { key: 'r' }, { key: 'k3' }, {}])
      results.push(
        await rows.replaceOne({ _id: 2 }, replacement).catch((error: unknown) => (error as Error).message),
      );
    results.push(await rows.updateOne({ _id: 4 }, { $set: { x: 1 } }, { hint: { _id: 1 }, comment: 'c' }));
    for (const _id of [5, 5, 'none']) results.push(await rows.deleteOne({ _id }));
    // The time that the server has filled in is another one each time.
    await rows.updateOne({ _id: 2 }, { $unset: { at: 1 } });
    return results;
  },
  'delete with a wrong filter': (rows) => rows.deleteMany({ $wrong: 1 }),
  'delete of nothing': (rows) => rows.deleteOne({ _id: 'none' }),
  'delete of some': (rows) => rows.deleteMany({ n: { $gt: 10 } }),
  'ordered bulk with errors': (rows) =>
    rows.bulkWrite([
      { updateOne: { filter: { _id: 1 }, update: { $inc: { n: 1 } } } },
      { updateOne: { filter: { n: 3 }, update: { $set: { m: 1 } } } },
      { updateOne: { filter: { _id: 4 }, update: { $set: { key: 'k5' } } } },
      { updateOne: { filter: { _id: 6 }, update: { $inc: { n: 1 } } } },
    ]),
  'unordered bulk with errors': (rows) =>
    rows.bulkWrite(
      [
        { updateOne: { filter: { _id: 1 }, update: { $inc: { n: 1 } } } },
        { updateOne: { filter: { _id: 2 }, update: { $set: { n: 'text' } } } },
        { updateOne: { filter: { _id: 'u' }, update: { $set: { key: 'u' } }, upsert: true } },
        { updateOne: { filter: { _id: 4 }, update: { $set: { key: 'k5' } } } },
        { updateMany: { filter: { _id: { $in: [6, 7] } }, update: { $inc: { n: 1 } } } },
        { insertOne: { document: { _id: 1 } } },
        { insertOne: { document: { _id: 'i', key: 'i' } } },
        { deleteOne: { filter: { _id: 9 } } },
      ],
      { ordered: false },
    ),
  'findOneAndUpdate of a duplicate key': (rows) => rows.findOneAndUpdate({ _id: 1 }, { $set: { key: 'k2' } }),
  'findOneAndUpdate that returns the new one': (rows) =>
    rows.findOneAndUpdate(
      { n: { $gt: 3 } },
      { $inc: { n: 5 } },
      { sort: { n: -1 }, returnDocument: 'after', includeResultMetadata: true },
    ),
  'findOneAndUpdate of nothing': (rows) =>
    rows.findOneAndUpdate({ n: 99 }, { $set: { a: 1 } }, { includeResultMetadata: true }),
  'findOneAndDelete with a projection': (rows) =>
    rows.findOneAndDelete({ n: { $gt: 3 } }, { sort: { n: 1 }, projection: { key: 1, _id: 0 } }),
  'findOneAndReplace that upserts': (rows) =>
    rows.findOneAndReplace(
      { _id: 'r' },
      { key: 'r' },
      { upsert: true, includeResultMetadata: true, returnDocument: 'after' },
    ),
  'a hint that does not exist': (rows) => rows.updateOne({ n: 1 }, { $set: { a: 1 } }, { hint: { nope: 1 } }),
  'withTransaction that commits': (rows, client) =>
    client.withSession((session) =>
      session.withTransaction(async () => {
        const first = await rows.updateOne({ n: 1 }, { $set: { a: 1 } }, { session });
        await rows.insertOne({ _id: 'in', key: 'in' }, { session });
        await rows.deleteMany({ n: { $gt: 15 } }, { session });
        const found = await rows.findOneAndUpdate({ _id: 3 }, { $inc: { n: 1 } }, { session });
        return [first, found, await rows.countDocuments({}, { session })];
      }),
    ),
  'a transaction that is aborted': (rows, client) =>
    client.withSession(async (session) => {
      session.startTransaction();
      await rows.updateMany({}, { $set: { a: 1 } }, { session });
      await rows.insertOne({ _id: 'in', key: 'in' }, { session });
      await session.abortTransaction();
    }),
  'a transaction that fails at a duplicate': (rows, client) =>
    client.withSession((session) =>
      session.withTransaction(async () => {
        await rows.updateOne({ _id: 1 }, { $set: { a: 1 } }, { session });
        await rows.insertOne({ _id: 2 }, { session });
      }),
    ),
  'a transaction that makes a collection': (rows, client) =>
    client.withSession((session) =>
      session.withTransaction(async () => {
        await client.db(rows.dbName).collection<any>('made').insertOne({ _id: 1 }, { session });
      }),
    ),
};
const needsTransactions = /transaction/i;

/** What a caller sees, without what is different in every call. */
function outcome(value: unknown): unknown {
  if (value instanceof Error) {
    const error = value as Error & {
      code?: unknown;
      writeErrors?: unknown;
      result?: { getRawResponse?: unknown };
    };
    const list = [error.writeErrors ?? []].flat() as { index: number; code: number; errmsg?: string }[];
    return {
      name: error.name,
      code: error.code,
      message: error.message,
      writeErrors: list.map(({ index, code, errmsg }) => ({ index, code, errmsg })),
      result: JSON.parse(JSON.stringify(error.result ?? null)) as unknown,
    };
  }
  return JSON.parse(JSON.stringify(value ?? null)) as unknown;
}

/** Names of databases, clocks and object ids differ. */
function comparable(value: unknown, name: string): string {
  return (JSON.stringify(value) ?? 'undefined')
    .replaceAll(name, 'db')
    .replaceAll(
      /"(operationTime|\$clusterTime|electionId|opTime)":("[^"]*"|\{[^{}]*(\{[^{}]*(\{[^{}]*\}[^{}]*)*\}[^{}]*)*\}),?/g,
      '',
    );
}

for (const [kind, server] of [
  ['a replica set', replicaSet],
  ['a standalone', standalone],
] as [string, () => Promise<TestServer>][]) {
  describe(`scripts with a journal on ${kind} hear what they would hear without`, function () {
    this.timeout(60_000);
    let bench: Bench;
    beforeEach(async () => {
      bench = await Bench.open(await server());
      await seed(bench.db);
    });
    afterEach(() => bench.close());

    for (const [name, work] of Object.entries(works)) {
      if (kind === 'a standalone' && needsTransactions.test(name)) continue;
      it(name, async () => {
        const bare = await (await server()).database('bare');
        await seed(bare.db);
        const run = async (db: Db, client: MongoClient): Promise<string> => {
          const heard = await work(rowsOf(db), client).then(outcome, outcome);
          return comparable(heard, db.databaseName);
        };
        const expected = await run(bare.db, bare.db.client);
        const before = await bench.state();
        let heard = '';
        const { exitCode } = await bench.up(async (db, client) => {
          heard = await run(db, client);
        });
        assert.equal(exitCode, 0);
        assert.equal(heard, expected);
        assert.deepEqual(await bench.state(), await bench.state(bare.db));
        const undone = await bench.down();
        assert.equal(undone.exitCode, 0);
        assert.deepEqual(await bench.state(), before);
      });
    }
  });
}

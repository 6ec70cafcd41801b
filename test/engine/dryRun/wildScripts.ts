// Scripts that try everything that a script can be given: what a dry run has to keep away from the real databases,
// whatever becomes of the script.
import { GridFSBucket, type Collection, type Db, type Document, type MongoClient } from 'mongodb';
import type { MigrationContext } from '../../../src/migration/kinds';
import { hasTimeSeries } from '../../support/skip';

export interface Wild {
  db: Db;
  client: MongoClient;
  ctx: MigrationContext;
  /** Another database with data. */
  other: Db;
  /** Work that goes on when the script has returned; the test waits for it. */
  later: (work: Promise<unknown>) => void;
}

export type WildScript = (wild: Wild) => unknown;

const rows = (db: Db): Collection<any> => db.collection<any>('rows');
const ignore = (work: Promise<unknown>): Promise<unknown> => work.catch(() => undefined);
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Commands one after the other, each of which may be refused. */
const tryAll = (db: Db, commands: Document[]): WildScript & (() => Promise<void>) => {
  return async () => {
    for (const command of commands) await ignore(db.command(command));
  };
};
const admin =
  (...commands: Document[]): WildScript =>
  ({ client }) =>
    tryAll(client.db('admin'), commands)();
const own =
  (...commands: Document[]): WildScript =>
  ({ db }) =>
    tryAll(db, commands)();

/** Writes for as long as it is let. */
async function writeOn(collection: Collection<any>, milliseconds: number): Promise<void> {
  const end = Date.now() + milliseconds;
  for (let n = 0; Date.now() < end; n++) {
    await collection.insertOne({ late: n });
    await collection.updateMany({}, { $inc: { n: 1 } });
  }
}

export const wildScripts: Record<string, WildScript> = {
  'writes in every way': async ({ db }) => {
    await rows(db).insertMany([{ _id: 'new' }, { a: 1 }]);
    await rows(db).updateOne({ _id: 1 }, { $set: { x: 1 } });
    await rows(db).updateMany({}, [{ $set: { y: '$n' } }]);
    await rows(db).replaceOne({ _id: 2 }, { replaced: true });
    await rows(db).deleteOne({ _id: 3 });
    await rows(db).deleteMany({ n: { $lt: 20 } });
    await rows(db).updateOne({ _id: 'upserted' }, { $set: { a: 1 } }, { upsert: true });
  },
  'finds and changes': async ({ db, other }) => {
    for (const each of [rows(db), rows(other)]) {
      await each.findOneAndUpdate({ _id: 1 }, { $inc: { n: 1 } });
      await each.findOneAndReplace({ _id: 2 }, { replaced: 1 });
      await each.findOneAndDelete({ _id: 3 });
    }
  },
  'bulk writes': async ({ db, other }) => {
    for (const each of [rows(db), rows(other)])
      await each.bulkWrite([
        { insertOne: { document: { _id: 'bulk' } } },
        { updateMany: { filter: {}, update: { $set: { bulk: true } } } },
        { deleteOne: { filter: { _id: 4 } } },
        { replaceOne: { filter: { _id: 5 }, replacement: { bulk: 1 } } },
      ]);
  },
  'a bulk write of the client': async ({ client, db }) => {
    const model = { namespace: `${db.databaseName}.rows`, name: 'insertOne' as const, document: { a: 1 } };
    await ignore(client.bulkWrite([model as never]));
  },
  'writes to another database': async ({ other }) => {
    await rows(other).insertOne({ from: 'afar' });
    await rows(other).updateMany({}, { $set: { changed: true } });
    await rows(other).deleteMany({ n: 7 });
  },
  'writes to a database that is not there': async ({ client, db }) => {
    await client.db(`${db.databaseName}_new`).collection('a').insertOne({ a: 1 });
    await client
      .db(`${'x'.repeat(60)}${db.databaseName.slice(-3)}`)
      .collection('a')
      .insertOne({ a: 1 });
  },
  'writes to the databases of the server': async ({ client }) => {
    for (const name of ['admin', 'config', 'local'])
      await ignore(client.db(name).collection('migratory_test').insertOne({ a: 1 }));
  },
  'writes to the collections of Migratory': async ({ db }) => {
    await db.collection('_migrations').insertOne({ name: 'forged' });
    await db.collection('_migrations').deleteMany({});
    await ignore(db.collection('_migratory_runs').deleteMany({}));
    await ignore(db.collection('_migratory_lease').drop());
  },
  'writes to collections of the system': async ({ db }) => {
    await ignore(db.collection('system.views').insertOne({ _id: 'a.b', viewOn: 'rows' } as never));
    await ignore(db.collection('system.js').insertOne({ _id: 'f', value: 1 } as never));
  },
  $out: async ({ db, other }) => {
    const few = { $match: { n: { $lt: 3 } } };
    await rows(db)
      .aggregate([few, { $out: 'few' }])
      .toArray();
    await rows(db)
      .aggregate([few, { $out: 'rows' }])
      .toArray();
    await rows(db)
      .aggregate([few, { $out: { db: other.databaseName, coll: 'rows' } }])
      .toArray();
    await rows(other)
      .aggregate([few, { $out: { db: db.databaseName, coll: 'people' } }])
      .toArray();
  },
  $merge: async ({ db, other }) => {
    const set = { $set: { merged: true } };
    await rows(db)
      .aggregate([set, { $merge: 'rows' }])
      .toArray();
    await rows(db)
      .aggregate([
        set,
        { $merge: { into: { db: other.databaseName, coll: 'rows' }, whenMatched: 'replace' } },
      ])
      .toArray();
    await rows(db)
      .aggregate([set, { $merge: { into: { db: other.databaseName, coll: 'fresh' } } }])
      .toArray();
  },
  'an explained $out and update': async ({ db, other }) => {
    await ignore(
      rows(db)
        .aggregate([{ $out: { db: other.databaseName, coll: 'rows' } }])
        .explain(),
    );
    await ignore(db.command({ explain: { update: 'rows', updates: [{ q: {}, u: { $set: { a: 1 } } }] } }));
    await ignore(db.command({ explain: { delete: 'rows', deletes: [{ q: {}, limit: 0 }] } }));
  },
  'joins with another database and writes what it finds': async ({ db, other }) => {
    const into = { db: other.databaseName, coll: 'joined' };
    await ignore(
      rows(db)
        .aggregate([
          { $lookup: { from: 'people', localField: 'n', foreignField: 'n', as: 'p' } },
          { $unionWith: 'people' },
          { $merge: { into } },
        ])
        .toArray(),
    );
  },
  'map-reduce': async ({ db, other }) => {
    for (const out of [
      'reduced',
      { replace: 'reduced' },
      { merge: 'rows', db: other.databaseName },
      { reduce: 'people' },
    ])
      await ignore(
        db.command({
          mapReduce: 'rows',
          map: 'function () { emit(this.n % 3, 1); }',
          reduce: 'function (key, values) { return Array.sum(values); }',
          out,
        }),
      );
  },
  'drops its database': ({ db }) => db.dropDatabase(),
  'drops another database': ({ other }) => other.dropDatabase(),
  'drops all databases that it sees': async ({ client }) => {
    const { databases } = await client.db('admin').admin().listDatabases();
    for (const { name } of databases) await ignore(client.db(name).dropDatabase());
  },
  'drops and empties collections': async ({ db, other }) => {
    await rows(db).drop();
    await db.collection('people').drop();
    await rows(other).drop();
    await ignore(db.collection('seen').drop());
  },
  'renames collections': async ({ db }) => {
    await rows(db).rename('renamed');
    await db.collection('people').rename('rows');
    await db.collection('rows').rename('renamed', { dropTarget: true });
  },
  'renames across databases': async ({ client, db, other }) => {
    const rename = (from: string, to: string): Promise<unknown> =>
      ignore(client.db('admin').command({ renameCollection: from, to, dropTarget: true }));
    await rename(`${db.databaseName}.rows`, `${other.databaseName}.rows`);
    await rename(`${other.databaseName}.rows`, `${db.databaseName}.people`);
    await rename(`${other.databaseName}.people`, `${db.databaseName}_third.people`);
  },
  'creates collections of all kinds': async ({ db, other }) => {
    for (const each of [db, other]) {
      await each.createCollection('plain');
      await each.createCollection('strict', { validator: { a: { $exists: true } } });
      await each.createCollection('capped', { capped: true, size: 4096 });
      await each.createCollection('view', { viewOn: 'rows', pipeline: [{ $match: { n: 1 } }] });
      if (await hasTimeSeries(each))
        await each.createCollection('measured', { timeseries: { timeField: 'at' } });
      await ignore(each.createCollection('collated', { collation: { locale: 'de' } }));
    }
  },
  'changes collections': own(
    { collMod: 'rows', validator: { n: { $type: 'int' } }, validationLevel: 'strict' },
    { collMod: 'seen', viewOn: 'people', pipeline: [] },
    { convertToCapped: 'rows', size: 4096 },
    { cloneCollectionAsCapped: 'people', toCollection: 'cloned', size: 4096 },
    { reIndex: 'rows' },
    { compact: 'rows', force: true },
    { validate: 'rows', repair: true },
  ),
  'changes indexes': async ({ db, other }) => {
    for (const each of [rows(db), rows(other)]) {
      await each.createIndex({ y: 1 });
      await each.createIndexes([
        { key: { z: 1 }, sparse: true },
        { key: { n: -1 }, unique: true },
      ]);
      await ignore(each.dropIndex('n_1'));
      await each.dropIndexes();
    }
    await ignore(db.command({ collMod: 'rows', index: { name: '_id_', hidden: true } }));
    await ignore(db.command({ createSearchIndexes: 'rows', indexes: [{ definition: {} }] }));
  },
  GridFS: async ({ db, other }) => {
    for (const each of [db, other]) {
      const bucket = new GridFSBucket(each, { chunkSizeBytes: 1024 });
      const upload = bucket.openUploadStream('file');
      upload.end(Buffer.alloc(5000));
      await new Promise((resolve, reject) => upload.on('finish', resolve).on('error', reject));
      await bucket.rename(upload.id, 'renamed');
      await bucket.delete(upload.id);
      await bucket.drop();
    }
  },
  'a transaction over both databases': async ({ client, db, other }) => {
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await rows(db).updateMany({}, { $inc: { n: 1000 } }, { session });
        await rows(other).deleteMany({}, { session });
        await rows(db).insertOne({ in: 'transaction' }, { session });
      }),
    );
  },
  'a transaction that is left open': async ({ client, db }) => {
    const session = client.startSession();
    session.startTransaction();
    await rows(db).updateMany({}, { $inc: { n: 1 } }, { session });
  },
  'change streams': async ({ db, client, other }) => {
    const soon = { maxAwaitTimeMS: 50 };
    const streams = [rows(db).watch([], soon), db.watch([], soon), client.watch([], soon)];
    for (const stream of streams) await stream.tryNext();
    await rows(db).insertOne({ _id: 'seen' });
    await rows(other).insertOne({ _id: 'seen' });
    for (const stream of streams) await stream.next();
    await streams[0]!.close();
  },
  'cursors that are left open': async ({ db, other }) => {
    await rows(db).find({}, { batchSize: 2 }).next();
    await rows(other).find({}, { batchSize: 2, noCursorTimeout: true }).next();
    await rows(db)
      .aggregate([{ $match: {} }], { batchSize: 2 })
      .next();
  },
  'writes that nobody acknowledges': async ({ db, other }) => {
    const unheard = { writeConcern: { w: 0 } };
    for (const each of [rows(db), rows(other)]) {
      await each.insertOne({ w: 0 }, unheard);
      await each.updateMany({}, { $set: { w: 0 } }, unheard);
      await each.deleteMany({ n: { $lt: 5 } }, unheard);
    }
  },
  'promises that are not awaited': ({ db, other, later }) => {
    for (const each of [rows(db), rows(other)]) {
      for (let n = 0; n < 30; n++) later(each.insertOne({ n }));
      later(each.updateMany({}, { $inc: { n: 1 } }));
      later(each.drop());
    }
  },
  'a loop that goes on behind its back': ({ db, other, later }) => {
    later(writeOn(rows(db), 1500));
    later(writeOn(rows(other), 1500));
  },
  'a slow write that is not awaited': async ({ db, other, later }) => {
    const slowly = { $where: 'sleep(30) || true' };
    later(rows(db).updateMany(slowly, { $set: { slow: true } }));
    later(rows(other).deleteMany(slowly));
    later(
      rows(db)
        .aggregate([{ $match: slowly }, { $out: 'late' }])
        .toArray(),
    );
    await wait(50);
  },
  'timers that write after the end': ({ db, other, later }) => {
    for (const ms of [0, 20, 100, 500, 1200]) {
      later(wait(ms).then(() => rows(db).insertOne({ ms })));
      later(wait(ms).then(() => rows(other).updateMany({}, { $set: { ms } })));
      later(wait(ms).then(() => db.dropDatabase()));
    }
  },
  'an error half-way': async ({ db, other }) => {
    await rows(db).deleteMany({});
    await rows(other).drop();
    throw new Error('half-way');
  },
  'an error that is no Error': async ({ db }) => {
    await rows(db).deleteMany({});
    throw null;
  },
  'an error in a callback of its own': async ({ db, later }) => {
    await rows(db).deleteMany({});
    later(Promise.reject(new Error('nobody listens')));
  },
  'process.exit': async ({ db }) => {
    await rows(db).deleteMany({});
    process.exit(3);
  },
  'process.exit that it catches': async ({ db }) => {
    try {
      process.exit(0);
    } catch {
      await rows(db).deleteMany({});
    }
  },
  'a client that it closes': async ({ db, client }) => {
    await rows(db).insertOne({ before: 1 });
    await client.close();
    await ignore(rows(db).insertOne({ after: 1 }));
    await client.connect();
    await rows(db).insertOne({ again: 1 });
  },
  'commands that run code': own(
    { eval: 'db.rows.drop()' },
    { $eval: 'db.rows.drop()' },
    { find: 'rows', filter: { $where: 'db.rows.drop() || true' } },
    {
      aggregate: 'rows',
      cursor: {},
      pipeline: [
        {
          $match: {
            $expr: { $function: { body: 'function () { return db.rows.drop(); }', args: [], lang: 'js' } },
          },
        },
      ],
    },
  ),
  'commands that nobody knows': own(
    { dropEverything: 1 },
    { _configsvrDropDatabase: 1 },
    { godinsert: 'rows', obj: {} },
  ),
  'commands for the server': admin(
    { setParameter: 1, notablescan: false },
    { fsync: 1 },
    { createUser: 'wild', pwd: 'p', roles: ['root'] },
    { createRole: 'wild', privileges: [], roles: [] },
    { replSetStepDown: 1 },
    { replSetReconfig: {} },
    { applyOps: [{ op: 'd', ns: 'a.b', o: {} }] },
    { appendOplogNote: 1, data: {} },
    { setFeatureCompatibilityVersion: '5.0' },
    { setDefaultRWConcern: 1, defaultWriteConcern: { w: 1 } },
    { killOp: 1, op: 1 },
    { killAllSessions: [] },
    { logRotate: 1 },
    { configureFailPoint: 'failCommand', mode: 'off' },
    { setUserWriteBlockMode: 1, global: true },
    { enableSharding: 'a' },
    { shutdown: 1 },
  ),
  'commands for a database': own(
    { profile: 2 },
    { createUser: 'wild', pwd: 'p', roles: [] },
    { dropAllUsersFromDatabase: 1 },
    { insert: 'rows', documents: [{ raw: 1 }] },
    { update: 'rows', updates: [{ q: {}, u: { $set: { raw: 1 } }, multi: true }] },
    { delete: 'people', deletes: [{ q: {}, limit: 0 }] },
    { findAndModify: 'rows', query: {}, remove: true },
    { dropIndexes: 'rows', index: '*' },
    { drop: 'people' },
    { dropDatabase: 1 },
  ),
  'the helpers of ctx': async ({ ctx }) => {
    await ctx.batch('rows', {}, (doc) => ({ $set: { n: Number(doc['n']) + 1 } }));
    await ctx.batch('rows', {}, [{ $set: { piped: true } }]);
    await ctx.convert('rows', { n: 'string' });
    await ctx.extract('people', 'tags', { into: 'tags', foreignKey: 'person' });
  },
  'the helpers of ctx, not awaited': ({ ctx, later }) => {
    later(ctx.batch('rows', {}, (doc) => ({ $set: { n: Number(doc['n']) + 1 } })));
    later(ctx.convert('people', { n: 'string' }));
    later(wait(300).then(() => ctx.batch('rows', {}, () => ({ $set: { late: true } }))));
  },
};

// A server that fails now and then while a run is at work: the run ends well, or is said to be unfinished and the next
// one ends it; either way everything is done exactly once. Which cases are run is said in faults.test.ts and, all of
// them, in test/long.
import assert from 'node:assert/strict';
import { Double, type Collection, type Db, type Document } from 'mongodb';
import type { Migration } from '../../../src/migration/kinds';
import { replicaSet } from '../../support/server';
import { assertSame, describe, Stage } from '../harness/stage';

export const faults: Record<string, Document> = {
  'error 91': { errorCode: 91 },
  'error 189': { errorCode: 189 },
  'error 10107': { errorCode: 10107 },
  'error 11600': { errorCode: 11600 },
  'error 112': { errorCode: 112 },
  'error 462': {
    errorCode: 462,
    errorLabels: ['SystemOverloadedError', 'RetryableError'],
  },
  'a lost connection': { closeConnection: true },
  'a blocked connection': { blockConnection: true, blockTimeMS: 250 },
  'an unclear write': { writeConcernError: { code: 91, errmsg: 'shutting down' } },
  'a write that too few have': {
    writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' },
  },
};

export const commands = [
  'find',
  'getMore',
  'insert',
  'update',
  'aggregate',
  'findAndModify',
  'commitTransaction',
  'createIndexes',
] as const;

const total = 400;
/** How often a command fails in a row: more often than a driver tries again by itself. */
const times = 3;

/** Called by scripts when they are on their way. */
let onTheWay: () => Promise<void> = () => Promise.resolve();

const rows = (db: Db): Collection<any> => db.collection<any>('rows');

/** One of everything that can fail; all of it is seen if it is done twice. */
async function everything(db: Db): Promise<void> {
  await rows(db).updateMany({ _id: { $lt: 100 } }, { $inc: { x: 100 } });
  await onTheWay();
  const found = await rows(db).find({}, { batchSize: 50 }).toArray();
  assert.equal(found.length, total);
  await db
    .collection('made')
    .insertMany(Array.from({ length: 30 }, (_, _id) => ({ _id: _id as never, _n: _id })));
  for (let i = 0; i < 3; i++)
    await db.collection<any>('counter').findOneAndUpdate({ _id: 'c' }, { $inc: { n: 1 } });
  await rows(db).bulkWrite(
    Array.from({ length: 100 }, (_, i) => ({
      updateOne: { filter: { _id: 100 + i }, update: { $inc: { x: 100 } } },
    })),
  );
  await rows(db)
    .aggregate([{ $group: { _id: null, x: { $sum: '$x' } } }])
    .toArray();
  await rows(db).createIndex({ x: 1 });
  await rows(db).updateMany({ _id: { $gte: 200 } }, { $inc: { x: 100 } });
}

interface Work {
  migrations: () => Migration[];
  direction: 'up' | 'down';
}

export const works: Record<string, Work> = {
  'a transform': {
    direction: 'up',
    migrations: () => [{ source: 'rows', transform: (doc) => ({ $set: { x: doc['x'] + 100 } }) }],
  },
  'an update pipeline': {
    direction: 'up',
    migrations: () => [{ source: 'rows', update: [{ $set: { x: { $add: ['$x', 100] } } }] }],
  },
  'a script': { direction: 'up', migrations: () => [{ up: everything }] },
  'the way back of a transform': {
    direction: 'down',
    migrations: () => [{ source: 'rows', transform: (doc) => ({ $set: { x: doc['x'] + 100 } }) }],
  },
  'the way back of a script': { direction: 'down', migrations: () => [{ up: everything }] },
};

async function seed(db: Db): Promise<void> {
  await rows(db).insertMany(
    Array.from({ length: total }, (_, _id) => ({ _id, x: _id, ratio: new Double(1) })),
  );
  await db.collection<any>('counter').insertOne({ _id: 'c', n: 0 });
}

async function check(db: Db, script: boolean): Promise<void> {
  const once = { $expr: { $eq: ['$x', { $add: ['$_id', 100] }] } };
  const others = await rows(db)
    .find({ $nor: [once] })
    .toArray();
  assert.deepEqual(others, []);
  assert.equal(await rows(db).countDocuments(once), total);
  if (!script) return;
  assert.equal(await db.collection('made').countDocuments(), 30);
  assert.deepEqual(await db.collection<any>('counter').findOne(), { _id: 'c', n: 3 });
}

export interface FaultCase {
  work: keyof typeof works;
  fault: keyof typeof faults;
  command: (typeof commands)[number];
}

/** @returns how often the server failed, and how the first run ended. */
export async function fail({
  work: name,
  fault,
  command,
}: FaultCase): Promise<{ hits: number; end: string }> {
  const work = works[name]!;
  const server = await replicaSet();
  const { uri } = await server.database('fault');
  // A server that only pretends to leave announces no change; the driver notices by its next look alone.
  const patient = `${uri}${uri.includes('?') ? '&' : '?'}heartbeatFrequencyMS=500`;
  const stage = await Stage.at(patient, work.migrations(), { batchSize: 50 });
  const admin = (await server.client()).db('admin');
  const { direction } = work;
  const script = stage.migrations[0]?.kind === 'script';
  const again = { mode: direction, names: direction === 'down' ? stage.names : [] };
  try {
    await seed(stage.db);
    const beginning = await stage.state();
    if (direction === 'down') await stage.succeed({ mode: 'up' });
    const { count: before } = await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
    const arm = once(() =>
      admin.command({
        configureFailPoint: 'failCommand',
        mode: { times },
        data: { failCommands: [command], ...faults[fault] },
      }),
    );
    onTheWay = arm;
    const first = await stage
      .run(again, {
        crashPoint: async (point) => void (point === 'after-commit' && (await arm())),
        // A script's way back has no such points.
        hooks: {
          event: ({ type }) => void (direction === 'down' && script && type === 'check' && void arm()),
        },
      })
      .catch((error: Error) => error);
    onTheWay = () => Promise.resolve();
    const { count } = await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
    const ended = first instanceof Error ? `thrown: ${first.message}` : describe(first);

    if (first instanceof Error || first.exitCode !== 0) {
      const expected = direction === 'up' ? [] : stage.names;
      assert.deepEqual(await stage.ledger(), expected, `ledger after: ${ended}`);
      if (!(first instanceof Error)) {
        // A lost server is no reason to roll back by itself.
        const lost = fault === 'a lost connection' || /^error (91|189|10107|11600)$/.test(fault);
        assert.match(first.run.state, lost ? /^interrupted$/ : /^(interrupted|failed|rolled-back)$/, ended);
        assert.ok(first.run.error, ended);
      }
      await untilFree(stage);
      const second = await stage.run(again);
      assert.equal(second.exitCode, 0, `first ${ended}; then ${describe(second)}`);
    }
    if (direction === 'up') {
      await check(stage.db, script);
      assert.deepEqual(await stage.ledger(), stage.names);
      await stage.down();
    }
    assertSame(await stage.state(), beginning, `after the way back; first ${ended}`);
    assert.deepEqual(await stage.leftovers(), []);
    return { hits: Number(count) - Number(before), end: ended };
  } finally {
    onTheWay = () => Promise.resolve();
    await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
    await stage.close();
  }
}

function once(work: () => Promise<unknown>): () => Promise<void> {
  let done: Promise<unknown> | undefined;
  return async () => void (await (done ??= work()));
}

/** Where the server failed when the lease was to be given back, it lapses by itself. */
async function untilFree(stage: Stage): Promise<void> {
  const lease = stage.db.collection('_migratory_lease');
  for (;;) {
    const held = await lease.findOne({ $expr: { $gt: ['$expiresAt', '$$NOW'] } });
    if (!held) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

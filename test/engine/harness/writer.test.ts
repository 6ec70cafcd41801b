// Applications write while a migration goes up and while it comes back: no write of theirs is lost, no change of ours
// is made twice, and what cannot be taken back is said.
import assert from 'node:assert/strict';
import type { Collection, Db } from 'mongodb';
import type { Migration } from '../../../src/migration/kinds';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { Stage } from './stage';

const total = 600;

interface Row {
  _id: number | string;
  n: number;
  x: number;
  other: number;
}

const kinds: Record<string, () => Migration[]> = {
  'a transform': () => [{ source: 'rows', transform: (doc) => ({ $set: { x: doc['x'] + 1000 } }) }],
  'an update pipeline': () => [{ source: 'rows', update: [{ $set: { x: { $add: ['$x', 1000] } } }] }],
  'a script that updates': () => [
    { up: (db) => db.collection('rows').updateMany({}, { $inc: { x: 1000 } }) },
  ],
  'a script with ctx.batch': () => [
    { up: (_db, _client, ctx) => ctx.batch('rows', {}, (doc) => ({ $set: { x: doc['x'] + 1000 } })) },
  ],
};

interface Written {
  x: number;
  other: number;
  inserted: number;
  deleted: number;
}

/** Adds to both fields of random rows, and inserts and deletes rows of its own, as fast as it can. */
function startWriter(db: Db, prefix: string): { stop(): Promise<Written> } {
  const rows = db.collection<Row>('rows');
  const written: Written = { x: 0, other: 0, inserted: 0, deleted: 0 };
  const end = new AbortController();
  const work = (async () => {
    for (let i = 0; !end.signal.aborted; i++) {
      const field = i % 2 === 0 ? 'x' : 'other';
      await rows.updateOne({ _id: (i * 7919) % total }, { $inc: { [field]: 1 } });
      written[field] += 1;
      if (i % 5 !== 0) continue;
      await rows.insertOne({ _id: `${prefix} ${i}`, n: 0, x: 0, other: 0 });
      written.inserted += 1;
      if (i % 10 !== 0) continue;
      written.deleted += (await rows.deleteOne({ _id: `${prefix} ${i}` })).deletedCount;
    }
    return written;
  })();
  return {
    stop: () => {
      end.abort();
      return work;
    },
  };
}

/** Lets the writer get in between while the run is at work. */
function untilWritten(rows: Collection<Row>): () => Promise<void> {
  let batches = 0;
  return async () => {
    if ((batches += 1) > 10) return;
    const { other } = (await sums(rows))[0]!;
    for (let tries = 0; tries < 100 && (await sums(rows))[0]!.other <= other; tries++);
  };
}

function sums(
  rows: Collection<Row>,
): Promise<{ count: number; x: number; other: number; changed: number }[]> {
  return rows
    .aggregate<{ count: number; x: number; other: number; changed: number }>([
      {
        $group: {
          _id: null,
          count: { $sum: 1 },
          x: { $sum: '$x' },
          other: { $sum: '$other' },
          changed: { $sum: { $cond: [{ $gte: ['$x', 1000] }, 1, 0] } },
        },
      },
    ])
    .toArray();
}

const servers: [string, () => Promise<TestServer>][] = [
  ['a replica set', () => replicaSet()],
  ['a standalone', () => standalone()],
];

for (const [on, server] of servers) {
  describe(`applications that write during a run on ${on}`, function () {
    this.timeout(120_000);
    for (const [name, migrations] of Object.entries(kinds)) {
      it(`${name}: up and back, no write is lost and nothing is done twice`, async () => {
        const stage = await Stage.open(await server(), migrations(), { settings: { batchSize: 50 } });
        const rows = stage.db.collection<Row>('rows');
        try {
          await rows.insertMany(Array.from({ length: total }, (_, n) => ({ _id: n, n, x: 0, other: 0 })));
          const first = startWriter(stage.db, 'during up');
          const hold = untilWritten(rows);
          await stage.succeed(
            { mode: 'up' },
            { crashPoint: async (point) => void (point === 'after-read' && (await hold())) },
          );
          const up = await first.stop();
          assert.ok(up.other > 0 && up.inserted > 0, 'nobody wrote meanwhile');
          const [then] = await sums(rows);
          assert.equal(then!.count, total + up.inserted - up.deleted);
          assert.equal(then!.other, up.other, 'a write to another field was lost');
          assert.equal(then!.x, up.x + 1000 * then!.changed, 'a change was lost or made twice');
          assert.equal(await rows.countDocuments({ n: { $gt: 0 }, x: { $lt: 1000 } }), 0);

          const second = startWriter(stage.db, 'during down');
          const down = await stage.run({ mode: 'down', names: stage.names });
          const back = await second.stop();
          const [now] = await sums(rows);
          assert.equal(now!.count, total + up.inserted - up.deleted + back.inserted - back.deleted);
          assert.equal(now!.other, up.other + back.other, 'a write to another field was lost');
          assert.equal(now!.x, up.x + back.x + 1000 * now!.changed, 'a write was lost, or taken back twice');
          const { conflicts } = down.run.steps[0]!;
          assert.ok(
            now!.changed <= conflicts,
            `${now!.changed} left as they are, ${conflicts} conflicts told`,
          );
          assert.equal(down.exitCode, conflicts > 0 ? 6 : 0);
          assert.equal(await rows.countDocuments({ x: { $gte: 2000 } }), 0);
          console.log(`      ${up.x + up.other} and ${back.x + back.other} writes, ${conflicts} conflicts`);
        } finally {
          await stage.close();
        }
      });
    }
  });
}

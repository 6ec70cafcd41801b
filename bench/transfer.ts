// The kernel against the usual ways of doing the same migration, on the same documents of a real server: rounds of all
// ways, one after the other, medians and their ratios. Run with `npx tsx bench/transfer.ts [documents] [rounds]`.
import { randomBytes } from 'node:crypto';
import { Double, Int32, Long, type Collection, type Db, type Document } from 'mongodb';
import type { MigrationContext } from '../src/migration/kinds';
import { revertFromJournal } from '../src/transfer/revert';
import { transfer } from '../src/transfer/transfer';
import type { Change } from '../src/transfer/types';
import { closeServers, replicaSet, standalone } from '../test/support/server';

const documents = Number(process.argv[2] ?? 50_000);
const rounds = Number(process.argv[3] ?? 3);

const split = (doc: Document): Document => ({
  $set: {
    first: String(doc['name']).split(' ')[0],
    last: String(doc['name']).split(' ')[1],
    n: Number(doc['n']) + 1,
  },
});
const onServer: Document[] = [
  {
    $set: {
      first: { $first: { $split: ['$name', ' '] } },
      last: { $last: { $split: ['$name', ' '] } },
      n: { $add: ['$n', 1] },
    },
  },
];

interface Way {
  name: string;
  run(db: Db, runId: string): Promise<void>;
  /** Run after it in the same round, on what it left. */
  back?: string;
}

function kernel(change: Change, transactions: boolean): Way['run'] {
  return async (db, runId) => {
    await transfer({ ...options(db, runId, transactions), collection: 't', change });
  };
}

function options(db: Db, runId: string, transactions: boolean) {
  return { client: db.client, db, runId, step: 'bench', epoch: 1, transactions, monitor: {} };
}

async function naive(db: Db): Promise<void> {
  const t = db.collection('t');
  let batch: { updateOne: { filter: Document; update: Document } }[] = [];
  for await (const doc of t.find()) {
    batch.push({ updateOne: { filter: { _id: doc._id }, update: split(doc) } });
    if (batch.length < 1000) continue;
    await t.bulkWrite(batch);
    batch = [];
  }
  if (batch.length > 0) await t.bulkWrite(batch);
}

function ways(transactions: boolean): Way[] {
  const byFunction: Change = { kind: 'function', transform: split, ctx: {} as MigrationContext };
  const byPipeline: Change = { kind: 'pipeline', update: onServer };
  return [
    { name: 'cursor + bulkWrite 1000, unprotected', run: naive },
    {
      name: 'one updateMany, unprotected',
      run: async (db) => void (await db.collection('t').updateMany({}, onServer)),
    },
    { name: 'transfer, function', run: kernel(byFunction, transactions), back: 'rollback of the function' },
    { name: 'transfer, pipeline', run: kernel(byPipeline, transactions), back: 'rollback of the pipeline' },
  ];
}

async function fill(collection: Collection): Promise<void> {
  const made = Array.from({ length: documents }, (_, i) => ({
    n: new Int32(i),
    name: `First${i} Last${i}`,
    price: new Double(i % 50),
    views: Long.fromNumber(i),
    tags: ['red', 'green', 'blue'].slice(0, i % 4),
    address: {
      street: `${i} Long Street`,
      city: 'Somewhere',
      zip: String(10_000 + (i % 90_000)),
      geo: [i % 180, i % 90],
    },
    createdAt: new Date(1.6e12 + i * 1000),
    note: randomBytes(160).toString('hex'),
    flags: { active: i % 2 === 0, verified: true, level: new Int32(i % 7) },
  }));
  for (let at = 0; at < made.length; at += 10_000) await collection.insertMany(made.slice(at, at + 10_000));
}

async function timed(times: Map<string, number[]>, name: string, work: () => Promise<void>): Promise<void> {
  const started = performance.now();
  await work();
  times.set(name, [...(times.get(name) ?? []), performance.now() - started]);
}

async function measure(title: string, db: Db, transactions: boolean): Promise<void> {
  const times = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [i, way] of ways(transactions).entries()) {
      await db.dropDatabase();
      await fill(db.collection('t'));
      await db.admin().command({ fsync: 1 });
      const runId = `bench${round}${i}`;
      await timed(times, way.name, () => way.run(db, runId));
      if (!way.back) continue;
      await timed(times, way.back, async () => {
        const { restored } = await revertFromJournal(options(db, runId, transactions));
        if (restored !== documents) throw new Error(`${restored} of ${documents} documents were restored`);
      });
    }
  }
  const medians = [...times].map(
    ([name, all]) => [name, all.sort((a, b) => a - b)[Math.floor(all.length / 2)]!] as const,
  );
  const base = medians[0]![1];
  const bare = medians[1]![1];
  console.log(
    `\n${title}: ${documents} documents, ${rounds} rounds, heap and buffers ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
  );
  console.log(
    '| way | ms | documents/s | to the loop | to one updateMany |\n| --- | --- | --- | --- | --- |',
  );
  for (const [name, ms] of medians) {
    console.log(
      `| ${name} | ${Math.round(ms)} | ${Math.round((documents / ms) * 1000)} | ${(base / ms).toFixed(2)} | ${(bare / ms).toFixed(2)} |`,
    );
  }
  await db.dropDatabase();
}

async function main(): Promise<void> {
  try {
    await measure('replica set', (await (await replicaSet()).database('bench')).db, true);
    await measure('standalone', (await (await standalone()).database('bench')).db, false);
  } finally {
    await closeServers();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

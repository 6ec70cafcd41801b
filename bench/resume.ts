// What a resume does again: a runner is killed at named points half way through, another one goes on, and each notes the
// documents that its function was called for. Usage: npx tsx bench/resume.ts [documents=20000]
import { fork } from 'node:child_process';
import { openSync, readFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient, type Db } from 'mongodb';
import type { MigrationContext } from '../src/migration/kinds';
import { checkpointCollection } from '../src/transfer/checkpoints';
import { transfer } from '../src/transfer/transfer';
import type { CrashPoint } from '../src/transfer/types';
import { startReplicaSet, startStandalone } from '../tools/servers/mongod';
import { fill, split } from './documents';

const points: CrashPoint[] = [
  'after-read',
  'after-journal',
  'after-write',
  'after-checkpoint',
  'after-commit',
];

interface Order {
  uri: string;
  database: string;
  transactions: boolean;
  epoch: number;
  /** File for the ids of documents. */
  seen: string;
  /** Where the process kills itself, after so many documents. */
  kill?: { point: CrashPoint; done: number };
}

async function child({ uri, database, transactions, epoch, seen, kill }: Order): Promise<void> {
  const client = await MongoClient.connect(uri);
  const notes = openSync(seen, 'a');
  await transfer({
    client,
    db: client.db(database),
    runId: 'bench',
    step: 'bench',
    epoch,
    transactions,
    collection: 't',
    change: {
      kind: 'function',
      transform: (doc) => {
        writeSync(notes, `${String(doc['_id'])}\n`);
        return split(doc);
      },
      ctx: {} as MigrationContext,
    },
    crashPoint: (point, done) => {
      if (kill?.point === point && done >= kill.done) process.kill(process.pid, 'SIGKILL');
    },
  });
  await client.close();
}

function run(order: Order): Promise<void> {
  return new Promise((resolve, reject) => {
    const program = fork(fileURLToPath(import.meta.url), ['child'], { execArgv: ['--import', 'tsx'] });
    program.once('exit', (code, signal) => {
      if (code === 0 || (order.kill && signal === 'SIGKILL')) resolve();
      else reject(new Error(`the transfer ended with ${code ?? signal}`));
    });
    program.send(order);
  });
}

const idsIn = (file: string): string[] => readFileSync(file, 'utf8').split('\n').filter(Boolean);

/** Documents of ranges that are noted as done. */
async function noted(db: Db): Promise<number> {
  const rows = await db
    .collection(checkpointCollection)
    .find({ processed: { $gt: 0 } })
    .toArray();
  return rows.reduce((sum, row) => sum + Number(row['processed']), 0);
}

async function measure(uri: string, transactions: boolean, documents: number, folder: string): Promise<void> {
  const client = await MongoClient.connect(uri);
  console.log(`\n${transactions ? 'replica set of one' : 'standalone'}: ${documents} documents`);
  console.log('| killed | noted as done | function was called for | called again | wrong in the end |');
  console.log('| --- | --- | --- | --- | --- |');
  for (const point of points) {
    const database = `resume_${point.replace('-', '_')}`;
    const db = client.db(database);
    await fill(db.collection('t'), documents);
    const [first, second] = ['1', '2'].map((n) => join(folder, `${database}_${transactions}_${n}`)) as [
      string,
      string,
    ];
    const order = { uri, database, transactions };
    await run({ ...order, epoch: 1, seen: first, kill: { point, done: documents / 2 } });
    const done = await noted(db);
    await run({ ...order, epoch: 2, seen: second });
    const before = new Set(idsIn(first));
    const again = idsIn(second).filter((id) => before.has(id)).length;
    const right = { $eq: [{ $concat: ['$first', ' ', '$last'] }, '$name'] };
    const wrong = await db.collection('t').countDocuments({ $expr: { $not: right } });
    const sum = (documents * (documents - 1)) / 2 + documents;
    const [total] = await db
      .collection('t')
      .aggregate([{ $group: { _id: null, n: { $sum: '$n' } } }])
      .toArray();
    const twice = Number(total?.['n']) - sum;
    console.log(`| ${point} | ${done} | ${before.size} | ${again} | ${wrong + Math.abs(twice)} |`);
    await db.dropDatabase();
  }
  await client.close();
}

async function main(): Promise<void> {
  const documents = Number(process.argv[2] ?? 20_000);
  const folder = await mkdtemp(join(tmpdir(), 'migratory-bench-'));
  try {
    for (const transactions of [true, false]) {
      const server = transactions
        ? await startReplicaSet({ cacheGB: 'own' })
        : await startStandalone({ cacheGB: 'own' });
      try {
        await measure(server.uri, transactions, documents, folder);
      } finally {
        await server.stop();
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === 'child') {
  process.once('message', (order: Order) => {
    child(order).then(
      () => process.disconnect(),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
} else {
  main().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}

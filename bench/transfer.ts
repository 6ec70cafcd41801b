// The kernel against the usual ways of doing the same migration, on the same documents of a real server: rounds of all
// ways, one after the other, each in a process of its own; medians, ratios, memory, and whether the outcome is right.
// Usage: npx tsx bench/transfer.ts [documents=50000] [rounds=3] [--only=text] [--on=replica|standalone] [--cacheGB=n]
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { MongoClient, type Db } from 'mongodb';
import { runnerFlags } from '../src/protocol/runner';
import { elements, nameOf } from '../src/transfer/raw';
import { startReplicaSet, startStandalone } from '../tools/servers/mongod';
import { fill, touched } from './documents';
import type { Order, Taken, WayName } from './way';
import { median } from './median';

const [documents = 50_000, rounds = 3] = process.argv
  .slice(2)
  .filter((argument) => !argument.startsWith('--'))
  .map(Number);
const option = (name: string): string | undefined =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
const [only, on] = [option('only'), option('on')];
/** The server's own choice, as people have it, unless it is to be short of it. */
const cacheGB = Number(option('cacheGB')) || 'own';

/** Each way, and whether the way back is measured on what it left. */
const order: [WayName, boolean][] = [
  ['cursor + bulkWrite 1000', false],
  ['one updateMany with a pipeline', false],
  ['MBDM, rollbackable', false],
  ['raw driver, pipeline by hand', false],
  ['raw driver, function by hand', false],
  ['transfer, function', true],
  ['transfer, pipeline', true],
];

interface Row {
  name: string;
  taken: Taken[];
  wrong: number;
}

/** Bundled, because a loader of TypeScript would be a good part of the memory. */
async function bundle(folder: string): Promise<string> {
  const outfile = join(folder, 'way.cjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'way.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    external: [
      'kerberos',
      '@mongodb-js/zstd',
      'snappy',
      'socks',
      'aws4',
      'mongodb-client-encryption',
      'gcp-metadata',
      '@aws-sdk/credential-providers',
    ],
  });
  return outfile;
}

function run(program: string, what: Order): Promise<Taken> {
  return new Promise((resolve, reject) => {
    const child = fork(program, { execArgv: [...runnerFlags] });
    let taken: Taken | undefined;
    child.once('message', (message) => (taken = message as Taken));
    child.once('exit', (code) => {
      if (taken && code === 0) resolve(taken);
      else reject(new Error(`"${what.way}" ended with ${code}`));
    });
    child.send(what);
  });
}

/** Documents that are not what they should be: untouched fields changed their bytes, touched ones hold the wrong value. */
async function wrongIn(db: Db, undone: boolean): Promise<number> {
  const seed = db.collection('seed').find({}, { raw: true, sort: { _id: 1 } });
  const now = db.collection('t').find({}, { raw: true, sort: { _id: 1 } });
  let wrong = 0;
  for await (const before of seed as unknown as AsyncIterable<Buffer>) {
    const after = (await now.next()) as unknown as Buffer | null;
    const same = after && (undone ? before.equals(after) : untouched(before).equals(untouched(after)));
    if (!same) wrong += 1;
  }
  await now.close();
  if (undone) return wrong;
  const right = { $and: [{ $eq: [{ $concat: ['$first', ' ', '$last'] }, '$name'] }, { $gte: ['$n', 1] }] };
  return wrong + (await db.collection('t').countDocuments({ $expr: { $not: right } }));
}

function untouched(raw: Buffer): Buffer {
  const kept = elements(raw).filter((item) => !touched.has(nameOf(raw, item)));
  return Buffer.concat(kept.map((item) => raw.subarray(item.start, item.end)));
}

async function measure(
  program: string,
  uri: string,
  server: number | undefined,
  transactions: boolean,
): Promise<Row[]> {
  const client = await MongoClient.connect(uri);
  const db = client.db('bench');
  const rows: Row[] = [];
  const note = (name: string, taken: Taken, wrong: number): void => {
    const row = rows.find((each) => each.name === name) ?? { name, taken: [], wrong: 0 };
    if (row.taken.length === 0) rows.push(row);
    row.taken.push(taken);
    row.wrong += wrong;
  };
  try {
    await fill(db.collection('seed'), documents);
    for (let round = 0; round < rounds; round++) {
      for (const [way, undone] of order) {
        if (only !== undefined && !way.includes(only)) continue;
        if (way.startsWith('raw') && !transactions) continue;
        for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray())
          if (name !== 'seed') await db.dropCollection(name);
        await db
          .collection('seed')
          .aggregate([{ $out: 't' }])
          .toArray();
        await db.admin().command({ fsync: 1 });
        const what = { uri, database: 'bench', transactions, documents, server };
        note(way, await run(program, { ...what, way }), await wrongIn(db, false));
        if (!undone) continue;
        const taken = await run(program, { ...what, way: 'rollback from the journal' });
        note(`rollback of ${way}`, taken, await wrongIn(db, true));
      }
    }
  } finally {
    await client.close();
  }
  return rows;
}

/** Processor time of one of the two processes. */
function seconds(taken: Taken[], where: 'here' | 'there'): string {
  return (median(taken.map((each) => each[where])) / 1000).toFixed(2);
}

function table(title: string, rows: Row[]): string {
  const ms = (name: string): number =>
    median(rows.find((row) => row.name === name)?.taken.map((each) => each.ms) ?? []);
  const [loop, bare] = [ms('cursor + bulkWrite 1000'), ms('one updateMany with a pipeline')];
  const ratio = (value: number): string => (Number.isNaN(value) ? '' : value.toFixed(2));
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  const lines = rows.map(({ name, taken, wrong }) => {
    const mine = ms(name);
    const peak = Math.max(...taken.map((each) => each.peak));
    const idle = Math.min(...taken.map((each) => each.idle));
    const cells = [
      name,
      Math.round((documents / mine) * 1000),
      ratio(loop / mine),
      ratio(bare / mine),
      `${seconds(taken, 'there')} + ${seconds(taken, 'here')}`,
      `${megabytes(peak)} (${megabytes(idle)} at rest)`,
      wrong,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `\n${title}: ${documents} documents, ${rounds} rounds`,
    '| way | documents/s | to the loop | to one updateMany | processor s, mongod + Node | memory, MB | wrong documents |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'migratory-bench-'));
  const options = { cacheGB } as const;
  try {
    const program = await bundle(folder);
    for (const transactions of [true, false]) {
      if (on !== undefined && (on === 'replica') !== transactions) continue;
      const server = transactions ? await startReplicaSet(options) : await startStandalone(options);
      try {
        const rows = await measure(program, server.uri, server.pids[0], transactions);
        console.log(table(transactions ? 'replica set of one' : 'standalone', rows));
      } finally {
        await server.stop();
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

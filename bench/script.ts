// What the journal costs a script: the same work by the same driver directly, through the door without a journal, and
// through the door with one, in interleaved rounds; medians and ratios to the direct run.
// Usage: npx tsx bench/script.ts [documents=20000] [rounds=3] [--only=name]
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient, type Collection } from 'mongodb';
import { connect } from '../src/engine/connect';
import { execute } from '../src/engine/execute';
import { arraySet } from '../src/engine/migrationSet';
import { RunSwitch } from '../src/engine/scope';
import { startReplicaSet } from '../tools/servers/mongod';

interface Row {
  _id: number;
  text: string;
  tags: string[];
  n: number;
}

const [documents = 20_000, rounds = 3] = process.argv
  .slice(2)
  .filter((argument) => !argument.startsWith('--'))
  .map(Number);
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);

const row = (i: number): Row => ({
  _id: i,
  text: `${'lorem ipsum dolor sit amet '.repeat(24)}${i}`,
  tags: ['red', 'green', 'blue'],
  n: i % 100,
});

/** Each with the ratio that it has to reach. */
const works: Record<string, { least: number; work: (rows: Collection<Row>) => Promise<unknown> }> = {
  'bulkWrite 1000s, $set': {
    least: 0.7,
    work: (rows) => bulks(rows, (i) => ({ $set: { n: i, seen: true } })),
  },
  'bulkWrite 1000s, $inc': { least: 0.7, work: (rows) => bulks(rows, () => ({ $inc: { n: 1 } })) },
  'cursor + bulkWrite 1000': {
    least: 0.7,
    work: async (rows) => {
      let batch: Parameters<typeof rows.bulkWrite>[0][number][] = [];
      for await (const { _id, text } of rows.find()) {
        batch.push({ updateOne: { filter: { _id }, update: { $set: { text: `${text}.` } } } });
        if (batch.length === 1000) await rows.bulkWrite(batch.splice(0));
      }
      if (batch.length > 0) await rows.bulkWrite(batch);
      batch = [];
    },
  },
  'insertMany 1000s': {
    least: 0.7,
    work: async (rows) => {
      for (let at = 0; at < documents; at += 1000)
        await rows.insertMany(Array.from({ length: 1000 }, (_, i) => row(documents + at + i)));
    },
  },
  'awaited updateOne, $set': {
    least: 0.65,
    work: async (rows) => {
      for (let i = 0; i < documents / 10; i++) await rows.updateOne({ _id: i }, { $set: { n: -1 } });
    },
  },
  'awaited updateOne, $inc': {
    least: 0.65,
    work: async (rows) => {
      for (let i = 0; i < documents / 10; i++) await rows.updateOne({ _id: i }, { $inc: { n: 1 } });
    },
  },
  'updateMany, $set': {
    least: 1,
    work: (rows) => rows.updateMany({ n: { $gte: 0 } }, { $set: { seen: true } }),
  },
  'updateMany, pipeline': {
    least: 1,
    work: (rows) => rows.updateMany({}, [{ $set: { size: { $strLenCP: '$text' } } }]),
  },
  'deleteMany of half': { least: 1, work: (rows) => rows.deleteMany({ n: { $lt: 50 } }) },
  scan: {
    least: 0.85,
    work: async (rows) => {
      for await (const _document of rows.find()) continue;
    },
  },
};

async function bulks(rows: Collection<Row>, update: (i: number) => object): Promise<void> {
  for (let at = 0; at < documents; at += 1000) {
    const operations = Array.from({ length: 1000 }, (_, i) => ({
      updateOne: { filter: { _id: at + i }, update: update(at + i) },
    }));
    await rows.bulkWrite(operations);
  }
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

let uri = '';
let root = '';
let client: MongoClient;

async function fresh(name: string): Promise<Collection<Row>> {
  const rows = client.db(name).collection<Row>('rows');
  await client.db(name).dropDatabase();
  for (let at = 0; at < documents; at += 5000)
    await rows.insertMany(Array.from({ length: 5000 }, (_, i) => row(at + i)));
  // Nobody's work has to wait for what the server still does with these documents.
  await client.db('admin').command({ fsync: 1 });
  return rows;
}

/** Milliseconds of the work itself inside a run. */
async function asScript(
  name: string,
  backup: 'journal' | 'none',
  work: (rows: Collection<Row>) => Promise<unknown>,
): Promise<number> {
  await fresh(name);
  const connection = await connect({ name, uri, database: name });
  let ms = NaN;
  const definition = {
    up: async (db: { collection(name: string): unknown }) => {
      const rows = db.collection('rows') as Collection<Row>;
      await rows.findOne();
      const start = performance.now();
      await work(rows);
      ms = performance.now() - start;
    },
  };
  const { exitCode, run } = await execute({
    connection,
    set: arraySet([{ name: 'script', kind: 'script', index: 0, definition }], root),
    settings: { ledger: '_migrations', backup, sample: 'all', onFailure: 'rollback' },
    request: { mode: 'up', names: ['script'] },
    program: 'bench',
    hooks: { event: () => undefined },
    switch: new RunSwitch(),
  });
  if (exitCode !== 0) throw new Error(JSON.stringify(run.error));
  await connection.close();
  return ms;
}

async function directly(work: (rows: Collection<Row>) => Promise<unknown>): Promise<number> {
  const rows = await fresh('direct');
  await rows.findOne();
  const start = performance.now();
  await work(rows);
  return performance.now() - start;
}

async function main(): Promise<void> {
  const server = await startReplicaSet();
  uri = server.uri;
  client = await MongoClient.connect(uri);
  root = await mkdtemp(join(tmpdir(), 'migratory-bench-'));
  try {
    console.log(`${documents} documents, ${rounds} rounds, medians; ratios to the direct run\n`);
    console.log('work                        direct ms   door   journal   (least)');
    for (const [name, { work, least }] of Object.entries(works)) {
      if (only !== undefined && !name.includes(only)) continue;
      const times: { direct: number[]; door: number[]; journal: number[] } = {
        direct: [],
        door: [],
        journal: [],
      };
      for (let round = 0; round < rounds; round++) {
        times.direct.push(await directly(work));
        times.journal.push(await asScript('journal', 'journal', work));
        times.door.push(await asScript('door', 'none', work));
      }
      const direct = median(times.direct);
      const ratio = (values: number[]): string => (direct / median(values)).toFixed(2).padStart(6);
      console.log(
        `${name.padEnd(26)} ${direct.toFixed(0).padStart(10)} ${ratio(times.door)} ${ratio(times.journal)}    (${least})`,
      );
    }
  } finally {
    await client.close();
    await server.stop();
  }
}

void main();

// What the door costs a script: the same work by the same driver directly and through the door, in interleaved
// rounds, medians and ratios. The door runs in the script's own process, as it does in the runner.
// Usage: npx tsx bench/door.ts [documents=20000] [rounds=5] [--redirect]
import { MongoClient, type Collection } from 'mongodb';
import { startReplicaSet } from '../tools/servers/mongod';
import { openDoor } from '../src/wire/door';
import { median } from './median';

interface Row {
  _id: number;
  text: string;
  tags: string[];
  n: number;
}

const [documents = 20_000, rounds = 5] = process.argv
  .slice(2)
  .filter((argument) => !argument.startsWith('--'))
  .map(Number);
const redirect = process.argv.includes('--redirect');
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);

const row = (i: number): Row => ({
  _id: i,
  text: `${'lorem ipsum dolor sit amet '.repeat(20)}${i}`,
  tags: ['red', 'green', 'blue'],
  n: i % 100,
});

const works: Record<string, (rows: Collection<Row>, scratch: Collection<Row>) => Promise<void>> = {
  'scan, decoded': async (rows) => {
    let seen = 0;
    for await (const document of rows.find()) seen += document.n >= 0 ? 1 : 0;
    if (seen !== documents) throw new Error(`${seen} documents were read`);
  },
  'scan, raw': async (rows) => {
    let seen = 0;
    for await (const _document of rows.find({}, { raw: true })) seen += 1;
    if (seen !== documents) throw new Error(`${seen} documents were read`);
  },
  'insertMany 1000s': async (_rows, scratch) => {
    for (let at = 0; at < documents; at += 1000) {
      await scratch.insertMany(Array.from({ length: 1000 }, (_, i) => row(at + i)));
    }
  },
  'bulkWrite 1000s': async (rows) => {
    for (let at = 0; at < documents; at += 1000) {
      await rows.bulkWrite(
        Array.from({ length: 1000 }, (_, i) => ({
          updateOne: { filter: { _id: at + i }, update: { $inc: { n: 1 } } },
        })),
      );
    }
  },
  'cursor + bulkWrite': async (rows) => {
    let batch: Parameters<typeof rows.bulkWrite>[0][number][] = [];
    for await (const { _id, text } of rows.find()) {
      batch.push({ updateOne: { filter: { _id }, update: { $set: { text: `${text}.` } } } });
      if (batch.length === 1000) await rows.bulkWrite(batch.splice(0));
    }
    if (batch.length > 0) await rows.bulkWrite(batch);
    batch = [];
  },
  'awaited updateOne': async (rows) => {
    for (let i = 0; i < documents / 10; i++) await rows.updateOne({ _id: i }, { $inc: { n: 1 } });
  },
  'awaited findOne': async (rows) => {
    for (let i = 0; i < documents / 10; i++) await rows.findOne({ _id: i });
  },
};

interface Sample {
  wall: number;
  /** Of this process, which is script and door. */
  cpu: number;
}

async function sample(work: () => Promise<void>): Promise<Sample> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const used = process.cpuUsage(cpu);
  return { wall: performance.now() - start, cpu: (used.user + used.system) / 1000 };
}

async function measure(): Promise<void> {
  const servers = await startReplicaSet({ cacheGB: 'own' });
  const { hostname, port } = new URL(servers.uri.replace(/^mongodb/, 'http'));
  let commands = 0;
  const door = await openDoor({
    upstream: { uri: servers.uri, primary: async () => ({ host: hostname, port: Number(port) }) },
    redirect: redirect ? (database) => database : undefined,
    hooks: {
      fence: async () => undefined,
      before: async () => undefined,
      after: () => void (commands += 1),
      refused: () => undefined,
    },
  });
  const ways = [new MongoClient(servers.uri), new MongoClient(door.uri)] as const;
  try {
    const seed = ways[0].db('bench').collection<Row>('rows');
    for (let at = 0; at < documents; at += 1000) {
      await seed.insertMany(Array.from({ length: Math.min(1000, documents - at) }, (_, i) => row(at + i)));
    }
    console.log(`${documents} documents, ${rounds} rounds; medians of wall clock and processor time in ms`);
    for (const [name, work] of Object.entries(works)) {
      if (only !== undefined && !name.includes(only)) continue;
      const samples: [Sample[], Sample[]] = [[], []];
      // Round 0 only warms up.
      for (let round = 0; round <= rounds; round++) {
        for (const way of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
          const db = ways[way].db('bench');
          await ways[0].db('bench').collection('scratch').drop();
          const taken = await sample(() => work(db.collection<Row>('rows'), db.collection<Row>('scratch')));
          if (round > 0) samples[way].push(taken);
        }
      }
      report(name, ...samples);
    }
    console.log(`${commands} commands passed the door`);
  } finally {
    await Promise.all(ways.map((client) => client.close()));
    await door.close();
    await servers.stop();
  }
}

function report(name: string, direct: Sample[], through: Sample[]): void {
  const cell = (samples: Sample[], key: keyof Sample): string =>
    median(samples.map((sample) => sample[key]))
      .toFixed(0)
      .padStart(6);
  const ratio = median(direct.map((sample, i) => sample.wall / (through[i]?.wall ?? NaN))).toFixed(2);
  const [wall, cpu] = (['wall', 'cpu'] as const).map((key) =>
    [cell(direct, key), cell(through, key)].join(' →'),
  );
  console.log(`${name.padEnd(20)} wall ${wall}   processor ${cpu}   speed ${ratio} of direct`);
}

void measure();

// What the door and the journal cost a script: the same work by the same driver directly, through the door without a
// journal, and through the door with one. The three take turns in small pieces, so that whatever else the machine and its
// disk do meets all of them; medians of the pieces, and ratios to the direct ones.
// Usage: npx tsx bench/script.ts [documents=20000] [rounds=9] [--only=name]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { MongoClient, type Collection } from 'mongodb';
import { connect } from '../src/engine/connect';
import { execute } from '../src/engine/execute';
import { arraySet } from '../src/engine/migrationSet';
import { RunSwitch } from '../src/engine/scope';
import { startReplicaSet, type MongodServers } from '../tools/servers/mongod';
import { Processors } from './processors';
import { median } from './median';

interface Row {
  _id: number;
  text: string;
  tags: string[];
  n: number;
}

const [documents = 20_000, rounds = 9] = process.argv
  .slice(2)
  .filter((argument) => !argument.startsWith('--'))
  .map(Number);
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);

/** Between two pieces: by then the journal has closed what it reads the oplog with, from which others would gain. */
const restMs = 300;

const row = (i: number): Row => ({
  _id: i,
  text: `${'lorem ipsum dolor sit amet '.repeat(24)}${i}`,
  tags: ['red', 'green', 'blue'],
  n: i % 100,
});

interface Work {
  /** The ratio that it has to reach. */
  least: number;
  /** It takes documents away, which have to be there again for the next one. */
  refill?: boolean;
  /** @param round for values that nobody has written before. */
  work: (rows: Collection<Row>, round: number) => Promise<unknown>;
}

const works: Record<string, Work> = {
  'bulkWrite 1000s, $set': {
    least: 0.7,
    work: (rows, round) => bulks(rows, (i) => ({ $set: { n: i, seen: round } })),
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
    work: async (rows, round) => {
      const from = documents * (round + 1);
      for (let at = 0; at < documents / 4; at += 1000)
        await rows.insertMany(Array.from({ length: 1000 }, (_, i) => row(from + at + i)));
    },
  },
  'awaited updateOne, $set': {
    least: 0.65,
    work: async (rows, round) => {
      for (let i = 0; i < documents / 20; i++) await rows.updateOne({ _id: i }, { $set: { n: -1 - round } });
    },
  },
  'awaited updateOne, $inc': {
    least: 0.65,
    work: async (rows) => {
      for (let i = 0; i < documents / 20; i++) await rows.updateOne({ _id: i }, { $inc: { n: 1 } });
    },
  },
  'updateMany, $set': {
    least: 1,
    work: (rows, round) => rows.updateMany({ n: { $gte: 0 } }, { $set: { seen: round } }),
  },
  'updateMany, pipeline': {
    least: 1,
    work: (rows, round) =>
      rows.updateMany({}, [{ $set: { size: { $add: [round, { $strLenCP: '$text' }] } } }]),
  },
  'deleteMany of half': { least: 1, refill: true, work: (rows) => rows.deleteMany({ n: { $lt: 50 } }) },
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

const ways = ['direct', 'door', 'journal'] as const;
type Way = (typeof ways)[number];

interface Sample {
  wall: number;
  /** Milliseconds of processor time of the server, and of this process, which is script and door. */
  server: number;
  own: number;
}

class Bench {
  readonly #server: MongodServers;
  readonly #client: MongoClient;
  readonly #root: string;

  constructor(server: MongodServers, client: MongoClient, root: string) {
    this.#server = server;
    this.#client = client;
    this.#root = root;
  }

  async fill(way: Way): Promise<void> {
    const rows = this.#client.db(way).collection<Row>('rows');
    await rows.deleteMany({});
    for (let at = 0; at < documents; at += 5000)
      await rows.insertMany(Array.from({ length: 5000 }, (_, i) => row(at + i)));
    // Nobody's work has to wait for what the server still does with these documents.
    await this.#client.db('admin').command({ fsync: 1 });
  }

  /** The collection as a script sees it, which does not end before `done`. */
  async script(way: 'door' | 'journal', use: (rows: Collection<Row>) => Promise<void>): Promise<void> {
    const connection = await connect({ name: way, uri: this.#server.uri, database: way });
    const definition = {
      up: async (db: { collection(name: string): unknown }) => use(db.collection('rows') as Collection<Row>),
    };
    const { exitCode, run } = await execute({
      connection,
      set: arraySet([{ name: 'script', kind: 'script', index: 0, definition }], this.#root),
      settings: {
        ledger: '_migrations',
        backup: way === 'journal' ? 'journal' : 'none',
        sample: 'all',
        onFailure: 'rollback',
      },
      request: { mode: 'up', names: ['script'] },
      program: 'bench',
      hooks: { event: () => undefined },
      switch: new RunSwitch(),
    });
    if (exitCode !== 0) throw new Error(JSON.stringify(run.error));
    await connection.close();
  }

  async measure({ work, refill }: Work): Promise<Record<Way, Sample[]>> {
    const samples: Record<Way, Sample[]> = { direct: [], door: [], journal: [] };
    for (const way of ways) {
      await this.#client.db(way).dropDatabase();
      await this.fill(way);
    }
    const direct = this.#client.db('direct').collection<Row>('rows');
    const take = async (way: Way, rows: Collection<Row>, round: number): Promise<void> => {
      if (refill) await this.fill(way);
      await setTimeout(restMs);
      const processors = new Processors(this.#server.pids);
      const start = performance.now();
      await work(rows, round);
      const wall = performance.now() - start;
      // The first rounds only warm up.
      if (round >= 2) samples[way].push({ wall, ...processors.used() });
    };
    await this.script('door', (door) =>
      this.script('journal', async (journal) => {
        const all: Record<Way, Collection<Row>> = { direct, door, journal };
        for (let round = 0; round < rounds + 2; round++) {
          for (let i = 0; i < ways.length; i++) {
            const way = ways[(i + round) % ways.length] as Way;
            await take(way, all[way], round);
          }
        }
      }),
    );
    return samples;
  }
}

function report(name: string, least: number, samples: Record<Way, Sample[]>): void {
  const middle = (way: Way, key: keyof Sample): number => median(samples[way].map((sample) => sample[key]));
  const ratio = (way: Way): string => (middle('direct', 'wall') / middle(way, 'wall')).toFixed(2).padStart(6);
  const times = (key: 'server' | 'own'): string =>
    (['direct', 'journal'] as const)
      .map((way) => middle(way, key).toFixed(0))
      .join(' → ')
      .padStart(13);
  console.log(
    `${name.padEnd(26)} ${middle('direct', 'wall').toFixed(0).padStart(10)} ${ratio('door')} ${ratio('journal')}   ` +
      `(${least})`.padEnd(8) +
      `${times('server')} ${times('own')}`,
  );
}

async function main(): Promise<void> {
  const server = await startReplicaSet({ cacheGB: 'own' });
  const client = await MongoClient.connect(server.uri);
  const root = await mkdtemp(join(tmpdir(), 'migratory-bench-'));
  try {
    console.log(
      `${documents} documents, ${rounds} rounds, medians; ratios to the direct run; processor time in ms\n`,
    );
    console.log(
      'work                        direct ms   door   journal  (least)        mongod          node',
    );
    const bench = new Bench(server, client, root);
    for (const [name, work] of Object.entries(works)) {
      if (only === undefined || name.includes(only)) report(name, work.least, await bench.measure(work));
    }
  } finally {
    await client.close();
    await server.stop();
    await rm(root, { recursive: true, force: true });
  }
}

void main();

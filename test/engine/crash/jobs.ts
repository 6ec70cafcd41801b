// What the crash and fault tests interrupt: kinds of the harness that are seen if they are applied twice, and how far
// each has come.
import { Double, type Db } from 'mongodb';
import type { Migration } from '../../../src/migration/kinds';
import { kinds, people, seed as seedPeople } from '../harness/kinds';

export interface Job {
  migrations: () => Migration[];
  seed: (db: Db) => Promise<void>;
  /** Documents that are changed, of how many. */
  progress: (db: Db) => Promise<{ done: number; total: number }>;
}

export const batchSize = 50;

/** Called by scripts between their commands, with the number of those that are done. */
export type Between = (commands: number) => void;
let between: Between = () => undefined;
export function listenBetween(listener: Between): void {
  between = listener;
}

const above = (db: Db, collection: string, by: number): Promise<number> =>
  db.collection(collection).countDocuments({ $expr: { $gte: ['$x', { $add: ['$n', by] }] } });

const changed: Job['progress'] = async (db) => ({ done: await above(db, 'people', 100), total: people });

function ofKind(name: string, progress: Job['progress'] = changed): Job {
  const kind = kinds[name];
  if (!kind) throw new Error(`there is no kind "${name}"`);
  return { migrations: kind.migrations, seed: (db) => seedPeople(db), progress };
}

const inCopy =
  (collection: string, times: number): Job['progress'] =>
  async (db) => ({ done: await db.collection(collection).countDocuments(), total: people * times });

/** Documents of the script that writes in a loop: more than one transaction of its undoing. */
const rows = 2600;
const together = 100;

async function seedRows(db: Db): Promise<void> {
  const documents = Array.from({ length: rows }, (_, n) => ({ _id: n as never, n, x: n, d: new Double(n) }));
  await db.collection('rows').insertMany(documents);
  await db.collection('rows').createIndex({ x: 1 });
  await db.collection('gone').insertMany([{ _id: 1 as never, a: new Double(1) }]);
}

const changedRows: Job['progress'] = async (db) => ({ done: await above(db, 'rows', 100), total: rows });

/** Adds 100 to all rows, a hundred at a time: by bulk writes and by single updates in turns. */
async function loop(db: Db, by: number): Promise<void> {
  const collection = db.collection<{ _id: number }>('rows');
  for (let from = 0, commands = 0; from < rows; from += together) {
    const update = { $inc: { x: by } };
    const ids = Array.from({ length: together }, (_, i) => from + i);
    if ((from / together) % 2 === 0)
      await collection.bulkWrite(ids.map((_id) => ({ updateOne: { filter: { _id }, update } })));
    else await collection.updateMany({ _id: { $gte: from, $lt: from + together } }, update);
    between((commands += 1));
  }
}

async function inSteps(steps: (() => Promise<unknown>)[]): Promise<void> {
  for (const [done, step] of steps.entries()) {
    await step();
    between(done + 1);
  }
}

const catalogueSteps: ((db: Db) => Promise<unknown>)[] = [
  (db) => db.collection('rows').createIndex({ n: 1 }),
  (db) => db.collection('rows').updateMany({}, { $inc: { x: 100 } }),
  (db) => db.collection('rows').rename('moved'),
  (db) =>
    db
      .collection('moved')
      .aggregate([{ $match: { n: { $lt: 10 } } }, { $out: 'few' }])
      .toArray(),
  (db) => db.collection('moved').dropIndex('x_1'),
  (db) => db.collection('gone').drop(),
];

export const jobs = {
  function: ofKind('a transform that answers $set'),
  update: ofKind('an update pipeline'),
  into: ofKind('a transform into a new collection', inCopy('copy', 1)),
  pipeline: ofKind('a pipeline that joins, unwinds and projects', inCopy('places', 2)),
  // Both halves of it.
  batch: ofKind('a script with ctx.batch', async (db) => ({
    done: (await above(db, 'people', 50)) + (await above(db, 'people', 100)),
    total: 2 * people,
  })),
  revert: ofKind('a transform with revert'),
  script: {
    migrations: () => [{ up: (db) => loop(db, 100) }],
    seed: seedRows,
    progress: changedRows,
  },
  catalogue: {
    migrations: () => [{ up: (db) => inSteps(catalogueSteps.map((step) => () => step(db))) }],
    seed: seedRows,
    // By the signs that its commands leave.
    progress: async (db) => {
      const names = new Set(
        (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name),
      );
      const rows = db.collection(names.has('moved') ? 'moved' : 'rows');
      const indexes = await rows.indexes();
      const signs = [
        indexes.some(({ name }) => name === 'n_1'),
        (await rows.findOne({ n: 0, x: 100 })) !== null,
        names.has('moved'),
        names.has('few'),
        !indexes.some(({ name }) => name === 'x_1'),
        !names.has('gone'),
      ];
      return { done: signs.filter(Boolean).length, total: signs.length };
    },
  },
} satisfies Record<string, Job>;

export type JobName = keyof typeof jobs;

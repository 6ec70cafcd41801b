// One way of doing a migration in a process of its own, so that its memory is its own too. Started by transfer.ts, which
// sends the order by IPC and hears what it took.
import { readFile } from 'node:fs/promises';
import MongoBulkDataMigration from '@360-l/mongo-bulk-data-migration/dist/MongoBulkDataMigration.js';
import { Binary, BSON, MongoClient, ObjectId, type ClientSession, type Db, type Document } from 'mongodb';
import type { MigrationContext } from '../src/migration/kinds';
import { readRange } from '../src/transfer/command';
import { boundary } from '../src/transfer/ranges';
import { revertFromJournal } from '../src/transfer/revert';
import { transfer } from '../src/transfer/transfer';
import type { RawValue } from '../src/transfer/raw';
import type { Change } from '../src/transfer/types';
import { fill, split, splitPipeline } from './documents';

const warmDocuments = 5000;

export interface Order {
  uri: string;
  database: string;
  way: WayName;
  transactions: boolean;
  documents: number;
  /** Process of the server, for its processor time. */
  server?: number;
}

export interface Taken {
  ms: number;
  /** Most resident memory of the process, and what it had before the work, in bytes. */
  peak: number;
  idle: number;
  /** Processor time of this process and of the server's, in ms. */
  here: number;
  there: number;
}

export type WayName = keyof typeof ways;

export const ways = {
  'cursor + bulkWrite 1000': naive,
  'one updateMany with a pipeline': async (db: Db) =>
    void (await db.collection('t').updateMany({}, splitPipeline)),
  'MBDM, rollbackable': mbdm,
  'raw driver, pipeline by hand': (db: Db) => rawDriver(db, 5000, byPipeline),
  'raw driver, function by hand': (db: Db) => rawDriver(db, 2000, byFunction),
  'transfer, function': (db: Db, order: Order) =>
    kernel(db, order, { kind: 'function', transform: split, ctx: {} as MigrationContext }),
  'transfer, pipeline': (db: Db, order: Order) =>
    kernel(db, order, { kind: 'pipeline', update: splitPipeline }),
  'rollback from the journal': back,
};

function options(db: Db, { transactions }: Order) {
  return { client: db.client, db, runId: 'bench', step: 'bench', epoch: 1, transactions, monitor: {} };
}

async function kernel(db: Db, order: Order, change: Change): Promise<void> {
  const { processed } = await transfer({ ...options(db, order), collection: 't', change });
  if (processed !== order.documents) throw new Error(`${processed} documents were changed`);
}

async function back(db: Db, order: Order): Promise<void> {
  const { restored } = await revertFromJournal(options(db, order));
  if (restored !== order.documents) throw new Error(`${restored} documents were restored`);
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

async function mbdm(db: Db): Promise<void> {
  const migration = new MongoBulkDataMigration<Document>({
    db,
    id: 'bench',
    collectionName: 't',
    projection: {},
    query: { first: { $exists: false } },
    update: split as never,
  });
  migration.setLogger({ info: () => undefined, warn: () => undefined, error: console.error } as never);
  await migration.update();
}

type ChangeByHand = (db: Db, documents: Buffer[], session: ClientSession) => Promise<unknown>;

/**
 * What server and driver can do at best with a transaction for each range that reads, changes and keeps the old
 * versions: nothing is read twice, planned, counted, guarded by an epoch, or made resumable.
 */
async function rawDriver(db: Db, size: number, change: ChangeByHand): Promise<void> {
  const t = db.collection('t');
  await db.createCollection('kept');
  let from: RawValue | undefined;
  let over = false;
  let turn: Promise<unknown> = Promise.resolve();
  const next = () => {
    const mine = turn.then(async () => {
      if (over) return undefined;
      const range = { from, to: await boundary(t, { from }, size) };
      from = range.to;
      over = from === undefined;
      return range;
    });
    turn = mine;
    return mine;
  };
  const lane = async (session: ClientSession): Promise<void> => {
    for (let range = await next(); range; range = await next()) {
      session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } });
      const read = { min: range.from, max: range.to, limit: size + 1, session };
      const documents = await readRange(t, read);
      await change(db, documents, session);
      await db.collection('kept').insertOne({ data: new Binary(Buffer.concat(documents)) }, { session });
      await session.commitTransaction();
    }
  };
  await Promise.all([0, 1, 2].map(() => db.client.withSession(lane)));
}

function byPipeline(db: Db, documents: Buffer[], session: ClientSession): Promise<unknown> {
  const q = { _id: { $gte: idIn(documents[0]!), $lte: idIn(documents.at(-1)!) } };
  const updates = [{ q, u: splitPipeline, multi: true, hint: { _id: 1 } }];
  return db.command({ update: 't', updates }, { session });
}

function byFunction(db: Db, documents: Buffer[], session: ClientSession): Promise<unknown> {
  const updates = documents.map((raw) => {
    const document = BSON.deserialize(raw);
    return { q: { _id: document['_id'] as ObjectId }, u: split(document) };
  });
  return db.command({ update: 't', updates }, { session });
}

/** The ObjectId in front of a document. */
function idIn(raw: Buffer): unknown {
  return new ObjectId(Buffer.from(raw.subarray(9, 21)));
}

/** What is measured is the work, not the compiling of the code that does it. */
async function warmUp(client: MongoClient, order: Order): Promise<void> {
  const warm = client.db(`${order.database}_warm`);
  await warm.dropDatabase();
  await fill(warm.collection('t'), warmDocuments);
  const forward = { ...order, documents: warmDocuments };
  if (order.way === 'rollback from the journal') await ways['transfer, function'](warm, forward);
  await ways[order.way](warm, forward);
  await warm.dropDatabase();
}

async function main(order: Order): Promise<Taken> {
  const client = await MongoClient.connect(order.uri);
  try {
    const db = client.db(order.database);
    const idle = await mostResident();
    await warmUp(client, order);
    const [mine, its] = [process.cpuUsage(), await processorMs(order.server)];
    const started = performance.now();
    await ways[order.way](db, order);
    const ms = performance.now() - started;
    const { user, system } = process.cpuUsage(mine);
    const there = (await processorMs(order.server)) - its;
    return { ms, peak: await mostResident(), idle, here: (user + system) / 1000, there };
  } finally {
    await client.close();
  }
}

/** In bytes. What the system counts for a child begins with what its parent had; Linux tells it without that, too. */
async function mostResident(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+)/m.exec(status)?.[1];
  return kilobytes ? Number(kilobytes) * 1024 : process.resourceUsage().maxRSS * 1024;
}

/** What a process has used so far, where Linux tells it; its clock counts in hundredths of a second. */
async function processorMs(pid: number | undefined): Promise<number> {
  const stat = pid === undefined ? '' : await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the program comes before, in brackets, and may hold anything.
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return user && system ? (Number(user) + Number(system)) * 10 : NaN;
}

process.once('message', (order: Order) => {
  main(order).then(
    (taken) => process.send?.(taken, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

// The collections that a step brings into being: noted in its journal before the first document goes in, and gone
// again once the way back has emptied them, unless somebody else uses them by then.
import { createHash } from 'node:crypto';
import { MongoServerError, type Collection, type Db } from 'mongodb';
import { journalName } from './journal';
import { kindOf } from './target';

interface CreatedRow {
  /** Below the rows of ranges, whose `_id`s are documents. */
  _id: string;
  step: string;
  created: string;
}

interface Owner {
  db: Db;
  runId: string;
  step: string;
}

const majority = { writeConcern: { w: 'majority' } } as const;

/** Notes that the step will create `target`, if it is not there yet. */
export async function noteCreated({ db, runId, step }: Owner, target: string): Promise<void> {
  if ((await kindOf(db, target)).type !== 'missing') return;
  const row = { step, created: target };
  await rowsOf(db, runId).updateOne(
    { _id: `created ${step} ${target}` },
    { $set: row },
    { upsert: true, ...majority },
  );
}

/** Drops what the step created and nobody else has begun to use. May be called again after it was cut short. */
export async function dropCreated({ db, runId, step }: Owner): Promise<void> {
  const rows = rowsOf(db, runId);
  for (const { _id, created } of await rows.find({ step, created: { $exists: true } }).toArray()) {
    const hash = createHash('sha256').update(_id).digest('hex').slice(0, 12);
    const aside = `_migratory_undo_${runId}_${hash}`;
    await settle(db, aside, created);
    if (await isUnused(db, created)) {
      // Between a look and a drop somebody could insert: only what has no name any more can be dropped safely.
      await db.collection(created).rename(aside);
      await settle(db, aside, created);
    }
    await rows.deleteOne({ _id }, majority);
  }
}

async function isUnused(db: Db, name: string): Promise<boolean> {
  const { type, options } = await kindOf(db, name);
  if (type !== 'collection' || Object.keys(options).length > 0) return false;
  const collection = db.collection(name);
  if ((await collection.listIndexes().toArray()).length > 1) return false;
  return (await collection.findOne({}, { projection: { _id: 1 } })) === null;
}

/** Drops the collection that was put aside, or brings back what somebody had inserted at the last moment. */
async function settle(db: Db, aside: string, name: string): Promise<void> {
  if ((await kindOf(db, aside)).type === 'missing') return;
  const collection = db.collection(aside);
  if ((await collection.findOne({}, { projection: { _id: 1 } })) !== null) {
    try {
      await collection.rename(name);
      return;
    } catch (error) {
      const namespaceExists = 48;
      if (!(error instanceof MongoServerError) || error.code !== namespaceExists) throw error;
    }
    await collection.aggregate([{ $merge: { into: name, whenMatched: 'keepExisting' } }], majority).toArray();
  }
  await db.dropCollection(aside, majority);
}

function rowsOf(db: Db, runId: string): Collection<CreatedRow> {
  return db.collection<CreatedRow>(journalName(runId));
}

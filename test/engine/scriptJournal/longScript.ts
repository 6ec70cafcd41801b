// A script with many small steps of every kind, none of which may be done twice.
import type { Collection, Db } from 'mongodb';
import type { EngineSettings } from '../../../src/engine/scope';
import type { Up } from './support';

export const settings: EngineSettings = {
  ledger: '_migrations',
  backup: 'journal',
  sample: 'all',
  onFailure: 'rollback',
};

export const steps = 120;

const rows = (db: Db): Collection<any> => db.collection<any>('rows');

export async function seed(db: Db): Promise<void> {
  await rows(db).insertMany(Array.from({ length: 3000 }, (_, i) => ({ _id: i, n: 0, group: i % 10 })));
  await rows(db).createIndex({ group: 1 });
  for (const name of ['old', 'older']) await db.collection<any>(name).insertOne({ _id: name });
}

const works: ((db: Db, i: number) => Promise<unknown>)[] = [
  (db, i) => rows(db).updateOne({ _id: i }, { $inc: { n: 1 } }),
  (db, i) => rows(db).updateOne({ group: i % 10 }, { $inc: { n: 10 } }),
  (db, i) => rows(db).insertOne({ _id: `new ${i}`, n: i }),
  (db, i) =>
    rows(db).bulkWrite(
      Array.from({ length: 100 }, (_, k) => ({
        updateOne: { filter: { _id: i * 10 + k }, update: { $inc: { n: 100 } } },
      })),
    ),
  (db, i) => rows(db).deleteOne({ _id: 2000 + i }),
  (db, i) =>
    rows(db).findOneAndUpdate(
      { n: { $lt: 5 } },
      { $inc: { n: 1000 } },
      { sort: { _id: (i % 2) * 2 - 1 } as never },
    ),
  (db, i) => rows(db).updateMany({ group: i % 10 }, { $push: { list: i } as never }),
  (db, i) => rows(db).createIndex({ [`made${i}`]: 1 }),
];

/** Runs everything in the same order each time. */
export function longScript(report: (done: number) => void): Up {
  return async (db) => {
    for (let i = 0; i < steps; i++) {
      await works[i % works.length]?.(db, i);
      if (i === 40) await db.collection('old').rename('new name');
      if (i === 60) await db.collection('older').drop();
      if (i === 80) await db.command({ collMod: 'rows', validator: { n: { $gte: 0 } } });
      report(i + 1);
    }
  };
}

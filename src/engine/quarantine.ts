// The quarantine as people see it: what is in it, and forgetting it. Trying again is a run (execute.ts).
import type { Db } from 'mongodb';
import { quarantineCollection } from '../transfer/quarantine';
import { extendedJson } from './documents';

export interface QuarantineItem {
  run: string;
  step: string;
  collection: string;
  /** Canonical Extended JSON. */
  id: unknown;
  reason: string;
  at: string;
}

/** Documents in quarantine, oldest first; of one migration when it is named. */
export async function listQuarantine(db: Db, step?: string): Promise<QuarantineItem[]> {
  const filter = step === undefined ? {} : { step };
  const rows = await db
    .collection(quarantineCollection)
    .find(filter, { projection: { document: 0 }, sort: { at: 1 }, promoteValues: false })
    .toArray();
  return rows.map((row) => ({
    run: String(row['run']),
    step: String(row['step']),
    collection: String(row['collection']),
    id: extendedJson(row['id']),
    reason: String(row['reason']),
    at: (row['at'] as Date).toISOString(),
  }));
}

/** Forgets them: the documents stay as they are. @returns how many. */
export async function discardQuarantine(db: Db, step?: string): Promise<number> {
  const filter = step === undefined ? {} : { step };
  return (await db.collection(quarantineCollection).deleteMany(filter)).deletedCount;
}

// migrate-mongo's own lock, beside our lease: whoever still starts migrate-mongo on the same database waits for us, and
// we for him. Any document in its collection blocks, as there; but only a document of our own is removed at the end, the
// index is waited for, and of two who come together only one goes on.
import { type Db, MongoServerError, ObjectId } from 'mongodb';
import { ExitCode, UserError } from '../protocol/errors';

export interface MigrateMongoLock {
  /** Collection of the lock. */
  collection: string;
  /** After so many seconds the server removes a lock; undefined: never. */
  ttlSeconds: number | undefined;
}

export interface HeldLock {
  release(): Promise<void>;
}

interface LockDocument {
  _id: ObjectId;
  createdAt: Date;
  /** Ours: the run that holds it. migrate-mongo passes over it. */
  run?: string;
}

/** Another index on the same field, or the same one with another limit. */
const otherIndex = new Set([85, 86]);

/**
 * Whether a lock is in place that is not ours.
 * @returns since when, or null when the way is free.
 */
export async function lockInPlace(db: Db, lock: MigrateMongoLock): Promise<Date | null> {
  const found = await db
    .collection<LockDocument>(lock.collection)
    .findOne({ run: { $exists: false } }, { sort: { createdAt: 1 } });
  return found ? (found.createdAt ?? new Date(0)) : null;
}

/**
 * Takes the lock for a run that holds the lease already: what a run of ours has left there is its own, and goes.
 * @throws UserError (exit code 4) when somebody else's document is there.
 */
export async function takeLock(db: Db, lock: MigrateMongoLock, run: string): Promise<HeldLock> {
  const locks = db.collection<LockDocument>(lock.collection, { writeConcern: { w: 'majority' } });
  const _id = new ObjectId();
  if (lock.ttlSeconds !== undefined) await expireAfter(db, lock.collection, lock.ttlSeconds);
  await locks.deleteMany({ run: { $exists: true } });
  // Ours first, then a look around: of two who come at the same time each sees the other, and none goes on in vain.
  await locks.insertOne({ _id, createdAt: new Date(), run });
  const since = await lockInPlace(db, lock);
  if (since) {
    await locks.deleteOne({ _id });
    throw new UserError(
      `A lock of migrate-mongo is in place on "${db.databaseName}" (collection ${lock.collection}, since ${since.toISOString()}). ` +
        'Wait for its run to end; if none is at work any more, remove that document.',
      { exitCode: ExitCode.locked },
    );
  }
  const renewing = lock.ttlSeconds === undefined ? undefined : renew(lock.ttlSeconds);
  return {
    async release() {
      clearInterval(renewing);
      await locks.deleteOne({ _id });
    },
  };

  /** A long migration would lose its lock to the server's clean-up. */
  function renew(seconds: number): NodeJS.Timeout {
    const refresh = (): void =>
      void locks.updateOne({ _id }, { $set: { createdAt: new Date() } }).catch(() => undefined);
    return setInterval(refresh, Math.max((seconds * 1000) / 3, 1000)).unref();
  }
}

async function expireAfter(db: Db, collection: string, seconds: number): Promise<void> {
  try {
    await db.collection(collection).createIndex({ createdAt: 1 }, { expireAfterSeconds: seconds });
  } catch (error) {
    // Another limit holds already, which is as good: our document is renewed in time or removed by us.
    if (!(error instanceof MongoServerError && otherIndex.has(Number(error.code)))) throw error;
  }
}

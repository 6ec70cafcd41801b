// The lease: nothing runs on a database without it. One document, judged on the server's clock alone, with an
// epoch that grows with every owner; work that carries an old epoch is fenced off (transfer/).
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { MongoServerError, type Collection, type Db } from 'mongodb';
import { ExitCode, UserError } from '../protocol/errors';

export const leaseCollection = '_migratory_lease';
/** A dead runner's lease lapses within this time (at once when it was on this machine). */
export const leaseMs = 15_000;
const renewEveryMs = 4_000;

export interface LeaseDocument {
  _id: 'lease';
  owner: string;
  epoch: number;
  run: string;
  host: string;
  machine: string;
  pid: number;
  acquiredAt: Date;
  expiresAt: Date;
}

/** Thrown when the lease was lost to another runner, or could not be renewed in time. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

export interface Lease {
  readonly epoch: number;
  readonly owner: string;
  /** Throws LeaseLostError when this runner may not write any more; costs nothing. */
  check(): void;
  /** Aborted with a LeaseLostError when the lease is lost. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

/**
 * Takes the lease of a database for one run.
 * @throws UserError (exit code 4) when another living run holds it.
 */
export async function acquireLease(db: Db, run: string): Promise<Lease> {
  const collection = db.collection<LeaseDocument>(leaseCollection, { writeConcern: { w: 'majority' } });
  const owner = randomUUID();
  let held = await tryAcquire(collection, owner, run);
  if (held.owner !== owner && ownerIsDead(held)) {
    // Its process is gone and was on this machine: no need to wait for the time to lapse.
    await collection.updateOne({ _id: 'lease', owner: held.owner, epoch: held.epoch }, [
      { $set: { expiresAt: '$$NOW' } },
    ]);
    held = await tryAcquire(collection, owner, run);
  }
  if (held.owner !== owner) {
    throw new UserError(
      `Another run is at work on database "${db.databaseName}": run ${held.run} on ${held.host} (process ${held.pid}).`,
      {
        exitCode: ExitCode.locked,
        action: {
          label: 'Show Run',
          command: 'migratory.showRun',
          args: [{ run: held.run }],
          cli: `migratory runs ${held.run}`,
        },
      },
    );
  }
  return keepLease(collection, owner, held.epoch);
}

/** Does short work under the lease, which is given back whatever happens. @throws UserError as acquireLease does. */
export async function underLease<T>(db: Db, run: string, work: (lease: Lease) => Promise<T>): Promise<T> {
  const lease = await acquireLease(db, run);
  try {
    return await work(lease);
  } finally {
    await lease.release();
  }
}

/** Who holds the lease now, or null when it is free. */
export async function readLease(db: Db): Promise<LeaseDocument | null> {
  const held = await db
    .collection<LeaseDocument>(leaseCollection)
    .findOne({ _id: 'lease', $expr: { $gt: ['$expiresAt', '$$NOW'] } });
  return held && !ownerIsDead(held) ? held : null;
}

/**
 * Frees a lease whoever holds it, or only that of `run`; its runner is fenced off by the next epoch.
 * @returns the lease that was removed from its owner, or null when it was free (or another run's).
 */
export async function breakLease(db: Db, run?: string): Promise<LeaseDocument | null> {
  const held = { _id: 'lease', $expr: { $gt: ['$expiresAt', '$$NOW'] } } as const;
  return db
    .collection<LeaseDocument>(leaseCollection, { writeConcern: { w: 'majority' } })
    .findOneAndUpdate(run === undefined ? held : { ...held, run }, [
      { $set: { expiresAt: '$$NOW', owner: '' } },
    ]);
}

async function tryAcquire(
  collection: Collection<LeaseDocument>,
  owner: string,
  run: string,
): Promise<LeaseDocument> {
  // $expr is refused in the filter of an upsert, so the judgement stands in the pipeline: every field keeps its
  // value unless the lease has lapsed by the server's own clock.
  const free = { $lte: [{ $ifNull: ['$expiresAt', new Date(0)] }, '$$NOW'] };
  const take = (value: unknown, field: string): unknown => ({ $cond: [free, value, `$${field}`] });
  const update = [
    {
      $set: {
        owner: take({ $literal: owner }, 'owner'),
        epoch: take({ $add: [{ $ifNull: ['$epoch', 0] }, 1] }, 'epoch'),
        run: take({ $literal: run }, 'run'),
        host: take({ $literal: hostname() }, 'host'),
        machine: take({ $literal: machineId() }, 'machine'),
        pid: take({ $literal: process.pid }, 'pid'),
        acquiredAt: take('$$NOW', 'acquiredAt'),
        expiresAt: take({ $add: ['$$NOW', leaseMs] }, 'expiresAt'),
      },
    },
  ];
  for (let attempt = 0; ; attempt++) {
    try {
      const held = await collection.findOneAndUpdate({ _id: 'lease' }, update, {
        upsert: true,
        returnDocument: 'after',
      });
      if (held) return held;
    } catch (error) {
      // Two first runners insert the document at once: the loser reads the winner's.
      if (!(error instanceof MongoServerError && error.code === 11000) || attempt >= 5) throw error;
    }
  }
}

function keepLease(collection: Collection<LeaseDocument>, owner: string, epoch: number): Lease {
  const lost = new AbortController();
  let renewedAt = now();
  let released = false;
  let renewing: Promise<void> | undefined;

  const lose = (message: string): void => lost.abort(new LeaseLostError(message));
  const expired = (): boolean => {
    const current = now();
    return current.wall - renewedAt.wall > leaseMs || current.steady - renewedAt.steady > leaseMs;
  };
  const renew = async (): Promise<void> => {
    const sent = now();
    try {
      const held = await collection.findOneAndUpdate(
        { _id: 'lease', owner, epoch },
        [{ $set: { expiresAt: { $add: ['$$NOW', leaseMs] } } }],
        { maxTimeMS: renewEveryMs },
      );
      if (held) renewedAt = sent;
      else lose('Another run has taken over the lease of this database.');
    } catch {
      // A passing fault: the next renewal tries again; the lease is lost only when its time has run out.
      if (expired()) lose('The lease of this database could not be renewed in time.');
    }
  };
  const timer = setInterval(() => {
    renewing ??= renew().finally(() => (renewing = undefined));
  }, renewEveryMs);
  timer.unref();

  return {
    epoch,
    owner,
    signal: lost.signal,
    check() {
      if (!released && expired()) lose('This runner stood still for longer than its lease.');
      if (lost.signal.aborted) throw lost.signal.reason;
    },
    async release() {
      released = true;
      clearInterval(timer);
      await renewing;
      await collection.updateOne({ _id: 'lease', owner, epoch }, [{ $set: { expiresAt: '$$NOW' } }]);
    },
  };
}

/** Both clocks: the wall clock sees a suspended machine, the steady one a wall clock that was set back. */
function now(): { wall: number; steady: number } {
  return { wall: Date.now(), steady: performance.now() };
}

/** True only when the process was on this very machine and is no more. */
export function ownerIsDead(holder: { machine?: string; pid: number }): boolean {
  if (holder.machine !== machineId()) return false;
  if (holder.pid === process.pid) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

let machine: string | undefined;
/** Tells machines and process namespaces apart (two containers may share a host name). Not reversible. */
export function machineId(): string {
  if (machine === undefined) {
    const parts = [hostname()];
    for (const read of [
      () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'),
      () => readlinkSync('/proc/self/ns/pid'),
    ]) {
      try {
        parts.push(read().trim());
      } catch {
        // Not Linux: the host name has to do.
      }
    }
    machine = createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 24);
  }
  return machine;
}

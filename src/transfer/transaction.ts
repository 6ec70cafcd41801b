// One short transaction: begin, work, commit with majority, and what the driver leaves to its caller: telling a
// conflict that may be tried again from a failure, and finding out how an unclear commit ended.
import type { ClientSession, ReadConcernLike } from 'mongodb';
import { MongoError, MongoNetworkError } from 'mongodb';

/** Retries of a commit whose outcome is not known, with pauses up to two seconds in between. */
const commitRetries = 40;

/**
 * Runs the work in a transaction of the session; a thrown error has aborted it.
 * @param readConcern of level snapshot, for one that sees a certain time.
 */
export async function inTransaction<T>(
  session: ClientSession,
  work: () => Promise<T>,
  beforeCommit?: () => Promise<void>,
  readConcern: ReadConcernLike = { level: 'snapshot' },
): Promise<T> {
  session.startTransaction({
    readConcern,
    writeConcern: { w: 'majority' },
    readPreference: 'primary',
  });
  let result: T;
  try {
    result = await work();
    await beforeCommit?.();
  } catch (error) {
    // The server may have ended it already; the first error is the one that counts.
    await session.abortTransaction().catch(() => undefined);
    throw error;
  }
  await commit(session);
  return result;
}

/** Nobody can say whether the transaction holds; only a later look at its checkpoint can. */
export class CommitUnknown extends Error {
  override readonly name = 'CommitUnknown';
  constructor(cause: unknown) {
    super('the connection was lost while a transaction was being committed', { cause });
  }
}

/** Asks again until the server says how it ended; a commit is never sent for another transaction. */
async function commit(session: ClientSession): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await session.commitTransaction();
      return;
    } catch (error) {
      // With this label the server says that nothing was committed.
      if (isTransient(error)) throw error;
      if (!hasLabel(error, 'UnknownTransactionCommitResult') && !isInterruption(error)) throw error;
      if (attempt >= commitRetries) throw new CommitUnknown(error);
      await pause(Math.min(2000, 20 * 2 ** attempt));
    }
  }
}

/** How long something is tried again while the server or the way to it fails, in ms. */
export const patienceMs = 120_000;

/** Tries what does no harm when it is done twice until it succeeds or fails for another reason. */
export async function steadily<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const started = performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted || !isInterruption(error) || performance.now() - started > patienceMs) throw error;
      await pause(Math.min(2000, 50 * 2 ** attempt), signal);
    }
  }
}

export function hasLabel(error: unknown, label: string): boolean {
  return error instanceof MongoError && error.hasErrorLabel(label);
}

/** A failure of the whole transaction that may go away by itself. */
export function isTransient(error: unknown): boolean {
  return hasLabel(error, 'TransientTransactionError');
}

const interruptions = new Set([6, 7, 89, 91, 112, 189, 262, 462, 9001, 10107, 11600, 11602, 13435, 13436]);

/** The server or the way to it failed for the moment; outside a transaction nobody knows what was written. */
export function isInterruption(error: unknown): boolean {
  if (error instanceof MongoNetworkError || hasLabel(error, 'RetryableWriteError')) return true;
  return error instanceof MongoError && interruptions.has(Number(error.code));
}

/** The transaction does not fit beside what else the server's cache holds at the moment. */
const cacheFull = 388;
const tooLarge = new Set([225, 257, 290, cacheFull, 10334, 17419, 17420, 17280]);

/** The transaction as a whole was too large or lasted too long: half of it may fit. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof MongoError && tooLarge.has(Number(error.code));
}

/** The server's cache was full of other changes; once they are written out there may be room. */
export function isCacheFull(error: unknown): boolean {
  return error instanceof MongoError && Number(error.code) === cacheFull;
}

export function isConflict(error: unknown): boolean {
  return error instanceof MongoError && (error.code === 112 || error.code === 251);
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

// Running an author's code without letting it take the runner down or hold it for ever.
import { guardProcessExit } from '../migration/exitGuard';

/** After a cancel, an author's function gets this long to end by itself. */
export const cancelGraceMs = 5_000;

/** Thrown when a cancelled function did not end in time: its process has to be ended by the program. */
export class StuckError extends Error {
  override readonly name = 'StuckError';
}

/**
 * Runs `work` (an author's function) under a signal.
 * @param what whose function it is, for messages: the migration's name.
 * @param fails rejects when the function fails although it goes on.
 * @throws whatever it throws; the signal's reason when cancelled; StuckError when it ignores the cancel.
 */
export async function runUserCode<T>(
  what: string,
  signal: AbortSignal,
  work: () => Promise<T> | T,
  fails?: Promise<never>,
): Promise<T> {
  signal.throwIfAborted();
  const guard = guardProcessExit(what);
  let onAbort: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      timer = setTimeout(() => reject(new StuckError('The migration does not end.')), cancelGraceMs);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const result = await Promise.race([Promise.resolve().then(work), aborted, ...(fails ? [fails] : [])]);
    // It may have caught what its process.exit threw.
    if (guard.called) throw guard.called;
    signal.throwIfAborted();
    return result;
  } catch (error) {
    if (error instanceof StuckError) throw error;
    if (signal.aborted) throw signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    if (onAbort) signal.removeEventListener('abort', onAbort);
    guard.release();
  }
}

// Errors that nobody awaits: promises without a handler, and what is thrown in callbacks of timers and sockets. They
// reach the process alone; while an author's function is at work it fails by those that come from it.
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import { describeError } from '../migration/describeError';
import { UserError } from '../protocol/errors';
import type { RunScope } from './scope';

const place = new AsyncLocalStorage<StrayErrors>();

/**
 * For a program's handlers of `unhandledRejection` and `uncaughtException`.
 * @returns whether the function that it comes from fails by it; otherwise it is the program's to tell.
 */
export function tellStray(reason: unknown): boolean {
  return place.getStore()?.tell(reason) ?? false;
}

/** What one call of an author's function has left without a handler. */
export class StrayErrors {
  /** Rejects with the first. */
  readonly thrown: Promise<never>;
  #reject: (reason: unknown) => void = () => undefined;
  #first: { reason: unknown; late: boolean } | undefined;
  #ended = false;
  #closed = false;

  constructor() {
    this.thrown = new Promise<never>((_resolve, reject) => (this.#reject = reject));
    this.thrown.catch(() => undefined);
  }

  run<T>(work: () => T): T {
    return place.run(this, work);
  }

  tell(reason: unknown): boolean {
    if (this.#closed || this.#first) return false;
    this.#first = { reason, late: this.#ended };
    this.#reject(reason);
    return true;
  }

  /** What the last turn has left still counts; later errors are the program's to tell. */
  async close(): Promise<void> {
    await setImmediate();
    this.#closed = true;
  }

  /** The function has returned; what fails now was never waited for, and may be cut off for that alone. */
  ended(): void {
    this.#ended = true;
  }

  /** @param root the project, to find the place of the error in it. */
  throwFirst(root: string): void {
    if (!this.#first) return;
    const { reason, late } = this.#first;
    if (!late) throw reason;
    const { message, file, line, column } = describeError(reason, { root });
    const stop = /[.!?]$/.test(message) ? '' : '.';
    throw new UserError(
      `What the migration did not wait for has failed: ${message}${stop} Await everything that it does.`,
      { cause: reason, location: file === undefined ? undefined : { file, line, column } },
    );
  }
}

/** Work of the kernel with an author's function: it ends like a cancelled one, and fails by the error. */
export async function failingByStrays<T>(scope: RunScope, work: (scope: RunScope) => Promise<T>): Promise<T> {
  const strays = new StrayErrors();
  const end = new AbortController();
  strays.thrown.catch((reason: unknown) => end.abort(reason));
  const signal = AbortSignal.any([scope.signal, end.signal]);
  try {
    return await strays.run(() => work({ ...scope, signal }));
  } finally {
    await strays.close();
    strays.throwFirst(scope.root);
  }
}

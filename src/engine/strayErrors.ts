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

let guarded = 0;

/**
 * For a run inside of somebody else's program: errors that come from an author's function at work are its own and do not
 * end the program. All others go the way that they would have gone. Nothing is done where the program has told Node what
 * to do with rejections (`--unhandled-rejections`).
 * @returns what ends it.
 */
export function guardProgram(): () => void {
  if (rejectionsAreTold()) return () => undefined;
  guarded += 1;
  if (guarded === 1) {
    process.on('unhandledRejection', onRejection);
    process.on('uncaughtException', onException);
  }
  return () => {
    guarded -= 1;
    if (guarded > 0) return;
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  };
}

function rejectionsAreTold(): boolean {
  const given = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)];
  return given.some((option) => option.startsWith('--unhandled-rejections'));
}

function onRejection(reason: unknown): void {
  if (isStray(reason) || process.listenerCount('unhandledRejection') > 1) return;
  // With no listener but this one Node would have thrown it.
  throw reason instanceof Error
    ? reason
    : new Error(`Unhandled rejection: ${String(reason)}`, { cause: reason });
}

function onException(error: unknown): void {
  if (isStray(error) || process.listenerCount('uncaughtException') > 1) return;
  process.off('uncaughtException', onException);
  // Not from here: what a listener throws ends the process in another way.
  queueMicrotask(() => {
    throw error;
  });
}

/** Also the second error of a function that has failed already. */
function isStray(reason: unknown): boolean {
  return tellStray(reason) || place.getStore()?.open === true;
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

  get open(): boolean {
    return !this.#closed;
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

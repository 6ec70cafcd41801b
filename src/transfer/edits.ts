// The transform stage: runs an author's function over the documents of a batch and says for each what becomes of it.
import type { TransformFunction, MigrationContext } from '../migration/kinds';
import { documentError } from './errors';
import { interpret, Shown, type DocumentChange } from './interpret';
import { idOf, keyOf, sameBytes } from './raw';
import type { RawValue } from './raw';
import type { Job } from './work';

export interface Edit {
  id: RawValue;
  raw: Buffer;
  change: DocumentChange;
}

export interface Failed {
  id: RawValue;
  raw: Buffer;
  reason: string;
}

export interface Edits {
  edits: Edit[];
  failed: Failed[];
}

interface Remembered {
  raw: Buffer;
  change: DocumentChange;
}

/** Documents whose asynchronous answers are awaited together. */
const together = 32;

/** @param stopIn collection to name in the DocumentError for the first failure; undefined = failures are collected. */
export async function editAll(
  documents: readonly Buffer[],
  transform: TransformFunction,
  ctx: MigrationContext,
  options: { job: Job; signal?: AbortSignal; stopIn?: string },
): Promise<Edits> {
  const { job, stopIn } = options;
  const result: Edits = { edits: [], failed: [] };
  const fail = (raw: Buffer, id: RawValue, error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    if (stopIn !== undefined) throw documentError(stopIn, id, reason, error);
    result.failed.push({ raw, id, reason });
  };
  let waiting: Promise<void>[] = [];
  let aborted: ReturnType<typeof abortOf> | undefined;
  for (const raw of documents) {
    const id = idOf(raw);
    const key = keyOf(id);
    const refused = job.failed.get(key);
    if (refused) {
      result.failed.push({ raw, id, reason: refused.reason });
      continue;
    }
    // A range that is tried again calls the function only for documents that have changed since.
    const before = job.memory.get(key) as Remembered | undefined;
    if (before && sameBytes(before.raw, raw)) {
      result.edits.push({ id, raw, change: before.change });
      continue;
    }
    const settle = (shown: Shown, output: unknown) => {
      const change = interpret(shown, output);
      job.memory.set(key, { raw, change } satisfies Remembered);
      result.edits.push({ id, raw, change });
    };
    try {
      const shown = new Shown(raw);
      const output: unknown = transform(shown.promoted, ctx);
      if (isThenable(output)) {
        aborted ??= options.signal && abortOf(options.signal);
        const answer = aborted ? Promise.race([output, aborted.promise]) : Promise.resolve(output);
        const settled = answer.then((value) => settle(shown, value));
        waiting.push(
          settled.catch((error: unknown) => failOrThrow(error, options.signal, () => fail(raw, id, error))),
        );
        if (waiting.length >= together) {
          await Promise.all(waiting);
          waiting = [];
        }
      } else settle(shown, output);
    } catch (error) {
      fail(raw, id, error);
    }
  }
  await Promise.all(waiting);
  aborted?.forget();
  return result;
}

function failOrThrow(error: unknown, signal: AbortSignal | undefined, fail: () => void): void {
  if (signal?.aborted) throw error;
  fail();
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Rejects when the signal is aborted: an answer that never comes must not keep a cancelled transfer from ending. */
function abortOf(signal: AbortSignal): { promise: Promise<never>; forget(): void } {
  let abort!: () => void;
  const promise = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  // Nobody may be waiting for it.
  promise.catch(() => undefined);
  return { promise, forget: () => signal.removeEventListener('abort', abort) };
}

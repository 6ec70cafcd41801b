// The transform stage: runs an author's function over the documents of a batch and says for each what becomes of it.
import type { TransformFunction, MigrationContext } from '../migration/kinds';
import { documentError } from './errors';
import { interpret, type DocumentChange } from './interpret';
import { Shown } from './shown';
import { idOf, keyOf, sameBytes } from './raw';
import type { RawValue } from './raw';
import type { Job } from './work';

export class Edit {
  constructor(
    readonly raw: Buffer,
    readonly change: DocumentChange,
  ) {}

  get id(): RawValue {
    return idOf(this.raw);
  }
}

export interface Failed {
  id: RawValue;
  raw: Buffer;
  reason: string;
  /** What the author's function threw. */
  thrown?: unknown;
}

export interface Edits {
  edits: Edit[];
  failed: Failed[];
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
  const fail = (raw: Buffer, error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    if (stopIn !== undefined) throw documentError(stopIn, idOf(raw), reason, error);
    result.failed.push({ raw, id: idOf(raw), reason, thrown: error });
  };
  // A range that is tried again calls the function only for documents that have changed since.
  const earlier = job.earlier && new Map(job.earlier.map((edit) => [keyOf(edit.id), edit]));
  job.earlier = result.edits;
  let waiting: Promise<void>[] = [];
  let aborted: ReturnType<typeof abortOf> | undefined;
  const settle = (shown: Shown, output: unknown) => {
    result.edits.push(new Edit(shown.raw, interpret(shown, output)));
  };
  for (const raw of documents) {
    if (earlier || job.failed.size > 0) {
      const key = keyOf(idOf(raw));
      const refused = job.failed.get(key);
      const before = earlier?.get(key);
      if (refused) result.failed.push({ raw, id: idOf(raw), reason: refused.reason });
      else if (before && sameBytes(before.raw, raw)) result.edits.push(before);
      if (refused || (before && sameBytes(before.raw, raw))) continue;
    }
    try {
      const shown = new Shown(raw);
      const output: unknown = transform(shown.promoted, ctx);
      if (isThenable(output)) {
        aborted ??= options.signal && abortOf(options.signal);
        const answer = aborted ? Promise.race([output, aborted.promise]) : Promise.resolve(output);
        const settled = answer.then((value) => settle(shown, value));
        waiting.push(
          settled.catch((error: unknown) => failOrThrow(error, options.signal, () => fail(raw, error))),
        );
        if (waiting.length >= together) {
          await Promise.all(waiting);
          waiting = [];
        }
      } else settle(shown, output);
    } catch (error) {
      fail(raw, error);
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

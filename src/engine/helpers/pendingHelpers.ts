// The calls of `ctx.batch`, `ctx.convert`, `ctx.extract` and `ctx.embed` that a script has under way: those that it
// forgot to wait for are waited for, and none outlives the script.
import type { MigrationContext } from '../../migration/kinds';
import { UserError } from '../../protocol/errors';
import type { RunScope } from '../scope';
import { within } from '../within';

/** What is stopped has so long to end, in milliseconds. */
const patienceMs = 5_000;

export class PendingHelpers {
  /** With what the script was given for each. */
  readonly #pending = new Map<Promise<unknown>, Promise<unknown>>();
  readonly #stop = new AbortController();

  /** The scope for the context of the script: what runs in it stops with `abandon`. */
  scope(scope: RunScope): RunScope {
    return { ...scope, signal: AbortSignal.any([scope.signal, this.#stop.signal]) };
  }

  watch(ctx: MigrationContext): MigrationContext {
    return {
      ...ctx,
      batch: (...args) => this.#run(() => ctx.batch(...args)),
      convert: (...args) => this.#run(() => ctx.convert(...args)),
      extract: (...args) => this.#run(() => ctx.extract(...args)),
      embed: (...args) => this.#run(() => ctx.embed(...args)),
    };
  }

  #run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#stop.signal.aborted)
      return Promise.reject(new UserError('The migration has ended; its ctx changes nothing any more.'));
    const running = call();
    // What fails before the script has returned is the script's to know; afterwards `finish` tells it.
    const given = running.then((result) => result);
    this.#pending.set(running, given);
    const over = (): void => void this.#pending.delete(running);
    running.then(over, over);
    return given;
  }

  /** Waits for all calls, also those that are made meanwhile. Throws what one of them throws. */
  async finish(): Promise<void> {
    while (this.#pending.size > 0) await this.#settled(Promise.all(this.#pending.keys()));
  }

  /** Stops what is under way, and lets nothing new begin. */
  async abandon(): Promise<void> {
    this.#stop.abort(new UserError('The migration has ended.'));
    // An author's function that never returns is not waited for.
    await within(this.#settled(Promise.allSettled(this.#pending.keys())), patienceMs);
  }

  async #settled(work: Promise<unknown>): Promise<void> {
    for (const given of this.#pending.values()) given.catch(() => undefined);
    await work;
  }
}

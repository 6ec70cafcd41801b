// The limits of a run for what a script sends by itself: its writes and changes of the catalogue wait at the door as the
// batches of a transfer do. Reads pass, and so does what belongs to a transaction that is open already: waiting would
// only hold its locks.
import { Throttle } from '../transfer/throttle';
import type { DoorCommand } from '../wire/door';
import type { RunScope } from './scope';

export class ScriptThrottle {
  readonly #throttle: Throttle;
  readonly #gate: () => Promise<void>;

  constructor(scope: RunScope, step: string) {
    const { connection, settings, recorder, signal } = scope;
    const log = (level: 'info' | 'warn' | 'error', message: string): void =>
      recorder.log(level, message, step);
    this.#throttle = new Throttle(connection.db, settings.throttle, { log }, signal);
    this.#gate = () => scope.gate();
  }

  /** Most documents that are changed at once. */
  get most(): number {
    return this.#throttle.batchLimit;
  }

  async before({ kind, inTransaction, startsTransaction }: DoorCommand): Promise<void> {
    if (kind !== 'write' && kind !== 'catalogue') return;
    if (!inTransaction || startsTransaction) await this.ready();
  }

  /** Also between the parts of a large command; meanwhile the run may have been paused. */
  async ready(): Promise<void> {
    if (await this.#throttle.ready()) await this.#gate();
  }

  spent(documents: number): void {
    this.#throttle.spent(documents);
  }
}

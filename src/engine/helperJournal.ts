// With `backup: 'none'` a script has no journal, but its calls of `ctx` may ask for one (`backup: 'journal'`). Such a
// script is undone like a journaled one as long as it has changed nothing by itself; what else it changes is noted, since
// then the journal leads back only a part of the way.
import type { RunStep } from '../protocol/run';
import type { DoorCommand } from '../wire/door';
import type { RunScope } from './scope';
import type { ScriptRows } from './scriptJournal/rows';
import { scriptRows } from './scriptJournal/undo';

export class HelperJournal {
  #opened: Promise<{ rows: ScriptRows; begun: number }> | undefined;
  #unkept: string | undefined;

  constructor(
    private readonly scope: RunScope,
    private readonly step: RunStep,
    private readonly runId: string,
  ) {}

  /** Hears of each journaled transfer before it begins. */
  async noteTransfer(name: string): Promise<void> {
    this.#opened ??= this.#open();
    const { rows } = await this.#opened;
    await rows.note('transfer', { step: name });
  }

  /** The run says so before it is done: who finds it interrupted must not take the script for undone. */
  async before({ kind, name, collection, database }: DoorCommand): Promise<void> {
    if ((kind !== 'write' && kind !== 'catalogue') || this.#unkept !== undefined) return;
    this.#unkept = `${name} on "${collection ?? database}"`;
    this.step.unkept = this.#unkept;
    if (!this.#opened) return;
    const { rows, begun } = await this.#opened;
    await rows.complete(begun, { unkept: this.#unkept });
    await this.scope.recorder.flush();
  }

  async #open(): Promise<{ rows: ScriptRows; begun: number }> {
    const { scope, step, runId } = this;
    const rows = scriptRows(scope, step, runId);
    await rows.open();
    const begun = await rows.note('begun', { unkept: this.#unkept });
    step.journal = runId;
    await scope.recorder.flush();
    return { rows, begun };
  }
}

// Undoing a script out of its journal: what it changed last is taken back first, and nothing that others wrote since is
// overwritten. Rows go as they are done, so that an undo that was cut short goes on where it stopped.
import type { RunStep } from '../../protocol/run';
import { revertFromJournal } from '../../transfer/revert';
import type { Conflict } from '../../transfer/types';
import { transferContext } from '../context';
import type { RunScope } from '../scope';
import { keyIn } from './pasts';
import { Restorer } from './restoreDocuments';
import { isDocuments, type OperationRow } from './journalRow';
import { ScriptRows } from './rows';
import { CatalogueUndo, dropPutAside } from './undoCatalogue';

/** Documents of one transaction. */
const together = 1000;

export interface ScriptRollback {
  /** Documents that were put back, made again or taken away. */
  documents: number;
  conflicts: number;
}

export function scriptRows(scope: RunScope, step: RunStep, runId: string): ScriptRows {
  return new ScriptRows(scope.db, runId, step.name, scope.lease?.epoch ?? 1);
}

/** Whether the run has a journal of this script, which may have changed nothing. */
export function hasScriptJournal(scope: RunScope, step: RunStep, runId: string): Promise<boolean> {
  return scriptRows(scope, step, runId).kept();
}

/** Whether the script has changed anything that is not undone. */
export function hasChanged(scope: RunScope, step: RunStep, runId: string): Promise<boolean> {
  return scriptRows(scope, step, runId).any();
}

/** Drops the journal of a script that was undone in another way, and what was put aside for it. */
export async function forgetScriptJournal(scope: RunScope, step: RunStep, runId: string): Promise<void> {
  const rows = scriptRows(scope, step, runId);
  await dropPutAside(scope.connection.client, rows);
  await rows.forget();
}

/**
 * Takes back everything that the script of `step` changed in the run `runId`; conflicts are told one by one, and what
 * belongs to them stays in the journal.
 */
export async function rollBackScript(scope: RunScope, step: RunStep, runId: string): Promise<ScriptRollback> {
  const rows = scriptRows(scope, step, runId);
  await rows.open();
  const undo = new ScriptUndo(scope, step, runId, rows);
  return undo.run();
}

class ScriptUndo {
  readonly #restorer: Restorer;
  readonly #catalogue: CatalogueUndo;
  readonly #conflicted = new Set<string>();
  #documents = 0;
  #conflicts = 0;

  constructor(
    private readonly scope: RunScope,
    private readonly step: RunStep,
    private readonly runId: string,
    private readonly rows: ScriptRows,
  ) {
    const { connection, signal } = scope;
    const { client } = connection;
    const { transactions } = connection.server;
    this.#restorer = new Restorer({ client, rows, transactions, signal, conflicted: this.#conflicted });
    this.#catalogue = new CatalogueUndo(client, rows, signal);
  }

  async run(): Promise<ScriptRollback> {
    const { scope, step, rows } = this;
    await this.#recall();
    const expected = await rows.count();
    scope.recorder.setTotal(step, expected.documents);
    for (;;) {
      await scope.gate();
      const next = await rows.newest(together);
      if (next.length === 0) break;
      const documents = next.filter(isDocuments);
      if (documents.length > 0) {
        const started = performance.now();
        const restored = await this.#restorer.restore(documents);
        this.#documents += restored.documents - restored.conflicts.length;
        this.#tell(restored.conflicts);
        scope.recorder.batch(step, restored.documents, performance.now() - started);
      }
      for (const row of next) if (!isDocuments(row)) await this.#takeBack(row);
    }
    this.#tell(await this.#catalogue.finish());
    if (this.#conflicts === 0) await rows.forget();
    return { documents: this.#documents, conflicts: this.#conflicts };
  }

  /** An earlier undo that was cut short has left what it found to be in conflict. */
  async #recall(): Promise<void> {
    for (const row of await this.rows.undone()) {
      if (isDocuments(row)) for (const { id } of row.entries) this.#conflicted.add(keyIn(row, id));
      else if (row.op === 'unkept') this.#catalogue.keepForLater(row);
      else this.#conflicts += 1;
    }
    this.#conflicts += this.#conflicted.size;
  }

  async #takeBack(row: OperationRow): Promise<void> {
    const conflicts =
      row.op === 'transfer' ? await this.#takeTransferBack(row) : await this.#catalogue.takeBack(row);
    if (conflicts === 0) await this.rows.remove([row.seq]);
    else {
      await this.rows.leave(row.seq);
      if (Array.isArray(conflicts)) this.#tell(conflicts);
      else if (conflicts !== 'later') this.#conflicts += conflicts;
    }
  }

  async #takeTransferBack({ facts }: OperationRow): Promise<number> {
    const context = transferContext(this.scope, this.step);
    const { restored, deleted, conflicts } = await revertFromJournal({
      ...context,
      db: this.scope.connection.client.db(String(facts['database'] ?? context.db.databaseName)),
      runId: this.runId,
      step: String(facts['step']),
      // The total is that of the whole script.
      monitor: { ...context.monitor, total: undefined },
    });
    this.#documents += restored + deleted;
    return conflicts;
  }

  #tell(conflicts: readonly Conflict[]): void {
    const { monitor } = transferContext(this.scope, this.step);
    for (const conflict of conflicts) monitor?.conflict?.(conflict);
    this.#conflicts += conflicts.length;
    this.step.conflicts += conflicts.length;
  }
}

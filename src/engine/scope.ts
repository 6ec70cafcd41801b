// What every part of one run shares: the connection, the settings, the recorder, and the ways to stop it.
import type { Db, Document } from 'mongodb';
import type { LintLevels } from '../migration/lint/rules';
import type { DriverOptions } from '../project/driverOptions';
import type { TransferContext } from '../transfer/types';
import type { Connection } from './connect';
import type { Lease } from './lease';
import { Ledger, type LedgerForm } from './ledger';
import type { MigrateMongoLock } from './migrateMongoLock';
import type { OwnClients } from './ownClients';
import type { RunRecorder } from './runRecorder';

/** The settings of a run, out of the config or a program's options. */
export interface EngineSettings {
  /** Collection of the ledger. */
  ledger: string;
  ledgerForm?: LedgerForm;
  /** What a config wants of the clients of migrations. */
  client?: Omit<DriverOptions, 'refused'>;
  /** migrate-mongo's lock, which is taken beside the lease where its config asks for one. */
  lock?: MigrateMongoLock;
  backup: 'journal' | 'none';
  /** Journals of runs that ended longer ago are dropped after the next run. */
  journalDays?: number;
  batchSize?: number;
  maxErrors?: number;
  throttle?: { docsPerSecond?: number; maxLagSeconds?: number; maxLatencyMs?: number };
  /** Levels of lint rules, for `validate`. */
  lint?: LintLevels;
  /** Documents per collection that a dry run copies. */
  sample: number | 'all';
  /** What a failed step leaves: rolled back as far as its journal reaches, or as it is (to be resumed). */
  onFailure: 'rollback' | 'keep';
  /** What a cancelled step leaves: as it is, to be resumed (without it), or rolled back as far as its journal reaches. */
  onCancel?: 'keep' | 'rollback';
}

export function openLedger(db: Db, { ledger, ledgerForm }: EngineSettings): Ledger {
  return new Ledger(db, ledger, ledgerForm);
}

export interface RunScope {
  connection: Connection;
  /** The database that is changed: the connection's, or its scratch database in a dry run. */
  db: Db;
  /** The workspace folder: modules of migrations are resolved from there. */
  root: string;
  settings: EngineSettings;
  recorder: RunRecorder;
  ownClients: OwnClients;
  /** Null in a dry run, which takes no lease. */
  lease: Lease | null;
  /** Aborted with CancelledError or LeaseLostError. */
  signal: AbortSignal;
  /** Waits while the run is paused; throws when it has to end. Called between batches and commands. */
  gate(): Promise<void>;
  args: Record<string, unknown>;
  dryRun: boolean;
  /** Told when the work passes a named place; tests end the process there. */
  crashPoint?: TransferContext['crashPoint'];
  /** In a dry run brings a collection of `db` into the scratch database: the kernel does not pass the door. */
  touch?(collection: string, filter?: Document): Promise<void>;
}

/** Somebody asked the run to end. No error: nothing is shown for it. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
  constructor() {
    super('The run was cancelled.');
  }
}

/** Pause, resume and cancel of one run, whoever asks for it. */
export class RunSwitch {
  readonly #cancel = new AbortController();
  #paused: { promise: Promise<void>; resume: () => void } | undefined;

  get signal(): AbortSignal {
    return this.#cancel.signal;
  }
  get paused(): boolean {
    return this.#paused !== undefined;
  }

  pause(): void {
    if (this.#paused || this.signal.aborted) return;
    let resume = (): void => undefined;
    const promise = new Promise<void>((resolve) => (resume = resolve));
    this.#paused = { promise, resume };
  }

  resume(): void {
    this.#paused?.resume();
    this.#paused = undefined;
  }

  cancel(): void {
    this.#cancel.abort(new CancelledError());
    this.resume();
  }

  /** Returns at once unless paused. */
  async wait(): Promise<void> {
    while (this.#paused) await this.#paused.promise;
  }
}

// `MigrationRunner`: runs an array of migrations from a program, with the ledger, lease, checks and journal of
// every other run.
import type { Db } from 'mongodb';
import { execute } from '../engine/execute';
import { type ExecuteRequest, readState } from '../engine/selection';
import { arraySet } from '../engine/migrationSet';
import { RunSwitch, type EngineSettings } from '../engine/scope';
import { classifyMigration } from '../migration/classify';
import type { LoadedMigration, Migration } from '../migration/kinds';
import type { Event } from '../protocol/events';
import type { RunDocument } from '../protocol/run';
import type { MigrationStatus } from '../protocol/status';
import { UserError } from '../protocol/errors';
import { withOwnConnection } from './ownConnection';

export interface MigrationRunnerOptions {
  /** Collection of the ledger; default `_migrations`. */
  ledger?: string;
  /** Keep pre-images for the way back; default `journal`. */
  backup?: 'journal' | 'none';
  batchSize?: number;
  maxErrors?: number;
  throttle?: EngineSettings['throttle'];
  /** What a failed migration leaves; default `rollback`. */
  onFailure?: 'rollback' | 'keep';
  /** For `ctx.args`. */
  args?: Record<string, unknown>;
  /** Hears everything that happens. */
  onEvent?: (event: Event) => void;
  /** Cancels within a batch. */
  signal?: AbortSignal;
  /** Modules of migrations are resolved from here; default the working directory. */
  root?: string;
}

export class MigrationRunner {
  readonly #db: Db;
  readonly #options: MigrationRunnerOptions;

  /** @param db of any `mongodb` package from major 4 on. */
  constructor(db: Db, options: MigrationRunnerOptions = {}) {
    this.#db = db;
    this.#options = options;
  }

  /**
   * Runs the migrations that are not applied yet, in the array's order.
   * @returns the run's document; its steps are empty when nothing was pending.
   * @throws the error of the migration that failed; those before it stay applied.
   */
  run(migrations: readonly Migration[]): Promise<RunDocument> {
    return this.#execute(migrations, { mode: 'up', names: [], allowOutOfOrder: true });
  }

  /**
   * Rolls back one applied migration, by its `down` or its journal.
   * @throws UserError when it is not applied, has no way back, or left conflicts.
   */
  rollback(name: string, migrations: readonly Migration[]): Promise<RunDocument> {
    return this.#execute(migrations, { mode: 'down', names: [name] });
  }

  /** The state of each migration, and of applied ones that are not in the array. */
  async status(migrations: readonly Migration[]): Promise<MigrationStatus[]> {
    return withOwnConnection(this.#db, async (connection) => {
      const state = await readState({ connection, set: this.#set(migrations), settings: this.#settings() });
      return state.statuses;
    });
  }

  async #execute(migrations: readonly Migration[], request: ExecuteRequest): Promise<RunDocument> {
    const { args, onEvent, signal } = this.#options;
    const runSwitch = new RunSwitch();
    const cancel = (): void => runSwitch.cancel();
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const { run, exitCode, thrown } = await withOwnConnection(this.#db, (connection) =>
        execute({
          connection,
          set: this.#set(migrations),
          settings: this.#settings(),
          request: { ...request, args },
          program: 'library',
          hooks: { event: onEvent },
          switch: runSwitch,
        }),
      );
      if (exitCode === 0) return run;
      throw thrown ?? new UserError(run.error?.message ?? `The run ended as ${run.state}.`);
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  #set(migrations: readonly Migration[]): ReturnType<typeof arraySet> {
    const loaded = migrations.map((migration, index): LoadedMigration =>
      classifyMigration(migration, {
        place: 'the list',
        index,
        count: migrations.length,
        fallbackName: `migration-${index + 1}`,
      }),
    );
    return arraySet(loaded, this.#options.root ?? process.cwd());
  }

  #settings(): EngineSettings {
    const { ledger, backup, batchSize, maxErrors, throttle, onFailure } = this.#options;
    return {
      ledger: ledger ?? '_migrations',
      backup: backup ?? 'journal',
      batchSize,
      maxErrors,
      throttle,
      sample: 'all',
      onFailure: onFailure ?? 'rollback',
    };
  }
}

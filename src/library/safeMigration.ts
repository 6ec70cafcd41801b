// `SafeMigration`: one transform with everything on: checks before, journal, verification after, and the way back by
// itself when any of them fails.
import type { Db } from 'mongodb';
import type { AnyTransformMigration } from '../migration/kinds';
import type { RunDocument } from '../protocol/run';
import { MigrationRunner, type MigrationRunnerOptions } from './migrationRunner';

export class SafeMigration {
  readonly #runner: MigrationRunner;

  constructor(db: Db, options: MigrationRunnerOptions = {}) {
    this.#runner = new MigrationRunner(db, options);
  }

  /**
   * Runs the migration once; it counts as done when it is applied already.
   * @throws the failure of a check, of the transform or of `validate`; the documents are rolled back by then.
   */
  execute(migration: AnyTransformMigration & { name: string }): Promise<RunDocument> {
    return this.#runner.run([migration]);
  }
}

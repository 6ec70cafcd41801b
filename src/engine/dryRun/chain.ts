// A dry run of several migrations: one after the other on the same scratch databases, so that each finds what those
// before it have made. What is done with each of them is rehearse.ts.
import type { MongoClient } from 'mongodb';
import { describeError } from '../../migration/describeError';
import { isPipeline, isScript, type LoadedMigration } from '../../migration/kinds';
import { ExitCode, UserError } from '../../protocol/errors';
import type { RunStep } from '../../protocol/run';
import { refuseFailed } from '../checks/refuse';
import { refuseWithoutScratch } from '../lackOfPrivileges';
import { loadStep } from '../loadStep';
import type { MigrationSet } from '../migrationSet';
import { CancelledError, type RunScope } from '../scope';
import type { PlannedStep } from '../plannedStep';
import { checkStep } from '../step';
import { StepFailure } from '../stepFailure';
import { StuckError } from '../userCode';
import { rehearse, touchDeclared } from './rehearse';
import { Scratch } from './scratch';

export class DryRunChain {
  readonly #scratch: Scratch;
  /** Names of the migrations whose turn has not come. */
  readonly #left: string[];
  /** Collections that are no longer what they really are. */
  readonly #changed = new Set<string>();

  constructor(client: MongoClient, sample: number | 'all', names: string[]) {
    this.#scratch = new Scratch(client, sample);
    this.#left = [...names];
  }

  /** The next migration, in the order of the plan. */
  async rehearse(scope: RunScope, planned: PlannedStep, set: MigrationSet): Promise<void> {
    const { recorder } = scope;
    const step = recorder.step(planned.entry.name);
    this.#left.shift();
    recorder.enter(step, 'checking');
    try {
      await this.#rehearse(scope, planned, set, step);
    } catch (error) {
      throw this.#settle(scope, planned, step, error);
    }
  }

  /** Drops the scratch databases, whatever happened. */
  close(): Promise<void> {
    return this.#scratch.drop();
  }

  async #rehearse(scope: RunScope, planned: PlannedStep, set: MigrationSet, step: RunStep): Promise<void> {
    const { recorder } = scope;
    const scratch = this.#scratch;
    await refuseWithoutScratch(scope.connection);
    const migration = await loadStep(scope, planned, set);
    await checkStep(await this.#checked(scope, migration), planned, migration, step);
    recorder.enter(step, 'running');
    const goesOn = this.#left.length > 0;
    const report = await rehearse(scope, {
      scratch,
      migration,
      step,
      appliedBy: planned.row?.run ?? planned.unfinished,
      changed: this.#changed,
      goesOn,
    });
    recorder.emit({ type: 'report', report });
    for (const diff of report.diffs) recorder.emit({ type: 'diff', step: step.name, ...diff });
    if (!report.succeeded) throw new StepFailure('failed', ExitCode.failed, report.error);
    refuseFailed(report.verification ?? [], 'The verification failed');
    for (const each of report.collections) {
      const changes = each.changed + each.inserted + each.deleted + each.indexes.length + each.options.length;
      if (changes > 0) this.#changed.add(each.collection);
    }
    recorder.finishStep(step, recorder.document.direction === 'down' ? 'rolled-back' : 'applied', null);
    if (goesOn) await scratch.goOn();
  }

  /** Where the checks look: at what an earlier migration has made of the collections, else at the real ones. */
  async #checked(scope: RunScope, migration: LoadedMigration): Promise<RunScope> {
    const { definition } = migration;
    if (isScript(definition)) return scope;
    const names = [definition.source, isPipeline(definition) ? definition.into : (definition.into ?? '')];
    if (!names.some((name) => this.#changed.has(name))) return scope;
    await touchDeclared(this.#scratch, migration, scope);
    const { connection, recorder } = scope;
    const db = this.#scratch.database(connection.target.database);
    recorder.log('info', 'Its checks look at what the migrations before it have made.', migration.name);
    return { ...scope, connection: { ...connection, db } };
  }

  /** Records how the step ended; with it ends the chain. */
  #settle({ recorder, root }: RunScope, { entry }: PlannedStep, step: RunStep, error: unknown): unknown {
    if (error instanceof CancelledError || error instanceof StuckError) {
      recorder.finishStep(step, 'cancelled', null);
      return error;
    }
    const failure = error instanceof StepFailure ? error : failureOf(error, entry.file, root);
    recorder.finishStep(step, 'failed', failure.info);
    if (this.#left.length > 0) {
      const names = this.#left.map((name) => `"${name}"`).join(', ');
      recorder.log('warn', `"${step.name}" failed, so these were not rehearsed: ${names}.`);
    }
    return failure;
  }
}

function failureOf(error: unknown, file: string, root: string): StepFailure {
  const exitCode = error instanceof UserError ? error.exitCode : ExitCode.failed;
  return new StepFailure('failed', exitCode, describeError(error, { file, root }), error);
}

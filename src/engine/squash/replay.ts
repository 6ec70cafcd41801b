// Runs migrations one after the other on an empty scratch database: what a fresh environment would become. Scripts are
// redirected at the door, as in a dry run, so that nothing real is written, whatever database they speak of.
import { describeError } from '../../migration/describeError';
import type { LoadedMigration } from '../../migration/kinds';
import { ExitCode, UserError } from '../../protocol/errors';
import { applyMigration } from '../apply';
import { doorExtras } from '../dryRun/rehearse';
import { Scratch } from '../dryRun/scratch';
import { type ExecuteOptions, type Work, workWithoutLease } from '../execute';
import type { CatalogueEntry } from '../catalogue';
import { CancelledError } from '../scope';
import type { PlannedStep } from '../plannedStep';
import { StepFailure } from '../stepFailure';
import { StuckError } from '../userCode';
import { readShape, type Shape } from './shape';

export type ReplayOptions = Omit<ExecuteOptions, 'request'> & { args?: Record<string, unknown> };

export interface Replay {
  shape: Shape;
  /** Drops the scratch databases. */
  close(): Promise<void>;
}

/**
 * @returns what became of the empty database; the caller closes it.
 * @throws UserError when one of them fails there, or writes into a second database; CancelledError.
 */
export async function replay(options: ReplayOptions, entries: readonly CatalogueEntry[]): Promise<Replay> {
  const { connection, settings, args } = options;
  const scratch = new Scratch(connection.client, 'nothing');
  const close = (): Promise<void> => scratch.drop();
  try {
    const { run, thrown } = await workWithoutLease(
      // Nothing has to be undone here.
      {
        ...options,
        settings: { ...settings, backup: 'none' },
        request: { mode: 'dry-run', names: [], args },
      },
      entries.map((entry): PlannedStep => plannedStep(entry)),
      applyOn(scratch, connection.target.database),
    );
    if (thrown instanceof CancelledError || thrown instanceof StuckError) throw new CancelledError();
    const failed = run.steps.find(({ state }) => state !== 'applied');
    if (failed)
      throw doesNotRun(failed.name, run.error?.message ?? `it ended as ${run.state}`, entries, thrown);
    return { shape: await readShape(scratch, connection.target.database), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function plannedStep(entry: CatalogueEntry): PlannedStep {
  return { entry, row: undefined, rows: [], unfinished: undefined, unfinishedRollback: undefined };
}

function applyOn(scratch: Scratch, database: string): Work {
  return async (scope, { entry }, set) => {
    const { recorder, root } = scope;
    const step = recorder.step(entry.name);
    recorder.enter(step, 'running');
    try {
      const migration: LoadedMigration = await set.load(entry);
      const touch = (collection: string): Promise<void> => scratch.touch(database, collection);
      await applyMigration(
        { ...scope, db: scratch.database(database), touch },
        migration,
        step,
        doorExtras(scratch, {}),
      );
      if (step.quarantined > 0) throw new UserError('Documents went into quarantine.');
      recorder.finishStep(step, 'applied', null);
    } catch (error) {
      if (error instanceof CancelledError || error instanceof StuckError) {
        recorder.finishStep(step, 'cancelled', null);
        throw error;
      }
      const info = describeError(error, { file: entry.file, root });
      recorder.finishStep(step, 'failed', info);
      throw new StepFailure('failed', ExitCode.failed, info, error);
    }
  };
}

function doesNotRun(
  name: string,
  why: string,
  entries: readonly CatalogueEntry[],
  cause: unknown,
): UserError {
  const before = entries[entries.findIndex((entry) => entry.name === name) - 1];
  const action = before && { label: 'Squash those before it', cli: `migratory squash --to ${before.name}` };
  return new UserError(
    `"${name}" does not run on an empty database: ${why.replace(/\.$/, '')}. Nothing was squashed.`,
    {
      action,
      cause,
    },
  );
}

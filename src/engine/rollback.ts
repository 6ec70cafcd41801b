// Rolling one step back: by the author's own way back where there is one, else from the journal of the run that
// applied it, which never overwrites newer writes.
import { UserError } from '../protocol/errors';
import type { LoadedMigration } from '../migration/kinds';
import { isScript, isTransform } from '../migration/kinds';
import type { RunStep } from '../protocol/run';
import { revertFromJournal } from '../transfer/revert';
import { revertTransform, runScript, type DoorExtras } from './apply';
import { transferContext } from './context';
import type { RunScope } from './scope';

export interface RollbackResult {
  conflicts: number;
}

/**
 * @param appliedBy run whose journal holds the pre-images; undefined when nothing is known of it.
 * @throws UserError when the migration has no way back.
 */
export async function rollBackMigration(
  scope: RunScope,
  migration: LoadedMigration,
  step: RunStep,
  appliedBy: string | undefined,
  extras: DoorExtras = {},
): Promise<RollbackResult> {
  const { definition } = migration;
  if (definition.irreversible) {
    const why = definition.irreversible === true ? '' : `: ${definition.irreversible}`;
    throw new UserError(`"${migration.name}" is marked irreversible${why}. Nothing was rolled back.`);
  }
  if (isScript(definition)) {
    if (typeof definition.down !== 'function') {
      throw new UserError(`"${migration.name}" has no down, so it cannot be rolled back. Add a down to it.`);
    }
    await runScript(scope, step, definition.down.bind(definition), extras);
    return { conflicts: 0 };
  }
  if (isTransform(definition) && (definition.revert ?? definition.revertPipeline)) {
    await revertTransform(scope, step, definition);
    return { conflicts: 0 };
  }
  if (appliedBy === undefined) {
    throw new UserError(
      `"${migration.name}" was applied without a journal and has no revert, so it cannot be rolled back.`,
    );
  }
  return rollBackFromJournal(scope, step, appliedBy);
}

export async function rollBackFromJournal(
  scope: RunScope,
  step: RunStep,
  appliedBy: string,
): Promise<RollbackResult> {
  scope.recorder.beginWork(step, null);
  const { conflicts } = await revertFromJournal({ ...transferContext(scope, step), runId: appliedBy });
  return { conflicts };
}

// Rolling one step back: by the author's own way back where there is one, else from the journal of the run that
// applied it, which never overwrites newer writes.
import { UserError } from '../protocol/errors';
import type { LoadedMigration, ScriptMigration } from '../migration/kinds';
import { isScript, isTransform } from '../migration/kinds';
import type { RunStep } from '../protocol/run';
import { Checkpoints } from '../transfer/checkpoints';
import { Journal } from '../transfer/journal';
import { revertFromJournal } from '../transfer/revert';
import { revertTransform } from './apply';
import { runScript, type DoorExtras } from './applyScript';
import { describeError } from '../migration/describeError';
import { transferContext } from './context';
import { runs } from './runs';
import { CancelledError, type RunScope } from './scope';
import { forgetScriptJournal, hasScriptJournal, rollBackScript, scriptRows } from './scriptJournal/undo';
import { StuckError } from './userCode';

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
  if (isScript(definition)) return rollBackByDown(scope, definition, step, appliedBy, extras);
  if (isTransform(definition) && (definition.revert ?? definition.revertPipeline)) {
    await revertTransform(scope, step, definition);
    // What the journals of both ways hold is older than what the author's own way back has made of it.
    for (const run of [appliedBy, step.journal ?? scope.recorder.id])
      if (run !== undefined) await new Journal(scope.db, run, step.name).forget();
    return { conflicts: 0 };
  }
  if (appliedBy === undefined) {
    throw new UserError(
      `"${migration.name}" was applied without a journal and has no revert, so it cannot be rolled back.`,
    );
  }
  return rollBackFromJournal(scope, step, appliedBy);
}

/** `down` where there is one; without it, or when it fails, the journal of the run that applied the script. */
async function rollBackByDown(
  scope: RunScope,
  definition: ScriptMigration,
  step: RunStep,
  appliedBy: string | undefined,
  extras: DoorExtras,
): Promise<RollbackResult> {
  const journaled = appliedBy !== undefined && (await hasScriptJournal(scope, step, appliedBy));
  const unkept = journaled ? await scriptRows(scope, step, appliedBy).unkept() : undefined;
  if (typeof definition.down !== 'function') {
    if (journaled && unkept === undefined) return rollBackFromJournal(scope, step, appliedBy);
    if (unkept !== undefined)
      throw new UserError(
        `"${step.name}" has no down. It ran with backup: 'none': what its calls of ctx have journaled could be taken ` +
          `back, but not what it has changed by itself (first: ${unkept}). Nothing was rolled back; add a down to it.`,
      );
    throw new UserError(
      `"${step.name}" has no down, and no journal of its run is kept, so it cannot be rolled back. Add a down to it.`,
    );
  }
  try {
    await runScript(scope, step, definition.down.bind(definition), extras);
  } catch (error) {
    const goesOn =
      journaled && unkept === undefined && scope.settings.onFailure === 'rollback' && !scope.signal.aborted;
    if (!goesOn || error instanceof CancelledError || error instanceof StuckError) throw error;
    const { message } = describeError(error, { root: scope.root });
    scope.recorder.log('error', `Its down failed: ${message} It is rolled back from its journal.`, step.name);
    return rollBackFromJournal(scope, step, appliedBy);
  }
  if (journaled) await forgetScriptJournal(scope, step, appliedBy);
  return { conflicts: 0 };
}

/** A journal that is gone must not pass for one that holds nothing. */
async function refuseWithoutJournal({ connection, db }: RunScope, step: RunStep, run: string): Promise<void> {
  const dropped = (await runs(connection.db).findOne({ _id: run }))?.journalDroppedAt;
  if (dropped !== undefined) {
    const on = new Date(dropped).toISOString().slice(0, 10);
    throw new UserError(
      `The journal of the run that applied "${step.name}" was cleaned on ${on}, so it cannot be rolled back from it.`,
    );
  }
  if (step.kind === 'script') return;
  const { finished } = await new Checkpoints(db, run, step.name, 0, 0).load(undefined);
  if (finished?.['journaled'] === true || !(Number(finished?.['processed'] ?? 0) > 0)) return;
  if (await new Journal(db, run, step.name).any()) return;
  throw new UserError(
    `"${step.name}" was applied without a journal (backup: 'none'), so it cannot be rolled back. Add a revert to it.`,
  );
}

export async function rollBackFromJournal(
  scope: RunScope,
  step: RunStep,
  appliedBy: string,
): Promise<RollbackResult> {
  await refuseWithoutJournal(scope, step, appliedBy);
  scope.recorder.beginWork(step, null);
  if (step.kind === 'script') return rollBackScript(scope, step, appliedBy);
  const { conflicts } = await revertFromJournal({ ...transferContext(scope, step), runId: appliedBy });
  return { conflicts };
}

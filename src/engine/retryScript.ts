// The documents that the helpers of a script have put into quarantine, once more. What is retried and how is
// helpers/helperRetry.ts; the script runs for it through a door that lets nothing be changed.
import type { ScriptMigration } from '../migration/kinds';
import type { RunStep } from '../protocol/run';
import { createContext } from './context';
import { HelperRetry } from './helpers/helperRetry';
import { PendingHelpers } from './helpers/pendingHelpers';
import type { RunScope } from './scope';
import { runScriptFunction, type ScriptFunction } from './script';
import { scriptRows } from './scriptJournal/undo';

/** @param scope of a step whose `journal` is the run that applied the script. */
export async function retryScript(
  scope: RunScope,
  step: RunStep,
  definition: ScriptMigration,
): Promise<{ quarantined: number }> {
  const helpers = new PendingHelpers();
  const stoppable = helpers.scope(scope);
  const retry = await HelperRetry.of({ scope: stoppable, step, noteTransfer: await journalOf(scope, step) });
  if (retry.over) return { quarantined: 0 };
  scope.recorder.beginWork(step, null);
  const whole: ScriptFunction = async (db, client, given) => {
    await definition.up(db, client, given);
    await helpers.finish();
  };
  try {
    await runScriptFunction(step.name, whole, helpers.watch(retry.context(createContext(stoppable, step))), {
      scope,
      helpers,
      before: async (command) => retry.before(command),
    });
  } catch (error) {
    if (scope.signal.aborted || !retry.ended) throw error;
  }
  if (!retry.over) await retry.rest(scope, createContext(scope, step));
  return retry;
}

/** What is retried goes into the journal of the script as its newest part, where there is one. */
async function journalOf(
  scope: RunScope,
  step: RunStep,
): Promise<((name: string) => Promise<void>) | undefined> {
  const rows = scriptRows(scope, step, step.journal ?? scope.recorder.id);
  if (!(await rows.kept())) return undefined;
  await rows.open();
  return async (name) => {
    if (!(await rows.hasTransfer(name))) await rows.note('transfer', { step: name });
  };
}

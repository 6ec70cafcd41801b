// Running a script's `up` or `down`: with a journal (unless the project wants none), in one transaction where the
// migration asks for it, and with its progress read off the commands that pass the door.
import type { ScriptMigration } from '../migration/kinds';
import { ExitCode, UserError } from '../protocol/errors';
import type { RunStep } from '../protocol/run';
import type { DoorCommand } from '../wire/door';
import { createContext, transferContext } from './context';
import { HelperJournal } from './helperJournal';
import { PendingHelpers } from './helpers/pendingHelpers';
import { ObservedProgress } from './observedProgress';
import { OneTransaction, type LedgerCommand } from './oneTransaction';
import type { RunScope } from './scope';
import { runScriptFunction, type ScriptDoorOptions, type ScriptFunction } from './script';
import { ScriptThrottle } from './scriptThrottle';
import { ScriptJournal } from './scriptJournal/scriptJournal';
import { hasChanged, rollBackScript, scriptRows } from './scriptJournal/undo';

/** What a dry run adds to the door of a script. */
export interface DoorExtras extends Pick<ScriptDoorOptions, 'after' | 'redirect'> {
  before?: (command: DoorCommand) => Promise<void>;
  /** Written in the transaction of a script that runs in one. */
  ledgerRow?: () => Promise<LedgerCommand>;
}

/** Runs `up` with a journal, unless the project wants none; what an earlier attempt has left in one is undone first. */
export async function applyScript(
  scope: RunScope,
  step: RunStep,
  definition: ScriptMigration,
  extras: DoorExtras,
): Promise<void> {
  let up: ScriptFunction = definition.up.bind(definition);
  const one = definition.transaction ? new OneTransaction(extras.ledgerRow) : undefined;
  if (one) up = one.wrap(up);
  const { recorder, connection } = scope;
  const runId = step.journal ?? recorder.id;
  await undoEarlier(scope, step, runId);
  step.unkept = undefined;
  if (scope.settings.backup !== 'journal')
    return runScript(scope, step, up, extras, { one, journal: new HelperJournal(scope, step, runId) });
  // From here on the run document says that there is a journal: who finds it interrupted may undo it.
  step.journal = runId;
  await recorder.flush();
  const pace = paceOf(scope, step);
  const { progress, throttle } = pace;
  const journal = await ScriptJournal.open({
    client: connection.client,
    rows: scriptRows(scope, step, runId),
    transactions: connection.server.transactions,
    alone: connection.server.members?.length === 1,
    signal: scope.signal,
    async gate() {
      await scope.gate();
      await throttle.ready();
    },
    mostAtOnce: () => throttle.most,
    context: () => transferContext(scope, step),
    changed: (command, count, ms) => progress.changed(command, count, ms),
    warn: (message) => recorder.log('warn', message, step.name),
    // In a dry run its copy in the scratch database.
    ledger: { database: scope.db.databaseName, collection: scope.settings.ledger },
    irreversible: Boolean(definition.irreversible),
  });
  try {
    await runScript(scope, step, up, extras, { one, journal, pace });
  } finally {
    await journal.close();
  }
}

async function undoEarlier(scope: RunScope, step: RunStep, runId: string): Promise<void> {
  if (!(await hasChanged(scope, step, runId))) return;
  scope.recorder.log('info', 'What the interrupted run had changed is undone first.', step.name);
  scope.recorder.beginWork(step, null);
  const { conflicts } = await rollBackScript(scope, step, runId);
  if (conflicts === 0) return;
  throw new UserError(
    `${conflicts} changes of the interrupted run could not be undone, since others have written there meanwhile. ` +
      'They are listed as conflicts; the script was not run again.',
    { exitCode: ExitCode.conflicts },
  );
}

export async function runScript(
  scope: RunScope,
  step: RunStep,
  work: ScriptFunction,
  extras: DoorExtras,
  {
    journal,
    one,
    pace: { progress, throttle } = paceOf(scope, step),
  }: { journal?: Pick<ScriptJournal, 'noteTransfer' | 'before'>; one?: OneTransaction; pace?: Pace } = {},
): Promise<void> {
  scope.recorder.beginWork(step, null);
  const helpers = new PendingHelpers();
  const ctx = createContext(helpers.scope(scope), step, (name) => journal?.noteTransfer(name));
  const whole: ScriptFunction = async (db, client, given) => {
    await work(db, client, given);
    await helpers.finish();
  };
  try {
    await runScriptFunction(step.name, whole, helpers.watch(ctx), {
      scope,
      helpers,
      redirect: extras.redirect,
      async before(command, ownClient) {
        await throttle.before(command);
        await extras.before?.(command);
        await progress.before(command);
        return (await one?.before(command, ownClient)) ?? journal?.before(command);
      },
      after(command, reply) {
        extras.after?.(command, reply);
        progress.after(command, reply);
      },
    });
    progress.end();
  } finally {
    progress.close();
  }
}

/** How far a script is, and what holds it back. */
interface Pace {
  progress: ObservedProgress;
  throttle: ScriptThrottle;
}

function paceOf(scope: RunScope, step: RunStep): Pace {
  const { connection, recorder } = scope;
  const throttle = new ScriptThrottle(scope, step.name);
  const progress = new ObservedProgress((command) => connection.client.db(command.target), {
    batch: (count, ms) => recorder.batch(step, count, ms),
    setTotal: (total) => recorder.setTotal(step, total),
    setActivity: (activity) => recorder.setActivity(step, activity),
    written: (count) => throttle.spent(count),
  });
  return { progress, throttle };
}

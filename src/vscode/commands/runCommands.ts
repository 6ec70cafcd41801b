// Commands on runs that are there: show, pause, resume, cancel.
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import type { RunControl, RunDocument } from '../../protocol/run';
import type { ConnectionInfo } from '../connectionRecords';
import { Command } from '../manifest';
import type { MigrationRow } from '../rows';
import { isOver, resumableRuns } from '../runs';
import type { Services } from '../services';
import { isUndone, runTitle, runStateWords } from '../words';
import { refsOf } from './choose';
import { startResume } from './startRuns';

const t = vscode.l10n.t;
/** So long a run may take to obey before its process may be ended. */
const patienceMs = 6000;

/** Shows the run that is meant, else the newest of a migration, else lets one be picked. */
export async function showRun([arg]: readonly unknown[], services: Services): Promise<void> {
  const known = runOfArgument(arg, services);
  if (known !== undefined) {
    const { connection } = arg as { connection?: unknown };
    return services.panel.show(
      known,
      typeof connection === 'string' ? connection : idOf(known, services),
      false,
    );
  }
  const [named] = refsOf([arg]);
  if (named) {
    throw new UserError(t('"{0}" has not been run here yet.', named.name), {
      action: { label: t('Refresh'), command: Command.refresh },
    });
  }
  const picked = await pickRun(services.runs.list(), t('Which run?'));
  if (picked) services.panel.show(picked._id, idOf(picked._id, services), false);
}

export async function controlRun(
  control: Exclude<RunControl, null>,
  [arg]: readonly unknown[],
  services: Services,
): Promise<void> {
  const suits = suitsFor(control, services);
  const id = runOfArgument(arg, services, suits) ?? (await pickFor(control, arg, services))?._id;
  if (id === undefined) return;
  const run = services.runs.get(id)?.run;
  if (run && isOver(run) && control === 'resume') return resumeEnded(run, services);
  if (!run || isOver(run)) {
    throw new UserError(t('This run has ended already.'));
  }
  if (control === 'cancel' && services.starter.isOwn(id)) return cancelOwn(id, services);
  const connection = connectionOfRun(run, services);
  await services.observer.call('control', {
    target: await services.connections.target(connection.id),
    run: id,
    control,
  });
}

/** A new process goes on with a run whose own has ended. */
async function resumeEnded(run: RunDocument, services: Services): Promise<void> {
  if (!isResumable(run, services)) {
    throw new UserError(
      run.mode === 'down'
        ? t('A roll back is not resumed: roll back again, what is undone already is left alone.')
        : t('This run has nothing left to do: it ended well, or a newer run took up its work.'),
      { action: { label: t('Refresh'), command: Command.refresh } },
    );
  }
  await startResume(run, connectionOfRun(run, services), services);
}

/** A script that never comes back cannot obey: after a while its process may be ended. */
async function cancelOwn(id: string, services: Services): Promise<void> {
  const asked = services.starter.cancel(id);
  // The answer may never come from a process that does not listen; only a refusal is of interest.
  asked.catch((error: Error) => services.log.warn(error.message));
  while (!(await overWithin(id, patienceMs, services))) {
    const end = t('End Its Process');
    const pressed = await vscode.window.showWarningMessage(
      t('The migration does not react to the cancel.'),
      {
        modal: true,
        detail: t(
          'Ending its process leaves the run interrupted. What it wrote so far is in the journal and can be undone.',
        ),
      },
      end,
    );
    if (pressed !== end) return;
    services.starter.kill(id);
  }
}

async function overWithin(id: string, ms: number, { runs }: Services): Promise<boolean> {
  const isDone = (): boolean => {
    const run = runs.get(id)?.run;
    return run === undefined || isOver(run);
  };
  if (isDone()) return true;
  return new Promise((resolve) => {
    const finish = (done: boolean): void => {
      clearTimeout(timer);
      listener.dispose();
      resolve(done);
    };
    const timer = setTimeout(() => finish(false), ms);
    const listener = runs.onDidChange(() => {
      if (isDone()) finish(true);
    });
  });
}

type Suits = (run: RunDocument) => boolean;

/** Which runs a control is for. */
function suitsFor(control: Exclude<RunControl, null>, services: Services): Suits {
  return (run) => {
    if (isOver(run)) return control === 'resume' && isResumable(run, services);
    return control === 'cancel' || (run.state === 'paused') === (control === 'resume');
  };
}

function isResumable(run: RunDocument, services: Services): boolean {
  const connection = findConnection(run, services);
  const beside = services.runs.list(connection ? services.store.targetOf(connection) : run.target);
  return resumableRuns(beside).has(run._id);
}

/** The run that is meant; of a migration the newest that suits. */
export function runOfArgument(
  arg: unknown,
  { connections, runs, store }: Services,
  suits: Suits = () => true,
): string | undefined {
  if (typeof arg !== 'object' || arg === null) return undefined;
  const { run, row } = arg as { run?: unknown; row?: MigrationRow };
  if (typeof run === 'string') return run;
  // A row of the tree of runs carries the whole run, one of the migrations its name.
  if (typeof run === 'object' && run !== null) return (run as RunDocument)._id;
  if (row?.active) return row.active.run;
  const [ref] = refsOf([arg]);
  const connection = connections.get(ref?.connection) ?? connections.selected;
  if (!ref || !connection) return undefined;
  const named = (document: RunDocument): boolean => document.steps.some(({ name }) => name === ref.name);
  return runs.list(store.targetOf(connection)).find((document) => named(document) && suits(document))?._id;
}

export async function pickFor(
  control: Exclude<RunControl, null>,
  arg: unknown,
  services: Services,
): Promise<RunDocument | undefined> {
  const named = refsOf([arg]).length > 0;
  const fitting = named ? [] : services.runs.list().filter(suitsFor(control, services));
  if (fitting.length === 0) {
    throw new UserError(
      control === 'resume' ? t('No run is paused or left unfinished.') : t('No run is under way.'),
    );
  }
  return fitting.length === 1 ? fitting[0] : pickRun(fitting, t('Which run?'));
}

async function pickRun(runs: RunDocument[], placeHolder: string): Promise<RunDocument | undefined> {
  if (runs.length === 0) throw new UserError(t('No run is known yet.'));
  const picked = await vscode.window.showQuickPick(
    runs.map((run) => ({
      label: runTitle(run, t),
      description: `${runStateWords(run.state, t, isUndone(run))} · ${run.target}`,
      run,
    })),
    { placeHolder },
  );
  return picked?.run;
}

function idOf(run: string, services: Services): string | undefined {
  const document = services.runs.get(run)?.run;
  return document && findConnection(document, services)?.id;
}

function findConnection(
  run: RunDocument,
  { connections, runs, store }: Services,
): ConnectionInfo | undefined {
  return connections.list().find((connection) => runs.isOn(run._id, store.targetOf(connection)));
}

export function connectionOfRun(run: RunDocument, services: Services): ConnectionInfo {
  const connection = findConnection(run, services);
  if (connection) return connection;
  throw new UserError(t('No connection leads to {0} any more.', run.target), {
    action: { label: t('Add Connection…'), command: Command.addConnection },
  });
}

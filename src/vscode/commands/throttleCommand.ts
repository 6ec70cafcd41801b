// The speed limit of a run at work, whoever started it: told by the panel, else asked.
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import type { RunDocument } from '../../protocol/run';
import { isOver } from '../runs';
import type { Services } from '../services';
import { runTitle } from '../words';
import { connectionOfRun, pickFor, runOfArgument } from './runCommands';

const t = vscode.l10n.t;

export async function throttleRun([arg]: readonly unknown[], services: Services): Promise<void> {
  const id = runOfArgument(arg, services) ?? (await pickFor('cancel', arg, services))?._id;
  const run = id === undefined ? undefined : services.runs.get(id)?.run;
  if (id === undefined) return;
  if (!run || isOver(run)) throw new UserError(t('This run has ended already.'));
  if (run.mode !== 'up' && run.mode !== 'down')
    throw new UserError(t('Only a run that writes documents has a speed limit.'));
  const told = toldLimit(arg);
  const limit = told === undefined ? await askForLimit(run) : told;
  if (limit === undefined) return;
  const target = await services.connections.target(connectionOfRun(run, services).id);
  await services.observer.call('throttle', { target, run: id, settings: { docsPerSecond: limit } });
}

/** Null lifts the limit; undefined when nothing was told. */
function toldLimit(arg: unknown): number | null | undefined {
  if (typeof arg !== 'object' || arg === null) return undefined;
  const { docsPerSecond } = arg as { docsPerSecond?: unknown };
  return docsPerSecond === null || typeof docsPerSecond === 'number' ? docsPerSecond : undefined;
}

async function askForLimit(run: RunDocument): Promise<number | null | undefined> {
  const typed = await vscode.window.showInputBox({
    title: runTitle(run, t),
    prompt: t('Documents a second that this run may handle. Empty means no limit.'),
    value: run.throttle?.docsPerSecond === undefined ? '' : String(run.throttle.docsPerSecond),
    validateInput: (text) =>
      text.trim() === '' || Number(text) > 0 ? undefined : t('Type a number above 0, or nothing.'),
  });
  if (typed === undefined) return undefined;
  return typed.trim() === '' ? null : Number(typed);
}

// Testing a connection stage by stage: before it is saved, and whenever somebody asks. The outcome stands in the tree,
// every stage with what was found; a failure is said with its cause and the way to mend it.
import * as vscode from 'vscode';
import { describeTarget } from '../../project/target';
import { UserError } from '../../protocol/errors';
import type { ConnectionTarget, ConnectionTestStep, RunnerMethods } from '../../protocol/runner';
import type { ConnectionDraft } from '../connectionRecords';
import { Command } from '../manifest';
import type { Services } from '../services';
import { remoteHint } from '../target';
import { stageWords } from '../tree/connectionDetails';
import { chooseConnection } from './connectionSelect';

const t = vscode.l10n.t;

type TestResult = ReturnType<RunnerMethods['testConnection']>;

export async function testConnection(args: readonly unknown[], services: Services): Promise<void> {
  const connection = await chooseConnection(args, services);
  if (!connection) return;
  const target = await services.connections.target(connection.id);
  const result = await services.tests.follow(connection, runTest(target, services));
  const failed = result.steps.find(({ outcome }) => outcome === 'failed');
  if (failed) throw failure(target, failed);
  await services.statuses.refresh(connection.id);
  const last = result.steps.at(-1);
  const summary = last?.outcome === 'passed' ? `: ${last.details}` : '';
  void vscode.window.showInformationMessage(t('{0} answers', describeTarget(target)) + summary);
}

export async function testBeforeSaving(
  draft: ConnectionDraft,
  services: Services,
): Promise<'save' | 'edit' | 'cancel'> {
  // In Restricted Mode nothing of ours is started; the connection is tested when the folder is trusted.
  if (!vscode.workspace.isTrusted) return 'save';
  const { steps } = await runTest(draft, services);
  const failed = steps.find(({ outcome }) => outcome === 'failed');
  if (!failed) return 'save';
  const edit = t('Edit');
  const save = t('Save Anyway');
  const pressed = await vscode.window.showWarningMessage(
    t('Test failed: {0}', stageWords(failed)),
    { modal: true, detail: detailsOf(draft, failed) },
    edit,
    save,
  );
  return pressed === edit ? 'edit' : pressed === save ? 'save' : 'cancel';
}

/** @throws CancellationError when the person does not want to wait; the test then ends by itself, unheard. */
async function runTest(target: ConnectionTarget, { observer, log }: Services): Promise<TestResult> {
  const result = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: t('Testing {0}…', describeTarget(target)),
      cancellable: true,
    },
    (_progress, token) => Promise.race([observer.call('testConnection', { target }), cancelled(token)]),
  );
  for (const { step, outcome, details, durationMs } of result.steps) {
    log.info(`${describeTarget(target)}: ${step} ${outcome} (${durationMs} ms): ${details}`);
  }
  return result;
}

function cancelled(token: vscode.CancellationToken): Promise<never> {
  return new Promise((_resolve, reject) => {
    token.onCancellationRequested(() => reject(new vscode.CancellationError()));
  });
}

/** Where the server was not reached, it may be another machine than the person thinks of. */
function detailsOf(target: ConnectionTarget, { step, details }: ConnectionTestStep): string {
  if (step !== 'tcp') return details;
  const hint = remoteHint(target.uri, vscode.env.remoteName, t);
  return hint === undefined ? details : `${details} ${hint}`;
}

function failure(target: ConnectionTarget, step: ConnectionTestStep): UserError {
  return new UserError(`${describeTarget(target)}: ${detailsOf(target, step)}`, {
    action: step.action?.command
      ? step.action
      : { label: t('Edit Connection…'), command: Command.editConnection },
  });
}

// Commands that start something: run, dry run, roll back, validate, run all pending. The target is captured
// before the question is asked; what the question showed is what runs.
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import type { Event } from '../../protocol/events';
import type { RunDocument } from '../../protocol/run';
import type { ConnectionTarget, RunRequest, RunResult } from '../../protocol/runner';
import type { ConnectionInfo } from '../connectionRecords';
import { View } from '../manifest';
import type { MigrationRow } from '../rows';
import { pendingRows } from '../rows';
import type { Services } from '../services';
import { setting } from '../settings';
import { hostOf, noConnection } from '../target';
import { runTitle } from '../words';
import { askToGo } from './ask';
import type { ConfirmationRequest } from './confirmation';
import { askForConnection, chooseMigrations } from './choose';
import { documentOf } from './place';
import {
  noFolder,
  nothingInQuarantine,
  refuseReadOnly,
  refuseWhileBusy,
  refuseWhileLeased,
} from './refusals';
import { notRehearsed, offerRehearsal, rehearsalsOf, wantsRehearsal } from './rehearsal';

const t = vscode.l10n.t;

const actionOfMode = { up: 'run', down: 'rollBack', 'dry-run': 'dryRun', validate: 'validate' } as const;
type StartMode = keyof typeof actionOfMode;

/** Runs exactly the migrations that the arguments name. Answers when the run has ended. */
export async function startChosen(
  mode: StartMode,
  args: readonly unknown[],
  services: Services,
): Promise<RunDocument | undefined> {
  const chosen = await chooseMigrations(actionOfMode[mode], args, services);
  return chosen && start(mode, chosen, services);
}

export async function startAllPending(services: Services): Promise<RunDocument | undefined> {
  const connection = services.connections.selected ?? (await askForConnection(services));
  if (!connection) return undefined;
  const result = await startPending('up', connection, services);
  if (result === 'nothing') {
    void vscode.window.showInformationMessage(t('Nothing is pending on {0}.', connection.words));
  }
  return typeof result === 'string' ? undefined : result.run;
}

/** Whoever prints what a run tells, and stops it. */
export interface Listener {
  onEvent: (event: Event) => void;
  onStart: (cancel: () => Promise<void>) => void;
}

/** Takes everything that is pending, as the database says at this moment. */
export async function startPending(
  mode: StartMode,
  connection: ConnectionInfo | undefined,
  services: Services,
  listener?: Listener,
): Promise<RunResult | 'nothing' | 'declined'> {
  if (!connection) throw noConnection(t);
  await services.statuses.refresh(connection.id);
  const status = services.store.status(connection);
  if (status?.state === 'failed' && status.error) throw status.error;
  const rows = services.store.pending(connection);
  if (rows.length === 0) return 'nothing';
  return (await launch(mode, { connection, rows }, services, { listener, panel: true })) ?? 'declined';
}

/** Goes on with a run that ended before its work was done. */
export async function startResume(
  run: RunDocument,
  connection: ConnectionInfo,
  services: Services,
): Promise<RunDocument | undefined> {
  const known = services.store.of(connection).rows;
  const open = run.steps
    .filter(({ state }) => state !== 'applied')
    .map(({ name, file }) => known.find((row) => row.name === name) ?? { name, file, reversible: true });
  return start('up', { connection, rows: open }, services, { again: 'resume', resume: run._id });
}

/** Runs applied migrations again on the documents that they left in quarantine, or on one of them. */
export async function retryQuarantine(
  args: readonly unknown[],
  services: Services,
): Promise<RunDocument | undefined> {
  const chosen = await chooseMigrations('retryQuarantine', args, services);
  if (!chosen) return undefined;
  const rows = chosen.rows.filter(({ quarantined }) => quarantined);
  if (rows.length === 0) throw nothingInQuarantine(chosen);
  const chosenRows = { connection: chosen.connection, rows };
  const document = documentOf(args);
  const documents = document === undefined ? undefined : [JSON.parse(document) as unknown];
  return start('up', chosenRows, services, { again: 'retry', retryQuarantine: true, document, documents });
}

type StartRow = Pick<MigrationRow, 'name' | 'file' | 'reversible'> & Partial<MigrationRow>;
export interface ChosenRows {
  connection: ConnectionInfo;
  rows: StartRow[];
}
interface Options {
  again?: 'resume' | 'retry';
  resume?: string;
  retryQuarantine?: boolean;
  /** The one in quarantine that it is about, as the question names it and as the run takes it. */
  document?: string;
  documents?: unknown[];
  /** Shows the run himself: the panel stays closed unless `panel` is true. */
  listener?: Listener;
  panel?: boolean;
  /** The person has agreed to exactly this already; on production it is asked all the same. */
  agreed?: boolean;
}

async function start(...given: Parameters<typeof launch>): Promise<RunDocument | undefined> {
  return (await launch(...given))?.run;
}

/** Undefined when the person did not agree. */
export async function launch(
  mode: StartMode,
  chosen: ChosenRows,
  services: Services,
  { again, listener, panel, agreed, document, ...request }: Options = {},
): Promise<RunResult | undefined> {
  const { connection, rows } = chosen;
  const { project } = services;
  if (!project) throw noFolder();
  const writes = mode === 'up' || mode === 'down';
  if (writes) refuseReadOnly(connection);
  refuseDuplicates(rows);
  await saveFiles(rows);
  const target = await services.connections.target(connection.id);
  if (writes) {
    refuseWhileBusy(connection, services);
    await refuseWhileLeased(connection, target, services);
    const first = mode === 'up' && !again;
    const rehearsed = await rehearsalsOf(first ? rows : [], connection, services);
    if (rehearsed.missing.length > 0 && wantsRehearsal(connection)) {
      if (listener) throw notRehearsed(rehearsed.missing, connection);
      const instead = await offerRehearsal(rehearsed.missing, connection);
      return instead ? launch('dry-run', { connection, rows: rehearsed.missing }, services) : undefined;
    }
    const question = questionBefore(mode, again, chosen, target, services);
    const mustAsk = connection.production || !agreed;
    if (mustAsk && !(await askToGo({ ...question, document, rehearsed: rehearsed.passed }))) return undefined;
    // It may have begun while the question stood there.
    refuseWhileBusy(connection, services);
  }
  // Exactly these were shown and confirmed, whatever else is pending before them.
  const names = rows.map(({ name }) => name);
  return follow(
    { project: project.location, target, mode, names, allowOutOfOrder: true, ...request },
    connection,
    services,
    { listener, panel: panel ?? listener === undefined },
  );
}

export function questionBefore(
  direction: 'up' | 'down',
  again: Options['again'],
  { connection, rows }: ChosenRows,
  target: ConnectionTarget,
  services: Services,
): ConfirmationRequest {
  return {
    direction,
    again,
    migrations: rows,
    connection: { ...connection, host: hostOf(target.uri), database: target.database },
    earlierPending: direction === 'up' && !again ? earlierPending(connection, rows, services) : [],
    irreversible: again ? [] : rows.filter(({ reversible }) => !reversible).map(({ name }) => name),
  };
}

async function follow(
  request: RunRequest,
  connection: ConnectionInfo,
  services: Services,
  { listener, panel }: Pick<Options, 'listener' | 'panel'>,
): Promise<RunResult> {
  const { first, finished, cancel } = services.starter.start(request, listener?.onEvent);
  listener?.onStart(cancel);
  void first.then((snapshot) => {
    if (snapshot && panel && setting('panel.openOnRun'))
      services.panel.show(snapshot.run._id, connection.id, true);
  });
  const progress = vscode.window.withProgress({ location: { viewId: View.migrations } }, () =>
    finished.catch(() => undefined),
  );
  try {
    const result = await finished;
    const { reports } = services.runs.get(result.run._id) ?? { reports: [] };
    await services.rehearsals.note(connection, result.run, reports);
    if (!listener) announce(result.run, connection, services);
    return result;
  } finally {
    await progress;
    await services.statuses.refresh(connection.id);
    if (request.retryQuarantine) await services.panel.reload();
  }
}

/** Says how it ended, unless the person sees it in the panel anyway. */
function announce(run: RunDocument, connection: ConnectionInfo, services: Services): void {
  if (run.state === 'cancelled' || services.panel.shows(run._id)) return;
  const good = run.state === 'applied' || (run.state === 'rolled-back' && run.mode === 'down');
  const why = run.error?.message ?? run.steps.find(({ error }) => error !== null)?.error?.message;
  const showRun = t('Show Run');
  const words = good
    ? t('{0} on {1}: done.', runTitle(run, t), run.target)
    : t('{0} on {1} failed: {2}', runTitle(run, t), run.target, why ?? t('see the run'));
  const show = good ? vscode.window.showInformationMessage : vscode.window.showErrorMessage;
  void show(words, showRun).then((pressed) => {
    if (pressed === showRun) services.panel.show(run._id, connection.id, false);
  });
}

async function saveFiles(rows: readonly StartRow[]): Promise<void> {
  const files = new Set(rows.map(({ file }) => file));
  for (const document of vscode.workspace.textDocuments) {
    if (!document.isDirty || !files.has(document.uri.fsPath)) continue;
    if (await document.save()) continue;
    throw new UserError(t('{0} could not be saved, so nothing was started.', document.uri.fsPath));
  }
}

function refuseDuplicates(rows: readonly StartRow[]): void {
  const duplicate = rows.find((row) => row.duplicate);
  if (!duplicate) return;
  throw new UserError(
    t(
      'Two migrations are named "{0}", so it is not clear which one is meant. Rename one of them.',
      duplicate.name,
    ),
  );
}

function earlierPending(
  connection: ConnectionInfo,
  chosen: readonly StartRow[],
  services: Services,
): string[] {
  const { rows } = services.store.of(connection);
  const names = new Set(chosen.map(({ name }) => name));
  const last = rows.findLastIndex(({ name }) => names.has(name));
  return pendingRows(rows.slice(0, last))
    .map(({ name }) => name)
    .filter((name) => !names.has(name));
}

// Reads the run that the panel shows from the database that it is recorded in, and says what to do where that
// cannot be done. A panel that comes back with the window is there before the connections are.
import { describeTarget } from '../project/target';
import { redact } from '../protocol/redact';
import { UserError } from '../protocol/errors';
import type { RunSnapshot } from '../protocol/events';
import type { PanelHostMessage } from '../protocol/panel';
import type { ConnectionTarget } from '../protocol/runner';
import type { ConnectionStore } from './connections';
import { View } from './manifest';
import type { Observer } from './observer';
import type { Project } from './project';
import { noConnection } from './target';
import type { Translate } from './words';

/** Which run is shown, and the connection it can be read from again. */
export interface Shown {
  run: string;
  connection: string | undefined;
}

export interface RunSource {
  connections: Pick<ConnectionStore, 'get' | 'selected' | 'target'>;
  project: Pick<Project, 'isRead' | 'error' | 'location'> | undefined;
  observer: Pick<Observer, 'call'>;
  isTrusted: () => boolean;
  t: Translate;
}

/**
 * Undefined while the config, which names connections, has not been read: its store tells when it has.
 * @throws Error that says why there is nothing to show.
 */
export async function readRun(
  { run, connection }: Shown,
  source: RunSource,
): Promise<RunSnapshot | undefined> {
  const target = await targetOf(connection, source);
  if (!target) return undefined;
  const { observer, project, t } = source;
  const snapshot = await observer.call('snapshot', { project: project?.location, target, run });
  if (snapshot) return snapshot;
  throw new UserError(t('There is no record of this run in {0} any more.', describeTarget(target)));
}

/** The connection of the run, else the one that is selected; undefined while none can be known yet. */
export async function targetOf(
  connection: string | undefined,
  { connections, project, isTrusted, t }: RunSource,
): Promise<ConnectionTarget | undefined> {
  if (!isTrusted()) {
    throw new UserError(t('What a database holds of its runs is read in a trusted workspace only.'), {
      action: { label: t('Manage Workspace Trust'), command: 'workbench.trust.manage' },
    });
  }
  const id = connection ?? connections.selected?.id;
  if (connections.get(id) === undefined && project) {
    if (!project.isRead) return undefined;
    if (project.error) throw project.error;
  }
  if (id === undefined) throw noConnection(t);
  return connections.target(id);
}

/** Why a run cannot be shown, with a way out: the error's own, else the other runs. */
export function goneMessage(error: unknown, t: Translate): PanelHostMessage {
  const message = redact(error instanceof Error ? error.message : String(error));
  const own = error instanceof UserError ? error.action : undefined;
  const action =
    own?.command === undefined
      ? { label: t('Show Runs'), command: showRuns }
      : { label: own.label, command: own.command };
  return { type: 'gone', message, action };
}

/** The editor makes such a command for each view. */
export const showRuns = `${View.runs}.focus`;

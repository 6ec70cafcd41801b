// Where something is to be changed without a run, and the one question before it.
import * as vscode from 'vscode';
import type { MendingRequest } from '../../protocol/runner';
import type { ConnectionInfo } from '../connectionRecords';
import type { Services } from '../services';
import { hostOf } from '../target';
import { ask } from './ask';
import { changeConfirmation } from './confirmation';
import { noFolder, refuseReadOnly } from './refusals';

const t = vscode.l10n.t;

/** Where something is to be changed, captured before the question is asked. */
export interface Place {
  connection: ConnectionInfo;
  request: MendingRequest;
  shown: { name: string; host: string; database: string; production: boolean };
}

export async function placeOf(connection: ConnectionInfo, services: Services): Promise<Place> {
  if (!services.project) throw noFolder();
  refuseReadOnly(connection);
  const target = await services.connections.target(connection.id);
  return {
    connection,
    request: { project: services.project.location, target },
    shown: { ...connection, host: hostOf(target.uri), database: target.database },
  };
}

export function agree(
  { shown }: Place,
  question: { message: string; details: string[]; button: string },
): Promise<boolean> {
  return ask(changeConfirmation({ ...question, connection: shown }, t));
}

export function namesOf(rows: readonly { name: string }[]): string {
  const [first] = rows;
  return rows.length === 1 && first ? `"${first.name}"` : t('{0} migrations', rows.length);
}

export async function lookAgain(connection: ConnectionInfo, { statuses, panel }: Services): Promise<void> {
  await statuses.refresh(connection.id);
  await panel.reload();
}

/** Does not wait until the message is closed. */
export function say(message: string): void {
  void vscode.window.showInformationMessage(message);
}

/** The one document that a command of the panel is about: its `_id` as Extended JSON; undefined for all of them. */
export function documentOf([arg]: readonly unknown[]): string | undefined {
  if (typeof arg !== 'object' || arg === null || 'row' in arg) return undefined;
  const { id } = arg as { id?: unknown };
  return typeof id === 'string' ? id : undefined;
}

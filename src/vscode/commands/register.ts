// The one way a command is registered: all arguments go through, whatever executes migrations is refused in
// Restricted Mode, a problem that a person can mend is said once with its way out as a button, everything else
// is logged whole, and cancelling is no error.
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import type { Log } from '../log';
import { Command } from '../manifest';
import { redact } from '../../protocol/redact';

const t = vscode.l10n.t;

export interface CommandOptions {
  /** Runs code of the workspace, its config included. */
  needsTrust: boolean;
}

export type CommandHandler = (...args: unknown[]) => unknown;

export function registerCommand(
  command: Command,
  handler: CommandHandler,
  { needsTrust }: CommandOptions,
  log: Log,
): vscode.Disposable {
  return vscode.commands.registerCommand(command, async (...args: unknown[]) => {
    try {
      if (needsTrust && !vscode.workspace.isTrusted) throw untrusted();
      return await handler(...args);
    } catch (error) {
      reportProblem(error, log);
      return undefined;
    }
  });
}

function untrusted(): UserError {
  return new UserError(
    t(
      'Migrations are code: they are not run in Restricted Mode. Trust this folder first if you know who wrote it.',
    ),
    { action: { label: t('Manage Workspace Trust'), command: 'workbench.trust.manage' } },
  );
}

/** Shows a problem once; does not wait until the message is closed. */
export function reportProblem(error: unknown, log: Log): void {
  if (error instanceof vscode.CancellationError) return;
  if (error instanceof UserError) {
    log.warn(error.message);
    offer(redact(error.message), wayOut(error));
    return;
  }
  log.error(t('Something went wrong in Migratory'), error);
  const message = error instanceof Error ? error.message : String(error);
  offer(t('Something went wrong in Migratory: {0}', redact(message)), {
    label: t('Show Log'),
    command: Command.showLog,
    arguments: [],
  });
}

interface Way {
  label: string;
  command: string;
  arguments: unknown[];
}

/** The button of a problem: its own action, else the place where it has to be mended. */
function wayOut({ action, location }: UserError): Way | undefined {
  if (action?.command !== undefined) {
    return { label: action.label, command: action.command, arguments: action.args ?? [] };
  }
  return location && { label: t('Open'), command: Command.openMigration, arguments: [location] };
}

function offer(message: string, action: Way | undefined): void {
  const buttons = action ? [action.label] : [];
  void vscode.window.showErrorMessage(message, ...buttons).then((pressed) => {
    if (pressed !== undefined && action) {
      void vscode.commands.executeCommand(action.command, ...action.arguments);
    }
  });
}

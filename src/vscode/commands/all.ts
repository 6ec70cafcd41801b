// Every command with its handler: the one table that ties ids to code.
import * as vscode from 'vscode';
import { Command, extensionId, walkthrough } from '../manifest';
import type { Services } from '../services';
import {
  addConnection,
  duplicateConnection,
  editConnection,
  removeConnection,
  retryConnection,
  selectConnection,
  switchDatabase,
} from './connectionCommands';
import { testConnection } from './connectionTesting';
import { compareWithApplied, openMigration } from './fileCommands';
import { discardQuarantine, mark, resolveConflicts } from './ledgerCommands';
import { repair, unlock } from './mendingCommands';
import { filterMigrations } from './filterCommands';
import { newMigration } from './newMigration';
import type { CommandHandler } from './register';
import { registerCommand } from './register';
import { reportIssue } from './reportIssue';
import { controlRun, showRun } from './runCommands';
import { addTypes } from './typesCommand';
import { startSandbox } from './sandboxCommand';
import { retryQuarantine, startAllPending, startChosen } from './startRuns';
import { throttleRun } from './throttleCommand';

interface Entry {
  needsTrust: boolean;
  run: CommandHandler;
}

export function registerCommands(services: Services): vscode.Disposable[] {
  const executes = (run: CommandHandler): Entry => ({ needsTrust: true, run });
  const harmless = (run: CommandHandler): Entry => ({ needsTrust: false, run });
  // A record, so that a command without a handler does not compile.
  const commands: Record<Command, Entry> = {
    [Command.newMigration]: harmless(() => newMigration(services)),
    [Command.addTypes]: harmless(() => addTypes(services)),
    [Command.run]: executes((...args) => startChosen('up', args, services)),
    [Command.dryRun]: executes((...args) => startChosen('dry-run', args, services)),
    [Command.rollBack]: executes((...args) => startChosen('down', args, services)),
    [Command.validate]: executes((...args) => startChosen('validate', args, services)),
    [Command.runAll]: executes(() => startAllPending(services)),
    [Command.refresh]: harmless(() => refresh(services)),
    [Command.filter]: harmless(() => filterMigrations(services)),
    [Command.clearFilter]: harmless(() => services.filter.set([])),
    [Command.groupByState]: harmless(() => services.filter.group(true)),
    [Command.showFlat]: harmless(() => services.filter.group(false)),
    [Command.openMigration]: harmless((...args) => openMigration(args, services)),
    [Command.compare]: executes((...args) => compareWithApplied(args, services)),
    [Command.addConnection]: harmless(() => addConnection(services)),
    [Command.editConnection]: harmless((...args) => editConnection(args, services)),
    [Command.duplicateConnection]: harmless((...args) => duplicateConnection(args, services)),
    [Command.switchDatabase]: executes((...args) => switchDatabase(args, services)),
    [Command.removeConnection]: harmless((...args) => removeConnection(args, services)),
    [Command.testConnection]: executes((...args) => testConnection(args, services)),
    [Command.selectConnection]: harmless((...args) => selectConnection(args, services)),
    [Command.retryConnection]: executes((...args) => retryConnection(args, services)),
    [Command.showRun]: harmless((...args) => showRun(args, services)),
    [Command.pauseRun]: executes((...args) => controlRun('pause', args, services)),
    [Command.resumeRun]: executes((...args) => controlRun('resume', args, services)),
    [Command.cancelRun]: executes((...args) => controlRun('cancel', args, services)),
    [Command.throttleRun]: executes((...args) => throttleRun(args, services)),
    [Command.retryQuarantine]: executes((...args) => retryQuarantine(args, services)),
    [Command.discardQuarantine]: executes((...args) => discardQuarantine(args, services)),
    [Command.markApplied]: executes((...args) => mark('applied', args, services)),
    [Command.markPending]: executes((...args) => mark('pending', args, services)),
    [Command.keepConflicts]: executes((...args) => resolveConflicts('keep', args, services)),
    [Command.restoreConflicts]: executes((...args) => resolveConflicts('restore', args, services)),
    [Command.acceptChanged]: executes((...args) => mark('accepted', args, services)),
    [Command.unlock]: executes((...args) => unlock(args, services)),
    [Command.repair]: executes((...args) => repair(args, services)),
    [Command.startSandbox]: executes(() => startSandbox(services)),
    [Command.stopSandbox]: harmless(() => services.sandbox.stop()),
    [Command.reportIssue]: harmless(() => reportIssue(services)),
    [Command.openWalkthrough]: harmless(openWalkthrough),
    [Command.showLog]: harmless(() => services.log.show()),
  };
  return (Object.keys(commands) as Command[]).map((command) => {
    const { run, needsTrust } = commands[command];
    return registerCommand(command, run, { needsTrust }, services.log);
  });
}

function openWalkthrough(): Thenable<unknown> {
  return vscode.commands.executeCommand(
    'workbench.action.openWalkthrough',
    `${extensionId}#${walkthrough}`,
    false,
  );
}

/** Everything anew: config, files, and the state on every connection that is looked at. */
async function refresh({ project, outlines, statuses, connections }: Services): Promise<void> {
  await project?.reload();
  await outlines.refresh();
  const { selected } = connections;
  if (selected) await statuses.refresh(selected.id);
  await statuses.refreshAll();
}

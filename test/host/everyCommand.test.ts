// Every command that the manifest contributes was executed by some test of this suite; here those that no other test
// has a reason for.
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { Command } from '../../src/vscode/manifest';
import type { ConnectionNode } from '../../src/vscode/tree/connectionsTree';
import {
  executed,
  extension,
  migrationRow,
  newestRun,
  pressLens,
  rows,
  state,
  until,
  useStage,
} from './support';

const file = '29990109000000-command.js';
const noop = `module.exports = {\n  async up() {},\n  async down() {},\n};\n`;
const endless = `module.exports = {\n  async up(db) {\n    for (;;) await db.collection('orders').findOne();\n  },\n};\n`;

after('every command was executed', () => {
  // A part of the suite executes a part of the commands.
  if (state.grep !== undefined) return;
  assert.deepEqual(
    Object.values(Command).filter((command) => !executed.has(command)),
    [],
  );
});

describe('the commands', () => {
  const stage = useStage();

  it('that group the tree by states, and show it flat again', async () => {
    await stage.write(file, noop);
    await migrationRow(file, /^pending/);
    const { trees } = await extension();
    await vscode.commands.executeCommand(Command.groupByState);
    try {
      const groups = await rows(trees.migrations);
      const pending = groups.find(({ label }) => label === 'Pending');
      assert.ok(pending?.children.some(({ label }) => label === file));
      assert.ok(!groups.some(({ label }) => label === file));
    } finally {
      await vscode.commands.executeCommand(Command.showFlat);
    }
    assert.ok((await rows(trees.migrations)).some(({ label }) => label === file));
  });

  it('that open a migration at its line', async () => {
    const path = await stage.write(file, noop);
    await vscode.commands.executeCommand(Command.openMigration, { file: path, line: 3, column: 3 });
    const { activeTextEditor: editor } = vscode.window;
    assert.equal(basename(editor?.document.fileName ?? ''), file);
    assert.deepEqual([editor?.selection.active.line, editor?.selection.active.character], [2, 2]);
  });

  it('that pause, resume and cancel the run that goes on, and show it afterwards', async () => {
    const path = await stage.write(file, endless);
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    const running = pressLens(path, 'Run');
    const inState = (wanted: string): Promise<unknown> =>
      until(`the run to be ${wanted}`, async () =>
        (await newestRun(stage.db))?.state === wanted ? true : undefined,
      );
    await inState('running');
    await vscode.commands.executeCommand(Command.pauseRun);
    await inState('paused');
    // Runs that other tests have left interrupted could be resumed too.
    stage.person.picks.push((items) => items.find(({ description }) => description?.startsWith('paused')));
    await vscode.commands.executeCommand(Command.resumeRun);
    await inState('running');
    await vscode.commands.executeCommand(Command.cancelRun);
    await running;
    assert.equal((await newestRun(stage.db))?.state, 'cancelled');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await vscode.commands.executeCommand(Command.showRun, { run: (await newestRun(stage.db))?._id });
    await until('its page', () =>
      vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).find(({ label }) => label.includes(file)),
    );
    assert.deepEqual(stage.person.said, []);
    await vscode.commands.executeCommand(Command.pauseRun);
    assert.match(stage.person.said.join(), /^No run is under way/);
  });

  it('that edit a connection: an own one in the form, one of the config in its file', async () => {
    const { trees } = await extension();
    const named = (name: string): ConnectionNode | undefined =>
      (trees.connections.tops() as ConnectionNode[]).find(({ connection }) => connection.name === name);
    const name = `edited ${stage.db.databaseName}`;
    stage.person.types.push(state.uri, `${stage.db.databaseName}_other`, name);
    stage.person.picks.push((items) => items.filter(({ label }) => label === 'Read-only'));
    await vscode.commands.executeCommand(Command.editConnection, stage.connection);
    assert.equal(named(name)?.connection.id, stage.connection);
    assert.equal(named(name)?.connection.database, `${stage.db.databaseName}_other`);
    assert.equal(named(name)?.connection.readOnly, true);

    const ofConfig = (trees.connections.tops() as ConnectionNode[]).find(
      ({ connection }) => connection.origin === 'config',
    );
    assert.ok(ofConfig);
    await vscode.commands.executeCommand(Command.editConnection, ofConfig);
    assert.match(vscode.window.activeTextEditor?.document.fileName ?? '', /migratory\.config\.\w+$/);
  });

  it('that ask a connection again', async () => {
    await stage.write(file, noop);
    await migrationRow(file, /^pending/);
    await stage.db.collection('_migrations').insertOne({ name: file, appliedAt: new Date(), durationMs: 1 });
    await vscode.commands.executeCommand(Command.retryConnection, stage.connection);
    const { trees } = await extension();
    const row = (await rows(trees.migrations)).find(({ label }) => label === file);
    assert.match(row?.description ?? '', /^applied/);
  });

  it('that show the log', async () => {
    await vscode.commands.executeCommand(Command.showLog);
    await until('the output of Migratory', () =>
      vscode.workspace.textDocuments.find(
        ({ uri }) => uri.scheme === 'output' && /migratory/i.test(decodeURIComponent(uri.path)),
      ),
    );
    await vscode.commands.executeCommand('workbench.action.closePanel');
  });
});

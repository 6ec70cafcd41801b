import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { Command } from '../../src/vscode/manifest';
import { extension, Person, rows } from './support';

describe('the extension', () => {
  it('starts by itself in a folder with our config', async () => {
    await extension();
    assert.equal(vscode.extensions.getExtension('migratory.migratory')?.isActive, true);
  });

  it('starts within 100 ms of its own time', async () => {
    const { startedInMs } = await extension();
    assert.ok(startedInMs < 100, `${startedInMs} ms`);
  });

  it('registers every command that it contributes', async () => {
    await extension();
    const registered = new Set(await vscode.commands.getCommands(true));
    const missing = Object.values(Command).filter((command) => !registered.has(command));
    assert.deepEqual(missing, []);
  });

  it('carries no driver into the extension host', () => {
    const { extensionPath } = vscode.extensions.getExtension('migratory.migratory')!;
    const bundle = readFileSync(join(extensionPath, 'dist', 'extension.js'), 'utf8');
    assert.ok(!/class MongoClient\b/.test(bundle));
  });

  it('shows the connections of the config by itself, its default selected', async () => {
    const { trees } = await extension();
    await vscode.commands.executeCommand('migratory.refresh');
    const all = await rows(trees.connections);
    assert.ok(all.length > 0);
    assert.ok(all.some(({ description }) => description.includes('selected')));
  });

  it('refuses in Restricted Mode whatever executes, whoever asks for it', async () => {
    await extension();
    const person = new Person();
    const before = Object.getOwnPropertyDescriptor(vscode.workspace, 'isTrusted')!;
    Object.defineProperty(vscode.workspace, 'isTrusted', { configurable: true, get: () => false });
    try {
      const executing = [
        Command.run,
        Command.dryRun,
        Command.rollBack,
        Command.validate,
        Command.runAll,
        Command.compare,
        Command.testConnection,
        Command.cancelRun,
      ];
      for (const command of executing) {
        person.said.length = 0;
        await vscode.commands.executeCommand(command, { name: 'x', index: 0 });
        assert.match(person.said.join(), /not run in Restricted Mode/, command);
      }
    } finally {
      Object.defineProperty(vscode.workspace, 'isTrusted', before);
      person.leave();
    }
  });
});

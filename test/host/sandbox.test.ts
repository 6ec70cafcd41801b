// Start Sandbox Server as the walkthrough has it: with a mongod on PATH, without one, and to its end. And Report Issue.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import * as vscode from 'vscode';
import type { ConnectionNode } from '../../src/vscode/tree/connectionsTree';
import { mongodFolder } from '../support/mongodOnPath';
import { extension, rows, state, until, useStage } from './support';

async function sandbox(): Promise<ConnectionNode['connection'] | undefined> {
  const { trees } = await extension();
  const nodes = (await trees.connections.getChildren()) as ConnectionNode[];
  return nodes.find(({ connection }) => connection.name === 'sandbox')?.connection;
}

describe('the sandbox server in the editor', () => {
  const stage = useStage();
  const before = { ...process.env };
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'migratory-host-'));
  });
  afterEach(async () => {
    await vscode.commands.executeCommand('migratory.stopSandbox');
    Object.assign(process.env, before);
    delete process.env['MONGOMS_DOWNLOAD_MIRROR'];
    delete process.env['MONGOMS_MAX_RETRIES'];
    await rm(folder, { recursive: true, force: true });
  });

  it('brings a database to try things on, selected, and takes it away again', async () => {
    const path = process.env['PATH'] ?? '';
    process.env['PATH'] = `${await mongodFolder(folder, state.mongod)}:${path}`;
    await vscode.commands.executeCommand('migratory.startSandbox');
    const connection = await sandbox();
    assert.ok(connection, stage.person.said.join());
    assert.match(connection.words, /^sandbox on 127\.0\.0\.1:\d+$/);
    assert.match(stage.person.said.join(), /The sandbox server runs/);
    const { trees } = await extension();
    await until(
      'it is selected',
      async () =>
        (await rows(trees.connections)).some(
          ({ label, description }) => label === 'sandbox' && description.includes('selected'),
        ) || undefined,
    );
    const uri = `mongodb://${connection.host}/?directConnection=true`;
    const client = await MongoClient.connect(uri);
    assert.equal(await client.db('sandbox').collection('orders').countDocuments(), 500);
    await client.close();

    await vscode.commands.executeCommand('migratory.startSandbox');
    assert.equal((await sandbox())?.id, connection.id, 'a second start finds it running');

    await vscode.commands.executeCommand('migratory.stopSandbox');
    assert.equal(await sandbox(), undefined);
    await assert.rejects(MongoClient.connect(uri, { serverSelectionTimeoutMS: 500 }));
  });

  it('asks before it downloads, and says in one sentence when that is not possible', async () => {
    process.env['PATH'] = folder;
    process.env['MONGOMS_DOWNLOAD_MIRROR'] = 'http://127.0.0.1:1';
    process.env['MONGOMS_MAX_RETRIES'] = '0';
    stage.person.presses.push(undefined);
    await vscode.commands.executeCommand('migratory.startSandbox');
    assert.equal(stage.person.asked.length, 1);
    assert.match(stage.person.asked[0]?.detail ?? '', /There is no mongod on the PATH/);
    assert.deepEqual(stage.person.said, []);

    stage.person.presses.push('Download');
    await vscode.commands.executeCommand('migratory.startSandbox');
    assert.equal(stage.person.said.length, 1);
    assert.match(stage.person.said[0] ?? '', /^MongoDB could not be downloaded \([^\n]+\): install MongoDB/);
    assert.equal(await sandbox(), undefined);
  });
});

describe('Report Issue', () => {
  const stage = useStage();

  it('fills in versions and no secrets', async () => {
    await vscode.commands.executeCommand('migratory.refresh');
    await vscode.commands.executeCommand('migratory.reportIssue');
    const text = vscode.window.activeTextEditor?.document.getText() ?? '';
    assert.match(text, /## What happened\?/);
    assert.match(text, /- Server: MongoDB \d+\.\d+/);
    assert.match(text, new RegExp(`- VS Code: ${vscode.version.replaceAll('.', '\\.')}`));
    assert.doesNotMatch(text, /mongodb:\/\/|127\.0\.0\.1/);
    assert.ok(!text.includes(stage.db.databaseName), 'no name of a database');
  });
});

// Connections as a person makes, changes and tests them, and what follows of it in tree and lenses.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ConnectionNode } from '../../src/vscode/tree/connectionsTree';
import {
  connect,
  extension,
  goBack,
  lenses,
  migrationRow,
  rows,
  state,
  until,
  useStage,
  type Row,
} from './support';

const { host } = new URL(state.uri);
const file = '29990105000000-where.js';
const noop = `module.exports = {\n  async up() {},\n  async down() {},\n};\n`;

async function node(id: string): Promise<ConnectionNode | undefined> {
  const { trees } = await extension();
  return (trees.connections.tops() as ConnectionNode[]).find(({ connection }) => connection.id === id);
}

async function row(name: string): Promise<Row | undefined> {
  const { trees } = await extension();
  return (await rows(trees.connections)).find(({ label }) => label === name);
}

const byLabel =
  (label: string) =>
  (items: readonly vscode.QuickPickItem[]): vscode.QuickPickItem | undefined =>
    items.find((item) => item.label === label);
const nothing = (): [] => [];

describe('the form of a connection', () => {
  const stage = useStage();
  const named = (name: string) => until(`the connection ${name}`, () => row(name));

  it('puts a string together from host, login and TLS, and keeps it from view', async () => {
    const { person } = stage;
    person.types.push('', host, stage.db.databaseName, 'by form');
    person.picks.push(byLabel('Host and Port'), byLabel('No Login'), byLabel('No TLS'), nothing);
    await vscode.commands.executeCommand('migratory.addConnection');
    const made = await named('by form');
    assert.match(made.description, new RegExp(`^${stage.db.databaseName} on ${host}`));
    assert.deepEqual(person.asked, []);
    await until('the server to answer', async () =>
      (await row('by form'))?.children.find(({ label }) => label.startsWith('MongoDB ')),
    );
  });

  it('goes back to the question before, with what was answered', async () => {
    const { person } = stage;
    person.types.push('', 'db.example', host, stage.db.databaseName, 'there and back');
    person.picks.push(
      byLabel('Host and Port'),
      () => goBack,
      byLabel('No Login'),
      byLabel('No TLS'),
      nothing,
    );
    await vscode.commands.executeCommand('migratory.addConnection');
    await named('there and back');
    const hosts = person.seen.filter(({ prompt }) => prompt.startsWith('Host and port'));
    assert.deepEqual(
      hosts.map(({ value }) => value),
      ['localhost:27017', 'db.example'],
    );
  });

  it('asks again with what was typed when nothing answers there', async () => {
    const { person } = stage;
    const nowhere = 'mongodb://127.0.0.1:1/x';
    person.types.push(nowhere, 'shop', 'lost', undefined);
    person.picks.push(nothing);
    person.presses.push('Edit');
    await vscode.commands.executeCommand('migratory.addConnection');
    assert.equal(person.asked[0]?.message, 'Test failed: Network (TCP)');
    assert.match(person.asked[0]?.detail ?? '', /Nothing listens on 127\.0\.0\.1:1/);
    assert.equal(person.seen.at(-1)?.value, nowhere);
    assert.equal(await row('lost'), undefined);
  });

  it('makes an own connection out of any, under another name', async () => {
    const { person } = stage;
    const before = await node(stage.connection);
    person.types.push(state.uri, `${stage.db.databaseName}_copy`, 'the copy');
    person.picks.push(nothing);
    await vscode.commands.executeCommand('migratory.duplicateConnection', before);
    const copy = await named('the copy');
    assert.match(copy.description, /_copy on /);
    assert.equal(person.seen.at(-1)?.value, `${before?.connection.name} (2)`);
    assert.ok(await node(stage.connection), 'the original is gone');
  });

  it('is not saved with a name that another connection has', async () => {
    const { person } = stage;
    const taken = (await node(stage.connection))?.connection.name ?? '';
    const count = (await extension()).trees.connections.tops().length;
    person.types.push(state.uri, 'shop', taken);
    await vscode.commands.executeCommand('migratory.addConnection');
    assert.equal((await extension()).trees.connections.tops().length, count);
  });
});

describe('the test of a connection', () => {
  const stage = useStage();

  it('shows in the tree what every stage found', async () => {
    await vscode.commands.executeCommand('migratory.testConnection', stage.connection);
    assert.match(stage.person.said.join(), /answers: MongoDB /);
    const name = (await node(stage.connection))?.connection.name ?? '';
    const tested = (await row(name))?.children.find(({ label }) => label === 'Test passed');
    assert.deepEqual(
      tested?.children.map(({ label }) => label),
      [
        'Connection string',
        'Name (DNS)',
        'Network (TCP)',
        'Encryption (TLS)',
        'Login',
        'Round trip',
        'Rights',
        'Server',
      ],
    );
    assert.ok(!JSON.stringify(tested).includes('mongodb://'));
  });

  it('says at which stage it failed, why, and what mends it', async () => {
    const { person } = stage;
    person.types.push('mongodb://127.0.0.1:1/x', 'shop', 'closed port');
    person.picks.push(nothing);
    person.presses.push('Save Anyway');
    await vscode.commands.executeCommand('migratory.addConnection');
    const { trees } = await extension();
    const saved = (trees.connections.tops() as ConnectionNode[]).find(
      ({ connection }) => connection.name === 'closed port',
    );
    await vscode.commands.executeCommand('migratory.testConnection', saved);
    assert.match(person.said.join(), /Nothing listens on 127\.0\.0\.1:1/);
    const tested = (await row('closed port'))?.children.find(({ label }) => label.startsWith('Test failed'));
    assert.equal(tested?.label, 'Test failed: Network (TCP)');
    const failed = tested.children.find(({ label }) => label === 'Network (TCP)');
    assert.deepEqual(failed?.children.map(({ label }) => label).slice(-2), [
      'Test Connection',
      'Edit Connection…',
    ]);
    person.presses.push('Remove');
    await vscode.commands.executeCommand('migratory.removeConnection', saved);
    assert.equal(await row('closed port'), undefined);
  });
});

describe('another database of a server', () => {
  const stage = useStage();

  it('is chosen in the list, and its states are shown under its name alone', async () => {
    const path = await stage.write(file, noop);
    await migrationRow(file, /^pending/);
    const other = stage.db.client.db(`${stage.db.databaseName}_b`);
    await other.collection('_migrations').insertOne({ name: file, appliedAt: new Date(), durationMs: 5 });
    try {
      stage.person.picks.push((items) => items.find(({ label }) => label.endsWith(` ${other.databaseName}`)));
      await vscode.commands.executeCommand('migratory.switchDatabase', stage.connection);
      await migrationRow(file, /^applied/);
      const target = (await lenses(path)).at(-1)?.title;
      assert.equal(target, `${other.databaseName} on ${host}`);
      const name = (await node(stage.connection))?.connection.name ?? '';
      const databases = (await row(name))?.children.find(({ label }) => label === 'Databases');
      assert.equal(databases?.description, `${other.databaseName} in use`);

      await vscode.commands.executeCommand('migratory.switchDatabase', {
        connection: (await node(stage.connection))?.connection,
        database: stage.db.databaseName,
      });
      await migrationRow(file, /^pending/);
    } finally {
      await other.dropDatabase();
    }
  });
});

describe('the target above a migration', () => {
  const stage = useStage();

  it('is chosen for that file alone, and kept when the workspace goes elsewhere', async () => {
    const path = await stage.write(file, noop);
    const neighbour = await stage.write('29990105000001-here.js', noop);
    await migrationRow(file, /^pending/);
    const first = stage.db.databaseName;
    const second = `${first}_c`;
    const other = await connect(stage.person, state.uri, second);
    await vscode.commands.executeCommand('migratory.selectConnection', stage.connection);
    const name = (await node(other))?.connection.name ?? '';
    const { command } = (await lenses(path)).at(-1)!;
    stage.person.picks.push((items) => items.find(({ label }) => label.endsWith(` ${name}`)));
    await vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
    const targetOf = async (of: string): Promise<string | undefined> => (await lenses(of)).at(-1)?.title;
    assert.equal(await targetOf(path), `${second} on ${host}`);
    assert.equal(await targetOf(neighbour), `${first} on ${host}`);
    const run = (await lenses(path)).find(({ title }) => title === 'Run');
    const [ref] = (run?.command.arguments ?? []) as { connection?: string }[];
    assert.equal(ref?.connection, other);

    stage.person.picks.push((items) =>
      items.find(({ label }) => label.endsWith('The connection of the workspace')),
    );
    await vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
    assert.equal(await targetOf(path), `${first} on ${host}`);
  });
});

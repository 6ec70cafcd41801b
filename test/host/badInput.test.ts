import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import * as vscode from 'vscode';
import {
  connect,
  extension,
  lenses,
  migrationRow,
  newestRun,
  pressLens,
  rows,
  until,
  useStage,
  type Row,
} from './support';

const file = '29990101000000-bad.js';
const good = `module.exports = {\n  async up() {},\n  async down() {},\n};\n`;

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function migrations(): Promise<Row[]> {
  return rows((await extension()).trees.migrations);
}

describe('bad input', () => {
  const stage = useStage();

  it('a file that does not parse is named with the reason, and its lenses stay', async () => {
    const path = await stage.write(file, good);
    await migrationRow(file, /^pending/);
    const document = await vscode.workspace.openTextDocument(path);
    assert.ok((await lenses(path)).length > 0);
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, document.positionAt(good.indexOf('async down')), 'async extra( {');
    await vscode.workspace.applyEdit(edit);
    assert.ok((await lenses(path)).length > 0, 'the lenses are gone while somebody types');
    await document.save();
    const problem = await until('the problem row', async () =>
      (await migrations()).find(({ label, contextValue }) => label === file && contextValue === ';problem;'),
    );
    assert.match(problem.description, /^line \d+: \S/);
    assert.equal(problem.command, 'migratory.openMigration');
  });

  it('a file that does not load fails its run with the reason and the place', async () => {
    const path = await stage.write(file, `require('./not-there');\n${good}`);
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    const run = await newestRun(stage.db);
    assert.match(run?.steps[0]?.error?.message ?? run?.error?.message ?? '', /not-there/);
    await migrationRow(file, /^failed/);
    assert.deepEqual(await stage.applied(), []);
  });

  it('a file that exports nothing is named', async () => {
    await stage.write(file, 'const nothing = 1;\n');
    const problem = await until('the problem row', async () =>
      (await migrations()).find(({ label, contextValue }) => label === file && contextValue === ';problem;'),
    );
    assert.match(problem.description, /exports (nothing|no migration)/i);
  });

  it('two migrations of one name are named and not run', async () => {
    const path = await stage.write(
      file,
      `module.exports = [{ name: 'twice', async up() {} }, { name: 'twice', async up() {} }];\n`,
    );
    await until('both rows', async () => {
      const twice = (await migrations()).filter(({ label }) => label === 'twice');
      return twice.length > 0 && twice.every(({ description }) => /another migration/.test(description))
        ? twice
        : undefined;
    });
    await pressLens(path, 'Run');
    assert.deepEqual(stage.person.asked, []);
    assert.match(stage.person.said.join(), /Two migrations are named "twice"/);
    assert.deepEqual(await stage.applied(), []);
  });

  it('a server that is down says so within seconds, with a way to try again', async () => {
    const port = await closedPort();
    await stage.write(file, good);
    stage.person.presses.push('Save Anyway');
    await connect(stage.person, `mongodb://127.0.0.1:${port}`, 'shop');
    const failure = await until('the failure', async () =>
      (await migrations()).find(({ contextValue }) => contextValue === ';failure;'),
    );
    assert.match(failure.label, new RegExp(`127\\.0\\.0\\.1:${port}`));
    const ways = failure.children.map(({ label }) => label);
    assert.ok(ways.includes('Retry') && ways.includes('Edit Connection…'), ways.join());
    await migrationRow(file, /^not checked/);
    await vscode.commands.executeCommand('migratory.selectConnection', stage.connection);
    await migrationRow(file, /^pending/);
    assert.ok(!(await migrations()).some(({ contextValue }) => contextValue === ';failure;'));
  });

  it('a config that is none keeps what was known and says where it is wrong', async () => {
    const { trees } = await extension();
    const before = (await rows(trees.connections)).length;
    const [config] = await vscode.workspace.findFiles('migratory.config.*');
    assert.ok(config);
    const text = await vscode.workspace.fs.readFile(config);
    try {
      await vscode.workspace.fs.writeFile(config, new TextEncoder().encode('{ "migrationDir": "x" }'));
      const failure = await until('the failure', async () =>
        (await migrations()).find(({ contextValue }) => contextValue === ';failure;'),
      );
      assert.notEqual(failure.label, '');
      assert.equal((await rows(trees.connections)).length, before);
    } finally {
      await vscode.workspace.fs.writeFile(config, text);
    }
    await until('the failure to go', async () => {
      const failures = (await migrations()).filter(({ contextValue }) => contextValue === ';failure;');
      return failures.length === 0 ? true : undefined;
    });
  });
});

describe('a read-only connection', () => {
  const stage = useStage(['Read-only']);

  it('refuses to run before it asks anything', async () => {
    const path = await stage.write(file, good);
    await migrationRow(file, /^pending/);
    await pressLens(path, 'Run');
    assert.deepEqual(stage.person.asked, []);
    assert.match(stage.person.said.join(), /marked read-only/);
    assert.deepEqual(await stage.applied(), []);
  });
});

describe('a production connection', () => {
  const stage = useStage(['Production']);
  const asked = (): string => stage.person.asked.at(-1)?.message ?? '';

  async function rehearse(path: string): Promise<void> {
    stage.person.presses.push('Dry Run');
    await pressLens(path, 'Run');
    assert.match(asked(), /^No dry run of .* has passed on .* yet/);
    assert.equal((await newestRun(stage.db))?.mode, 'dry-run');
    assert.deepEqual(await stage.db.listCollections().toArray(), []);
  }

  it('wants a dry run first, then the name of the database typed', async () => {
    const path = await stage.write(file, good);
    await migrationRow(file, /^pending/);
    stage.person.presses.push(undefined);
    await pressLens(path, 'Run');
    assert.match(asked(), /^No dry run of/);
    assert.equal(await newestRun(stage.db), undefined);

    await rehearse(path);
    stage.person.presses.push('Run…');
    stage.person.types.push('something else');
    await pressLens(path, 'Run');
    assert.deepEqual(await stage.applied(), []);
    stage.person.presses.push('Run…');
    stage.person.types.push(stage.db.databaseName);
    await pressLens(path, 'Run');
    assert.deepEqual(await stage.applied(), [file]);
    const { detail } = stage.person.asked.at(-1) ?? { detail: '' };
    assert.match(detail, /PRODUCTION/);
    assert.match(detail, /Dry run passed: just now/);
  });

  it('wants it anew when the file has changed, and not at all where the setting says so', async () => {
    const path = await stage.write(file, good);
    await migrationRow(file, /^pending/);
    await rehearse(path);
    await stage.write(file, `${good}\n// another thought\n`);
    stage.person.presses.push(undefined);
    await pressLens(path, 'Run');
    assert.match(asked(), /^No dry run of/);

    const settings = vscode.workspace.getConfiguration('migratory');
    await settings.update('production.requireDryRun', false, vscode.ConfigurationTarget.Global);
    try {
      stage.person.presses.push(undefined);
      await pressLens(path, 'Run');
      assert.match(asked(), /^Run "/);
    } finally {
      await settings.update('production.requireDryRun', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it('does not take a dry run that failed for one', async () => {
    const path = await stage.write(
      file,
      good.replace(/up\(.*?\) \{/, (head) => `${head} throw new Error('no');`),
    );
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Dry Run');
    await pressLens(path, 'Run');
    stage.person.presses.push(undefined);
    await pressLens(path, 'Run');
    assert.match(asked(), /^No dry run of/);
  });
});

import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import {
  extension,
  lenses,
  migrationRow,
  newestRun,
  pressLens,
  rows,
  state,
  until,
  useStage,
} from './support';

const file = '29990101000000-status.js';
const script = `module.exports = {
  async up(db) {
    await db.collection('orders').updateMany({ status: { $exists: false } }, { $set: { status: 'open' } });
  },
  async down(db) {
    await db.collection('orders').updateMany({ status: 'open' }, { $unset: { status: '' } });
  },
};
`;

describe('a migration in the editor', () => {
  const stage = useStage();
  const orders = () => stage.db.collection<{ _id: number; status?: string }>('orders');
  beforeEach(() => orders().insertMany([{ _id: 1 }, { _id: 2 }]));

  it('runs from its lens, is seen as applied, and rolls back', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^(pending|out of order)/);
    const titles = (await lenses(path)).map(({ title }) => title);
    assert.deepEqual(titles.slice(0, 3), ['Run', 'Dry run', 'Validate']);
    assert.equal(titles.at(-1), `${stage.db.databaseName} on ${new URL(state.uri).host}`);

    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    const [question] = stage.person.asked;
    assert.match(question?.message ?? '', new RegExp(`^Run "${file}" on ${stage.db.databaseName} `));
    assert.match(question?.detail ?? '', new RegExp(`Database: ${stage.db.databaseName}`));
    assert.deepEqual(await stage.applied(), [file]);
    assert.equal(await orders().countDocuments({ status: 'open' }), 2);
    const row = await migrationRow(file, /^applied/);
    assert.match(row.contextValue, /;rollBack;/);
    assert.doesNotMatch(row.contextValue, /;run;/);

    stage.person.presses.push('Roll Back');
    await pressLens(path, 'Roll back');
    assert.deepEqual(await stage.applied(), []);
    assert.equal(await orders().countDocuments({ status: 'open' }), 0);
    await migrationRow(file, /^pending/);
  });

  it('does nothing when the question is answered with Cancel', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^pending/);
    stage.person.presses.push(undefined);
    await pressLens(path, 'Run');
    assert.equal(stage.person.asked.length, 1);
    assert.deepEqual(await stage.applied(), []);
    assert.equal(await newestRun(stage.db), undefined);
  });

  it('runs where the question said, although another connection is selected while it is open', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^pending/);
    const [elsewhere = assert.fail()] = (await extension()).trees.connections
      .tops()
      .map((node) => ('connection' in node ? node.connection.id : ''))
      .filter((id) => id !== '' && id !== stage.connection);
    stage.person.presses.push('Run');
    stage.person.meanwhile = async () =>
      vscode.commands.executeCommand('migratory.selectConnection', elsewhere);
    await pressLens(path, 'Run');
    assert.match(stage.person.asked[0]?.detail ?? '', new RegExp(`Database: ${stage.db.databaseName}`));
    assert.deepEqual(await stage.applied(), [file]);
    assert.equal(await orders().countDocuments({ status: 'open' }), 2);
  });

  it('is rehearsed without a question and without a trace', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^pending/);
    await pressLens(path, 'Dry run');
    assert.deepEqual(stage.person.asked, []);
    assert.equal(await orders().countDocuments({ status: 'open' }), 0);
    const names = (await stage.db.listCollections().toArray()).map(({ name }) => name);
    assert.deepEqual(names, ['orders']);
    const run = await newestRun(stage.db);
    assert.equal(run?.mode, 'dry-run');
    const { runs } = await extension();
    const [report] = runs.get(run?._id ?? '')?.reports ?? [];
    assert.equal(report?.succeeded, true);
    assert.equal(report?.collections.find(({ collection }) => collection === 'orders')?.changed, 2);
  });

  it('is validated without writing anything', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^pending/);
    await pressLens(path, 'Validate');
    const run = await newestRun(stage.db);
    assert.equal(run?.mode, 'validate');
    assert.ok((run?.steps[0]?.checks.length ?? 0) > 0);
    assert.equal(await stage.db.collection('_migrations').countDocuments(), 0);
  });

  it('is saved before it runs', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^pending/);
    const document = await vscode.workspace.openTextDocument(path);
    const edit = new vscode.WorkspaceEdit();
    const at = document.positionAt(script.indexOf('open'));
    edit.insert(document.uri, at, 're');
    await vscode.workspace.applyEdit(edit);
    assert.equal(document.isDirty, true);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    assert.equal(document.isDirty, false);
    assert.equal(await orders().countDocuments({ status: 'reopen' }), 2);
  });

  it('that throws is named with file and line and stays out of the ledger', async () => {
    const path = await stage.write(
      file,
      `module.exports = {\n  async up(db) {\n    await db.collection('orders').findOne();\n    null.total;\n  },\n};\n`,
    );
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    assert.deepEqual(await stage.applied(), []);
    await migrationRow(file, /^failed/);
    const error = (await newestRun(stage.db))?.steps[0]?.error;
    assert.match(error?.message ?? '', /Cannot read properties of null/);
    assert.equal(error?.line, 4);
    assert.ok(error?.file?.endsWith(file));
  });

  it('that never ends can be cancelled', async () => {
    const path = await stage.write(
      file,
      `module.exports = {\n  async up(db) {\n    for (;;) await db.collection('orders').findOne();\n  },\n};\n`,
    );
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    const running = pressLens(path, 'Run');
    await pressLens(path, 'Cancel');
    await running;
    assert.equal((await newestRun(stage.db))?.state, 'cancelled');
    assert.deepEqual(await stage.applied(), []);
  });

  it('is refused before any question while another run is at work there, and that one can be held back', async () => {
    const second = '29990101000001-second.js';
    const gate = `gate_${stage.db.databaseName}`;
    await stage.write(second, script);
    const path = await stage.write(
      file,
      `module.exports = {\n  async up(db) {\n    while (!(await db.collection('${gate}').findOne())) ;\n  },\n};\n`,
    );
    await migrationRow(second, /^pending/);
    stage.person.presses.push('Run');
    const running = pressLens(path, 'Run');
    const run = await until('the run', async () => {
      const found = await newestRun(stage.db);
      return found?.state === 'running' ? found : undefined;
    });
    const questions = stage.person.asked.length;
    await vscode.commands.executeCommand('migratory.run', { name: second, index: 0 });
    assert.equal(stage.person.asked.length, questions);
    assert.match(stage.person.said.at(-1) ?? '', new RegExp(`^Another run is under way on .*${file}`));

    stage.person.types.push('250');
    await vscode.commands.executeCommand('migratory.throttleRun', { run: run._id });
    const stored = () =>
      stage.db.collection<{ _id: string; throttle?: unknown }>('_migratory_runs').findOne({ _id: run._id });
    assert.deepEqual((await stored())?.throttle, { docsPerSecond: 250 });
    await vscode.commands.executeCommand('migratory.throttleRun', { run: run._id, docsPerSecond: null });
    assert.deepEqual((await stored())?.throttle, {});

    await stage.db.collection(gate).insertOne({});
    await running;
    assert.deepEqual(await stage.applied(), [file]);
    await vscode.commands.executeCommand('migratory.throttleRun', { run: run._id });
    assert.match(stage.person.said.at(-1) ?? '', /has ended already/);
  });

  it('that calls process.exit does not take the view of it down', async () => {
    const path = await stage.write(
      file,
      `module.exports = {\n  async up() {\n    process.exit(3);\n  },\n};\n`,
    );
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    await migrationRow(file, /^(failed|interrupted)/);
    assert.deepEqual(await stage.applied(), []);
  });

  it('whose process is killed is interrupted at once, and can be started again', async () => {
    const path = await stage.write(
      file,
      `module.exports = {\n  async up(db) {\n    for (;;) await db.collection('orders').findOne();\n  },\n};\n`,
    );
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    const running = pressLens(path, 'Run');
    const run = await until('the run document', async () => {
      const found = await newestRun(stage.db);
      return found?.state === 'running' ? found : undefined;
    });
    process.kill(run.pid, 'SIGKILL');
    await running;
    assert.match(stage.person.said.join(), /SIGKILL/);
    const row = await migrationRow(file, /^interrupted/);
    assert.match(row.contextValue, /;run;/);
  });

  it('shows its run in the panel, which opens by itself', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^pending/);
    await pressLens(path, 'Dry run');
    await until('the panel', () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .find(
          ({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith('migratory.run'),
        ),
    );
  });

  it('says how it ended in a message only when its page is not in view', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^pending/);
    await pressLens(path, 'Validate');
    assert.deepEqual(stage.person.said, []);
    const settings = vscode.workspace.getConfiguration('migratory');
    await settings.update('panel.openOnRun', false, vscode.ConfigurationTarget.Global);
    try {
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      await pressLens(path, 'Validate');
      assert.match(stage.person.said.join(), /: done\.$/);
    } finally {
      await settings.update('panel.openOnRun', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it('lists its runs, newest first', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    const { trees } = await extension();
    const [first] = await rows(trees.runs);
    assert.equal(first?.label, `Run · ${file}`);
    assert.match(first?.description ?? '', /^done · just now/);
  });

  it('that changed since it was applied can be compared with what was applied', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    await stage.write(file, script.replace('open', 'closed'));
    await migrationRow(file, /^changed since applied/);
    await pressLens(path, 'Compare');
    const diff = await until('the diff', () => {
      const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return input instanceof vscode.TabInputTextDiff ? input : undefined;
    });
    const applied = await vscode.workspace.openTextDocument(diff.original);
    assert.equal(applied.getText(), script);
    assert.equal(diff.modified.fsPath, path);
  });

  it('whose file is gone says so and shows what was applied', async () => {
    const path = await stage.write(file, script);
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    await vscode.workspace.fs.delete(vscode.Uri.file(path));
    const row = await migrationRow(file, /^file missing/);
    assert.equal(row.command, 'migratory.compare');
  });

  it('runs with all other pending ones after one question that lists them', async () => {
    const second = '29990101000001-second.js';
    await stage.write(file, script);
    await stage.write(second, script);
    await migrationRow(second, /^pending/);
    stage.person.presses.push(undefined);
    await vscode.commands.executeCommand('migratory.runAll');
    const [question] = stage.person.asked;
    assert.match(question?.detail ?? '', new RegExp(`${file}[^]*${second}`));
    assert.deepEqual(await stage.applied(), []);
  });
});

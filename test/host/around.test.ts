// What stands around the runs: filter of the tree, lenses that were chosen, tasks with their problems, walkthrough.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { extension, lenses, migrationRow, newestRun, rows, until, useStage } from './support';

const file = '29990103000000-around.js';
const noop = `module.exports = {\n  async up() {},\n  async down() {},\n};\n`;

describe('the tree of migrations', () => {
  const stage = useStage();
  const labels = async (): Promise<string[]> => {
    const { trees } = await extension();
    return (await rows(trees.migrations)).map(({ label }) => label);
  };

  it('shows only the states that were chosen, and all again', async () => {
    await stage.write(file, noop);
    await stage.write('29990103000001-around.js', noop);
    await migrationRow(file, /^pending/);
    await stage.db.collection('_migrations').insertOne({ name: file, appliedAt: new Date(), durationMs: 12 });
    await vscode.commands.executeCommand('migratory.refresh');
    await migrationRow(file, /^applied/);
    stage.person.picks.push((items) => items.filter(({ label }) => label.endsWith('Applied')));
    await vscode.commands.executeCommand('migratory.filter');
    try {
      const shown = await labels();
      assert.ok(shown.includes(file) && !shown.includes('29990103000001-around.js'), shown.join());
    } finally {
      await vscode.commands.executeCommand('migratory.clearFilter');
    }
    assert.ok((await labels()).includes('29990103000001-around.js'));
  });
});

describe('lenses', () => {
  const stage = useStage();

  it('are those that the setting names', async () => {
    const path = await stage.write(file, noop);
    await migrationRow(file, /^pending/);
    const settings = vscode.workspace.getConfiguration('migratory');
    await settings.update('codeLens.show', ['dryRun', 'state'], vscode.ConfigurationTarget.Global);
    try {
      assert.deepEqual(
        (await lenses(path)).map(({ title }) => title),
        ['Dry run', 'pending'],
      );
    } finally {
      await settings.update('codeLens.show', undefined, vscode.ConfigurationTarget.Global);
    }
  });
});

describe('tasks', () => {
  const stage = useStage();

  /** Runs the task of a mode to its end. */
  async function runTask(mode: string): Promise<void> {
    const found = await vscode.tasks.fetchTasks({ type: 'migratory' });
    assert.deepEqual(found.map(({ definition }) => definition['mode'] as string).sort(), [
      'dry-run',
      'up',
      'validate',
    ]);
    const task = found.find(({ definition }) => definition['mode'] === mode);
    assert.ok(task);
    const ended = new Promise<void>((resolve) => {
      const listener = vscode.tasks.onDidEndTask(({ execution }) => {
        if (execution.task.definition['mode'] !== mode) return;
        listener.dispose();
        resolve();
      });
    });
    await vscode.tasks.executeTask(task);
    await ended;
  }

  it('run what is pending after the question, and put the error into the Problems view', async () => {
    await stage.write(file, noop);
    const bad = await stage.write(
      '29990103000001-bad.js',
      `module.exports = {\n  async up() {\n    null.total;\n  },\n};\n`,
    );
    await migrationRow('29990103000001-bad.js', /^pending/);
    const { trees } = await extension();
    const all = (await rows(trees.migrations)).filter(({ description }) => description.startsWith('pending'));
    // Other migrations of the workspace are pending too; they come first and must not be run here.
    const others = all.map(({ label }) => label).filter((label) => !label.startsWith('29990103'));
    await stage.db.collection('_migrations').insertMany(
      [{ name: 'none' }, ...others.map((name) => ({ name }))].map((row) => ({
        ...row,
        appliedAt: new Date(),
        durationMs: 1,
      })),
    );
    stage.person.presses.push('Run');
    await runTask('up');
    assert.equal(stage.person.asked.length, 1);
    assert.ok((await stage.applied()).includes(file));
    const [problem] = await until('the problem', () => {
      const found = vscode.languages.getDiagnostics(vscode.Uri.file(bad));
      return found.length > 0 ? found : undefined;
    });
    assert.match(problem?.message ?? '', /Cannot read properties of null/);
    assert.equal(problem?.range.start.line, 2);
    assert.equal(problem?.source, 'migratory');
    assert.deepEqual(stage.person.said, []);
  });

  it('validate without a question', async () => {
    await stage.write(file, noop);
    await migrationRow(file, /^pending/);
    await runTask('validate');
    assert.deepEqual(stage.person.asked, []);
    assert.equal((await newestRun(stage.db))?.mode, 'validate');
    assert.ok(!(await stage.applied()).includes(file));
  });
});

describe('the walkthrough', () => {
  it('opens by its command', async () => {
    await extension();
    await vscode.commands.executeCommand('migratory.openWalkthrough');
    // The editor's own page for walkthroughs; what it shows is its matter.
    await until('its page', () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .find(({ label }) => /^(Welcome|Walkthrough)/.test(label)),
    );
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { extension, lenses, migrationRow, migrationsDir, pressLens, rows, until, useStage } from './support';

describe('writing migrations', () => {
  const stage = useStage();

  it('starts with a new file that is a migration at once', async () => {
    stage.person.picks.push((items) => items.find(({ label }) => label === 'Transform'));
    stage.person.types.push('Dates, not strings!');
    await vscode.commands.executeCommand('migratory.newMigration');
    const editor = vscode.window.activeTextEditor;
    assert.ok(editor);
    const { uri } = editor.document;
    try {
      assert.ok(uri.fsPath.startsWith(migrationsDir));
      const name = uri.path.split('/').at(-1) ?? '';
      assert.match(name, /^\d{14}-Dates,_not_strings!\.js$/);
      await migrationRow(name, /^(pending|out of order)/);
    } finally {
      await vscode.workspace.fs.delete(uri);
    }
  });

  it('offers types once to a project without the package, and writes them where they are wanted', async () => {
    const types = vscode.Uri.file(join(migrationsDir, 'migratory-env.d.ts'));
    const create = async (): Promise<vscode.TextDocument> => {
      stage.person.picks.push((items) =>
        items.find(({ label, description }) => label === 'Index' && description === 'TypeScript'),
      );
      stage.person.types.push('find it');
      const uri = await vscode.commands.executeCommand<vscode.Uri>('migratory.newMigration');
      return vscode.workspace.openTextDocument(uri);
    };
    const made: vscode.Uri[] = [types, vscode.Uri.file(join(migrationsDir, 'jsconfig.json'))];
    try {
      const first = await create();
      made.push(first.uri);
      const { activeTextEditor } = vscode.window;
      assert.equal(first.getText(activeTextEditor?.selection), 'orders');
      await until(
        'the offer',
        () => stage.person.said.some((text) => text.includes('migratory is not installed')) || undefined,
      );
      assert.doesNotMatch(first.getText(), /reference/);
      await vscode.commands.executeCommand('migratory.addTypes');
      assert.match(stage.person.said.at(-1) ?? '', /^migratory-env\.d\.ts.* in migrations tells/);
      const offers = stage.person.said.length;
      const second = await create();
      made.push(second.uri);
      assert.match(second.getText(), /^\/\/\/ <reference path="\.\/migratory-env\.d\.ts" \/>\n/);
      assert.equal(stage.person.said.length, offers);
      const typed = await until('the types', async () => {
        const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
          'vscode.executeHoverProvider',
          second.uri,
          second.positionAt(second.getText().indexOf('defineMigration(')),
        );
        const text = hovers
          .flatMap(({ contents }) => contents)
          .map((one) => (one as vscode.MarkdownString).value);
        return text.find((one) => one.includes('ScriptMigration'));
      });
      assert.match(typed, /defineMigration/);
    } finally {
      await vscode.commands.executeCommand('workbench.action.closeAllEditors');
      for (const uri of made) await vscode.workspace.fs.delete(uri).then(undefined, () => undefined);
    }
  });

  it('shows lenses above each element of an array, and runs exactly the clicked one', async () => {
    const one = (name: string): string =>
      `  { name: '${name}', async up(db) { await db.collection('log').insertOne({ by: '${name}' }); } },\n`;
    const path = await stage.write(
      '29990101000000-three.js',
      `module.exports = [\n${['first', 'second', 'third'].map(one).join('')}];\n`,
    );
    await migrationRow('third', /^pending/);
    assert.equal((await lenses(path)).filter(({ title }) => title === 'Run').length, 3);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run', 1);
    assert.deepEqual(await stage.applied(), ['second']);
    assert.deepEqual(await stage.db.collection('log').distinct('by'), ['second']);
    assert.match(stage.person.asked[0]?.detail ?? '', /Stay pending although they come earlier: \d+/);
  });

  it('keeps a file’s own target when another connection is selected for it', async () => {
    const path = await stage.write('29990101000000-own.js', `module.exports = { async up() {} };\n`);
    await migrationRow('29990101000000-own.js', /^pending/);
    const { trees } = await extension();
    const before = (await lenses(path)).at(-1)?.title;
    const other = (await rows(trees.connections)).find(({ contextValue }) => /;config;/.test(contextValue));
    stage.person.picks.push((items) => items.find(({ label }) => label.endsWith(` ${other?.label}`)));
    await pressLens(path, before ?? '');
    await until('the other target', async () =>
      (await lenses(path)).at(-1)?.title === before ? undefined : true,
    );
    stage.person.picks.push((items) =>
      items.find(({ label }) => label.includes('The connection of the workspace')),
    );
    await pressLens(path, (await lenses(path)).at(-1)?.title ?? '');
    await until('the first target', async () => (await lenses(path)).at(-1)?.title === before || undefined);
  });

  it('turns lenses off by a setting, at once', async () => {
    const path = await stage.write('29990101000000-off.js', `module.exports = { async up() {} };\n`);
    await migrationRow('29990101000000-off.js', /^pending/);
    const settings = vscode.workspace.getConfiguration('migratory');
    await settings.update('codeLens.enabled', false, vscode.ConfigurationTarget.Global);
    try {
      assert.deepEqual(await lenses(path), []);
    } finally {
      await settings.update('codeLens.enabled', undefined, vscode.ConfigurationTarget.Global);
    }
    assert.ok((await lenses(path)).length > 0);
  });
});

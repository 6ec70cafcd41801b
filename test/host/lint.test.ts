// Lint in the editor: what is found is shown, mended by a quick fix, ignored by a comment, turned off by a setting, and
// forgotten with its file.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import * as vscode from 'vscode';
import { migrationRow, pressLens, until, useStage } from './support';

const script = `module.exports = {
  async up(db) {
    db.collection('orders').updateMany({}, { $set: { status: 'open' } });
  },
};
`;

const codeOf = ({ code }: vscode.Diagnostic): string =>
  typeof code === 'object' ? String(code.value) : String(code ?? '');

function diagnostics(uri: vscode.Uri): vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'migratory');
}

/** Waits until exactly these rules are shown for a file. */
function shown(uri: vscode.Uri, ...rules: string[]): Promise<vscode.Diagnostic[]> {
  return until(`${rules.join(', ') || 'nothing'} to be found`, () => {
    const found = diagnostics(uri);
    return found.map(codeOf).sort().join() === [...rules].sort().join() ? found : undefined;
  });
}

async function fix(document: vscode.TextDocument, rule: string, title: string): Promise<void> {
  const diagnostic = diagnostics(document.uri).find((one) => codeOf(one) === rule);
  assert.ok(diagnostic, `${rule} is not shown`);
  // The editor gives up on a question when the text moves under it, and asks again.
  const actions = await until(`fixes of ${rule}`, () =>
    Promise.resolve(
      vscode.commands.executeCommand<vscode.CodeAction[]>(
        'vscode.executeCodeActionProvider',
        document.uri,
        diagnostic.range,
        vscode.CodeActionKind.QuickFix.value,
      ),
    ).catch((error: unknown) => {
      if (error instanceof Error && error.name === 'Canceled') return undefined;
      throw error;
    }),
  );
  const action = actions.find((one) => one.title === title);
  assert.ok(action?.edit, `no "${title}" among ${actions.map((one) => one.title).join(', ')}`);
  assert.ok(await vscode.workspace.applyEdit(action.edit));
}

describe('lint in the editor', () => {
  const stage = useStage();

  async function open(name: string, text: string): Promise<vscode.TextDocument> {
    const path = await stage.write(name, text);
    const document = await vscode.workspace.openTextDocument(path);
    await vscode.window.showTextDocument(document);
    await migrationRow(name, /./);
    return document;
  }

  it('shows what it finds, with a page for each rule, and mends it', async () => {
    const document = await open('29990102000000-lint.js', script);
    const { uri } = document;
    const found = await shown(uri, 'L1', 'L3', 'L14');
    const everything = found.find((one) => codeOf(one) === 'L3');
    assert.equal(everything?.severity, vscode.DiagnosticSeverity.Error);
    assert.equal(document.getText(everything.range), '{}');
    const { target } = everything.code as { target: vscode.Uri };
    assert.match((await vscode.workspace.openTextDocument(target)).getText(), /^# L3: /);

    await fix(document, 'L14', 'Add await');
    await shown(uri, 'L1', 'L3');
    await fix(document, 'L3', 'Add a filter that leaves out what is done');
    await shown(uri, 'L1');
    await fix(document, 'L1', 'Add down');
    await shown(uri);
    assert.equal(
      document.getText(),
      `module.exports = {
  async up(db) {
    await db.collection('orders').updateMany({ status: { $ne: 'open' } }, { $set: { status: 'open' } });
  },
  async down(db) {
    // Take back what up has done.
    throw new Error('down is not written yet');
  },
};
`,
    );
    await document.save();
  });

  it('is ignored by a comment, which the fix writes where it belongs', async () => {
    const document = await open('29990102000001-lint.js', script.replace('    db', '    await db'));
    const { uri } = document;
    await shown(uri, 'L1', 'L3');
    await fix(document, 'L3', 'Ignore L3 here, with a reason');
    await shown(uri, 'L1');
    assert.match(document.getText(), /\n {4}\/\/ migrate-ignore L3: why\n {4}await db/);
    const text = document.getText();
    const edit = new vscode.WorkspaceEdit();
    const at = text.indexOf(': why');
    edit.delete(uri, new vscode.Range(document.positionAt(at), document.positionAt(at + 5)));
    await vscode.workspace.applyEdit(edit);
    await shown(uri, 'L0', 'L1', 'L3');
    await fix(document, 'L0', 'Add the reason');
    await shown(uri, 'L1');
    await document.save();
  });

  it('follows the settings at once', async () => {
    const { uri } = await open('29990102000002-lint.js', script);
    await shown(uri, 'L1', 'L3', 'L14');
    const settings = vscode.workspace.getConfiguration('migratory');
    const set = (name: string, value: unknown): Thenable<void> =>
      settings.update(name, value, vscode.ConfigurationTarget.Global);
    try {
      await set('lint.rules', { L3: 'off', L1: 'error' });
      const found = await shown(uri, 'L1', 'L14');
      assert.deepEqual(
        found.map(({ severity }) => severity),
        [vscode.DiagnosticSeverity.Error, vscode.DiagnosticSeverity.Error],
      );
      await set('lint.enabled', false);
      await shown(uri);
    } finally {
      await set('lint.rules', undefined);
      await set('lint.enabled', undefined);
    }
    await shown(uri, 'L1', 'L3', 'L14');
  });

  it('tells of a file that was edited after it was applied', async () => {
    const good = `exports.up = (db) => db.collection('log').insertOne({ _id: 1 });\nexports.down = () => {};\n`;
    const name = '29990102000003-lint.js';
    const { uri } = await open(name, good);
    await shown(uri);
    stage.person.presses.push('Run');
    await pressLens(uri.fsPath, 'Run');
    await migrationRow(name, /^applied/);
    await shown(uri);
    await stage.write(name, good.replace('_id: 1', '_id: 2'));
    await shown(uri, 'L24');
  });

  it('knows collections, validators and duplicates of the database', async () => {
    await stage.db.createCollection('prices', {
      validator: { $jsonSchema: { properties: { price: { bsonType: 'decimal' } } } },
    });
    await stage.db.collection('people').insertMany([
      { mail: 'a', name: 'x' },
      { mail: 'b', name: 'x' },
    ]);
    const name = '29990102000005-lint.js';
    const text = `module.exports = {
  async up(db) {
    await db.collection('prices').insertOne({ price: 5 });
    await db.collection('people').createIndex({ mail: 1 }, { unique: true });
    await db.collection('orders').aggregate([{ $match: { a: 1 } }, { $out: 'people' }]).toArray();
  },
  async down() {},
};
`;
    const { uri } = await open(name, text);
    await shown(uri, 'L7', 'L11', 'L26');
    await stage.write(name, text.replace('mail: 1', 'name: 1'));
    const found = await shown(uri, 'L7', 'L8', 'L11', 'L26');
    const unique = await until('the answer about duplicates', () =>
      diagnostics(uri).find((one) => codeOf(one) === 'L8' && one.message.includes('more than once')),
    );
    assert.equal(found.length, 4);
    assert.match(unique.message, /^This index cannot be built now: 1 value is there more than once in name/);
  });

  it('forgets files that are closed or gone, and looks at no others', async () => {
    const document = await open('29990102000004-lint.js', script);
    await shown(document.uri, 'L1', 'L3', 'L14');
    const elsewhere = await vscode.workspace.openTextDocument({ language: 'javascript', content: script });
    await vscode.window.showTextDocument(elsewhere);
    await rm(document.uri.fsPath);
    await shown(document.uri);
    assert.deepEqual(diagnostics(elsewhere.uri), []);
  });
});

// Completion and hover in a real editor, with a real database behind them.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { connect, state, until, useStage } from './support';

/** `|` in the text is the cursor. */
function split(text: string): { text: string; offset: number } {
  const offset = text.indexOf('|');
  assert.ok(offset >= 0);
  return { text: text.slice(0, offset) + text.slice(offset + 1), offset };
}

describe('help while writing migrations', () => {
  const stage = useStage();
  const up = (code: string): string => `module.exports = {\n  async up(db) {\n    ${code}\n  },\n};\n`;

  async function open(name: string, marked: string): Promise<[vscode.TextDocument, vscode.Position]> {
    const { text, offset } = split(marked);
    const document = await vscode.workspace.openTextDocument(await stage.write(name, text));
    return [document, document.positionAt(offset)];
  }

  /** Ours, told by the kinds and words that only we use. */
  async function offered(name: string, marked: string): Promise<Map<string, string>> {
    const [document, position] = await open(name, marked);
    const list = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      document.uri,
      position,
    );
    const found = new Map<string, string>();
    for (const { label } of list.items) {
      if (typeof label !== 'string' && label.description) found.set(label.label, label.description);
    }
    return found;
  }

  async function hovered(name: string, marked: string): Promise<string> {
    const [document, position] = await open(name, marked);
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      position,
    );
    return hovers
      .flatMap(({ contents }) => contents)
      .map((content) => (typeof content === 'string' ? content : content.value))
      .join('\n');
  }

  async function fill(): Promise<void> {
    await stage.db.collection('films').insertMany([
      { title: 'A', year: 1999, cast: [{ name: 'x' }] },
      { title: 'B', year: '2001' },
    ]);
    await stage.db.collection('people').insertOne({ born: new Date() });
  }

  it('offers collections, fields and operators in JavaScript, TypeScript and Python', async () => {
    await fill();
    const collections = await until('the collections', async () => {
      const found = await offered('29990101000001-a.js', up("await db.collection('|')"));
      return found.has('films') ? found : undefined;
    });
    assert.deepEqual([collections.get('films'), collections.get('people')], ['collection', 'collection']);
    const filter = await offered(
      '29990101000002-a.ts',
      up("await db.collection('films').updateMany({ | }, {});"),
    );
    assert.equal(filter.get('year'), 'int 50 %, string 50 %');
    assert.equal(filter.get('cast.name'), 'string');
    assert.equal(filter.get('$or'), 'query operator');
    assert.equal(filter.has('born'), false);
    const update = await offered('29990101000003-a.py', 'def up(db):\n    db.films.update_many({}, {"|"})\n');
    assert.equal(update.get('$set'), 'update operator');
    const path = await offered(
      '29990101000011-a.py',
      'def up(db):\n    db.people.aggregate([{"$sort": {"|"}}])\n',
    );
    assert.equal(path.get('born'), 'date');
    assert.equal(path.has('year'), false);
    const stages = await offered(
      '29990101000004-a.mjs',
      "export default { source: 'films', pipeline: [{ $| }], into: 'x' };\n",
    );
    assert.equal(stages.get('$densify'), 'aggregation stage · MongoDB 5.1 or later');
  });

  it('writes what is taken into the editor', async () => {
    await fill();
    const [document, position] = await open(
      '29990101000005-a.js',
      up("await db.collection('films').find({ y| })"),
    );
    const editor = await vscode.window.showTextDocument(document);
    editor.selection = new vscode.Selection(position, position);
    await until('the suggestion', async () => {
      const list = await vscode.commands.executeCommand<vscode.CompletionList>(
        'vscode.executeCompletionItemProvider',
        document.uri,
        position,
      );
      return list.items.some(({ label }) => typeof label !== 'string' && label.label === 'year') || undefined;
    });
    await vscode.commands.executeCommand('editor.action.triggerSuggest');
    await until('the text', async () => {
      await vscode.commands.executeCommand('acceptSelectedSuggestion');
      return document.getText().includes('find({ year:  })') || undefined;
    });
  });

  it('explains operators and fields under the pointer', async () => {
    await fill();
    const code = up("await db.collection('films').updateMany({ ye|ar: { $gt: 1 } }, {});");
    const field = await until('the hover', async () => {
      const text = await hovered('29990101000006-a.js', code);
      return text.includes('looked at') ? text : undefined;
    });
    assert.match(field, /\*\*`year`\*\* · int 50 %, string 50 %/);
    assert.match(field, /In 100 % of the 2 documents of `films`/);
    const operator = await hovered(
      '29990101000007-a.ts',
      up("await db.collection('films').find({ year: { $g|t: 1 } });"),
    );
    assert.match(operator, /Greater than the value, among values of its type\./);
    const python = await hovered(
      '29990101000008-a.py',
      'def up(db):\n    db.films.aggregate([{"$group": {"_id": "$ti|tle"}}])\n',
    );
    assert.match(python, /\*\*`title`\*\* · string/);
  });

  it('keeps out of files beside the migrations folder', async () => {
    await fill();
    const file = vscode.Uri.joinPath(vscode.Uri.file(state.workspace), 'elsewhere.js');
    const { text, offset } = split(up("await db.collection('films').updateMany({}, { | });"));
    await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(text));
    try {
      const document = await vscode.workspace.openTextDocument(file);
      const list = await vscode.commands.executeCommand<vscode.CompletionList>(
        'vscode.executeCompletionItemProvider',
        file,
        document.positionAt(offset),
      );
      const names = list.items.map(({ label }) => (typeof label === 'string' ? label : label.label));
      assert.ok(!names.includes('$set'));
    } finally {
      await vscode.workspace.fs.delete(file);
    }
  });

  it('offers operators when the database does not answer, and asks it nothing by a setting', async () => {
    await fill();
    const code = up("await db.collection('films').find({ | });");
    const settings = vscode.workspace.getConfiguration('migratory');
    await settings.update('completion.sample', false, vscode.ConfigurationTarget.Global);
    try {
      const silent = await offered('29990101000009-a.js', code);
      assert.deepEqual([silent.has('year'), silent.has('$or')], [false, true]);
    } finally {
      await settings.update('completion.sample', undefined, vscode.ConfigurationTarget.Global);
    }
    stage.person.presses.push('Save Anyway');
    await connect(stage.person, 'mongodb://127.0.0.1:9/', 'nowhere');
    const down = await offered('29990101000010-a.js', code);
    assert.deepEqual([down.has('year'), down.has('$or')], [false, true]);
  });
});

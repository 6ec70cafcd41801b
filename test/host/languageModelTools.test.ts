// The tools for language models, called through the editor's own API.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { Tool, type ToolName } from '../../src/vscode/manifest';
import { skip } from '../support/skip';
import { extension, migrationRow, useStage } from './support';

const file = '29990106000000-tool.js';
const good = `module.exports = {
  description: 'marks what was seen',
  async up(db) { await db.collection('things').updateMany({}, { $set: { seen: true } }); },
  async down(db) { await db.collection('things').updateMany({}, { $unset: { seen: '' } }); },
};\n`;

async function call(name: ToolName, input: object): Promise<Record<string, unknown>> {
  const { content } = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined });
  const [part] = content as vscode.LanguageModelTextPart[];
  assert.ok(part);
  assert.doesNotMatch(part.value, /mongodb(\+srv)?:\/\//, 'no connection string');
  return JSON.parse(part.value) as Record<string, unknown>;
}

describe('the tools for language models', () => {
  const stage = useStage();

  before(async function () {
    await extension();
    if (typeof vscode.lm?.invokeTool !== 'function')
      skip(this, 'This editor has no API for language models.');
  });
  beforeEach(async () => {
    await stage.db.collection<{ _id: number }>('things').insertMany([{ _id: 1 }, { _id: 2 }]);
    await stage.write(file, good);
    await migrationRow(file, /^pending/);
  });

  it('are all there, described', () => {
    for (const name of Object.values(Tool)) {
      const found = vscode.lm.tools.find((tool) => tool.name === name);
      assert.ok(found, name);
      assert.ok(found.description.length > 50, name);
    }
  });

  it('tell what is pending, and what one migration is', async () => {
    const status = await call(Tool.status, {});
    assert.match(String(status['target']), new RegExp(stage.db.databaseName));
    const rows = status['migrations'] as { name: string; state: string }[];
    assert.equal(rows.find(({ name }) => name === file)?.state, 'pending');

    const explained = await call(Tool.explain, { migration: file });
    assert.equal(explained['description'], 'marks what was seen');
    assert.equal(explained['reversible'], true);
    assert.match(String(explained['source']), /updateMany/);
  });

  it('tell what lint finds, with its line', async () => {
    const { findings } = await call(Tool.lint, { migration: file });
    const [first] = findings as { rule: string; line: number; message: string; whatToDo: string }[];
    assert.equal(first?.rule, 'L3');
    assert.equal(first.line, 3);
    assert.ok(first.message && first.whatToDo);
  });

  it('rehearse without writing', async () => {
    const report = await call(Tool.dryRun, { migration: file });
    assert.equal(report['succeeded'], true, JSON.stringify(report));
    assert.deepEqual((report['repeatable'] as { answer: string }).answer, 'yes');
    const [collection] = report['collections'] as { changed: number }[];
    assert.equal(collection?.changed, 2);
    assert.equal(report['diffs'], undefined);
    assert.equal(await stage.db.collection('things').countDocuments({ seen: true }), 0);
    assert.deepEqual(stage.person.asked, []);
  });

  it('run only what a person has agreed to', async () => {
    stage.person.presses.push(undefined);
    const refused = await call(Tool.run, { migrations: [file] });
    assert.equal(refused['ran'], false);
    assert.equal(stage.person.asked.length, 1);
    assert.match(stage.person.asked[0]?.message ?? '', new RegExp(file));
    assert.ok(!(await stage.applied()).includes(file));

    stage.person.presses.push('Run');
    const run = await call(Tool.run, { migrations: [file] });
    assert.equal(run['state'], 'applied', JSON.stringify(run));
    assert.equal(stage.person.asked.length, 2);
    assert.ok((await stage.applied()).includes(file));
    assert.equal(await stage.db.collection('things').countDocuments({ seen: true }), 2);
  });

  it('say what is wrong with what they are asked for', async () => {
    await assert.rejects(call(Tool.explain, { migration: 'none.js' }), /There is no migration "none\.js"/);
    await assert.rejects(call(Tool.status, { connection: 'none' }), /There is no connection "none"/);
    await assert.rejects(call(Tool.run, { migrations: [] }), /name of a migration|input/i);
  });

  it('are refused in Restricted Mode', async () => {
    const before = Object.getOwnPropertyDescriptor(vscode.workspace, 'isTrusted')!;
    Object.defineProperty(vscode.workspace, 'isTrusted', { configurable: true, get: () => false });
    try {
      await assert.rejects(call(Tool.status, {}), /Restricted Mode/);
    } finally {
      Object.defineProperty(vscode.workspace, 'isTrusted', before);
    }
  });
});

describe('the tools for language models on production', () => {
  const stage = useStage(['Production']);

  before(async function () {
    await extension();
    if (typeof vscode.lm?.invokeTool !== 'function')
      skip(this, 'This editor has no API for language models.');
  });

  it('run nothing before a dry run has passed and the name of the database is typed', async () => {
    await stage.write(file, good);
    await migrationRow(file, /^pending/);
    await assert.rejects(call(Tool.run, { migrations: [file] }), /Production wants a dry run/);
    assert.equal((await call(Tool.dryRun, { migration: file }))['succeeded'], true);
    stage.person.presses.push('Run…');
    stage.person.types.push(undefined);
    const refused = await call(Tool.run, { migrations: [file] });
    assert.equal(refused['ran'], false);
    assert.match(stage.person.asked[0]?.detail ?? '', /PRODUCTION/);
    assert.ok(!(await stage.applied()).includes(file));
  });
});

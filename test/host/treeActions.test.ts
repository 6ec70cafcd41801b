// What is done from rows of the trees: several migrations at once, a run again, and what a dry run leaves to be seen.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { MigrationNode } from '../../src/vscode/tree/migrationsTree';
import type { RunNode } from '../../src/vscode/tree/runsTree';
import { extension, lenses, migrationRow, pressLens, until, useStage } from './support';

const names = ['29990106000000-a.js', '29990106000001-b.js', '29990106000002-c.js'] as const;
const script = (word: string): string => `module.exports = {
  async up(db) {
    await db.collection('log').insertOne({ up: '${word}' });
  },
  async down(db) {
    await db.collection('log').insertOne({ down: '${word}' });
  },
};
`;

async function nodes(): Promise<MigrationNode[]> {
  const { trees } = await extension();
  const all = await trees.migrations.getChildren();
  return all.filter((node) => node.type === 'migration');
}

describe('several selected migrations', () => {
  const stage = useStage();
  const log = async (): Promise<unknown[]> => {
    const documents = await stage.db.collection('log').find().toArray();
    return documents.map(({ up, down }) => (up ?? down) as unknown);
  };

  beforeEach(async () => {
    for (const name of names) await stage.write(name, script(name));
    for (const name of names) await migrationRow(name, /^(pending|out of order)/);
  });

  /** The rows of these names, selected in this order. */
  async function press(command: string, ...selected: string[]): Promise<void> {
    const all = await nodes();
    const selection = selected.map((name) => all.find(({ row }) => row.name === name));
    await vscode.commands.executeCommand(command, selection[0], selection);
  }

  it('run in the order of the ledger after one question, and back the other way round', async () => {
    stage.person.presses.push('Run');
    await press('migratory.run', names[2], names[0]);
    assert.equal(stage.person.asked.length, 1);
    assert.match(stage.person.asked[0]?.detail ?? '', new RegExp(`1\\. ${names[0]}\\s+2\\. ${names[2]}`));
    assert.deepEqual(await stage.applied(), [names[0], names[2]]);
    assert.deepEqual(await log(), [names[0], names[2]]);
    await migrationRow(names[2], /^applied/);

    stage.person.presses.push('Roll Back');
    await press('migratory.rollBack', names[0], names[1], names[2]);
    assert.equal(stage.person.asked.length, 2);
    assert.match(stage.person.asked[1]?.detail ?? '', new RegExp(`1\\. ${names[2]}\\s+2\\. ${names[0]}`));
    assert.deepEqual(await stage.applied(), []);
    assert.deepEqual((await log()).slice(2), [names[2], names[0]]);
  });

  it('of which none suits are left alone, and it is said', async () => {
    await press('migratory.rollBack', names[0], names[1]);
    assert.deepEqual(stage.person.asked, []);
    assert.match(stage.person.said.join(), /No migration on .* is in a state for this/);
  });
});

describe('a run in the history', () => {
  const stage = useStage();

  it('is taken back from its own row', async () => {
    const path = await stage.write(names[0], script('one'));
    await migrationRow(names[0], /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    await migrationRow(names[0], /^applied/);
    const { trees } = await extension();
    const [newest] = trees.runs.getChildren() as RunNode[];
    assert.match(trees.runs.getTreeItem(newest!).contextValue ?? '', /;rollBack;/);
    stage.person.presses.push('Roll Back');
    await vscode.commands.executeCommand('migratory.rollBack', newest);
    assert.deepEqual(await stage.applied(), []);
    await migrationRow(names[0], /^pending/);
  });
});

describe('a dry run', () => {
  const stage = useStage();
  const text = `module.exports = {
  source: 'orders',
  filter: {},
  transform: () => ({ $set: { seen: true } }),
};
`;

  it('is told above the migration and below its row, until the file is another', async () => {
    await stage.db.collection('orders').insertMany([{ total: 1 }, { total: 2 }]);
    const path = await stage.write(names[0], text);
    await migrationRow(names[0], /^pending/);
    await pressLens(path, 'Dry run');
    const lens = await until('the lens', async () =>
      (await lenses(path)).find(({ title }) => title.startsWith('dry run passed')),
    );
    assert.equal(lens.title, 'dry run passed just now, 2 documents would change');
    assert.equal(lens.command.command, 'migratory.showRun');
    const { children } = await migrationRow(names[0], /^pending/);
    const touched = children.find(({ label }) => label === 'orders');
    assert.equal(touched?.description, 'dry run: 2 changed');

    await stage.write(names[0], `// better\n${text}`);
    await until('the lens to know', async () =>
      (await lenses(path)).find(({ title }) => title.endsWith('· file changed since')),
    );
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    await migrationRow(names[0], /^applied/);
    assert.ok(!(await lenses(path)).some(({ title }) => title.startsWith('dry run')));
  });
});

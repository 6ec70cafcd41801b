// The ways out of bad states, as a person finds them in the tree and the palette.
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { RunDocument } from '../../src/protocol/run';
import { refOf } from '../../src/vscode/tree/migrationItem';
import type { MigrationNode } from '../../src/vscode/tree/migrationsTree';
import { extension, migrationRow, newestRun, pressLens, rows, until, useStage } from './support';

const file = '29990102000000-mend.js';
const noop = `module.exports = {\n  async up() {},\n  async down() {},\n};\n`;
const strict = `module.exports = {
  source: 'orders',
  filter: { total: { $type: 'string' } },
  onError: 'quarantine',
  transform(order) {
    const total = Number(order.total);
    if (Number.isNaN(total)) throw new Error('"' + order.total + '" is no number');
    return { $set: { total } };
  },
};
`;

/** The row of the tree as menus hand it to their commands. */
async function node(name: string): Promise<MigrationNode> {
  const { trees } = await extension();
  const all = await trees.migrations.getChildren();
  const found = all.find((one) => one.type === 'migration' && one.row.name === name);
  assert.ok(found?.type === 'migration', `There is no row ${name}`);
  return found;
}

async function press(command: string, name: string): Promise<void> {
  await vscode.commands.executeCommand(command, await node(name));
}

describe('a run that was killed', () => {
  const stage = useStage();

  it('is resumed from the tree and finishes what it began', async () => {
    const orders = stage.db.collection<{ _id: number; done?: boolean }>('orders');
    await orders.insertMany(Array.from({ length: 400 }, (_, index) => ({ _id: index })));
    // It waits on its way until it is killed, however fast the machine is. Checks call it too, for a sample.
    const gate = join(tmpdir(), stage.db.databaseName);
    await writeFile(gate, '');
    const path = await stage.write(
      file,
      `const { existsSync } = require('node:fs');
const gate = ${JSON.stringify(gate)};
let calls = 0;
module.exports = {
  source: 'orders',
  filter: { done: { $exists: false } },
  batchSize: 20,
  async transform() {
    calls++;
    while (calls > 300 && existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 5));
    return { $set: { done: true } };
  },
};
`,
    );
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    const running = pressLens(path, 'Run');
    const run = await until('some progress', async () => {
      const found = await newestRun(stage.db);
      return (found?.steps[0]?.processed ?? 0) > 0 ? found : undefined;
    });
    process.kill(run.pid, 'SIGKILL');
    await rm(gate);
    await running;
    const row = await migrationRow(file, /^interrupted/);
    assert.match(row.contextValue, /;unfinished;/);
    assert.ok((await orders.countDocuments({ done: true })) < 400, 'it was killed too late');

    stage.person.presses.push('Resume');
    await press('migratory.resumeRun', file);
    assert.match(stage.person.asked.at(-1)?.message ?? '', new RegExp(`^Resume the run of "${file}" on `));
    await migrationRow(file, /^applied/);
    assert.equal(await orders.countDocuments({ done: true }), 400);
    const resumed = await newestRun(stage.db);
    assert.equal(resumed?._id, run._id);
    assert.equal(resumed?.state, 'applied');
  });

  it('cannot be resumed when it has nothing left to do', async () => {
    const path = await stage.write(file, noop);
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    const run = await newestRun(stage.db);
    await vscode.commands.executeCommand('migratory.resumeRun', { run: run?._id });
    assert.match(stage.person.said.at(-1) ?? '', /nothing left to do/);
    await press('migratory.resumeRun', file);
    assert.match(stage.person.said.at(-1) ?? '', /No run is paused or left unfinished/);
  });
});

describe('documents in quarantine', () => {
  const stage = useStage();
  const held = () => stage.db.collection('_migratory_quarantine').countDocuments();

  beforeEach(async () => {
    await stage.db.collection('orders').insertMany([{ total: '12' }, { total: 'twelve' }]);
    const path = await stage.write(file, strict);
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    const row = await migrationRow(file, /^applied.* · 1 quarantined$/);
    assert.match(row.contextValue, /;retryQuarantine;/);
    assert.equal(await held(), 1);
  });

  it('are retried after a fix', async () => {
    await stage.write(file, strict.replace('Number(order.total)', "order.total === 'twelve' ? 12 : NaN"));
    await migrationRow(file, /^changed since applied · 1 quarantined$/);
    stage.person.presses.push('Retry');
    await press('migratory.retryQuarantine', file);
    assert.match(stage.person.asked.at(-1)?.message ?? '', /^Retry the quarantined documents of "/);
    assert.equal(await held(), 0);
    assert.equal(await stage.db.collection('orders').countDocuments({ total: 12 }), 2);
    const row = await migrationRow(file, /^(applied|changed)(?!.*quarantined)/);
    assert.doesNotMatch(row.contextValue, /;retryQuarantine;/);
    await press('migratory.retryQuarantine', file);
    assert.match(stage.person.said.at(-1) ?? '', /has no documents in quarantine/);
  });

  it('are retried and discarded one by one, as the panel asks for it', async () => {
    await stage.db.collection('orders').insertOne({ _id: 'three' as never, total: 'three' });
    const quarantine = stage.db.collection('_migratory_quarantine');
    const [first] = await quarantine.find({}, { projection: { _id: 0 } }).toArray();
    // As if the run had met it too.
    const key = { run: first?.['run'] as string, step: file, id: 'three' };
    await quarantine.insertOne({ ...first, _id: key as never, id: 'three' });
    await vscode.commands.executeCommand('migratory.refresh');
    await migrationRow(file, /2 quarantined$/);
    await stage.write(file, strict.replace('Number(order.total)', "order.total === 'three' ? 3 : NaN"));
    stage.person.presses.push('Retry');
    const one = { name: file, index: 0, id: '"three"' };
    await vscode.commands.executeCommand('migratory.retryQuarantine', one);
    assert.match(stage.person.asked.at(-1)?.message ?? '', /^Retry the quarantined document "three" of "/);
    assert.deepEqual(await quarantine.distinct('id'), [first?.['id']]);
    assert.equal(await stage.db.collection('orders').countDocuments({ total: 3 }), 1);

    await migrationRow(file, /1 quarantined$/);
    const id = JSON.stringify({ $oid: String(first?.['id']) });
    stage.person.presses.push('Discard');
    await vscode.commands.executeCommand('migratory.discardQuarantine', { ...one, id });
    assert.match(stage.person.asked.at(-1)?.message ?? '', /^Discard the quarantined document \{"\$oid"/);
    assert.equal(await held(), 0);
  });

  it('are discarded after a question, and stay as they are', async () => {
    stage.person.presses.push(undefined);
    await press('migratory.discardQuarantine', file);
    assert.equal(await held(), 1);
    stage.person.presses.push('Discard');
    await press('migratory.discardQuarantine', file);
    assert.equal(await held(), 0);
    assert.equal(await stage.db.collection('orders').countDocuments({ total: 'twelve' }), 1);
    assert.match(stage.person.said.at(-1) ?? '', /^One document was discarded/);
    await migrationRow(file, /^applied(?!.*quarantined)/);
  });
});

describe('the ledger', () => {
  const stage = useStage();

  it('is marked by hand, both ways, and nothing is run', async () => {
    await stage.write(
      file,
      `module.exports = {\n  async up(db) {\n    await db.collection('ran').insertOne({});\n  },\n};\n`,
    );
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Mark');
    await press('migratory.markApplied', file);
    assert.deepEqual(await stage.applied(), [file]);
    await migrationRow(file, /^applied/);
    await press('migratory.markApplied', file);
    assert.match(stage.person.said.at(-1) ?? '', /is applied already/);
    stage.person.presses.push('Mark');
    await press('migratory.markPending', file);
    assert.deepEqual(await stage.applied(), []);
    await migrationRow(file, /^pending/);
    await press('migratory.markPending', file);
    assert.match(stage.person.said.at(-1) ?? '', /is pending already/);
    assert.equal(await stage.db.collection('ran').countDocuments(), 0);
  });
});

describe('what a roll back has left alone', () => {
  const stage = useStage();
  const orders = () => stage.db.collection<{ _id: number; status?: string }>('orders');

  it('is decided one by one, and the migration counts as rolled back with the last', async () => {
    await orders().insertMany([1, 2, 3].map((_id) => ({ _id, status: 'old' })));
    const path = await stage.write(
      file,
      `module.exports = {\n  source: 'orders',\n  filter: {},\n  transform: () => ({ $set: { status: 'new' } }),\n};\n`,
    );
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    await orders().updateMany({ _id: { $lt: 3 } }, { $set: { status: 'theirs' } });
    stage.person.presses.push('Roll Back');
    await pressLens(path, 'Roll back');
    const row = await migrationRow(file, /^rolled back with conflicts/);
    assert.match(row.contextValue, /;keepConflicts;.*;restoreConflicts;/);
    const ref = { ...refOf(await node(file)), id: '{"$numberInt":"1"}' };

    stage.person.presses.push(undefined, 'Restore');
    await vscode.commands.executeCommand('migratory.restoreConflicts', ref);
    assert.equal((await orders().findOne({ _id: 1 }))?.status, 'theirs');
    await vscode.commands.executeCommand('migratory.restoreConflicts', ref);
    assert.match(stage.person.asked.at(-1)?.detail ?? '', /What others wrote in them since is lost/);
    assert.equal((await orders().findOne({ _id: 1 }))?.status, 'old');
    assert.match(stage.person.said.at(-1) ?? '', /1 are left/);

    stage.person.presses.push('Keep');
    await press('migratory.keepConflicts', file);
    assert.match(stage.person.said.at(-1) ?? '', /no conflict is left/);
    assert.deepEqual(
      (await orders().find().sort({ _id: 1 }).toArray()).map(({ status }) => status),
      ['old', 'theirs', 'old'],
    );
    assert.deepEqual(await stage.applied(), []);
    await migrationRow(file, /^pending/);
  });
});

describe('a file that changed since it was applied', () => {
  const stage = useStage();

  it('is accepted as it is now', async () => {
    const path = await stage.write(file, noop);
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    await stage.write(file, `// better\n${noop}`);
    await migrationRow(file, /^changed/);
    stage.person.presses.push('Accept');
    await press('migratory.acceptChanged', file);
    await migrationRow(file, /^applied/);
    await press('migratory.acceptChanged', file);
    assert.match(stage.person.said.at(-1) ?? '', /has not changed since it was applied/);
  });

  it('is rolled back as it was applied, which the question says', async () => {
    const ran = (word: string): string =>
      `module.exports = {\n  async up() {},\n  async down(db) {\n    await db.collection('log').insertOne({ by: '${word}' });\n  },\n};\n`;
    const path = await stage.write(file, ran('applied'));
    await migrationRow(file, /^pending/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    await stage.write(file, ran('changed'));
    await migrationRow(file, /^changed/);
    stage.person.presses.push('Roll Back');
    await pressLens(path, 'Roll back');
    assert.match(stage.person.asked.at(-1)?.detail ?? '', /the version that was applied is rolled back/);
    assert.deepEqual(
      (await stage.db.collection('log').find().toArray()).map(({ by }) => by as string),
      ['applied'],
    );
    assert.deepEqual(await stage.applied(), []);
  });
});

describe('a locked database', () => {
  const stage = useStage();
  const lease = () => stage.db.collection<{ _id: string }>('_migratory_lease');

  it('is unlocked after it was said who holds it', async () => {
    const path = await stage.write(file, noop);
    await migrationRow(file, /^pending/);
    await vscode.commands.executeCommand('migratory.unlock');
    assert.match(stage.person.said.at(-1) ?? '', /is not locked/);
    await lease().insertOne({
      _id: 'lease',
      owner: 'somebody',
      epoch: 3,
      run: 'theirs',
      host: 'far-away',
      machine: 'far-away',
      pid: 4711,
      acquiredAt: new Date(),
      expiresAt: new Date(Date.now() + 60_000),
    } as { _id: string });
    // Before anything is asked.
    await pressLens(path, 'Run');
    assert.equal(stage.person.asked.length, 0);
    assert.match(stage.person.said.at(-1) ?? '', /Another run is under way .* theirs on far-away/);
    stage.person.presses.push(undefined, 'Unlock');
    await vscode.commands.executeCommand('migratory.unlock');
    assert.match(stage.person.asked.at(-1)?.detail ?? '', /Held by run theirs on far-away \(process 4711\)/);
    await vscode.commands.executeCommand('migratory.unlock');
    assert.match(stage.person.said.at(-1) ?? '', /is unlocked/);
    stage.person.presses.push('Run');
    await pressLens(path, 'Run');
    assert.deepEqual(await stage.applied(), [file]);
  });
});

describe('what killed runs have left', () => {
  const stage = useStage();

  it('is repaired: runs get an end, scratch databases go', async () => {
    await stage.write(file, noop);
    await migrationRow(file, /^pending/);
    const long = new Date(Date.now() - 3_600_000);
    const run = {
      _id: 'lost',
      state: 'running',
      direction: 'up',
      mode: 'up',
      connection: 'mongodb://far-away/shop',
      database: stage.db.databaseName,
      target: `${stage.db.databaseName} on far-away`,
      host: 'far-away',
      pid: 4711,
      program: 'cli',
      startedAt: long,
      endedAt: null,
      heartbeatAt: long,
      steps: [],
      control: null,
      error: null,
    } satisfies RunDocument;
    await stage.db.collection<{ _id: string }>('_migratory_runs').insertOne(run);
    const scratch = stage.db.client.db(`${stage.db.databaseName}_migratory_dry_01234567`);
    await scratch.collection('copy').insertOne({});
    stage.person.presses.push('Repair');
    await vscode.commands.executeCommand('migratory.repair');
    assert.match(stage.person.said.at(-1) ?? '', /Run lost is marked as interrupted/);
    const { databases } = await stage.db.admin().listDatabases({ nameOnly: true });
    assert.ok(!databases.some(({ name }) => name === scratch.databaseName), 'the scratch database is there');
    stage.person.presses.push('Repair');
    await vscode.commands.executeCommand('migratory.repair');
    assert.match(stage.person.said.at(-1) ?? '', /nothing to repair/);
    const { trees } = await extension();
    await until('the run in the tree', async () =>
      (await rows(trees.runs)).find(({ description }) => description.startsWith('interrupted')),
    );
  });
});

describe('a read-only connection', () => {
  const stage = useStage(['Read-only']);

  it('is not mended either', async () => {
    await stage.write(file, noop);
    await migrationRow(file, /^pending/);
    for (const command of ['unlock', 'repair'] as const) {
      await vscode.commands.executeCommand(`migratory.${command}`);
      assert.match(stage.person.said.at(-1) ?? '', /marked read-only/, command);
    }
    await press('migratory.markApplied', file);
    assert.match(stage.person.said.at(-1) ?? '', /marked read-only/);
    assert.deepEqual(stage.person.asked, []);
    assert.deepEqual(await stage.applied(), []);
  });
});

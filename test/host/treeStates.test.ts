// Every state of every node of the trees: what it looks like, and that a way leads out of it. The trees are the
// extension's own, on stores that hold what a test says; thousands of rows cost one pass.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../src/protocol/errors';
import type { RunDocument, RunState } from '../../src/protocol/run';
import { finalRunStates } from '../../src/protocol/run';
import type { ConnectionTestStep } from '../../src/protocol/runner';
import type { MigrationStatus } from '../../src/protocol/status';
import { OutlineStore, type FileReader } from '../../src/vscode/outlines';
import { ConnectionsTree } from '../../src/vscode/tree/connectionsTree';
import type { MigrationsTree, MigrationsNode } from '../../src/vscode/tree/migrationsTree';
import { RunsTree } from '../../src/vscode/tree/runsTree';
import { migration, run, step } from '../unit/vscode/support';
import { useStageOfStores } from './stores';
import { rows, until, type Row } from './support';

interface Menu {
  command: string;
  when: string;
}
const { extensionPath } = vscode.extensions.getExtension('migratory.migratory')!;
const manifest = JSON.parse(readFileSync(join(extensionPath, 'package.json'), 'utf8')) as {
  contributes: { menus: Record<string, Menu[]> };
};

/** The commands that the menu of a row offers, as the manifest says. */
function offered(view: string, contextValue: string): string[] {
  const menu = manifest.contributes.menus['view/item/context'] ?? [];
  const suits = menu.filter(({ when }) => {
    const [, of, pattern] = /^view == migratory\.(\w+)(?: && viewItem =~ \/(.+)\/)?$/.exec(when) ?? [];
    return of === view && new RegExp(pattern ?? '').test(contextValue);
  });
  return [...new Set(suits.map(({ command }) => command.replace('migratory.', '')))];
}

async function only(tree: MigrationsTree): Promise<Row> {
  const [row, ...others] = await rows(tree);
  assert.ok(row);
  assert.equal(others.length, 0);
  return row;
}

const applied = { appliedAt: new Date().toISOString(), durationMs: 12 };

describe('a migration in the tree', () => {
  const stage = useStageOfStores();
  /** Given state → icon, words, and some of the ways that lead on. */
  const states: [string, Partial<MigrationStatus>, string, RegExp, string[]][] = [
    ['pending', {}, 'circle-outline', /^pending$/, ['run', 'dryRun', 'validate', 'markApplied']],
    [
      'applied',
      { state: 'applied', ...applied },
      'pass',
      /^applied (just now|\d+ min ago) · 12 ms$/,
      ['rollBack'],
    ],
    [
      'irreversible',
      { state: 'applied', ...applied, reversible: false },
      'pass',
      /^applied (just now|\d+ min ago) · 12 ms · irreversible$/,
      ['markPending'],
    ],
    [
      'quarantined',
      { state: 'applied', ...applied, quarantined: 3 },
      'inbox',
      /· 3 quarantined$/,
      ['retryQuarantine', 'discardQuarantine'],
    ],
    ['changed', { state: 'changed', ...applied }, 'warning', /^changed/, ['compare', 'acceptChanged']],
    [
      'missing',
      { state: 'missing', ...applied, file: undefined, reversible: false },
      'question',
      /^file missing$/,
      ['compare', 'markPending'],
    ],
    ['out of order', { state: 'out-of-order' }, 'arrow-swap', /^out of order$/, ['run', 'dryRun']],
    ['failed', { state: 'failed' }, 'error', /^failed$/, ['run', 'rollBack']],
    ['interrupted', { state: 'interrupted' }, 'debug-disconnect', /^interrupted$/, ['resumeRun', 'rollBack']],
    [
      'conflicts',
      { state: 'conflicts', ...applied },
      'git-merge',
      /with conflicts$/,
      ['keepConflicts', 'restoreConflicts'],
    ],
    ['running elsewhere', { state: 'running' }, 'loading~spin', /^running$/, ['pauseRun', 'cancelRun']],
  ];
  for (const [name, given, icon, words, ways] of states) {
    it(`that is ${name} says so, and offers ${ways.join(', ')}`, async () => {
      stage().answer([migration({ name: 'a', ...given })]);
      const tree = stage().migrations();
      const row = await only(tree);
      tree.dispose();
      assert.equal(row.label, 'a');
      assert.equal(row.icon, icon);
      assert.match(row.description, words);
      const menu = offered('migrations', row.contextValue);
      assert.deepEqual(
        ways.filter((way) => !menu.includes(way)),
        [],
        menu.join(),
      );
      assert.ok(menu.includes('showRun'));
    });
  }

  for (const [state, icon, words, ways] of [
    ['running', 'loading~spin', /^running 43 %$/, ['pauseRun', 'cancelRun']],
    ['paused', 'debug-pause', /^paused 43 %$/, ['resumeRun', 'cancelRun']],
    ['checking', 'loading~spin', /^checking$/, ['cancelRun']],
    ['verifying', 'loading~spin', /^verifying$/, ['cancelRun']],
    ['rolling-back', 'loading~spin', /^rolling back 43 %$/, ['cancelRun']],
  ] satisfies [RunState, string, RegExp, string[]][]) {
    it(`that is ${state} right now can be stopped`, async () => {
      stage().answer([migration({ name: 'a' })]);
      const at = new Date().toISOString();
      const steps = [step({ state, startedAt: at, processed: 43, total: 100 })];
      stage().runs.putSnapshot(
        {
          run: run({ state, steps, heartbeatAt: at }),
          log: [],
          reports: [],
          conflicts: [],
          quarantined: [],
          rates: [],
        },
        true,
      );
      const tree = stage().migrations();
      const row = await only(tree);
      tree.dispose();
      assert.equal(row.icon, icon);
      assert.match(row.description, words);
      const menu = offered('migrations', row.contextValue);
      assert.deepEqual(
        ways.filter((way) => !menu.includes(way)),
        [],
        menu.join(),
      );
      assert.ok(!menu.includes('run'));
    });
  }

  it('shows below it why it failed, its last run, the checks and what it touches', async () => {
    const error = { message: 'total is null', file: '/m/a.js', line: 4 };
    stage().answer([migration({ name: 'a', state: 'failed', error })]);
    const check = {
      id: 'index',
      check: 'Index exists',
      severity: 'warning',
      outcome: 'failed',
      details: 'none',
    } as const;
    const steps = [
      step({ state: 'failed', checks: [check, { ...check, check: 'Disk space', outcome: 'passed' }], error }),
    ];
    stage().runs.putDocuments([run({ state: 'failed', steps, startedAt: new Date().toISOString() })]);
    const tree = stage().migrations();
    const { children } = await only(tree);
    tree.dispose();
    assert.deepEqual(
      children.map(({ label, icon, command }) => [label, icon, command]),
      [
        ['total is null', 'error', 'migratory.openMigration'],
        ['Run: failed', 'history', 'migratory.showRun'],
        ['Index exists', 'warning', undefined],
        ['1 check passed', 'check', undefined],
        ['orders', 'layers', undefined],
      ],
    );
  });

  it('gets its tooltip when somebody points at it', async () => {
    stage().answer([migration({ name: 'a', reversible: false, irreversibleReason: 'drops a field' })]);
    const tree = stage().migrations();
    const [node] = await tree.getChildren();
    assert.ok(node);
    const item = tree.getTreeItem(node);
    assert.equal(item.tooltip, undefined);
    const { tooltip } = await tree.resolveTreeItem(item, node);
    tree.dispose();
    assert.ok(tooltip instanceof vscode.MarkdownString);
    assert.match(tooltip.value.replaceAll('&nbsp;', ' '), /drops a field[^]*Touches orders/);
  });

  it('leads back to its parent, flat and in groups', async () => {
    stage().answer([
      migration({ name: 'a' }),
      migration({ name: 'b', state: 'failed' }),
      migration({ name: 'c', state: 'applied', ...applied }),
    ]);
    const tree = stage().migrations();
    const flat = await tree.getChildren();
    assert.deepEqual(
      flat.map((node) => tree.getParent(node)),
      [undefined, undefined, undefined],
    );
    const [detail] = await tree.getChildren(flat[0]);
    assert.equal(detail && tree.getParent(detail), flat[0]);
    await stage().filter.group(true);
    const groups = await rows(tree);
    assert.deepEqual(
      groups.map(({ label, description, children }) => [
        label,
        description,
        children.map((child) => child.label),
      ]),
      [
        ['Needs Attention', '1', ['b']],
        ['Pending', '1', ['a']],
        ['Applied', '1', ['c']],
      ],
    );
    const [, pending] = await tree.getChildren();
    const [grouped] = await tree.getChildren(pending);
    assert.equal(grouped, flat[0], 'the same row is another node in its group');
    assert.equal(grouped && tree.getParent(grouped), pending);
    tree.dispose();
  });
});

describe('a run in the tree', () => {
  const stage = useStageOfStores();
  const states: RunState[] = [
    'planned',
    'checking',
    'running',
    'paused',
    'verifying',
    'rolling-back',
    ...finalRunStates,
  ];
  const stateOf: Partial<Record<RunState, Partial<MigrationStatus>>> = {
    applied: { state: 'applied', ...applied },
    conflicts: { state: 'conflicts', ...applied },
    failed: { state: 'failed' },
    interrupted: { state: 'interrupted' },
  };
  const ways: Record<RunState, string[]> = {
    planned: ['cancelRun'],
    checking: ['cancelRun'],
    running: ['pauseRun', 'cancelRun'],
    paused: ['resumeRun', 'cancelRun'],
    verifying: ['cancelRun'],
    'rolling-back': ['cancelRun'],
    applied: ['rollBack'],
    failed: ['resumeRun', 'run', 'rollBack'],
    'rolled-back': ['run', 'dryRun'],
    conflicts: ['keepConflicts', 'restoreConflicts'],
    cancelled: ['resumeRun', 'run'],
    interrupted: ['resumeRun', 'run', 'rollBack'],
  };
  for (const state of states) {
    it(`that is ${state} offers ${ways[state].join(', ')}`, async () => {
      stage().answer([migration({ name: 'a', ...stateOf[state] })]);
      const now = new Date().toISOString();
      const over = finalRunStates.includes(state);
      const mode = state === 'rolled-back' || state === 'conflicts' ? 'down' : 'up';
      const document: RunDocument = run({
        state,
        mode,
        direction: mode,
        startedAt: now,
        heartbeatAt: now,
        endedAt: over ? now : null,
        program: 'cli',
        steps: [step({ state, startedAt: now, endedAt: over ? now : null })],
      });
      stage().runs.putDocuments([document]);
      const tree = new RunsTree(stage().store, stage().runs);
      const [row] = await rows(tree);
      tree.dispose();
      assert.match(row?.description ?? '', /by cli on here$/);
      const menu = offered('runs', row?.contextValue ?? '');
      assert.deepEqual(
        [...ways[state], 'showRun'].filter((way) => !menu.includes(way)),
        [],
        menu.join(),
      );
    });
  }
});

describe('a connection in the tree', () => {
  const stage = useStageOfStores();
  const tree = (databases: () => Promise<string[]> = async () => ['crm', 'shop']): ConnectionsTree => {
    const { connections, statuses, tests } = stage();
    return new ConnectionsTree({ connections, statuses, tests, databases });
  };
  const change = ['editConnection', 'duplicateConnection', 'testConnection', 'switchDatabase'];

  it('that answered shows its server and the databases, and which of them is in use', async () => {
    stage().answer([]);
    const made = tree();
    const [row] = await rows(made);
    made.dispose();
    assert.equal(row?.icon, 'pass-filled');
    assert.match(row?.description ?? '', /^shop on localhost:27017 · selected$/);
    const menu = offered('connections', row?.contextValue ?? '');
    assert.deepEqual(
      change.filter((way) => !menu.includes(way)),
      [],
    );
    const [server, databases] = row?.children ?? [];
    assert.equal(server?.label, 'MongoDB 6.0.27');
    assert.deepEqual(
      databases?.children.map(({ label, description, contextValue }) => [
        label,
        description,
        offered('connections', contextValue),
      ]),
      [
        ['crm', '', ['switchDatabase']],
        ['shop', 'in use', []],
      ],
    );
  });

  it('that is named like its target says it once', async () => {
    const { connections } = stage();
    const target = { uri: 'mongodb://localhost:27017', database: 'crm', production: true, readOnly: false };
    const { words } = await connections.add({ ...target, name: 'crm on localhost:27017' });
    const made = tree();
    const row = (await rows(made)).find(({ label }) => label === words);
    made.dispose();
    assert.equal(row?.description, 'production');
  });

  it('whose databases may not be listed offers to try again', async () => {
    stage().answer([]);
    const made = tree(() => Promise.reject(new UserError('not allowed')));
    const [row] = await rows(made);
    made.dispose();
    const [failure] = row?.children.find(({ label }) => label === 'Databases')?.children ?? [];
    assert.equal(failure?.label, 'not allowed');
    assert.ok(failure.children.some(({ command }) => command === 'migratory.retryConnection'));
  });

  it('that does not answer offers every way to mend it', async () => {
    stage().entry = { state: 'failed', error: new UserError('Nothing listens there') };
    const made = tree();
    const [row] = await rows(made);
    made.dispose();
    assert.equal(row?.icon, 'error');
    const [failure] = row?.children ?? [];
    assert.equal(failure?.label, 'Nothing listens there');
    assert.deepEqual(
      failure?.children.flatMap(({ command }) => command ?? []),
      ['retryConnection', 'testConnection', 'editConnection', 'showLog'].map((name) => `migratory.${name}`),
    );
  });

  it('shows every stage of its test, and cause and fix at the one that failed', async () => {
    const connection = stage().connections.selected!;
    const steps: ConnectionTestStep[] = [
      { step: 'address', outcome: 'passed', details: 'Database shop.', durationMs: 1 },
      {
        step: 'tcp',
        outcome: 'failed',
        details: 'Nothing listens on localhost:27017.',
        action: { label: 'Retry', command: 'migratory.retryConnection' },
        durationMs: 2,
      },
      { step: 'login', outcome: 'skipped', details: 'Not tried.', durationMs: 0 },
    ];
    const made = tree();
    let finish: (result: { steps: ConnectionTestStep[] }) => void = () => undefined;
    const test = stage().tests.follow(
      connection,
      new Promise<{ steps: typeof steps }>((resolve) => (finish = resolve)),
    );
    assert.equal((await rows(made))[0]?.children[0]?.icon, 'loading~spin');
    finish({ steps });
    await test;
    const [tested] = (await rows(made))[0]?.children ?? [];
    assert.equal(tested?.label, 'Test failed: Network (TCP)');
    assert.deepEqual(
      tested?.children.map(({ icon }) => icon),
      ['check', 'error', 'dash'],
    );
    const fixes = tested?.children[1]?.children ?? [];
    assert.equal(fixes[0]?.label, 'Nothing listens on localhost:27017.');
    const commands = fixes.flatMap(({ command }) => command ?? []);
    assert.deepEqual(commands, ['migratory.testConnection', 'migratory.editConnection']);
    // Another database is another target: what was tested says nothing about it.
    await stage().connections.switchDatabase(connection.id, 'crm');
    assert.deepEqual((await rows(made))[0]?.children, []);
    made.dispose();
  });
});

describe('ten thousand migrations', () => {
  const stage = useStageOfStores();
  const count = 10_000;
  const nameOf = (index: number): string => `${String(index).padStart(14, '0')}-m.js`;
  const text = new TextEncoder().encode('module.exports = { async up() {}, async down() {} };\n');

  it('are read once, and afterwards only the ones that were written', async function () {
    this.timeout(60_000);
    const asked = { stat: 0, readFile: 0, readDirectory: 0 };
    let written = 1;
    const disk: FileReader = {
      stat: async ({ fsPath }) => {
        asked.stat++;
        const mtime = fsPath.endsWith(nameOf(7)) ? written : 1;
        return { type: vscode.FileType.File, ctime: 0, mtime, size: text.length };
      },
      readFile: async () => {
        asked.readFile++;
        return text;
      },
      readDirectory: async () => {
        asked.readDirectory++;
        return Array.from({ length: count }, (_, index) => [nameOf(index), vscode.FileType.File]);
      },
    };
    const outlines = new OutlineStore(disk);
    await outlines.setPlaces({ folders: ['/nowhere/migrations'], recursive: false });
    assert.equal(outlines.files.length, count);
    assert.deepEqual(asked, { stat: count, readFile: count, readDirectory: 1 });
    const before = outlines.files;
    await outlines.refresh();
    assert.equal(asked.readFile, count);
    assert.equal(outlines.files, before, 'nothing has changed, so nobody has to look again');
    written = 2;
    await outlines.refresh();
    assert.equal(asked.readFile, count + 1);
    outlines.dispose();
  });

  it('are looked at once for each picture, and only what changed is drawn anew', async function () {
    this.timeout(60_000);
    const statuses = Array.from({ length: count }, (_, index) =>
      migration({ name: nameOf(index), file: `/m/${nameOf(index)}` }),
    );
    stage().answer(statuses);
    let shown = 0;
    const { filter } = stage();
    const shows = filter.shows.bind(filter);
    filter.shows = (row) => {
      shown++;
      return shows(row);
    };
    const tree = stage().migrations();
    const fired: (MigrationsNode[] | undefined)[] = [];
    tree.onDidChangeTreeData((nodes) => fired.push(nodes));
    const nodes = await tree.getChildren();
    assert.equal(nodes.length, count);
    assert.equal(shown, count);

    tree.refresh();
    assert.equal(shown, 2 * count);
    assert.deepEqual(fired, [], 'nothing has changed, yet it is drawn anew');

    const at = new Date().toISOString();
    const steps = [step({ name: nameOf(5000), startedAt: at, processed: 1, total: 4 })];
    stage().runs.putDocuments([run({ steps, startedAt: at, heartbeatAt: at })]);
    await until('the tree to be told', () => fired.length > 0 || undefined);
    assert.deepEqual(fired, [[nodes[5000]]]);
    assert.equal(shown, 3 * count);

    // One row more: the editor asks for all rows, which have been made already.
    stage().answer([...statuses, migration({ name: 'last', file: '/m/last.js' })]);
    await until('the tree to be told again', () => fired.length > 1 || undefined);
    assert.equal(fired[1], undefined);
    const after = await tree.getChildren();
    assert.equal(after.length, count + 1);
    assert.equal(after[0], nodes[0], 'a row lost its identity');
    assert.equal(shown, 4 * count + 1);
    tree.dispose();
  });
});

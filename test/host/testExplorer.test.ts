// Migrations in the Test Explorer: run by the editor's own commands; what came of each test is what the extension
// reports to the editor.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { extension, migrationsDir, newestRun, until, useStage } from './support';

interface Outcome {
  state: 'passed' | 'failed' | 'errored' | 'skipped';
  message?: vscode.TestMessage;
}

/** Hears what is reported to the editor about each test, while it reaches the editor all the same. */
class Ear {
  readonly outcomes = new Map<string, Outcome>();
  output = '';
  ended = 0;
  readonly #restore: () => void;

  constructor(controller: vscode.TestController) {
    const create = controller.createTestRun.bind(controller);
    controller.createTestRun = (...args: Parameters<typeof create>) => this.#overhear(create(...args));
    this.#restore = () => (controller.createTestRun = create);
  }

  leave(): void {
    this.#restore();
  }

  #overhear(run: vscode.TestRun): vscode.TestRun {
    const note = (item: vscode.TestItem, outcome: Outcome): void => {
      this.outcomes.set(`${item.parent?.label ?? ''} ${item.label}`, outcome);
    };
    return new Proxy(run, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const [item, message] = args as [vscode.TestItem, vscode.TestMessage];
          if (name === 'passed' || name === 'skipped') note(item, { state: name });
          if (name === 'failed' || name === 'errored') note(item, { state: name, message });
          if (name === 'appendOutput') this.output += args[0] as string;
          if (name === 'end') this.ended += 1;
          return (value as (...rest: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  }
}

describe('the Test Explorer', () => {
  const stage = useStage();
  let ear: Ear;
  let controller: vscode.TestController;
  /** A file of each test's own: what was known of the one before is no answer. */
  let good: string;
  let count = 0;

  beforeEach(async () => {
    good = `2999010500000${count++}-explored.js`;
    ({ controller } = (await extension()).tests);
    ear = new Ear(controller);
  });
  afterEach(() => ear.leave());

  const item = (file: string): Promise<vscode.TestItem> =>
    until(`the test of ${file}`, () => {
      let found: vscode.TestItem | undefined;
      controller.items.forEach((one) => {
        if (one.uri?.fsPath.endsWith(file)) found = one;
      });
      return found;
    });

  /** Runs the tests of one file as somebody does who runs all tests of the open file. */
  async function runFile(file: string): Promise<void> {
    const uri = vscode.Uri.joinPath(vscode.Uri.file(migrationsDir), file);
    await vscode.window.showTextDocument(uri);
    const before = ear.ended;
    // The editor hears of new tests a moment after the extension has listed them; before that it runs none.
    await until('the end of the run', async () => {
      await vscode.commands.executeCommand('testing.runCurrentFile');
      return ear.ended > before || undefined;
    });
  }

  async function open(): Promise<void> {
    await vscode.commands.executeCommand('workbench.view.testing.focus');
  }

  it('lists each migration with its three tests, where it stands in its file', async () => {
    await stage.write(
      good,
      `// two of them\nmodule.exports = [\n  { name: 'one-${good}', async up() {} },\n  { name: 'two-${good}', async up() {} },\n];\n`,
    );
    await open();
    await item(good);
    const found = [...controller.items].map(([, one]) => one).filter(({ label }) => label.endsWith(good));
    assert.deepEqual(
      found.map(({ label }) => label),
      [`one-${good}`, `two-${good}`],
    );
    assert.deepEqual(
      found.map(({ range }) => range?.start.line),
      [2, 3],
    );
    assert.deepEqual(
      [...found[0]!.children].map(([, child]) => child.label),
      ['up', 'up again', 'down'],
    );
  });

  it('rehearses a migration: all three pass, and nothing is written', async () => {
    await stage.db.collection<{ _id: number }>('things').insertMany([{ _id: 1 }, { _id: 2 }]);
    await stage.write(
      good,
      `module.exports = {
  async up(db) { await db.collection('things').updateMany({}, { $set: { seen: true } }); },
  async down(db) { await db.collection('things').updateMany({}, { $unset: { seen: '' } }); },
};\n`,
    );
    await open();
    await item(good);
    await runFile(good);
    for (const part of ['up', 'up again', 'down']) {
      assert.deepEqual(ear.outcomes.get(`${good} ${part}`), { state: 'passed' }, ear.output);
    }
    assert.match(ear.output, /rehearsed on 2 of 2 documents/);
    assert.deepEqual(await stage.db.collection('things').findOne({ seen: true }), null);
    assert.equal((await newestRun(stage.db))?.mode, 'dry-run');
    assert.deepEqual(stage.person.asked, []);
    assert.ok(!(await stage.applied()).includes(good));
  });

  it('says where a migration fails, and marks its results as stale when the file changes', async () => {
    const text = `module.exports = {\n  async up() {\n    null.total;\n  },\n  async down() {},\n};\n`;
    const path = await stage.write(good, text);
    await open();
    await item(good);
    await runFile(good);
    const up = ear.outcomes.get(`${good} up`);
    assert.equal(up?.state, 'failed');
    assert.match(up?.message?.message as string, /Cannot read properties of null/);
    assert.equal(up?.message?.location?.uri.fsPath, path);
    assert.equal(up?.message?.location?.range.start.line, 2);
    assert.equal(ear.outcomes.get(`${good} down`)?.state, 'skipped');

    const stale: vscode.TestItem[] = [];
    const invalidate = controller.invalidateTestResults.bind(controller);
    controller.invalidateTestResults = (items) => {
      stale.push(
        ...(Array.isArray(items) ? (items as vscode.TestItem[]) : items ? [items as vscode.TestItem] : []),
      );
      invalidate(items);
    };
    try {
      await writeFile(path, `// another text\n${text}`);
      await until('stale results', () => stale.some(({ label }) => label === good) || undefined);
      assert.equal((await item(good)).range?.start.line, 1);
    } finally {
      controller.invalidateTestResults = invalidate;
    }
  });

  it('finds what does not lead back and what cannot be repeated', async () => {
    await stage.write(
      good,
      `module.exports = {
  async up(db) { await db.collection('things').insertOne({ at: 1 }); },
  async down() {},
};\n`,
    );
    await open();
    await item(good);
    await runFile(good);
    assert.equal(ear.outcomes.get(`${good} up`)?.state, 'passed', ear.output);
    assert.equal(ear.outcomes.get(`${good} up again`)?.state, 'failed');
    assert.equal(ear.outcomes.get(`${good} down`)?.state, 'failed');
  });

  it('stops when it is cancelled', async () => {
    await stage.write(
      good,
      `module.exports = {
  async up(db) { for (;;) await db.collection('things').findOne({}); },
  async down() {},
};\n`,
    );
    await open();
    await item(good);
    const ended = runFile(good);
    await until('its run', async () => (await newestRun(stage.db)) ?? undefined);
    await vscode.commands.executeCommand('testing.cancelRun');
    await ended;
    assert.deepEqual(
      ['up', 'up again', 'down'].map((part) => ear.outcomes.get(`${good} ${part}`)?.state),
      ['skipped', 'skipped', 'skipped'],
    );
    await until(
      'the end of the dry run',
      async () => (await newestRun(stage.db))?.state === 'cancelled' || undefined,
    );
  });

  it('has nothing to run in Restricted Mode', async () => {
    await stage.write(good, `module.exports = { async up() {} };\n`);
    await open();
    await item(good);
    const before = Object.getOwnPropertyDescriptor(vscode.workspace, 'isTrusted')!;
    Object.defineProperty(vscode.workspace, 'isTrusted', { configurable: true, get: () => false });
    try {
      await vscode.commands.executeCommand('testing.refreshTests');
      await until('no tests', () => controller.items.size === 0 || undefined);
    } finally {
      Object.defineProperty(vscode.workspace, 'isTrusted', before);
    }
    await vscode.commands.executeCommand('testing.refreshTests');
    await item(good);
  });
});

// What the tests in the extension host share: the extension's own view of itself, people's answers to dialogs,
// and a database of each test's own. What came of a test is asked of MongoDB with a client of the test's own.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient, type Db } from 'mongodb';
import * as vscode from 'vscode';
import type { RunDocument } from '../../src/protocol/run';
import type { Exports } from '../../src/vscode/extension';
import type { ConnectionNode } from '../../src/vscode/tree/connectionsTree';
import { hostState } from '../../tools/vscode/hostState';

export const state = hostState();
export const migrationsDir = join(state.workspace, 'migrations');

/** Every command that was executed since the tests began. */
export const executed = new Set<string>();
const { executeCommand } = vscode.commands;
Object.defineProperty(vscode.commands, 'executeCommand', {
  configurable: true,
  writable: true,
  value: (id: string, ...args: unknown[]) => {
    executed.add(id);
    return executeCommand(id, ...args);
  },
});

export async function extension(): Promise<Exports> {
  const found = vscode.extensions.getExtension<Exports>('migratory.migratory');
  assert.ok(found, 'the extension is not installed');
  return found.activate();
}

/** Asks again until the answer is there; names what was missing when it never comes. */
export async function until<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 15_000; ;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A row of a tree as it is shown. */
export interface Row {
  label: string;
  description: string;
  icon: string;
  contextValue: string;
  command: string | undefined;
  children: Row[];
}

export async function rows<N extends object>(tree: vscode.TreeDataProvider<N>, parent?: N): Promise<Row[]> {
  const nodes = (await tree.getChildren(parent)) ?? [];
  return Promise.all(
    nodes.map(async (node) => {
      const item = await tree.getTreeItem(node);
      return {
        label: typeof item.label === 'string' ? item.label : (item.label?.label ?? ''),
        description: typeof item.description === 'string' ? item.description : '',
        icon: item.iconPath instanceof vscode.ThemeIcon ? item.iconPath.id : '',
        contextValue: item.contextValue ?? '',
        command: item.command?.command,
        children: await rows(tree, node),
      };
    }),
  );
}

/** The row of a migration once its state is the wanted one. */
export async function migrationRow(name: string, wanted: RegExp): Promise<Row> {
  const { trees } = await extension();
  let seen = '';
  try {
    return await until(`${name} to be ${wanted.source}`, async () => {
      const all = await rows(trees.migrations);
      seen = all.map(({ label, description }) => `${label}: ${description}`).join('; ');
      return all.find(({ label, description }) => label === name && wanted.test(description));
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}. The tree shows: ${seen}`, { cause: error });
  }
}

/** Our lenses of a file, without their icons. */
export async function lenses(file: string): Promise<{ title: string; command: vscode.Command }[]> {
  // The editor asks for lenses of open documents only.
  const { uri } = await vscode.workspace.openTextDocument(file);
  const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    uri,
    100,
  );
  return found.flatMap(({ command }) =>
    command && /^(migratory\.|workbench\.trust)/.test(command.command)
      ? [{ title: command.title.replace(/\$\([^)]*\)\s/, ''), command }]
      : [],
  );
}

/** Typed or picked: the button that leads to the question before. */
export const goBack = '<go back>';

/** A box or a list whose listeners are kept by the name of their event. */
function listening<O extends object>(events: Map<string, (value?: unknown) => void>, own: O): O {
  return new Proxy(Object.assign(own, { dispose: () => undefined }), {
    get(target, name) {
      if (typeof name === 'symbol' || !name.startsWith('onDid')) return Reflect.get(target, name) as unknown;
      return (listener: (value?: unknown) => void) => {
        events.set(name, listener);
        return { dispose: () => events.delete(name) };
      };
    },
  });
}

/** What a person answers to each kind of question; what was asked and said is kept. */
export class Person {
  readonly said: string[] = [];
  readonly asked: { message: string; detail: string; buttons: string[] }[] = [];
  /** Buttons to press in modal dialogs, texts to type and items to pick, in order. */
  presses: (string | undefined)[] = [];
  /** What else happens while a modal dialog is open. */
  meanwhile: (() => Promise<unknown>) | undefined;
  types: (string | undefined)[] = [];
  picks: ((items: readonly vscode.QuickPickItem[]) => unknown)[] = [];
  /** The boxes that were shown: what they asked, and what stood in them. */
  readonly seen: { title: string; prompt: string; value: string }[] = [];
  readonly #restore: (() => void)[] = [];

  constructor() {
    const { window } = vscode;
    const say = async (message: string, ...rest: unknown[]): Promise<string | undefined> => {
      const [options] = rest as [{ modal?: boolean; detail?: string } | undefined];
      const buttons = rest.filter((item): item is string => typeof item === 'string');
      if (typeof options !== 'object' || options.modal !== true) {
        this.said.push(message);
        return undefined;
      }
      this.asked.push({ message, detail: options.detail ?? '', buttons });
      assert.ok(this.presses.length > 0, `Nobody expected the question "${message}"`);
      await this.meanwhile?.();
      return this.presses.shift();
    };
    this.#replace(window, 'showInformationMessage', say);
    this.#replace(window, 'showWarningMessage', say);
    this.#replace(window, 'showErrorMessage', say);
    this.#replace(window, 'showInputBox', async (options?: vscode.InputBoxOptions) => {
      assert.ok(this.types.length > 0, `Nobody expected to be asked "${options?.prompt}"`);
      const typed = this.types.shift();
      const problem = typed === undefined ? undefined : await options?.validateInput?.(typed);
      return problem ? undefined : typed;
    });
    this.#replace(window, 'showQuickPick', async (items: unknown) => {
      const pick = this.picks.shift();
      assert.ok(pick, 'Nobody expected to pick something');
      return pick((await items) as vscode.QuickPickItem[]);
    });
    this.#replace(window, 'createInputBox', () => this.#inputBox());
    this.#replace(window, 'createQuickPick', () => this.#quickPick());
  }

  /** Types the next text and presses Enter; what the box does not take is left with Escape. */
  #inputBox(): vscode.InputBox {
    const events = new Map<string, (value?: unknown) => void>();
    const box = listening(events, {
      value: '',
      buttons: [] as vscode.QuickInputButton[],
      validationMessage: undefined as string | undefined,
      show: () => {
        if (this.types.length === 0) throw new Error(`Nobody expected to be asked "${box.prompt}"`);
        this.seen.push({ title: String(box.title), prompt: box.prompt ?? '', value: box.value });
        const typed = this.types.shift();
        if (typed === goBack) return events.get('onDidTriggerButton')?.(box.buttons[0]);
        if (typed === undefined) return events.get('onDidHide')?.();
        box.value = typed;
        events.get('onDidChangeValue')?.(typed);
        if (box.validationMessage !== undefined) return events.get('onDidHide')?.();
        events.get('onDidAccept')?.();
      },
    }) as unknown as vscode.InputBox;
    return box;
  }

  #quickPick(): vscode.QuickPick<vscode.QuickPickItem> {
    const events = new Map<string, (value?: unknown) => void>();
    const list = listening(events, {
      items: [] as vscode.QuickPickItem[],
      selectedItems: [] as vscode.QuickPickItem[],
      buttons: [] as vscode.QuickInputButton[],
      show: () => {
        const pick = this.picks.shift();
        if (!pick) throw new Error(`Nobody expected to pick "${list.placeholder}"`);
        const picked = pick(list.items);
        if (picked === goBack) return events.get('onDidTriggerButton')?.(list.buttons[0]);
        if (picked === undefined) return events.get('onDidHide')?.();
        Object.assign(list, { selectedItems: Array.isArray(picked) ? picked : [picked] });
        events.get('onDidAccept')?.();
      },
    }) as unknown as vscode.QuickPick<vscode.QuickPickItem>;
    return list;
  }

  leave(): void {
    for (const restore of this.#restore) restore();
  }

  #replace<O extends object>(owner: O, name: keyof O, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(owner, name);
    Object.defineProperty(owner, name, { configurable: true, writable: true, value });
    this.#restore.push(() => {
      if (before) Object.defineProperty(owner, name, before);
    });
  }
}

export interface Stage {
  person: Person;
  db: Db;
  /** Id of the selected connection, which leads to `db`. */
  connection: string;
  /** Writes a migration; the file's path. */
  write(name: string, text: string): Promise<string>;
  applied(): Promise<string[]>;
}

/** A stage with a database of its own, whose connection is added as a person adds it, and selected. */
export function useStage(marks: readonly ('Production' | 'Read-only')[] = []): Stage {
  let client: MongoClient;
  const written: string[] = [];
  const stage = {
    async write(name: string, text: string) {
      const file = join(migrationsDir, name);
      await mkdir(migrationsDir, { recursive: true });
      await writeFile(file, text);
      written.push(file);
      return file;
    },
    async applied() {
      const ledger = await stage.db.collection('_migrations').find().sort({ appliedAt: 1 }).toArray();
      return ledger.map(({ name }) => name as string);
    },
  } as Stage;

  beforeEach(async () => {
    await extension();
    client = await MongoClient.connect(state.uri);
    stage.db = client.db(`host_${randomBytes(4).toString('hex')}`);
    stage.person = new Person();
    stage.connection = await connect(stage.person, state.uri, stage.db.databaseName, marks);
  });
  afterEach(async () => {
    stage.person.leave();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await Promise.all(written.splice(0).map((file) => rm(file, { force: true })));
    await stage.db.dropDatabase();
    await client.close();
  });
  return stage;
}

/** Adds a connection through the form and selects it; its id. */
export async function connect(
  person: Person,
  uri: string,
  database: string,
  marks: readonly string[] = [],
): Promise<string> {
  const name = `connection ${database} ${randomBytes(2).toString('hex')}`;
  person.types.push(uri, database, name);
  person.picks.push((items) => items.filter(({ label }) => marks.includes(label)));
  await vscode.commands.executeCommand('migratory.addConnection');
  const { trees } = await extension();
  const nodes = trees.connections.tops() as ConnectionNode[];
  const id = nodes.find(({ connection }) => connection.name === name)?.connection.id;
  assert.ok(id, `The connection was not added: ${person.said.join('; ')}`);
  await vscode.commands.executeCommand('migratory.selectConnection', id);
  return id;
}

/** Presses the lens of this title in a file, once it is there. */
export async function pressLens(file: string, title: string, place = 0): Promise<unknown> {
  const { command } = await until(
    `the lens ${title}`,
    async () => (await lenses(file)).filter((lens) => lens.title === title)[place],
  );
  return vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
}

/** The newest run of the extension on this database. */
export async function newestRun(db: Db): Promise<RunDocument | undefined> {
  const { runs } = await extension();
  return runs.list().find(({ database }) => database === db.databaseName);
}

// Migrations in the Test Explorer: each with the three parts of its dry run (up, up again, down). The tree is made when
// somebody opens it and follows the files from then on; testRun.ts runs what is asked for.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Outline, OutlineEntry } from '../migration/outline';
import { Throttle } from './event';
import type { MigrationRef } from './lensModel';
import type { OutlinedFile } from './rows';
import { outlineRows, rowOf } from './rows';
import type { Services } from './services';
import type { Part } from './testRun';
import { parts, rehearse } from './testRun';

const t = vscode.l10n.t;

/** Files are read for the places of their migrations, so many at once. */
const readAtOnce = 16;
const followEveryMs = 300;

export class TestExplorer {
  /** Ids of its items: `FILE#INDEX` of a migration, `FILE#INDEX/PART` of its parts. */
  readonly controller = vscode.tests.createTestController('migratory', 'Migratory');
  readonly #refs = new WeakMap<vscode.TestItem, MigrationRef>();
  readonly #ranges = new WeakMap<Outline, vscode.Range[]>();
  readonly #follow = new Throttle(() => void this.#update(), followEveryMs);
  readonly #subscriptions: vscode.Disposable[] = [];
  #seen = new Map<string, Outline>();
  #shown: readonly OutlinedFile[] | undefined;
  #updating: Promise<void> = Promise.resolve();

  constructor(private readonly services: Services) {
    this.controller.createRunProfile(
      t('Dry run'),
      vscode.TestRunProfileKind.Run,
      (request, token) => this.#run(request, token),
      true,
    );
    // Asked once, when the Testing view is opened: until then nothing is made.
    this.controller.resolveHandler = async () => {
      this.controller.resolveHandler = undefined;
      this.#subscriptions.push(
        services.store.onDidChange(() => this.#follow.request()),
        vscode.workspace.onDidGrantWorkspaceTrust(() => this.#follow.request()),
      );
      await services.outlines.ready;
      await this.#update();
    };
    this.controller.refreshHandler = async () => {
      await services.outlines.refresh();
      await this.#update();
    };
  }

  /** Which migration a test is of; undefined for a file that cannot be read. */
  refOf(item: vscode.TestItem): MigrationRef | undefined {
    return this.#refs.get(item.parent ?? item);
  }

  dispose(): void {
    this.#follow.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.controller.dispose();
  }

  async #run(request: vscode.TestRunRequest, token: vscode.CancellationToken): Promise<void> {
    if (this.controller.items.size === 0) await this.#update();
    const run = this.controller.createTestRun(request);
    await rehearse({ run, chosen: chosenParts(request, this.controller.items), token }, this, this.services);
  }

  /** One update after another, each with what is known when it begins. */
  #update(): Promise<void> {
    this.#updating = this.#updating
      .then(() => this.#replaceItems())
      .catch((error: Error) => {
        this.services.log.error('The tests could not be listed', error);
      });
    return this.#updating;
  }

  async #replaceItems(): Promise<void> {
    // Migrations are code; where nothing may run, there is nothing to test either.
    const files = vscode.workspace.isTrusted ? this.services.outlines.files : [];
    const named = files.every(({ outline }) => outline.entries.every(({ name }) => name !== null));
    // States change all the time while something runs; only computed names depend on them.
    if (files === this.#shown && named) return;
    this.#shown = files;
    for (let start = 0; start < files.length; start += readAtOnce) {
      await Promise.all(files.slice(start, start + readAtOnce).map((file) => this.#locate(file)));
    }
    const changed: vscode.TestItem[] = [];
    const items = files.flatMap((file, place) => {
      const before = this.#seen.get(file.file);
      const made = this.#itemsOf(file, place);
      if (before && before !== file.outline) changed.push(...made);
      return made;
    });
    this.controller.items.replace(items);
    // What was found for the former text says nothing about this one.
    if (changed.length > 0) this.controller.invalidateTestResults(changed);
    this.#seen = new Map(files.map(({ file, outline }) => [file, outline]));
  }

  #itemsOf(file: OutlinedFile, place: number): vscode.TestItem[] {
    const { outline } = file;
    const sort = String(place).padStart(6, '0');
    if (outline.error && outline.entries.length === 0) return [unreadable(this.controller, file, sort)];
    const { rows } = this.services.store.of(this.services.connections.ofFile(file.file));
    return outlineRows(file).map((shown, position) => {
      const entry = outline.entries[position] as OutlineEntry;
      const name = rowOf(rows, file.file, entry)?.name ?? shown.name;
      const range = this.#ranges.get(outline)?.[position];
      const item = this.#itemOf(`${file.file}#${entry.index}`, name, file.file, range);
      item.sortText = `${sort}-${String(entry.index).padStart(4, '0')}`;
      this.#refs.set(item, { name, file: file.file, index: entry.index });
      return item;
    });
  }

  /** The item that is there already keeps its results. */
  #itemOf(id: string, label: string, file: string, range: vscode.Range | undefined): vscode.TestItem {
    const there = this.controller.items.get(id);
    const item = there ?? this.controller.createTestItem(id, label, vscode.Uri.file(file));
    if (item.label !== label) item.label = label;
    if (!range) return item;
    item.range = range;
    if (!there) item.children.replace(parts.map((part) => this.#partItem(item, part)));
    item.children.forEach((child) => (child.range = range));
    return item;
  }

  #partItem(item: vscode.TestItem, part: Part): vscode.TestItem {
    const labels: Record<Part, string> = { up: t('up'), again: t('up again'), down: t('down') };
    const child = this.controller.createTestItem(`${item.id}/${part}`, labels[part], item.uri);
    child.sortText = String(parts.indexOf(part));
    return child;
  }

  /** The outline knows offsets; the explorer wants lines. */
  async #locate({ file, outline }: OutlinedFile): Promise<void> {
    if (this.#ranges.has(outline) || outline.entries.length === 0) return;
    const text = await vscode.workspace.fs.readFile(vscode.Uri.file(file)).then(
      (bytes) => new TextDecoder().decode(bytes),
      // Gone meanwhile: the next update is without it.
      () => '',
    );
    const at = positions(text);
    this.#ranges.set(
      outline,
      outline.entries.map(({ start, end }) => new vscode.Range(at(start), at(end))),
    );
  }
}

function unreadable(
  controller: vscode.TestController,
  { file, outline }: OutlinedFile,
  sort: string,
): vscode.TestItem {
  const item = controller.createTestItem(file, basename(file), vscode.Uri.file(file));
  item.error = outline.error?.message;
  item.sortText = sort;
  return item;
}

/** From an offset to a position, by one look at the text for all of them. */
function positions(text: string): (offset: number) => vscode.Position {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    const after = starts.findIndex((start) => start > offset);
    const line = (after === -1 ? starts.length : after) - 1;
    return new vscode.Position(line, offset - (starts[line] ?? 0));
  };
}

/** The migrations that are asked for, each with its parts to tell about; in the order of the explorer. */
export function chosenParts(
  { include, exclude }: Pick<vscode.TestRunRequest, 'include' | 'exclude'>,
  all: vscode.TestItemCollection,
): Map<vscode.TestItem, vscode.TestItem[]> {
  const asked = include ?? [...all].map(([, item]) => item);
  const excluded = new Set(exclude ?? []);
  const chosen = new Map<vscode.TestItem, vscode.TestItem[]>();
  for (const item of asked) {
    const migration = item.parent ?? item;
    if (excluded.has(item) || excluded.has(migration)) continue;
    const tests = item.parent ? [item] : [...item.children].map(([, child]) => child);
    const kept = tests.filter((test) => !excluded.has(test));
    const before = chosen.get(migration) ?? [];
    chosen.set(migration, [...before, ...kept.filter((test) => !before.includes(test))]);
  }
  return new Map([...chosen].sort(([a], [b]) => (a.sortText ?? '').localeCompare(b.sortText ?? '')));
}

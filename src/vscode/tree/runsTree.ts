// The view "Runs": the history of the selected database out of its run documents, newest first, also of runs that
// others started, live. What can be done with a run is what can be done with its migrations.
import * as vscode from 'vscode';
import type { RunDocument, RunStep } from '../../protocol/run';
import { shownRuns } from '../../protocol/runner';
import type { Action, MigrationRef } from '../lensModel';
import { waysOf } from '../lensModel';
import type { MigrationStore } from '../migrationStore';
import type { MigrationRow } from '../rows';
import type { RunStore } from '../runs';
import { resumableRuns } from '../runs';
import { checkNode, errorNode } from './migrationDetails';
import type { NoticeNode } from './nodes';
import { looksSame, NodeCache, noticeItem } from './nodes';
import { describeRun, runItem, stepItem } from './runItem';

export interface RunNode {
  type: 'run';
  id: string;
  run: RunDocument;
  state: string;
  /** It ended before its work was done and can be gone on with. */
  resumable: boolean;
  /** Its migrations that are still there, and what can be done with them now. */
  refs: MigrationRef[];
  ways: Action[];
}
export interface StepNode {
  type: 'step';
  id: string;
  run: string;
  step: RunStep;
  refs: MigrationRef[];
  ways: Action[];
}
export type RunsNode = RunNode | StepNode | NoticeNode;

const t = vscode.l10n.t;

export class RunsTree implements vscode.TreeDataProvider<RunsNode> {
  readonly #nodes = new NodeCache<RunsNode>(isSame);
  readonly #parents = new WeakMap<RunsNode, RunsNode>();
  readonly #changed = new vscode.EventEmitter<RunsNode[] | undefined>();
  readonly #subscription;
  #rows: { of: readonly MigrationRow[]; byName: ReadonlyMap<string, MigrationRow> } | undefined;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(
    private readonly store: MigrationStore,
    private readonly runs: RunStore,
  ) {
    this.#subscription = store.onDidChange(() => this.refresh());
  }

  refresh(): void {
    const changed = this.#nodes.update(this.#build());
    if (changed === undefined) this.#changed.fire(undefined);
    else if (changed.length > 0) this.#changed.fire(changed);
  }

  getChildren(node?: RunsNode): RunsNode[] {
    if (!node) {
      this.#nodes.update(this.#build());
      return this.#nodes.all;
    }
    const children = this.#childrenOf(node);
    for (const child of children) this.#parents.set(child, node);
    return children;
  }

  getParent(node: RunsNode): RunsNode | undefined {
    return this.#parents.get(node);
  }

  getTreeItem(node: RunsNode): vscode.TreeItem {
    if (node.type === 'notice') return noticeItem(node);
    return node.type === 'run' ? runItem(node) : stepItem(node, detailsOf(node.id, node.step).length > 0);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }

  /** A run of one migration has no row for it of its own. */
  #childrenOf(node: RunsNode): RunsNode[] {
    if (node.type === 'notice') return node.children ?? [];
    if (node.type === 'step') return detailsOf(node.id, node.step);
    const { run, id } = node;
    const [only] = run.steps;
    if (run.steps.length === 1 && only) return [...ofRun(node), ...detailsOf(id, only)];
    const connection = this.store.connections.selected?.id;
    return [...ofRun(node), ...run.steps.map((step) => this.#step(node, step, connection))];
  }

  #step(node: RunNode, step: RunStep, connection: string | undefined): StepNode {
    const id = `${node.id}/${step.name}`;
    return { type: 'step', id, run: node.run._id, step, ...this.#offers([step], connection) };
  }

  #build(): RunsNode[] {
    const connection = this.store.connections.selected;
    if (!connection) return [];
    const now = Date.now();
    const runs = this.runs.list(this.store.targetOf(connection));
    const resumable = resumableRuns(runs);
    const nodes = runs.map((run): RunNode => ({
      type: 'run',
      id: `run:${run._id}`,
      run,
      state: describeRun(run, now),
      resumable: resumable.has(run._id),
      ...this.#offers(run.steps, connection.id),
    }));
    return runs.length < shownRuns ? nodes : [...nodes, olderNode()];
  }

  #offers(
    steps: readonly RunStep[],
    connection: string | undefined,
  ): { refs: MigrationRef[]; ways: Action[] } {
    const byName = this.#byName();
    const rows = steps.flatMap(({ name }) => byName.get(name) ?? []);
    const refs = rows.map(({ name, file, index }) => ({ name, file, index, connection }));
    return { refs, ways: [...new Set(rows.flatMap(waysOf))] };
  }

  #byName(): ReadonlyMap<string, MigrationRow> {
    const { rows } = this.store.of(this.store.connections.selected);
    if (this.#rows?.of !== rows) {
      this.#rows = { of: rows, byName: new Map(rows.map((row) => [row.name, row])) };
    }
    return this.#rows.byName;
  }
}

function isSame(before: RunsNode, after: RunsNode): boolean {
  if (before.type !== 'run' || after.type !== 'run') return looksSame(before, after);
  const same = before.state === after.state && before.resumable === after.resumable;
  if (!same || before.ways.join() !== after.ways.join()) return false;
  return before.run === after.run || looksSame(before.run, after.run);
}

/** What ended the run as a whole; the failures of its steps stand with them. */
function ofRun({ id, run }: RunNode): NoticeNode[] {
  const told = run.steps.some(({ error }) => error?.message === run.error?.message);
  return run.error && !told ? [errorNode(`${id}/error`, run.error, undefined)] : [];
}

/** Why a step failed; checks that passed are nothing to look for in a history. */
function detailsOf(id: string, { error, file, checks, verification }: RunStep): NoticeNode[] {
  const failed = [...checks, ...verification].filter(({ outcome }) => outcome === 'failed');
  return [
    ...(error ? [errorNode(`${id}/failure`, error, file)] : []),
    ...failed.map((check, index) => checkNode(`${id}/check:${index}`, check)),
  ];
}

/** Nothing is left out silently. */
function olderNode(): NoticeNode {
  return {
    type: 'notice',
    id: 'runs:older',
    label: t('The newest {0} runs of this database are read.', shownRuns),
    icon: new vscode.ThemeIcon('info'),
  };
}

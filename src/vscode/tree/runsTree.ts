// The view "Runs": the history of the selected database out of its run documents, newest first, also of runs that
// others started, live.
import * as vscode from 'vscode';
import type { RunDocument, RunState, RunStep } from '../../protocol/run';
import { Command } from '../manifest';
import type { MigrationStore } from '../migrationStore';
import { percentageOf } from '../rows';
import type { RunStore } from '../runs';
import { isOver, resumableRuns } from '../runs';
import { ago, duration, runPercentage, runStateWords, runTitle } from '../words';
import { NodeCache } from './nodes';

export interface RunNode {
  type: 'run';
  id: string;
  run: RunDocument;
  state: string;
  /** It ended before its work was done and can be gone on with. */
  resumable: boolean;
}
export interface StepNode {
  type: 'step';
  id: string;
  run: string;
  step: RunStep;
}
export type RunsNode = RunNode | StepNode;

const t = vscode.l10n.t;

export class RunsTree implements vscode.TreeDataProvider<RunsNode> {
  readonly #nodes = new NodeCache<RunNode>();
  readonly #parents = new WeakMap<StepNode, RunNode>();
  readonly #changed = new vscode.EventEmitter<RunsNode[] | undefined>();
  readonly #subscription;

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
    if (node.type === 'step') return [];
    return node.run.steps.map((step) => {
      const child: StepNode = { type: 'step', id: `${node.id}/${step.name}`, run: node.run._id, step };
      this.#parents.set(child, node);
      return child;
    });
  }

  getParent(node: RunsNode): RunsNode | undefined {
    return node.type === 'step' ? this.#parents.get(node) : undefined;
  }

  getTreeItem(node: RunsNode): vscode.TreeItem {
    return node.type === 'run' ? runItem(node) : stepItem(node);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changed.dispose();
  }

  #build(): RunNode[] {
    const connection = this.store.connections.selected;
    if (!connection) return [];
    const now = Date.now();
    const runs = this.runs.list(this.store.targetOf(connection));
    const resumable = resumableRuns(runs);
    return runs.map((run) => ({
      type: 'run',
      id: `run:${run._id}`,
      run,
      state: describeRun(run, now),
      resumable: resumable.has(run._id),
    }));
  }
}

function describeRun(run: RunDocument, now: number): string {
  const percentage = isOver(run) ? null : runPercentage(run);
  const parts = [runStateWords(run.state, t) + (percentage === null ? '' : ` ${percentage} %`)];
  parts.push(ago(run.startedAt, t, now));
  if (run.endedAt !== null) {
    parts.push(duration(new Date(run.endedAt).getTime() - new Date(run.startedAt).getTime()));
  }
  if (run.program !== 'vscode') parts.push(t('by {0} on {1}', run.program, run.host));
  return parts.join(' · ');
}

function runItem({ id, run, state, resumable }: RunNode): vscode.TreeItem {
  const item = new vscode.TreeItem(
    runTitle(run, t),
    run.steps.length > 1 ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None,
  );
  item.id = id;
  item.description = state;
  item.iconPath = runIcon(run.state);
  item.tooltip = [
    runTitle(run, t),
    state,
    run.target,
    ...(run.error ? [run.error.message] : []),
    ...run.steps.flatMap(({ error }) => (error ? [error.message] : [])),
  ].join('\n');
  item.contextValue = runContextValue(run, resumable);
  item.accessibilityInformation = { label: `${runTitle(run, t)}, ${state}` };
  item.command = { command: Command.showRun, title: t('Show Run'), arguments: [{ run: run._id }] };
  return item;
}

export function runContextValue(run: RunDocument, resumable: boolean): string {
  const flags = resumable ? ['run', 'resume'] : ['run'];
  if (!isOver(run)) {
    flags.push('cancel');
    if (run.mode === 'up' || run.mode === 'down') flags.push(run.state === 'paused' ? 'resume' : 'pause');
  }
  return `;${flags.sort().join(';')};`;
}

function stepItem({ id, run, step }: StepNode): vscode.TreeItem {
  const item = new vscode.TreeItem(step.name);
  const percentage = step.endedAt === null ? percentageOf(step) : null;
  item.id = id;
  item.description = runStateWords(step.state, t) + (percentage === null ? '' : ` ${percentage} %`);
  item.tooltip = step.error?.message ?? step.activity ?? step.name;
  item.iconPath = runIcon(step.state);
  item.command = { command: Command.showRun, title: t('Show Run'), arguments: [{ run }] };
  return item;
}

function runIcon(state: RunState): vscode.ThemeIcon {
  const [icon, color] = runIcons[state];
  return new vscode.ThemeIcon(icon, color === undefined ? undefined : new vscode.ThemeColor(color));
}

const runIcons: Record<RunState, [icon: string, color?: string]> = {
  planned: ['clock'],
  checking: ['loading~spin'],
  running: ['loading~spin'],
  paused: ['debug-pause'],
  verifying: ['loading~spin'],
  applied: ['pass', 'testing.iconPassed'],
  failed: ['error', 'testing.iconFailed'],
  'rolling-back': ['loading~spin'],
  'rolled-back': ['discard'],
  conflicts: ['git-merge', 'list.warningForeground'],
  cancelled: ['circle-slash'],
  interrupted: ['debug-disconnect', 'list.warningForeground'],
};

// How a run and its steps look in their tree: icon, words, flags for the menus.
import * as vscode from 'vscode';
import type { RunDocument, RunState, RunStep } from '../../protocol/run';
import { Command } from '../manifest';
import { percentageOf } from '../rows';
import { isOver } from '../runs';
import { ago, duration, isUndone, runPercentage, runStateWords, runTitle } from '../words';
import type { RunNode, StepNode } from './runsTree';

const t = vscode.l10n.t;

export function describeRun(run: RunDocument, now: number): string {
  const percentage = isOver(run) ? null : runPercentage(run);
  const parts = [
    runStateWords(run.state, t, isUndone(run)) + (percentage === null ? '' : ` ${percentage} %`),
  ];
  parts.push(ago(run.startedAt, t, now));
  if (run.endedAt !== null) {
    parts.push(duration(new Date(run.endedAt).getTime() - new Date(run.startedAt).getTime()));
  }
  parts.push(...leftOver(run.steps));
  if (run.program !== 'vscode') parts.push(t('by {0} on {1}', run.program, run.host));
  return parts.join(' · ');
}

/** What somebody has to look at after the run. */
function leftOver(steps: readonly RunStep[]): string[] {
  const sum = (what: 'quarantined' | 'conflicts'): number =>
    steps.reduce((total, step) => total + step[what], 0);
  const quarantined = sum('quarantined');
  const conflicts = sum('conflicts');
  return [
    ...(quarantined > 0 ? [t('{0} quarantined', quarantined)] : []),
    ...(conflicts > 0 ? [t('{0} conflicts', conflicts)] : []),
  ];
}

export function runItem(node: RunNode): vscode.TreeItem {
  const { id, run, state } = node;
  const hasChildren = run.steps.length > 1 || run.error !== null || run.steps.some(hasTrouble);
  const { Collapsed, None } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(runTitle(run, t), hasChildren ? Collapsed : None);
  item.id = id;
  item.description = state;
  item.iconPath = runIcon(run.state, isUndone(run));
  item.tooltip = tooltipOf(node);
  item.contextValue = runContextValue(node);
  item.accessibilityInformation = { label: `${runTitle(run, t)}, ${state}` };
  item.command = showRun(run._id);
  return item;
}

function hasTrouble({ error, checks, verification }: RunStep): boolean {
  return error !== null || [...checks, ...verification].some(({ outcome }) => outcome === 'failed');
}

function tooltipOf({ run, state }: RunNode): string {
  return [
    runTitle(run, t),
    state,
    run.target,
    new Date(run.startedAt).toLocaleString(),
    t('started by {0} on {1}', run.program, run.host),
    ...(run.error ? [run.error.message] : []),
    ...run.steps.flatMap(({ error }) => (error ? [error.message] : [])),
  ].join('\n');
}

/** `;cancel;pause;shown;`: sorted flags that the menus look for. */
export function runContextValue({
  run,
  resumable,
  ways,
}: Pick<RunNode, 'run' | 'resumable' | 'ways'>): string {
  const flags: string[] = ['shown', ...ways];
  if (resumable) flags.push('resume');
  if (!isOver(run)) {
    flags.push('cancel');
    if (run.mode === 'up' || run.mode === 'down') flags.push(run.state === 'paused' ? 'resume' : 'pause');
  }
  return `;${flags.sort().join(';')};`;
}

export function stepItem({ id, run, step, ways }: StepNode, hasDetails: boolean): vscode.TreeItem {
  const { Collapsed, None } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(step.name, hasDetails ? Collapsed : None);
  const percentage = step.endedAt === null ? percentageOf(step) : null;
  const state =
    runStateWords(step.state, t, isUndone(step)) + (percentage === null ? '' : ` ${percentage} %`);
  item.id = id;
  item.description = [state, ...leftOver([step])].join(' · ');
  item.tooltip = step.error?.message ?? step.activity ?? step.name;
  item.iconPath = runIcon(step.state, isUndone(step));
  item.contextValue = `;${['shown', ...ways].sort().join(';')};`;
  item.accessibilityInformation = { label: `${step.name}, ${item.description}` };
  item.command = showRun(run);
  return item;
}

function showRun(run: string): vscode.Command {
  return { command: Command.showRun, title: t('Show Run'), arguments: [{ run }] };
}

function runIcon(state: RunState, undone: boolean): vscode.ThemeIcon {
  const [icon, color] = undone ? (['discard', 'testing.iconFailed'] as const) : runIcons[state];
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

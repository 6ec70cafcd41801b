// What stands below a migration in its tree: why it failed, its last runs, what their checks found, and the collections
// that it touches. Made when the row is opened.
import * as vscode from 'vscode';
import type { CollectionReport, DryRunReport } from '../../protocol/events';
import type { ErrorInfo } from '../../protocol/errors';
import type { CheckResult, RunDocument } from '../../protocol/run';
import { Command } from '../manifest';
import type { MigrationRow } from '../rows';
import type { LastRun } from '../runs';
import { ago, modeWords, dryRunWords, isUndone, runStateWords } from '../words';
import type { NoticeNode } from './nodes';

const t = vscode.l10n.t;

export interface Details {
  row: MigrationRow;
  /** The newest run that had to do with it. */
  last?: LastRun;
  /** What the newest dry run has shown, as long as it is known here. */
  report?: DryRunReport;
  /** As its text names them. */
  collections: readonly string[];
  now: number;
}

export function detailsOf(id: string, details: Details): NoticeNode[] {
  const { row, last, report, now } = details;
  const step = last?.step;
  const nodes = [
    ...errorNodes(id, row),
    ...(last ? [runNode(id, last.run, now, step?.error?.message)] : []),
    ...(row.lastDryRun && row.lastDryRun.run !== last?.run._id ? [dryRunNode(id, row, now)] : []),
    ...checkNodes(id, [...(step?.checks ?? []), ...(step?.verification ?? [])]),
    ...touchNodes(id, details.collections, report?.collections ?? []),
  ];
  return nodes.length > 0 ? nodes : [nothingNode(id)];
}

function errorNodes(id: string, { error, file }: MigrationRow): NoticeNode[] {
  return error ? [errorNode(`${id}/error`, error, file)] : [];
}

/** A failure that leads to the line where it arose. */
export function errorNode(id: string, error: ErrorInfo, file: string | undefined): NoticeNode {
  const place = error.file ?? file;
  return {
    type: 'notice',
    id,
    label: error.message,
    description: error.line === undefined ? undefined : t('line {0}', error.line),
    tooltip: error.message,
    icon: new vscode.ThemeIcon('error', new vscode.ThemeColor('list.errorForeground')),
    command: place === undefined ? undefined : openAt(place, error.line, error.column),
  };
}

function openAt(file: string, line: number | undefined, column: number | undefined): vscode.Command {
  return { command: Command.openMigration, title: t('Open'), arguments: [{ file, line, column }] };
}

function showRun(run: string): vscode.Command {
  return { command: Command.showRun, title: t('Show Run'), arguments: [{ run }] };
}

function runNode(id: string, run: RunDocument, now: number, problem: string | undefined): NoticeNode {
  return {
    type: 'notice',
    id: `${id}/run`,
    label: `${modeWords(run.mode, t)}: ${runStateWords(run.state, t, isUndone(run))}`,
    description: ago(run.startedAt, t, now),
    tooltip: problem,
    icon: new vscode.ThemeIcon('history'),
    command: showRun(run._id),
  };
}

function dryRunNode(id: string, { lastDryRun }: MigrationRow, now: number): NoticeNode {
  return {
    type: 'notice',
    id: `${id}/lastDryRun`,
    label: lastDryRun ? dryRunWords(lastDryRun, t, now) : '',
    icon: new vscode.ThemeIcon('beaker'),
    command: lastDryRun && showRun(lastDryRun.run),
  };
}

/** Those that failed one by one, those that passed behind one row: they are many, and mostly nobody asks. */
function checkNodes(id: string, checks: readonly CheckResult[]): NoticeNode[] {
  const of = (outcome: CheckResult['outcome']): NoticeNode[] =>
    checks
      .filter((check) => check.outcome === outcome)
      .map((check, index) => checkNode(`${id}/${outcome}:${index}`, check));
  const passed = of('passed');
  if (passed.length === 0) return of('failed');
  const summary: NoticeNode = {
    type: 'notice',
    id: `${id}/passed`,
    label: passed.length === 1 ? t('1 check passed') : t('{0} checks passed', passed.length),
    icon: new vscode.ThemeIcon('check', new vscode.ThemeColor('testing.iconPassed')),
    children: passed,
    collapsed: true,
  };
  return [...of('failed'), summary];
}

export function checkNode(id: string, check: CheckResult): NoticeNode {
  const [icon, color] =
    check.outcome === 'passed'
      ? ['check', 'testing.iconPassed']
      : check.severity === 'error'
        ? ['error', 'list.errorForeground']
        : ['warning', 'list.warningForeground'];
  return {
    type: 'notice',
    id,
    label: check.check,
    description: check.details,
    tooltip: [check.details, check.action].filter((text) => text !== undefined).join('\n'),
    icon: new vscode.ThemeIcon(icon, new vscode.ThemeColor(color)),
  };
}

/** What a dry run has seen comes first: it knows what the text only names, and what it computes. */
function touchNodes(id: string, named: readonly string[], seen: readonly CollectionReport[]): NoticeNode[] {
  const rehearsed = new Set(seen.map(({ collection }) => collection));
  return [
    ...seen.map((report) => touchNode(id, report.collection, seenWords(report))),
    ...named
      .filter((name) => !rehearsed.has(name))
      .map((name) => touchNode(id, name, t('named in its text'))),
  ];
}

function touchNode(id: string, collection: string, description: string): NoticeNode {
  return {
    type: 'notice',
    id: `${id}/touches:${collection}`,
    label: collection,
    description,
    tooltip: t('A collection that this migration touches: {0}', description),
    icon: new vscode.ThemeIcon('layers'),
  };
}

function seenWords({ changed, inserted, deleted, indexes, options }: CollectionReport): string {
  const parts = [
    ...(changed > 0 ? [t('{0} changed', changed.toLocaleString())] : []),
    ...(inserted > 0 ? [t('{0} inserted', inserted.toLocaleString())] : []),
    ...(deleted > 0 ? [t('{0} deleted', deleted.toLocaleString())] : []),
    ...indexes,
    ...options,
  ];
  return t('dry run: {0}', parts.length > 0 ? parts.join(', ') : t('only read'));
}

function nothingNode(id: string): NoticeNode {
  return {
    type: 'notice',
    id: `${id}/nothing`,
    label: t('Not run here yet, and its text names no collection'),
    icon: new vscode.ThemeIcon('info'),
  };
}

// The view "Migrations": one row per migration of the folder, in order, with its state against the selected
// connection; above them what went wrong, each with a way out.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { CheckResult, RunDocument } from '../../protocol/run';
import type { ConnectionInfo } from '../connections';
import { waysOf } from '../lensModel';
import type { MigrationRef } from '../lensModel';
import { Command } from '../manifest';
import type { MigrationStore } from '../migrationStore';
import type { Project } from '../project';
import type { FileProblem, MigrationRow, RowState } from '../rows';
import type { RunStore } from '../runs';
import { duration, runStateWords, modeWords, ago, stateWords } from '../words';
import type { TreeFilter } from './filter';
import type { NoticeNode } from './nodes';
import { failureNode, NodeCache, noticeItem, wayOut } from './nodes';

export interface MigrationNode {
  type: 'migration';
  id: string;
  row: MigrationRow;
  connection: ConnectionInfo | undefined;
  /** In words; also makes the node's face change with time. */
  state: string;
  details: NoticeNode[];
}
export type MigrationsNode = MigrationNode | NoticeNode;

const t = vscode.l10n.t;

export class MigrationsTree implements vscode.TreeDataProvider<MigrationsNode> {
  readonly #nodes = new NodeCache<MigrationsNode>();
  readonly #parents = new WeakMap<MigrationsNode, MigrationsNode>();
  readonly #changed = new vscode.EventEmitter<MigrationsNode[] | undefined>();
  readonly #subscriptions;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(
    private readonly store: MigrationStore,
    private readonly runs: RunStore,
    private readonly project: Project | undefined,
    private readonly filter: TreeFilter,
  ) {
    this.#subscriptions = [store, filter].map((source) => source.onDidChange(() => this.refresh()));
  }

  /** Looks again; only rows that have changed are drawn anew. */
  refresh(): void {
    const changed = this.#nodes.update(this.#build());
    if (changed === undefined) this.#changed.fire(undefined);
    else if (changed.length > 0) this.#changed.fire(changed);
  }

  getChildren(node?: MigrationsNode): MigrationsNode[] {
    if (!node) {
      this.#nodes.update(this.#build());
      return this.#nodes.all;
    }
    const children = node.type === 'migration' ? node.details : (node.children ?? []);
    for (const child of children) this.#parents.set(child, node);
    return children;
  }

  getParent(node: MigrationsNode): MigrationsNode | undefined {
    return this.#parents.get(node);
  }

  getTreeItem(node: MigrationsNode): vscode.TreeItem {
    return node.type === 'migration' ? migrationItem(node) : noticeItem(node);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  #build(): MigrationsNode[] {
    const connection = this.store.connections.selected;
    const { rows: all, problems } = this.store.of(connection);
    const rows = all.filter((row) => this.filter.shows(row));
    const now = Date.now();
    const lastRuns = connection ? this.runs.lastByMigration(this.store.targetOf(connection)) : undefined;
    return [
      ...this.#failures(connection),
      ...problems.map(problemNode),
      ...rows.map((row): MigrationNode => {
        const id = `migration:${row.name}:${row.file === undefined ? '' : basename(row.file)}#${row.index}`;
        const details = detailsOf(id, row, lastRuns?.get(row.name), now);
        return { type: 'migration', id, row, connection, state: stateWords(row, t, now), details };
      }),
    ];
  }

  #failures(connection: ConnectionInfo | undefined): NoticeNode[] {
    const failures: NoticeNode[] = [];
    if (this.project?.error) {
      const again = wayOut('failure:config/again', t('Refresh'), 'refresh', Command.refresh);
      failures.push(failureNode('failure:config', this.project.error, [again]));
    }
    const status = this.store.status(connection);
    if (connection && status?.state === 'failed' && status.error) {
      const id = `failure:${connection.id}`;
      failures.push(
        failureNode(id, status.error, [
          wayOut(`${id}/retry`, t('Retry'), 'refresh', Command.retryConnection, connection.id),
          wayOut(`${id}/test`, t('Test Connection'), 'pulse', Command.testConnection, connection.id),
          ...(connection.origin === 'own'
            ? [wayOut(`${id}/edit`, t('Edit Connection…'), 'edit', Command.editConnection, connection.id)]
            : []),
          wayOut(`${id}/other`, t('Select Connection'), 'plug', Command.selectConnection),
        ]),
      );
    }
    return failures;
  }
}

export function refOf({ row, connection }: Pick<MigrationNode, 'row' | 'connection'>): MigrationRef {
  return { name: row.name, file: row.file, index: row.index, connection: connection?.id };
}

/** The last run of a migration and what its checks found. */
function detailsOf(id: string, row: MigrationRow, last: RunDocument | undefined, now: number): NoticeNode[] {
  const step = last?.steps.find(({ name }) => name === row.name);
  if (!last || !step) return [];
  const checks = [...step.checks, ...step.verification].filter(({ outcome }) => outcome !== 'skipped');
  return [
    {
      type: 'notice',
      id: `${id}/run`,
      label: `${modeWords(last.mode, t)}: ${runStateWords(last.state, t)}`,
      description: ago(last.startedAt, t, now),
      tooltip: step.error?.message,
      icon: new vscode.ThemeIcon('history'),
      command: { command: Command.showRun, title: t('Show Run'), arguments: [{ run: last._id }] },
    },
    ...checks.map((check, index) => checkNode(`${id}/check:${index}`, check)),
  ];
}

function checkNode(id: string, check: CheckResult): NoticeNode {
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

function problemNode(problem: FileProblem): NoticeNode {
  const { file, message, line, column } = problem;
  const id = `problem:${file}:${message}`;
  return {
    type: 'notice',
    id,
    label: basename(file),
    description: message,
    tooltip: line === undefined ? `${file}\n${message}` : `${file}:${line}\n${message}`,
    icon: new vscode.ThemeIcon('error', new vscode.ThemeColor('list.errorForeground')),
    command: {
      command: Command.openMigration,
      title: t('Open'),
      arguments: [{ file, line, column }],
    },
    contextValue: ';problem;',
  };
}

function migrationItem({ id, row, connection, state, details }: MigrationNode): vscode.TreeItem {
  const item = new vscode.TreeItem(
    row.name,
    details.length > 0 ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None,
  );
  item.id = id;
  item.description = state;
  item.iconPath = iconOf(row);
  item.tooltip = tooltipOf(row, state, connection);
  item.contextValue = contextValueOf(row);
  item.accessibilityInformation = { label: `${row.name}, ${state}` };
  item.command = {
    command: row.file === undefined ? Command.compare : Command.openMigration,
    title: t('Open'),
    arguments: [refOf({ row, connection })],
  };
  return item;
}

/** `;dryRun;file;migration;run;validate;`: sorted flags that the menus look for. */
export function contextValueOf(row: MigrationRow): string {
  const flags: string[] = ['migration', ...waysOf(row)];
  if (row.file !== undefined) flags.push('file');
  if (!row.active && row.state === 'interrupted') flags.push('unfinished');
  if (row.active) flags.push(row.active.state === 'paused' ? 'paused' : 'active');
  return `;${flags.sort().join(';')};`;
}

const icons: Record<RowState, [icon: string, color?: string]> = {
  applied: ['pass', 'testing.iconPassed'],
  pending: ['circle-outline'],
  changed: ['warning', 'list.warningForeground'],
  missing: ['question', 'list.warningForeground'],
  'out-of-order': ['arrow-swap', 'list.warningForeground'],
  failed: ['error', 'testing.iconFailed'],
  interrupted: ['debug-disconnect', 'list.warningForeground'],
  running: ['loading~spin'],
  conflicts: ['git-merge', 'list.warningForeground'],
  'not-checked': ['dash'],
};

function iconOf(row: MigrationRow): vscode.ThemeIcon {
  const [icon, color] = row.active
    ? [row.active.state === 'paused' ? 'debug-pause' : 'loading~spin']
    : row.duplicate
      ? icons.failed
      : icons[row.state];
  return new vscode.ThemeIcon(icon, color === undefined ? undefined : new vscode.ThemeColor(color));
}

function tooltipOf(
  row: MigrationRow,
  state: string,
  connection: ConnectionInfo | undefined,
): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const line = (words: string): void => void text.appendText(words).appendMarkdown('\n\n');
  text.appendMarkdown('**').appendText(row.name).appendMarkdown('**\n\n');
  if (row.description !== undefined) line(row.description);
  line(connection ? t('{0} on {1}', state, connection.words) : state);
  if (row.appliedAt !== null) {
    line(t('Applied {0}', new Date(row.appliedAt).toLocaleString()));
    if (row.durationMs !== null) line(t('Took {0}', duration(row.durationMs)));
  }
  if (row.error) line(row.error.message);
  if (!row.reversible) {
    line(
      row.irreversibleReason === undefined
        ? t('Cannot be rolled back')
        : t('Cannot be rolled back: {0}', row.irreversibleReason),
    );
  }
  line(row.file === undefined ? t('Its file is missing') : row.file);
  return text;
}

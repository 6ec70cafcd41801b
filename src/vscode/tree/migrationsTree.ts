// The view "Migrations": one row per migration of the folder, in order, with its state against the selected
// connection, flat or in groups of states; above them what went wrong, each with a way out.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { ConnectionInfo } from '../connectionRecords';
import { Command } from '../manifest';
import type { MigrationStore } from '../migrationStore';
import type { OutlineStore } from '../outlines';
import type { Project } from '../project';
import type { FileProblem, MigrationRow } from '../rows';
import type { LastRun, RunStore } from '../runs';
import { stateWords } from '../words';
import type { StateGroup, TreeFilter } from './filter';
import { groupOf, groupWords } from './filter';
import { detailsOf } from './migrationDetails';
import { migrationItem, tooltipOf } from './migrationItem';
import type { NoticeNode } from './nodes';
import { failureNode, looksSame, NodeCache, noticeItem, wayOut } from './nodes';

export interface MigrationNode {
  type: 'migration';
  id: string;
  row: MigrationRow;
  connection: ConnectionInfo | undefined;
  /** In words; also makes the node's face change with time. */
  state: string;
  last: LastRun | undefined;
}
/** All rows of one group; the same object as long as the tree lives. */
export interface GroupNode {
  type: 'group';
  id: string;
  group: StateGroup;
  count: number;
  members: NodeCache<MigrationNode>;
}
export type MigrationsNode = MigrationNode | GroupNode | NoticeNode;

const t = vscode.l10n.t;
/** What somebody has to look at comes first, what is done last. */
const groupsInOrder: readonly StateGroup[] = ['attention', 'running', 'pending', 'applied'];

export class MigrationsTree implements vscode.TreeDataProvider<MigrationsNode> {
  readonly #nodes = new NodeCache<MigrationsNode>(isSame);
  readonly #groups = new Map(groupsInOrder.map((group) => [group, groupNode(group)]));
  readonly #parents = new WeakMap<MigrationsNode, MigrationsNode>();
  readonly #made = new WeakMap<MigrationRow, { minute: number; node: MigrationNode }>();
  readonly #changed = new vscode.EventEmitter<MigrationsNode[] | undefined>();
  readonly #subscriptions;
  /** The editor was told to ask for all rows, and these are the ones that it will get. */
  #current = false;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(
    private readonly store: MigrationStore,
    private readonly runs: RunStore,
    private readonly outlines: Pick<OutlineStore, 'touchedBy'>,
    private readonly project: Project | undefined,
    private readonly filter: TreeFilter,
  ) {
    this.#subscriptions = [store, filter].map((source) => source.onDidChange(() => this.refresh()));
  }

  /** Looks again; only rows that have changed are drawn anew. */
  refresh(): void {
    const changed = this.#update();
    this.#current = changed === undefined;
    if (changed === undefined) this.#changed.fire(undefined);
    else if (changed.length > 0) this.#changed.fire(changed);
  }

  getChildren(node?: MigrationsNode): MigrationsNode[] | Promise<MigrationsNode[]> {
    if (!node) {
      if (!this.#current) this.#update();
      this.#current = false;
      return this.#nodes.all;
    }
    if (node.type === 'group') return node.members.all;
    return node.type === 'migration' ? this.#details(node) : this.#childrenOf(node, node.children ?? []);
  }

  getParent(node: MigrationsNode): MigrationsNode | undefined {
    if (node.type !== 'migration') return this.#parents.get(node);
    return this.filter.grouped ? this.#groups.get(groupOf(node.row)) : undefined;
  }

  getTreeItem(node: MigrationsNode): vscode.TreeItem {
    if (node.type === 'group') return groupItem(node);
    return node.type === 'migration' ? migrationItem(node) : noticeItem(node);
  }

  /** Called for a row that somebody points at: its text is read only now. */
  async resolveTreeItem(item: vscode.TreeItem, node: MigrationsNode): Promise<vscode.TreeItem> {
    if (node.type === 'migration') item.tooltip = tooltipOf(node, await this.#collections(node), Date.now());
    return item;
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  /** The nodes that look different now; undefined when rows of the top came, went or moved. */
  #update(): MigrationsNode[] | undefined {
    const connection = this.store.connections.selected;
    const { rows, problems } = this.store.of(connection);
    const migrations = this.#migrations(rows, connection);
    const above = [...this.#failures(connection), ...problems.map(problemNode)];
    if (!this.filter.grouped) return this.#nodes.update([...above, ...migrations]);
    const { groups, changed } = this.#group(migrations);
    const changedAbove = this.#nodes.update([...above, ...groups]);
    return changedAbove && [...changedAbove, ...changed];
  }

  /** One pass over all rows; a row that is the same as before keeps its node. */
  #migrations(rows: readonly MigrationRow[], connection: ConnectionInfo | undefined): MigrationNode[] {
    const now = Date.now();
    const minute = Math.floor(now / 60_000);
    const lastRuns = connection ? this.runs.lastByMigration(this.store.targetOf(connection)) : undefined;
    const nodes: MigrationNode[] = [];
    for (const row of rows) {
      if (!this.filter.shows(row)) continue;
      const last = lastRuns?.get(row.name);
      const made = this.#made.get(row);
      if (made?.minute === minute && isAbout(made.node, connection, last)) {
        nodes.push(made.node);
        continue;
      }
      const id = `migration:${row.name}:${row.file === undefined ? '' : basename(row.file)}#${row.index}`;
      const node: MigrationNode = {
        type: 'migration',
        id,
        row,
        connection,
        state: stateWords(row, t, now),
        last,
      };
      this.#made.set(row, { minute, node });
      nodes.push(node);
    }
    return nodes;
  }

  #group(migrations: readonly MigrationNode[]): { groups: GroupNode[]; changed: MigrationsNode[] } {
    const members = new Map<StateGroup, MigrationNode[]>();
    for (const node of migrations) {
      const group = groupOf(node.row);
      const others = members.get(group);
      if (others) others.push(node);
      else members.set(group, [node]);
    }
    const changed: MigrationsNode[] = [];
    for (const [group, node] of this.#groups) {
      const fresh = members.get(group) ?? [];
      node.count = fresh.length;
      changed.push(...(node.members.update(fresh) ?? (fresh.length > 0 ? [node] : [])));
    }
    return { groups: [...this.#groups.values()].filter(({ count }) => count > 0), changed };
  }

  async #details(node: MigrationNode): Promise<NoticeNode[]> {
    const { id, row, last } = node;
    const lastDryRun = row.lastDryRun && this.runs.get(row.lastDryRun.run);
    const report = lastDryRun?.reports.find(({ step }) => step === row.name);
    const collections = await this.#collections(node);
    return this.#childrenOf(node, detailsOf(id, { row, last, report, collections, now: Date.now() }));
  }

  /** Empty for a file that is gone or cannot be read: its own row says so. */
  async #collections({ row }: MigrationNode): Promise<string[]> {
    if (row.file === undefined) return [];
    return this.outlines.touchedBy(row.file, row.index).catch((): string[] => []);
  }

  #childrenOf(node: MigrationsNode, children: NoticeNode[]): NoticeNode[] {
    for (const child of children) this.#parents.set(child, node);
    return children;
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

function isAbout(
  node: MigrationNode,
  connection: ConnectionInfo | undefined,
  last: LastRun | undefined,
): boolean {
  return (
    node.connection?.id === connection?.id &&
    node.connection?.words === connection?.words &&
    node.last?.run === last?.run &&
    node.last?.step === last?.step
  );
}

function isSame(before: MigrationsNode, after: MigrationsNode): boolean {
  if (before.type !== 'migration' || after.type !== 'migration') return looksSame(before, after);
  return isSameMigration(before, after);
}

/** Rows that are the same object look the same; of a run only its own step counts, which may be one of thousands. */
function isSameMigration(before: MigrationNode, after: MigrationNode): boolean {
  if (before.state !== after.state) return false;
  if (before.row === after.row && isAbout(before, after.connection, after.last)) return true;
  return looksSame(faceOf(before), faceOf(after));
}

function faceOf({ row, connection, last }: MigrationNode): unknown {
  return [row, connection?.id, connection?.words, last?.run._id, last?.run.state, last?.step];
}

function groupNode(group: StateGroup): GroupNode {
  return { type: 'group', id: `group:${group}`, group, count: 0, members: new NodeCache(isSameMigration) };
}

function groupItem({ id, group, count }: GroupNode): vscode.TreeItem {
  const { icon, label, detail } = groupWords(group, t);
  const { Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
  // What is done stands out of the way.
  const item = new vscode.TreeItem(label, group === 'applied' ? Collapsed : Expanded);
  item.id = id;
  item.description = String(count);
  item.tooltip = `${label}: ${detail}`;
  item.iconPath = new vscode.ThemeIcon(icon);
  item.contextValue = ';group;';
  item.accessibilityInformation = { label: `${label}, ${count}` };
  return item;
}

function problemNode(problem: FileProblem): NoticeNode {
  const { file, message, line, column } = problem;
  const id = `problem:${file}:${message}`;
  return {
    type: 'notice',
    id,
    label: basename(file),
    description: line === undefined ? message : `${t('line {0}', line)}: ${message}`,
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

// The view "Connections": those of the config and those added here, which one is selected, what server answered
// there, its databases, how the last test went, and the ways out where none answered.
import * as vscode from 'vscode';
import type { ConnectionInfo } from '../connectionRecords';
import type { ConnectionStore } from '../connections';
import type { ConnectionTests } from '../connectionTests';
import { Command } from '../manifest';
import type { StatusStore } from '../statuses';
import { remoteHint } from '../target';
import { connectionDetails } from './connectionDetails';
import type { NoticeNode } from './nodes';
import { failureNode, NodeCache, noticeItem, wayOut } from './nodes';

export interface ConnectionNode {
  type: 'connection';
  id: string;
  connection: ConnectionInfo;
  selected: boolean;
  state: 'unknown' | 'checking' | 'ok' | 'failed';
  /** The server has answered, and is not known to have gone since. */
  answered: boolean;
  details: NoticeNode[];
}
/** Asked for when it is opened. */
export interface DatabasesNode {
  type: 'databases';
  id: string;
  connection: ConnectionInfo;
}
export interface DatabaseNode {
  type: 'database';
  id: string;
  /** What the command that switches looks for. */
  connection: ConnectionInfo;
  database: string;
}
export type ConnectionsNode = ConnectionNode | DatabasesNode | DatabaseNode | NoticeNode;

const t = vscode.l10n.t;

export interface ConnectionSources {
  connections: ConnectionStore;
  statuses: StatusStore;
  tests: ConnectionTests;
  /** Names of the databases that can be seen through a connection. */
  databases(id: string): Promise<string[]>;
}

export class ConnectionsTree implements vscode.TreeDataProvider<ConnectionsNode> {
  readonly #nodes = new NodeCache<ConnectionsNode>();
  readonly #parents = new WeakMap<ConnectionsNode, ConnectionsNode>();
  readonly #changed = new vscode.EventEmitter<ConnectionsNode[] | undefined>();
  readonly #subscriptions;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(private readonly sources: ConnectionSources) {
    const { connections, statuses, tests } = sources;
    this.#subscriptions = [connections, statuses, tests].map((source) =>
      source.onDidChange(() => this.refresh()),
    );
  }

  refresh(): void {
    const changed = this.#nodes.update(this.#build());
    if (changed === undefined) this.#changed.fire(undefined);
    else if (changed.length > 0) this.#changed.fire(changed);
  }

  async getChildren(node?: ConnectionsNode): Promise<ConnectionsNode[]> {
    if (!node) return this.tops();
    const children = await this.#childrenOf(node);
    for (const child of children) this.#parents.set(child, node);
    return children;
  }

  /** One row for each connection. */
  tops(): ConnectionsNode[] {
    this.#nodes.update(this.#build());
    return this.#nodes.all;
  }

  getParent(node: ConnectionsNode): ConnectionsNode | undefined {
    return this.#parents.get(node);
  }

  getTreeItem(node: ConnectionsNode): vscode.TreeItem {
    switch (node.type) {
      case 'connection':
        return connectionItem(node);
      case 'databases':
        return databasesItem(node);
      case 'database':
        return databaseItem(node);
      default:
        return noticeItem(node);
    }
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  async #childrenOf(node: ConnectionsNode): Promise<ConnectionsNode[]> {
    if (node.type === 'notice') return node.children ?? [];
    if (node.type === 'database') return [];
    const { connection } = node;
    if (node.type === 'databases') return this.#databases(node);
    const { id, details, answered } = node;
    const databases: DatabasesNode = { type: 'databases', id: `${id}/databases`, connection };
    return answered ? [...details, databases] : details;
  }

  async #databases({ id, connection }: DatabasesNode): Promise<ConnectionsNode[]> {
    try {
      const names = new Set([connection.database, ...(await this.sources.databases(connection.id))]);
      return [...names]
        .sort()
        .map((database) => ({ type: 'database', id: `${id}/${database}`, connection, database }));
    } catch (error) {
      const retry = wayOut(`${id}/retry`, t('Retry'), 'refresh', Command.retryConnection, connection.id);
      return [
        failureNode(`${id}/failure`, error instanceof Error ? error : new Error(String(error)), [retry]),
      ];
    }
  }

  #build(): ConnectionNode[] {
    const { connections, statuses, tests } = this.sources;
    const selected = connections.selected?.id;
    const now = Date.now();
    return connections.list().map((connection) => {
      const id = `connection:${connection.id}`;
      const status = statuses.get(connection.id);
      const hint = remoteHint(`mongodb://${connection.host}`, vscode.env.remoteName, t);
      const unsaved = connections.isUnsaved(connection.id);
      return {
        type: 'connection',
        id,
        connection,
        selected: connection.id === selected,
        state: status?.state ?? 'unknown',
        answered: status?.result !== undefined && !status.error,
        details: connectionDetails(id, {
          connection,
          status,
          test: tests.get(connection),
          hint,
          unsaved,
          now,
        }),
      };
    });
  }
}

function connectionItem(node: ConnectionNode): vscode.TreeItem {
  const { connection, selected, state } = node;
  const { None, Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
  const hasChildren = node.details.length > 0 || node.answered;
  const item = new vscode.TreeItem(
    connection.name,
    !hasChildren ? None : state === 'failed' ? Expanded : Collapsed,
  );
  const marks = [
    ...(selected ? [t('selected')] : []),
    ...(connection.production ? [t('production')] : []),
    ...(connection.readOnly ? [t('read-only')] : []),
    ...(state === 'checking' ? [t('connecting…')] : []),
  ];
  item.id = node.id;
  const { name, words } = connection;
  // A name that was made of the target says it already.
  item.description = [...(name === words ? [] : [words]), ...marks].join(' · ');
  item.tooltip = `${name}\n${[words, ...marks].join(' · ')}\n${
    connection.origin === 'config' ? t('from the config of this folder') : t('added in this editor')
  }`;
  item.iconPath = iconOf(node);
  item.contextValue = contextValueOf(node);
  item.accessibilityInformation = { label: [name, item.description].filter(Boolean).join(', ') };
  return item;
}

export function contextValueOf({ connection, selected }: ConnectionNode): string {
  const flags: string[] = ['connection', connection.origin];
  if (!selected) flags.push('selectable');
  return `;${flags.sort().join(';')};`;
}

function iconOf({ connection, selected, state }: ConnectionNode): vscode.ThemeIcon {
  if (state === 'failed') return new vscode.ThemeIcon('error', new vscode.ThemeColor('list.errorForeground'));
  const color = connection.production ? new vscode.ThemeColor('list.warningForeground') : undefined;
  const icon = selected ? 'pass-filled' : connection.readOnly ? 'lock' : 'database';
  return new vscode.ThemeIcon(icon, color);
}

function databasesItem({ id, connection }: DatabasesNode): vscode.TreeItem {
  const item = new vscode.TreeItem(t('Databases'), vscode.TreeItemCollapsibleState.Collapsed);
  // Another one in use is another answer.
  item.id = `${id}:${connection.database}`;
  item.description = t('{0} in use', connection.database);
  item.tooltip = t('The databases of this server; migrations can be run on another one');
  item.iconPath = new vscode.ThemeIcon('layers');
  return item;
}

function databaseItem({ id, connection, database }: DatabaseNode): vscode.TreeItem {
  const inUse = database === connection.database;
  const item = new vscode.TreeItem(database);
  item.id = id;
  item.description = inUse ? t('in use') : undefined;
  item.iconPath = new vscode.ThemeIcon(inUse ? 'pass-filled' : 'database');
  item.tooltip = inUse
    ? t('Migrations are run on this database')
    : t('Use the button of this row to run migrations on it');
  item.contextValue = inUse ? ';database;' : ';database;other;';
  return item;
}

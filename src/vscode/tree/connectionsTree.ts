// The view "Connections": those of the config and those added here, which one is selected, what server answered
// there, and the ways out where none did.
import * as vscode from 'vscode';
import type { ConnectionInfo, ConnectionStore } from '../connections';
import { Command } from '../manifest';
import type { StatusStore } from '../statuses';
import type { NoticeNode } from './nodes';
import { failureNode, NodeCache, noticeItem, wayOut } from './nodes';

export interface ConnectionNode {
  type: 'connection';
  id: string;
  connection: ConnectionInfo;
  selected: boolean;
  state: 'unknown' | 'checking' | 'ok' | 'failed';
  details: NoticeNode[];
}
export type ConnectionsNode = ConnectionNode | NoticeNode;

const t = vscode.l10n.t;

export class ConnectionsTree implements vscode.TreeDataProvider<ConnectionsNode> {
  readonly #nodes = new NodeCache<ConnectionsNode>();
  readonly #parents = new WeakMap<ConnectionsNode, ConnectionsNode>();
  readonly #changed = new vscode.EventEmitter<ConnectionsNode[] | undefined>();
  readonly #subscriptions;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(
    private readonly connections: ConnectionStore,
    private readonly statuses: StatusStore,
  ) {
    this.#subscriptions = [
      connections.onDidChange(() => this.refresh()),
      statuses.onDidChange(() => this.refresh()),
    ];
  }

  refresh(): void {
    const changed = this.#nodes.update(this.#build());
    if (changed === undefined) this.#changed.fire(undefined);
    else if (changed.length > 0) this.#changed.fire(changed);
  }

  getChildren(node?: ConnectionsNode): ConnectionsNode[] {
    if (!node) {
      this.#nodes.update(this.#build());
      return this.#nodes.all;
    }
    const children = node.type === 'connection' ? node.details : (node.children ?? []);
    for (const child of children) this.#parents.set(child, node);
    return children;
  }

  getParent(node: ConnectionsNode): ConnectionsNode | undefined {
    return this.#parents.get(node);
  }

  getTreeItem(node: ConnectionsNode): vscode.TreeItem {
    return node.type === 'connection' ? connectionItem(node) : noticeItem(node);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }

  #build(): ConnectionNode[] {
    const selected = this.connections.selected?.id;
    return this.connections.list().map((connection) => {
      const id = `connection:${connection.id}`;
      const status = this.statuses.get(connection.id);
      return {
        type: 'connection',
        id,
        connection,
        selected: connection.id === selected,
        state: status?.state ?? 'unknown',
        details: detailsOf(id, connection, status?.error, status?.result?.server.summary),
      };
    });
  }
}

function detailsOf(
  id: string,
  connection: ConnectionInfo,
  error: Error | undefined,
  summary: string | undefined,
): NoticeNode[] {
  if (error) {
    return [
      failureNode(`${id}/failure`, error, [
        wayOut(`${id}/retry`, t('Retry'), 'refresh', Command.retryConnection, connection.id),
        wayOut(`${id}/test`, t('Test Connection'), 'pulse', Command.testConnection, connection.id),
      ]),
    ];
  }
  if (summary === undefined) return [];
  return [{ type: 'notice', id: `${id}/server`, label: summary, icon: new vscode.ThemeIcon('server') }];
}

function connectionItem(node: ConnectionNode): vscode.TreeItem {
  const { connection, selected, state } = node;
  const item = new vscode.TreeItem(
    connection.name,
    node.details.length === 0
      ? vscode.TreeItemCollapsibleState.None
      : state === 'failed'
        ? vscode.TreeItemCollapsibleState.Expanded
        : vscode.TreeItemCollapsibleState.Collapsed,
  );
  const marks = [
    ...(selected ? [t('selected')] : []),
    ...(connection.production ? [t('production')] : []),
    ...(connection.readOnly ? [t('read-only')] : []),
    ...(state === 'checking' ? [t('connecting…')] : []),
  ];
  item.id = node.id;
  item.description = [connection.words, ...marks].join(' · ');
  item.tooltip = `${connection.name}\n${item.description}\n${
    connection.origin === 'config' ? t('from the config of this folder') : t('added in this editor')
  }`;
  item.iconPath = iconOf(node);
  item.contextValue = contextValueOf(node);
  item.accessibilityInformation = { label: `${connection.name}, ${item.description}` };
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
  return new vscode.ThemeIcon(selected ? 'pass-filled' : 'database', color);
}

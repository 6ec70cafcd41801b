// What all three trees share: rows that offer a way out, nodes that keep their identity over refreshes, and the
// comparison that refreshes only what has changed.
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import { Command } from '../manifest';

/** A row that explains something or offers a command. */
export interface NoticeNode {
  type: 'notice';
  id: string;
  label: string;
  description?: string;
  tooltip?: string;
  icon: vscode.ThemeIcon;
  command?: vscode.Command;
  contextValue?: string;
  children?: NoticeNode[];
}

export function noticeItem(node: NoticeNode): vscode.TreeItem {
  const children = (node.children?.length ?? 0) > 0;
  const item = new vscode.TreeItem(
    node.label,
    children ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.None,
  );
  item.id = node.id;
  item.description = node.description;
  item.tooltip = node.tooltip ?? node.label;
  item.iconPath = node.icon;
  item.command = node.command;
  item.contextValue = node.contextValue;
  return item;
}

/** A failure as a row: its sentence, and below it every way out there is. */
export function failureNode(id: string, error: Error, ways: NoticeNode[]): NoticeNode {
  return {
    type: 'notice',
    id,
    label: error.message,
    tooltip: error.message,
    icon: new vscode.ThemeIcon('error', new vscode.ThemeColor('list.errorForeground')),
    contextValue: ';failure;',
    children: [...ways, ...actionOf(id, error, ways), showLog(id)],
  };
}

export function wayOut(
  id: string,
  label: string,
  icon: string,
  command: string,
  ...args: unknown[]
): NoticeNode {
  return {
    type: 'notice',
    id,
    label,
    icon: new vscode.ThemeIcon(icon),
    command: { command, title: label, arguments: args },
  };
}

function actionOf(id: string, error: Error, ways: NoticeNode[]): NoticeNode[] {
  if (!(error instanceof UserError) || error.action?.command === undefined) return [];
  const { label, command } = error.action;
  if (ways.some((way) => way.command?.command === command)) return [];
  return [wayOut(`${id}/action`, label, 'lightbulb', command)];
}

function showLog(id: string): NoticeNode {
  return wayOut(`${id}/log`, vscode.l10n.t('Show Log'), 'output', Command.showLog);
}

/** Nodes by id, so that a refreshed tree hands the editor the objects that it knows. */
export class NodeCache<N extends { id: string }> {
  #nodes = new Map<string, { node: N; face: string }>();

  /**
   * Takes the new top rows over. Answers with the known nodes whose face has changed, or undefined when rows
   * came, went or moved and the whole tree has to be asked again.
   */
  update(fresh: N[]): N[] | undefined {
    const before = this.#nodes;
    const ids = [...before.keys()];
    const sameRows = ids.length === fresh.length && fresh.every(({ id }, index) => id === ids[index]);
    const changed: N[] = [];
    this.#nodes = new Map(
      fresh.map((node) => {
        const face = JSON.stringify(node);
        const known = before.get(node.id);
        if (!known) return [node.id, { node, face }];
        if (known.face !== face) changed.push(Object.assign(known.node, node));
        return [node.id, { node: known.node, face }];
      }),
    );
    return sameRows ? changed : undefined;
  }

  get all(): N[] {
    return [...this.#nodes.values()].map(({ node }) => node);
  }
}

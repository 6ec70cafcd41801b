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
  /** Its children are not shown until somebody wants to see them. */
  collapsed?: boolean;
}

export function noticeItem(node: NoticeNode): vscode.TreeItem {
  const children = (node.children?.length ?? 0) > 0;
  const { None, Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(node.label, !children ? None : node.collapsed ? Collapsed : Expanded);
  item.id = node.id;
  item.description = node.description;
  item.tooltip = node.tooltip ?? node.label;
  item.iconPath = node.icon;
  item.command = node.command;
  item.contextValue = node.contextValue;
  return item;
}

/** A failure as a row: its sentence, and below it what else is known and every way out there is. */
export function failureNode(id: string, error: Error, ways: NoticeNode[], hint?: string): NoticeNode {
  return {
    type: 'notice',
    id,
    label: error.message,
    tooltip: error.message,
    icon: new vscode.ThemeIcon('error', new vscode.ThemeColor('list.errorForeground')),
    contextValue: ';failure;',
    children: [...hintOf(id, hint), ...ways, ...actionOf(id, error, ways), showLog(id)],
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

function hintOf(id: string, hint: string | undefined): NoticeNode[] {
  if (hint === undefined) return [];
  return [{ type: 'notice', id: `${id}/hint`, label: hint, icon: new vscode.ThemeIcon('remote') }];
}

function showLog(id: string): NoticeNode {
  return wayOut(`${id}/log`, vscode.l10n.t('Show Log'), 'output', Command.showLog);
}

/** Nodes by id, so that a refreshed tree hands the editor the objects that it knows. */
export class NodeCache<N extends { id: string }> {
  #nodes = new Map<string, N>();

  /** @param isSame Whether two nodes of one id look the same; what it can tell cheaply it should. */
  constructor(private readonly isSame: (before: N, after: N) => boolean = looksSame) {}

  /**
   * Takes the new rows over. Answers with the known nodes that look different now, or undefined when rows came, went
   * or moved, so that their parent has to be asked again.
   */
  update(fresh: readonly N[]): N[] | undefined {
    const before = this.#nodes;
    const ids = before.keys();
    let sameRows = before.size === fresh.length;
    const changed: N[] = [];
    this.#nodes = new Map();
    for (const node of fresh) {
      sameRows &&= ids.next().value === node.id;
      const known = before.get(node.id);
      if (known && known !== node) {
        if (!this.isSame(known, node)) changed.push(known);
        Object.assign(known, node);
      }
      this.#nodes.set(node.id, known ?? node);
    }
    return sameRows ? changed : undefined;
  }

  get all(): N[] {
    return [...this.#nodes.values()];
  }
}

export function looksSame(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

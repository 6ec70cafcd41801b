// How one migration looks in its tree: icon, words, flags for the menus, tooltip. Every state has its face here.
import * as vscode from 'vscode';
import type { ConnectionInfo } from '../connectionRecords';
import type { MigrationRef } from '../lensModel';
import { waysOf } from '../lensModel';
import { Command } from '../manifest';
import type { MigrationRow, RowState } from '../rows';
import { duration, dryRunWords } from '../words';
import type { MigrationNode } from './migrationsTree';

const t = vscode.l10n.t;

export function refOf({ row, connection }: Pick<MigrationNode, 'row' | 'connection'>): MigrationRef {
  return { name: row.name, file: row.file, index: row.index, connection: connection?.id };
}

/** Without its tooltip, which is made when somebody points at the row. */
export function migrationItem({ id, row, connection, state }: MigrationNode): vscode.TreeItem {
  const item = new vscode.TreeItem(row.name, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = id;
  item.description = state;
  item.iconPath = iconOf(row);
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
  // The database says so before its run document was read.
  else if (row.state === 'running') flags.push('active');
  return `;${flags.sort().join(';')};`;
}

type Icon = [icon: string, color?: string];

const icons: Record<RowState, Icon> = {
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
  const [icon, color] = faceOf(row);
  return new vscode.ThemeIcon(icon, color === undefined ? undefined : new vscode.ThemeColor(color));
}

function faceOf(row: MigrationRow): Icon {
  if (row.active) return [row.active.state === 'paused' ? 'debug-pause' : 'loading~spin'];
  if (row.duplicate) return icons.failed;
  if (row.quarantined && row.state === 'applied') return ['inbox', 'list.warningForeground'];
  return icons[row.state];
}

export function tooltipOf(
  { row, state, connection }: MigrationNode,
  collections: readonly string[],
  now: number,
): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const line = (words: string): void => void text.appendText(words).appendMarkdown('\n\n');
  text.appendMarkdown('**').appendText(row.name).appendMarkdown('**\n\n');
  if (row.description !== undefined) line(row.description);
  line(whereWords(state, connection));
  if (row.appliedAt !== null) {
    line(t('Applied {0}', new Date(row.appliedAt).toLocaleString()));
    if (row.durationMs !== null) line(t('Took {0}', duration(row.durationMs)));
  }
  if (row.error) line(row.error.message);
  if (row.lastDryRun) line(dryRunWords(row.lastDryRun, t, now));
  if (!row.reversible) line(irreversibleWords(row));
  if (collections.length > 0) line(t('Touches {0}', collections.join(', ')));
  line(row.file === undefined ? t('Its file is missing') : row.file);
  return text;
}

function whereWords(state: string, connection: ConnectionInfo | undefined): string {
  return connection ? t('{0} on {1}', state, connection.words) : state;
}

function irreversibleWords({ irreversibleReason }: MigrationRow): string {
  return irreversibleReason === undefined
    ? t('Cannot be rolled back')
    : t('Cannot be rolled back: {0}', irreversibleReason);
}

// Which migrations the tree shows.
import * as vscode from 'vscode';
import type { Services } from '../services';
import { groupOf, groupWords, stateGroups } from '../tree/filter';

const t = vscode.l10n.t;

export async function filterMigrations({ filter, store, connections }: Services): Promise<void> {
  const { rows } = store.of(connections.selected);
  const shown = filter.groups;
  const picked = await vscode.window.showQuickPick(
    stateGroups.map((group) => {
      const { icon, label, detail } = groupWords(group, t);
      return {
        label: `$(${icon}) ${label}`,
        description: String(rows.filter((row) => groupOf(row) === group).length),
        detail,
        picked: shown.length === 0 || shown.includes(group),
        group,
      };
    }),
    {
      title: t('Filter Migrations'),
      placeHolder: t('Which migrations does the tree show?'),
      canPickMany: true,
    },
  );
  if (picked) await filter.set(picked.map(({ group }) => group));
}

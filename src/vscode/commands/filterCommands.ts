// Which migrations the tree shows.
import * as vscode from 'vscode';
import type { Services } from '../services';
import type { StateGroup } from '../tree/filter';
import { groupOf, stateGroups } from '../tree/filter';

const t = vscode.l10n.t;

export async function filterMigrations({ filter, store, connections }: Services): Promise<void> {
  const { rows } = store.of(connections.selected);
  const labels: Record<StateGroup, [icon: string, label: string, detail: string]> = {
    pending: ['circle-outline', t('Pending'), t('not applied yet')],
    running: ['sync', t('Running'), t('at work right now')],
    applied: ['pass', t('Applied'), t('applied, nothing to do')],
    attention: [
      'warning',
      t('Needs Attention'),
      t('failed, interrupted, changed, missing, out of order, in conflict or with documents in quarantine'),
    ],
  };
  const shown = filter.groups;
  const picked = await vscode.window.showQuickPick(
    stateGroups.map((group) => ({
      label: `$(${labels[group][0]}) ${labels[group][1]}`,
      description: String(rows.filter((row) => groupOf(row) === group).length),
      detail: labels[group][2],
      picked: shown.length === 0 || shown.includes(group),
      group,
    })),
    {
      title: t('Filter Migrations'),
      placeHolder: t('Which migrations does the tree show?'),
      canPickMany: true,
    },
  );
  if (picked) await filter.set(picked.map(({ group }) => group));
}

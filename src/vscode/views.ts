// Puts the three trees into their views and keeps what stands around them current: badge, message, context keys.
import * as vscode from 'vscode';
import type { ContextKeys } from './manifest';
import { View } from './manifest';
import { resumableRuns } from './runs';
import type { Services } from './services';
import { ConnectionsTree } from './tree/connectionsTree';
import { MigrationsTree } from './tree/migrationsTree';
import { RunsTree } from './tree/runsTree';

const t = vscode.l10n.t;

export interface Trees {
  migrations: MigrationsTree;
  connections: ConnectionsTree;
  runs: RunsTree;
}

export function createViews(services: Services): { trees: Trees; disposables: vscode.Disposable[] } {
  const { store, runs, connections, statuses, tests, observer, outlines, project, filter } = services;
  const trees: Trees = {
    migrations: new MigrationsTree(store, runs, outlines, project, filter),
    connections: new ConnectionsTree({
      connections,
      statuses,
      tests,
      databases: async (id) => observer.call('databases', { target: await connections.target(id) }),
    }),
    runs: new RunsTree(store, runs),
  };
  const view = vscode.window.createTreeView(View.migrations, {
    treeDataProvider: trees.migrations,
    canSelectMany: true,
    showCollapseAll: true,
  });
  const runsView = vscode.window.createTreeView(View.runs, {
    treeDataProvider: trees.runs,
    showCollapseAll: true,
  });
  const keys = new ContextKeyWriter();
  const update = (): void => {
    const connection = connections.selected;
    const pending = store.pending(connection).length;
    const words = connection && store.targetOf(connection);
    view.description = words;
    view.badge =
      pending > 0 ? { value: pending, tooltip: t('{0} pending on {1}', pending, words ?? '') } : undefined;
    view.message = messageOf(services);
    keys.set('migratory.folders', project?.places.folders ?? []);
    keys.set('migratory.hasConnection', connections.list().length > 0);
    keys.set('migratory.answered', hasAnswered(services));
    keys.set('migratory.filtered', filter.groups.length > 0);
    keys.set('migratory.grouped', filter.grouped);
    keys.set('migratory.resumable', resumableRuns(runs.list(words ?? '')).size > 0);
    keys.set('migratory.running', runs.active().length > 0);
    keys.set('migratory.project', projectState(services));
  };
  update();
  return {
    trees,
    disposables: [
      view,
      vscode.window.createTreeView(View.connections, { treeDataProvider: trees.connections }),
      runsView,
      ...Object.values(trees),
      store.onDidChange(update),
      filter.onDidChange(update),
      everyMinute(() => {
        if (view.visible) trees.migrations.refresh();
        if (runsView.visible) trees.runs.refresh();
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(update),
    ],
  };
}

/** Only then it is known what has run on the selected database. */
function hasAnswered({ connections, store }: Services): boolean {
  const status = store.status(connections.selected);
  return status?.result !== undefined && !status.error;
}

function projectState({ project, outlines }: Services): ContextKeys['migratory.project'] {
  if (!project) return 'none';
  return outlines.files.length === 0 ? 'empty' : 'ready';
}

/** Why all states say "not checked", where that is not plain from the rows. */
function messageOf(services: Services): string | undefined {
  const { outlines, connections, store } = services;
  if (outlines.files.length === 0) return undefined;
  if (!vscode.workspace.isTrusted) {
    return t('Restricted Mode: migrations are shown, but nothing is run and no database is asked.');
  }
  if (connections.selected) {
    const asking = store.status(connections.selected);
    return asking?.state === 'checking' && !asking.result
      ? t('Asking {0}…', connections.selected.words)
      : (hiddenBy(services) ?? elsewhere(services));
  }
  return connections.list().length === 0
    ? t('No connection yet, so it is not known what is applied.')
    : t('No connection is selected, so it is not known what is applied.');
}

/** A filtered tree must not look as if it were the whole. */
function hiddenBy({ filter, store, connections }: Services): string | undefined {
  const { rows } = store.of(connections.selected);
  const shown = rows.filter((row) => filter.shows(row)).length;
  if (shown === rows.length) return undefined;
  return t('Filtered: {0} of {1} migrations are shown.', shown, rows.length);
}

/** A window shows the migrations of one folder, which must not look as if there were no others. */
function elsewhere({ project, unshown }: Services): string | undefined {
  if (!project || unshown.length === 0) return undefined;
  return t(
    'These are the migrations of {0}. Those of {1} are shown in a window of their own.',
    project.folder.name,
    unshown.join(', '),
  );
}

/** "5 min ago" is another thing a minute later, though nothing has happened. */
function everyMinute(action: () => void): vscode.Disposable {
  const timer = setInterval(action, 60_000);
  return new vscode.Disposable(() => clearInterval(timer));
}

/** Tells the editor about a key only when it is another. */
class ContextKeyWriter {
  readonly #values = new Map<string, string>();

  set<K extends keyof ContextKeys>(key: K, value: ContextKeys[K]): void {
    const known = JSON.stringify(value);
    if (this.#values.get(key) === known) return;
    this.#values.set(key, known);
    void vscode.commands.executeCommand('setContext', key, value);
  }
}

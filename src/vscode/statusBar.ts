// The one item in the status bar: where runs go, how many migrations are pending there, what runs now.
import * as vscode from 'vscode';
import { Command } from './manifest';
import type { MigrationStore } from './migrationStore';
import type { RunStore } from './runs';
import { runPercentage, runTitle } from './words';

const t = vscode.l10n.t;

export class StatusBar {
  readonly #item = vscode.window.createStatusBarItem('migratory', vscode.StatusBarAlignment.Left, 10);
  readonly #subscription;

  constructor(
    private readonly store: MigrationStore,
    private readonly runs: RunStore,
  ) {
    this.#item.name = 'Migratory';
    this.#subscription = store.onDidChange(() => this.update());
    this.update();
  }

  update(): void {
    const connection = this.store.connections.selected;
    const { rows } = this.store.of(connection);
    if (rows.length === 0) return this.#item.hide();
    const pending = this.store.pending(connection).length;
    const words = connection ? this.store.targetOf(connection) : t('no connection');
    const [run] = connection ? this.runs.active(this.store.targetOf(connection)) : [];
    if (run) {
      const percentage = runPercentage(run);
      this.#item.text = `$(sync~spin) ${words}${percentage === null ? '' : ` · ${percentage} %`}`;
      this.#item.tooltip = `${runTitle(run, t)}\n${t('Click to show the run')}`;
      this.#item.command = {
        command: Command.showRun,
        title: t('Show Run'),
        arguments: [{ run: run._id, connection: connection?.id }],
      };
    } else {
      this.#item.text = `$(database) ${words}${pending > 0 ? ` · ${t('{0} pending', pending)}` : ''}`;
      this.#item.tooltip = t('Migratory: click to select another connection');
      this.#item.command = Command.selectConnection;
    }
    this.#item.backgroundColor = connection?.production
      ? new vscode.ThemeColor('statusBarItem.warningBackground')
      : undefined;
    this.#item.accessibilityInformation = {
      label: `Migratory: ${this.#item.text.replace(/\$\([^)]*\)/g, '')}`,
    };
    this.#item.show();
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#item.dispose();
  }
}

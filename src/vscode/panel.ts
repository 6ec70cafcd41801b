// The host's half of the run panel: one panel, which shows the run that was started or asked for last. It sends
// whole snapshots out of the run store and turns what is pressed into commands; it keeps no state of a run.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { UserError } from '../protocol/errors';
import type { PanelHostMessage, PanelMessage } from '../protocol/panel';
import type { ConnectionStore } from './connections';
import type { VirtualDocuments } from './documents';
import { reportProblem } from './commands/register';
import type { MigrationRef } from './lensModel';
import type { Log } from './log';
import { Command, panelType } from './manifest';
import type { Observer } from './observer';
import { openDiff, openDocument, type OpenMessage } from './panelDocuments';
import { panelHtml } from './panelHtml';
import { isPanelMessage } from './panelMessages';
import { panelSnapshot } from './panelSnapshot';
import { panelStrings } from './panelStrings';
import type { Project } from './project';
import type { RunStore } from './runs';
import { goneMessage, readRun, targetOf, type RunSource, type Shown } from './shownRun';
import { noConnection } from './target';
import { runTitle } from './words';

const t = vscode.l10n.t;
const rememberedKey = 'migratory.panel';

export interface PanelParts {
  context: vscode.ExtensionContext;
  runs: RunStore;
  connections: ConnectionStore;
  observer: Observer;
  log: Log;
  project: Project | undefined;
  documents: VirtualDocuments;
}

export class RunPanel implements vscode.WebviewPanelSerializer {
  #panel: vscode.WebviewPanel | undefined;
  #shown: Shown | undefined;
  /** The one of them that was last read from its database. */
  #read: Shown | undefined;
  #ready = false;
  readonly #subscriptions: vscode.Disposable[];

  constructor(private readonly parts: PanelParts) {
    this.#subscriptions = [
      parts.runs.onDidChange((run) => {
        if (run === this.#shown?.run) this.#send();
      }),
      // The first reading of the config, a connection that was mended, trust that was granted.
      parts.connections.onDidChange(() => {
        if (this.#shown !== this.#read) void this.reload();
      }),
      vscode.window.registerWebviewPanelSerializer(panelType, this),
    ];
  }

  /** True when the person can see this run's page right now. */
  shows(run: string): boolean {
    return this.#panel?.visible === true && this.#shown?.run === run;
  }

  /** Shows a run beside the code, without taking the keyboard away when `quiet`. */
  show(run: string, connection: string | undefined, quiet: boolean): void {
    this.#shown = { run, connection };
    void this.parts.context.workspaceState.update(rememberedKey, this.#shown);
    if (this.#panel) this.#panel.reveal(undefined, quiet);
    else {
      const panel = vscode.window.createWebviewPanel(
        panelType,
        t('Migration Run'),
        { viewColumn: vscode.ViewColumn.Beside, preserveFocus: quiet },
        {},
      );
      this.#adopt(panel);
    }
    void this.#load();
  }

  /** After a restart of the editor: the panel comes back and reads its run again. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.#shown = this.parts.context.workspaceState.get<Shown>(rememberedKey);
    this.#adopt(panel);
    await this.#load();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#panel?.dispose();
  }

  #adopt(panel: vscode.WebviewPanel): void {
    this.#panel?.dispose();
    this.#panel = panel;
    this.#ready = false;
    const { extensionUri } = this.parts.context;
    const path = (...segments: string[]): vscode.Uri => vscode.Uri.joinPath(extensionUri, ...segments);
    const { webview } = panel;
    panel.iconPath = { light: path('media', 'tab-light.svg'), dark: path('media', 'tab-dark.svg') };
    webview.options = { enableScripts: true, localResourceRoots: [path('dist'), path('media')] };
    webview.onDidReceiveMessage((message) => void this.#receive(message));
    panel.onDidDispose(() => {
      if (this.#panel === panel) this.#panel = undefined;
    });
    webview.html = panelHtml({
      cspSource: webview.cspSource,
      nonce: randomBytes(16).toString('hex'),
      language: vscode.env.language,
      script: webview.asWebviewUri(path('dist', 'panel.js')).toString(),
      styles: [path('dist', 'codicons', 'codicon.css'), path('media', 'panel.css')].map((uri) =>
        webview.asWebviewUri(uri).toString(),
      ),
    });
  }

  /** The page has come up: its language first, so that it does not change under the reader's eyes. */
  async #begin(): Promise<void> {
    const panel = this.#panel;
    const strings = await panelStrings(this.parts.context.extensionUri);
    if (panel !== this.#panel) return;
    this.#ready = true;
    if (strings) this.#post({ type: 'strings', strings, language: vscode.env.language });
    await this.#load();
  }

  /** Shows what is known, then what the database holds of a run that has ended. */
  async #load(): Promise<void> {
    const shown = this.#shown;
    const { runs } = this.parts;
    this.#send();
    if (shown && runs.isOwn(shown.run)) return;
    try {
      if (!shown) throw new UserError(t('No run was shown here.'));
      const snapshot = await readRun(shown, this.#source);
      if (!snapshot) return;
      this.#read = shown;
      runs.putStored(snapshot);
    } catch (error) {
      if (this.#shown === shown && !(shown && runs.get(shown.run))) this.#post(goneMessage(error, t));
    }
  }

  /** Reads again what the database holds of the run, after something was done about it. */
  async reload(): Promise<void> {
    if (this.#panel) await this.#load();
  }

  get #source(): RunSource {
    return { ...this.parts, isTrusted: () => vscode.workspace.isTrusted, t };
  }

  #send(): void {
    if (!this.#panel || !this.#shown) return;
    const snapshot = this.parts.runs.get(this.#shown.run);
    if (!snapshot) return;
    this.#panel.title = runTitle(snapshot.run, t);
    this.#post({ type: 'snapshot', snapshot: panelSnapshot(snapshot, t) });
  }

  #post(message: PanelHostMessage): void {
    // The editor's own channel, not a window's: there is no origin to name.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    if (this.#ready) void this.#panel?.webview.postMessage(message);
  }

  async #receive(message: unknown): Promise<void> {
    if (!isPanelMessage(message)) return;
    switch (message.type) {
      case 'ready':
        return this.#begin();
      case 'control':
        return this.#control(message);
      case 'throttle':
        return void vscode.commands.executeCommand(Command.throttleRun, message);
      case 'openDocument':
      case 'openDiff':
        return this.#open(message).catch((error: unknown) => reportProblem(error, this.parts.log));
      case 'openFile':
        return void vscode.commands.executeCommand(Command.openMigration, message);
      case 'command':
        return this.#command(message);
      case 'again':
        return this.#again(message);
      case 'resolve':
        return this.#resolve(message);
      case 'quarantine':
        return this.#quarantine(message);
      case 'action':
        return void vscode.commands.executeCommand(message.command, this.#shown);
    }
  }

  #control({ run, control }: Extract<PanelMessage, { type: 'control' }>): void {
    const commands = { pause: Command.pauseRun, resume: Command.resumeRun, cancel: Command.cancelRun };
    void vscode.commands.executeCommand(commands[control], { run });
  }

  #command({ command, name }: Extract<PanelMessage, { type: 'command' }>): void {
    if (command === 'showLog') return void vscode.commands.executeCommand(Command.showLog);
    void vscode.commands.executeCommand(Command[command], this.#refsOf([name])[0]);
  }

  #again({ command, names }: Extract<PanelMessage, { type: 'again' }>): void {
    void vscode.commands.executeCommand(Command[command], this.#refsOf(names));
  }

  #resolve({ decision, name, id }: Extract<PanelMessage, { type: 'resolve' }>): void {
    const command = decision === 'keep' ? Command.keepConflicts : Command.restoreConflicts;
    void vscode.commands.executeCommand(command, { ...this.#refsOf([name])[0], id });
  }

  #quarantine({ decision, name, id }: Extract<PanelMessage, { type: 'quarantine' }>): void {
    const command = decision === 'retry' ? Command.retryQuarantine : Command.discardQuarantine;
    void vscode.commands.executeCommand(command, { ...this.#refsOf([name])[0], id });
  }

  /** By name alone: a run document does not tell the place in a file of several migrations. */
  #refsOf(names: readonly string[]): MigrationRef[] {
    return names.map((name) => ({ name, index: 0, connection: this.#shown?.connection }));
  }

  async #open(message: OpenMessage): Promise<void> {
    const snapshot = this.parts.runs.get(message.run);
    if (message.type === 'openDiff') return openDiff(message, snapshot, this.parts.documents);
    await openDocument(message, snapshot, this.parts.documents, async (which) => {
      const target = await targetOf(this.#shown?.connection, this.#source);
      if (!target) throw noConnection(t);
      return this.parts.observer.call('quarantinedDocument', { target, ...which });
    });
  }
}

// The composition root of the extension: makes the services, ties them together, hands them to the views and
// commands. Knows everything, does nothing itself.
import * as vscode from 'vscode';
import { readStaticConfig } from '../project/staticConfig';
import { registerCommands } from './commands/all';
import { registerLanguageHelp } from './completion';
import type { ConnectionInfo } from './connectionRecords';
import { ConnectionStore } from './connections';
import { ConnectionTests } from './connectionTests';
import { LintDiagnostics } from './diagnostics';
import { VirtualDocuments } from './documents';
import { registerTools } from './languageModelTools';
import { LensProvider } from './lenses';
import { LintCatalogue } from './lintCatalogue';
import { registerLintPages } from './lintPages';
import { Log } from './log';
import { extensionId } from './manifest';
import { MigrationStore } from './migrationStore';
import { Observer } from './observer';
import { OperatorColors } from './operatorColors';
import { OutlineStore } from './outlines';
import { RunPanel } from './panel';
import { findProjectFolders, Project } from './project';
import { QuickFixProvider } from './quickFixes';
import { Rehearsals } from './rehearsals';
import { RunnerProcess } from './runnerProcess';
import { RunMemory } from './runMemory';
import { RunStarter } from './runStarter';
import { RunStore } from './runs';
import { SampledNames } from './sampledNames';
import { Sandbox } from './sandbox';
import type { Services } from './services';
import { setting } from './settings';
import { StatusBar } from './statusBar';
import { StatusStore } from './statuses';
import { registerTasks } from './tasks/taskProvider';
import { TestExplorer } from './testExplorer';
import { TreeFilter } from './tree/filter';
import type { Trees } from './views';
import { createViews } from './views';

/** What other extensions and tests may look at. */
export interface Exports {
  readonly trees: Trees;
  readonly runs: Pick<RunStore, 'list' | 'get'>;
  readonly tests: Pick<TestExplorer, 'controller'>;
  /** Milliseconds of our own that the start took, without waiting for the editor to find our folder. */
  readonly startedInMs: number;
}

const t = vscode.l10n.t;
let closing: (() => Promise<unknown>) | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<Exports> {
  const log = new Log();
  context.subscriptions.push(log);
  try {
    const [folder, ...others] = await findProjectFolders();
    const started = performance.now();
    const services = createServices(context, log, folder, others);
    closing = () => Promise.all([services.starter.detachAll(), services.sandbox.stop()]);
    const { trees, disposables } = createViews(services);
    const tests = new TestExplorer(services);
    context.subscriptions.push(
      ...registerCommands(services),
      ...disposables,
      // Without a folder there is nothing that could have lenses.
      ...(folder
        ? [
            new LensProvider(services.outlines, services.store),
            languageHelp(services),
            ...lint(services, context),
            new OperatorColors(services.outlines),
          ]
        : []),
      new StatusBar(services.store, services.runs),
      registerTasks(services),
      tests,
      ...registerTools(services),
      vscode.workspace.onDidGrantWorkspaceTrust(() => void services.project?.reload()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void followFolders(folder)),
    );
    void services.project?.reload();
    return { trees, runs: services.runs, tests, startedInMs: performance.now() - started };
  } catch (error) {
    // The editor itself says nothing when an extension does not start.
    log.error('Migratory could not start', error);
    void vscode.window.showErrorMessage(
      t('Migratory could not start: {0}', error instanceof Error ? error.message : String(error)),
    );
    throw error;
  }
}

function lint(services: Services, { extensionUri }: vscode.ExtensionContext): vscode.Disposable[] {
  const { connections, observer, store } = services;
  const answers = (connection: ConnectionInfo): boolean =>
    vscode.workspace.isTrusted && store.status(connection)?.result !== undefined;
  const catalogue = new LintCatalogue(connections, observer, answers);
  const diagnostics = new LintDiagnostics({ ...services, catalogue });
  return [catalogue, diagnostics, QuickFixProvider.register(diagnostics), registerLintPages(extensionUri)];
}

/** Runs go on without the window and are found again through their run documents; the sandbox server ends with it. */
export async function deactivate(): Promise<void> {
  await closing?.();
}

function createServices(
  context: vscode.ExtensionContext,
  log: Log,
  folder: vscode.WorkspaceFolder | undefined,
  others: readonly vscode.WorkspaceFolder[],
): Services {
  const startRunner = (detached: boolean): RunnerProcess =>
    new RunnerProcess({
      program: vscode.Uri.joinPath(context.extensionUri, 'dist', 'runner.js').fsPath,
      node: setting('node') || process.execPath,
      detached,
      t,
      onOutput: (line, stream) => log.output(line, stream),
    });
  const observer = new Observer(
    () => startRunner(false),
    (error) => log.error('The observer', error),
  );
  const project =
    folder &&
    new Project(folder, {
      read: (location) => observer.call('config', { project: location }),
      readStatic: readStaticConfig,
    });
  const runs = new RunStore();
  const memory = new RunMemory(runs, context.workspaceState);
  const outlines = new OutlineStore();
  const connections = new ConnectionStore(project, context.workspaceState, context.secrets, t);
  const tests = new ConnectionTests();
  const statuses = new StatusStore(project, connections, observer, runs, () => vscode.workspace.isTrusted);
  const store = new MigrationStore(outlines, connections, statuses, runs, t);
  const documents = new VirtualDocuments();
  const filter = new TreeFilter(context.workspaceState);
  const panel = new RunPanel({ context, log, runs, connections, observer, project, documents });
  context.subscriptions.push(
    observer,
    memory,
    runs,
    outlines,
    connections,
    tests,
    statuses,
    store,
    documents,
    panel,
    filter,
  );
  if (project) {
    context.subscriptions.push(project);
    project.onDidChange(() => {
      statuses.retain(new Set(connections.list().map(({ id }) => id)));
      void outlines.setPlaces(project.places);
      void statuses.refreshAll();
    });
  }
  return {
    log,
    project,
    unshown: others.map(({ name }) => name),
    outlines,
    connections,
    tests,
    statuses,
    runs,
    rehearsals: new Rehearsals(context.workspaceState),
    observer,
    store,
    documents,
    panel,
    filter,
    memory: context.workspaceState,
    starter: new RunStarter(() => startRunner(true), runs),
    sandbox: new Sandbox({
      startRunner: () => startRunner(false),
      connections,
      memory: context.workspaceState,
      log,
      storage: context.globalStorageUri.fsPath,
      workspace: folder?.uri.toString() ?? '',
    }),
  };
}

function languageHelp({ outlines, connections, observer }: Services): vscode.Disposable {
  const mayAsk = (): boolean => vscode.workspace.isTrusted && setting('completion.sample');
  return registerLanguageHelp(outlines, new SampledNames(connections, observer, mayAsk));
}

/** Another folder holds the migrations now (the first one came or went): everything starts anew with it. */
async function followFolders(before: vscode.WorkspaceFolder | undefined): Promise<void> {
  const [now] = await findProjectFolders();
  if (now?.uri.toString() === before?.uri.toString()) return;
  const reload = t('Reload Window');
  const pressed = await vscode.window.showInformationMessage(
    t('Migratory shows the migrations of {0} after a reload.', now?.name ?? extensionId),
    reload,
  );
  if (pressed === reload) await vscode.commands.executeCommand('workbench.action.reloadWindow');
}

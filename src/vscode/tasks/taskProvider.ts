// Tasks of type `migratory`: run, rehearse or validate what is pending, with its lines in a terminal and its errors in the
// Problems view. They go the same way as the commands: same connection, same question, same runner.
import * as vscode from 'vscode';
import { UserError } from '../../protocol/errors';
import { startPending } from '../commands/startRuns';
import { taskType } from '../manifest';
import type { Services } from '../services';
import { errorLine, linesOf } from './eventLines';

const t = vscode.l10n.t;

type TaskMode = 'up' | 'dry-run' | 'validate';
const modes: readonly TaskMode[] = ['up', 'dry-run', 'validate'];

interface Definition extends vscode.TaskDefinition {
  mode: TaskMode;
  /** Name of the connection; without one the selected one. */
  connection?: string;
}

export function registerTasks(services: Services): vscode.Disposable {
  return vscode.tasks.registerTaskProvider(taskType, {
    provideTasks: () => modes.map((mode) => taskOf({ type: taskType, mode }, services)),
    resolveTask: ({ definition, scope, name }) =>
      isDefinition(definition) ? taskOf(definition, services, scope, name) : undefined,
  });
}

function isDefinition(definition: vscode.TaskDefinition): definition is Definition {
  const { mode, connection } = definition as Partial<Record<keyof Definition, unknown>>;
  return modes.includes(mode as TaskMode) && (connection === undefined || typeof connection === 'string');
}

function taskOf(
  definition: Definition,
  services: Services,
  scope: vscode.Task['scope'] = services.project?.folder ?? vscode.TaskScope.Workspace,
  name: string = nameOf(definition.mode),
): vscode.Task {
  const task = new vscode.Task(
    definition,
    scope,
    name,
    'Migratory',
    new vscode.CustomExecution(async () => new RunTerminal(definition, services)),
    `$${taskType}`,
  );
  if (definition.mode === 'validate') task.group = vscode.TaskGroup.Test;
  return task;
}

function nameOf(mode: TaskMode): string {
  const names: Record<TaskMode, string> = {
    up: t('run pending migrations'),
    'dry-run': t('dry run pending migrations'),
    validate: t('validate pending migrations'),
  };
  return names[mode];
}

/** The terminal of one task: prints what its run tells, ends with its exit code; Ctrl+C cancels. */
class RunTerminal implements vscode.Pseudoterminal {
  readonly #lines = new vscode.EventEmitter<string>();
  readonly #closed = new vscode.EventEmitter<number>();
  readonly onDidWrite = this.#lines.event;
  readonly onDidClose = this.#closed.event;
  #cancel: (() => Promise<void>) | undefined;

  constructor(
    private readonly definition: Definition,
    private readonly services: Services,
  ) {}

  open(): void {
    void this.#run().then((code) => this.#closed.fire(code));
  }

  close(): void {
    void this.#cancel?.().catch(() => undefined);
    this.#lines.dispose();
    this.#closed.dispose();
  }

  handleInput(data: string): void {
    if (data === '\u0003') void this.#cancel?.().catch(() => undefined);
  }

  async #run(): Promise<number> {
    try {
      const { services, definition } = this;
      if (!vscode.workspace.isTrusted) throw new UserError(t('Nothing is run in Restricted Mode.'));
      const result = await startPending(definition.mode, this.#connection(), services, {
        onEvent: (event) => linesOf(event).forEach((line) => this.#write(line)),
        onStart: (cancel) => (this.#cancel = cancel),
      });
      if (result === 'nothing') this.#write(t('Nothing is pending.'));
      if (result === 'declined') this.#write(t('Not started.'));
      if (typeof result !== 'string' && result.run.error && result.run.steps.every(({ error }) => !error)) {
        this.#write(errorLine(result.run.error));
      }
      return typeof result === 'string' ? 0 : result.exitCode;
    } catch (error) {
      const problem = error instanceof Error ? error : new Error(String(error));
      this.services.log.warn(problem.message);
      this.#write(errorLine({ message: problem.message, ...(error instanceof UserError && error.location) }));
      return error instanceof UserError ? error.exitCode : 1;
    }
  }

  #connection(): ReturnType<Services['connections']['get']> {
    const { connections } = this.services;
    const { connection: name } = this.definition;
    if (name === undefined) return connections.selected;
    const named = connections.list().find((connection) => connection.name === name);
    if (!named) throw new UserError(t('There is no connection "{0}".', name));
    return named;
  }

  #write(line: string): void {
    this.#lines.fire(`${line}\r\n`);
  }
}

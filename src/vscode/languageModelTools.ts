// Tools for language models: what stands on a database, what a migration is, its dry run; none of them writes. The one
// that runs asks a person first. They see no connection strings and no documents, only counts.
import * as vscode from 'vscode';
import { redact } from '../protocol/redact';
import { UserError } from '../protocol/errors';
import { confirmation } from './commands/confirmation';
import { launch, questionBefore } from './commands/startRuns';
import type { ConnectionInfo } from './connectionRecords';
import type { ToolName } from './manifest';
import { Tool } from './manifest';
import type { MigrationRow } from './rows';
import type { Services } from './services';
import { noConnection } from './target';
import * as answers from './toolAnswers';

const t = vscode.l10n.t;

/** As package.json declares it; a model may send anything. */
interface Input {
  connection?: unknown;
  migration?: unknown;
  migrations?: unknown;
}

interface ModelTool {
  /** What is shown while it works. */
  doing(input: Input): string;
  /** The question before it; undefined when there is nothing to ask. */
  confirm?(input: Input): Promise<vscode.LanguageModelToolConfirmationMessages | undefined>;
  /** @param shown true when the editor has shown `confirm`. */
  work(input: Input, token: vscode.CancellationToken, shown: boolean): Promise<object>;
}

export function registerTools(services: Services): vscode.Disposable[] {
  const tools: Record<ToolName, ModelTool> = {
    [Tool.status]: {
      doing: () => t('Asking for the state of the migrations'),
      work: async ({ connection }) =>
        answers.statusAnswer(await asked(connectionOf(connection, services), services), services),
    },
    [Tool.explain]: {
      doing: ({ migration }) => t('Looking at the migration {0}', String(migration)),
      work: async ({ connection, migration }) => {
        const where = connectionOf(connection, services, true);
        return answers.explainAnswer(await findRow(migration, where, services), where, services);
      },
    },
    [Tool.lint]: {
      doing: ({ migration }) => t('Looking for what tends to go wrong in {0}', String(migration)),
      work: async ({ migration }) =>
        answers.lintAnswer(
          await findRow(migration, connectionOf(undefined, services, true), services),
          services,
        ),
    },
    [Tool.dryRun]: {
      doing: ({ migration }) => t('Rehearsing the migration {0}', String(migration)),
      work: ({ connection, migration }, token) => dryRun(connection, migration, token, services),
    },
    [Tool.run]: new RunTool(services),
  };
  return (Object.keys(tools) as ToolName[]).map((name) =>
    vscode.lm.registerTool(name, asEditorTool(tools[name], services)),
  );
}

function asEditorTool(tool: ModelTool, { log }: Services): vscode.LanguageModelTool<Input> {
  return {
    async prepareInvocation({ input }) {
      // What cannot be asked cannot be done either: the work says why.
      const confirmationMessages = await tool.confirm?.(input).catch(() => undefined);
      return { invocationMessage: tool.doing(input), ...(confirmationMessages && { confirmationMessages }) };
    },
    async invoke({ input, toolInvocationToken }, token) {
      try {
        if (!vscode.workspace.isTrusted) throw new UserError(t('Nothing is run in Restricted Mode.'));
        const answer = await tool.work(input, token, toolInvocationToken !== undefined);
        return new vscode.LanguageModelToolResult([
          new vscode.LanguageModelTextPart(redact(JSON.stringify(answer, null, 2))),
        ]);
      } catch (error) {
        if (!(error instanceof UserError)) log.error('A tool of a language model failed', error);
        throw new Error(redact(error instanceof Error ? error.message : String(error)), { cause: error });
      }
    },
  };
}

/** Runs migrations that a person has agreed to: in the chat, or in the usual dialog where no chat has asked. */
class RunTool implements ModelTool {
  /** What was shown in a chat, word by word: another target or another set of migrations is asked about anew. */
  readonly #shown = new Set<string>();

  constructor(private readonly services: Services) {}

  doing({ migrations }: Input): string {
    return t('Running {0}', namesOf(migrations).join(', '));
  }

  async confirm({ connection, migrations }: Input): Promise<vscode.LanguageModelToolConfirmationMessages> {
    const where = connectionOf(connection, this.services);
    const rows = await this.#rows(migrations, where);
    this.#shown.add(keyOf(where, rows));
    const target = await this.services.connections.target(where.id);
    const question = questionBefore('up', undefined, { connection: where, rows }, target, this.services);
    const { message, detail } = confirmation(question, t);
    // Names of migrations are texts of somebody else's: they are no markup.
    return { title: message, message: new vscode.MarkdownString().appendCodeblock(detail, 'text') };
  }

  async work(
    { connection, migrations }: Input,
    token: vscode.CancellationToken,
    shown: boolean,
  ): Promise<object> {
    const where = connectionOf(connection, this.services);
    const rows = await this.#rows(migrations, where);
    const agreed = this.#shown.delete(keyOf(where, rows)) && shown;
    const result = await launch('up', { connection: where, rows }, this.services, {
      listener: { onEvent: () => undefined, onStart: (cancel) => stopWith(token, cancel) },
      panel: true,
      agreed,
    });
    return result
      ? answers.runAnswer(result)
      : { ran: false, why: 'The person did not agree. Nothing was run.' };
  }

  async #rows(migrations: unknown, connection: ConnectionInfo): Promise<MigrationRow[]> {
    const names = namesOf(migrations);
    if (names.length === 0) throw new UserError(t('A tool needs the name of a migration.'));
    await asked(connection, this.services);
    return Promise.all(names.map((name) => findRow(name, connection, this.services)));
  }
}

async function dryRun(
  connection: unknown,
  migration: unknown,
  token: vscode.CancellationToken,
  services: Services,
): Promise<object> {
  const where = connectionOf(connection, services);
  const row = await findRow(migration, where, services);
  const report = new answers.ReportAnswer();
  const result = await launch('dry-run', { connection: where, rows: [row] }, services, {
    listener: { onEvent: (event) => report.hear(event), onStart: (cancel) => stopWith(token, cancel) },
  });
  return report.answer(result, where);
}

function stopWith(token: vscode.CancellationToken, cancel: () => Promise<void>): void {
  const stop = (): void => void cancel().catch(() => undefined);
  if (token.isCancellationRequested) stop();
  else token.onCancellationRequested(stop);
}

function keyOf({ id, words }: ConnectionInfo, rows: readonly MigrationRow[]): string {
  return JSON.stringify([id, words, rows.map(({ name }) => name)]);
}

function namesOf(migrations: unknown): string[] {
  return Array.isArray(migrations)
    ? migrations.filter((name): name is string => typeof name === 'string')
    : [];
}

function connectionOf(name: unknown, services: Services): ConnectionInfo;
function connectionOf(name: unknown, services: Services, optional: true): ConnectionInfo | undefined;
function connectionOf(
  name: unknown,
  { connections }: Services,
  optional = false,
): ConnectionInfo | undefined {
  if (typeof name === 'string' && name !== '') {
    const named = connections.list().find((connection) => connection.name === name);
    if (named) return named;
    throw new UserError(t('There is no connection "{0}".', name));
  }
  if (!connections.selected && !optional) throw noConnection(t);
  return connections.selected;
}

/** The connection, once its database has answered what is applied there. */
async function asked(connection: ConnectionInfo, { statuses, store }: Services): Promise<ConnectionInfo> {
  await statuses.refresh(connection.id);
  const status = store.status(connection);
  if (status?.state === 'failed' && status.error) throw status.error;
  return connection;
}

async function findRow(
  name: unknown,
  connection: ConnectionInfo | undefined,
  { outlines, store, statuses }: Services,
): Promise<MigrationRow> {
  if (typeof name !== 'string' || name === '')
    throw new UserError(t('A tool needs the name of a migration.'));
  await outlines.ready;
  if (connection && !store.status(connection)) await statuses.refresh(connection.id);
  const row = store.find(connection, name);
  if (row) return row;
  throw new UserError(t('There is no migration "{0}" in the migrations folder (any more).', name));
}

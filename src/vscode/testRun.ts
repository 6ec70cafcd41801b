// One run of the Test Explorer: the dry runs of its migrations, one after another, each in a runner process of its own
// like the command's, and what each of the three parts of a migration came to.
import * as vscode from 'vscode';
import type { ErrorInfo } from '../protocol/errors';
import type { DryRunReport, Event, Verdict } from '../protocol/events';
import { redact } from '../protocol/redact';
import { UserError } from '../protocol/errors';
import type { RunDocument } from '../protocol/run';
import type { RunResult } from '../protocol/runner';
import { chooseMigrations } from './commands/choose';
import { launch } from './commands/startRuns';
import type { MigrationRef } from './lensModel';
import { Command } from './manifest';
import type { Services } from './services';
import { linesOf } from './tasks/eventLines';

const t = vscode.l10n.t;

/** What a dry run answers, one test each. */
export const parts = ['up', 'again', 'down'] as const;
export type Part = (typeof parts)[number];

export interface TestJob {
  run: vscode.TestRun;
  /** Each migration with the parts to tell about. */
  chosen: ReadonlyMap<vscode.TestItem, readonly vscode.TestItem[]>;
  token: vscode.CancellationToken;
}

/** Which migration a test stands for. */
export interface Tested {
  refOf(item: vscode.TestItem): MigrationRef | undefined;
}

export async function rehearse(job: TestJob, tested: Tested, services: Services): Promise<void> {
  const { run, chosen, token } = job;
  try {
    for (const tests of chosen.values()) tests.forEach((test) => run.enqueued(test));
    for (const [migration, tests] of chosen) {
      const ref = tested.refOf(migration);
      if (ref === undefined || token.isCancellationRequested) tests.forEach((test) => run.skipped(test));
      else await new Rehearsal(job, migration, tests, ref, services).perform();
    }
  } finally {
    run.end();
  }
}

/** What became of one part. */
type Outcome =
  { state: 'passed' } | { state: 'failed'; error: ErrorInfo } | { state: 'skipped'; why: string };

/** The dry run of one migration. */
class Rehearsal {
  readonly #reports: DryRunReport[] = [];
  readonly #failedChecks: string[] = [];
  #id: string | undefined;
  #cancel: (() => Promise<void>) | undefined;

  constructor(
    private readonly job: TestJob,
    private readonly migration: vscode.TestItem,
    private readonly tests: readonly vscode.TestItem[],
    private readonly ref: MigrationRef,
    private readonly services: Services,
  ) {}

  async perform(): Promise<void> {
    const { run, token } = this.job;
    this.tests.forEach((test) => run.started(test));
    const started = Date.now();
    const listener = token.onCancellationRequested(() => void this.#stop());
    try {
      const result = await this.#start();
      this.#tell(result, Date.now() - started);
    } catch (error) {
      const problem = error instanceof Error ? error : new Error(String(error));
      if (!(error instanceof UserError)) this.services.log.error('A test could not be run', problem);
      const message = this.#message({ message: problem.message });
      this.tests.forEach((test) => run.errored(test, message));
    } finally {
      listener.dispose();
    }
  }

  async #start(): Promise<RunResult | undefined> {
    if (!vscode.workspace.isTrusted) throw new UserError(t('Nothing is run in Restricted Mode.'));
    // The file's own connection, as the lens above it shows.
    const chosen = await chooseMigrations('dryRun', [this.ref], this.services);
    if (!chosen) return undefined;
    this.#write(`${this.ref.name} (${chosen.connection.words})`);
    return launch('dry-run', chosen, this.services, {
      listener: {
        onEvent: (event) => this.#hear(event),
        onStart: (cancel) => {
          this.#cancel = cancel;
          if (this.job.token.isCancellationRequested) void this.#stop();
        },
      },
    });
  }

  #hear(event: Event): void {
    this.#id ??= event.run === '' ? undefined : event.run;
    linesOf(event).forEach((line) => this.#write(line));
    if (event.type === 'report') this.#reports.push(event.report);
    if (event.type !== 'check' || event.outcome !== 'failed' || event.severity !== 'error') return;
    this.#failedChecks.push(`${event.check}: ${event.details}${event.action ? ` ${event.action}` : ''}`);
  }

  /** As the command does: asks first, and offers to end a process that does not listen. */
  async #stop(): Promise<void> {
    if (this.#id !== undefined) await vscode.commands.executeCommand(Command.cancelRun, { run: this.#id });
    else await this.#cancel?.().catch(() => undefined);
  }

  #tell(result: RunResult | undefined, durationMs: number): void {
    const outcomes = this.#outcomes(result);
    for (const test of this.tests) {
      const outcome = outcomes[test.id.slice(test.id.lastIndexOf('/') + 1) as Part];
      if (outcome.state === 'passed') this.job.run.passed(test, durationMs);
      else if (outcome.state === 'failed')
        this.job.run.failed(test, this.#message(outcome.error), durationMs);
      else {
        this.#write(`${test.label}: ${outcome.why}`, test);
        this.job.run.skipped(test);
      }
    }
  }

  #outcomes(result: RunResult | undefined): Record<Part, Outcome> {
    const [report] = this.#reports;
    if (result === undefined || result.run.state === 'cancelled')
      return all({ state: 'skipped', why: t('Cancelled.') });
    if (!report) return this.#without(result.run);
    const reversible = ofVerdict(report.reversible);
    const refused = report.verification?.some(
      ({ severity, outcome }) => severity === 'error' && outcome === 'failed',
    );
    const error = report.error ?? result.run.error ?? unnamed();
    return {
      up: report.succeeded && !refused ? { state: 'passed' } : { state: 'failed', error },
      again: ofVerdict(report.repeatable),
      // Said to be irreversible is no fault; a way back that does not lead back is one.
      down: this.#isOneWay(report) ? { state: 'skipped', why: report.reversible.details } : reversible,
    };
  }

  /** It ended before there was anything to rehearse: a check failed, or it could not be loaded. */
  #without({ error, steps }: RunDocument): Record<Part, Outcome> {
    const found = steps.find((step) => step.error !== null)?.error ?? error ?? unnamed();
    const message = [found.message, ...this.#failedChecks.filter((text) => !found.message.includes(text))];
    const failed: Outcome = { state: 'failed', error: { ...found, message: message.join('\n') } };
    const skipped: Outcome = { state: 'skipped', why: t('It was not tried.') };
    return { up: failed, again: skipped, down: skipped };
  }

  /** Irreversible by its own words, or left to its journal, which no dry run tries. */
  #isOneWay({ kind }: DryRunReport): boolean {
    const { file, index } = this.ref;
    const outlined = this.services.outlines.files.find((one) => one.file === file)?.outline;
    const entry = outlined?.entries.find((one) => one.index === index);
    return (
      entry !== undefined && (entry.irreversible !== undefined || (kind !== 'transform' && !entry.hasDown))
    );
  }

  /** Where it happened, else at the migration. */
  #message({ message, file, line, column }: ErrorInfo): vscode.TestMessage {
    const told = new vscode.TestMessage(redact(message));
    const { uri, range } = this.migration;
    if (file !== undefined && line !== undefined) {
      const place = new vscode.Position(Math.max(0, line - 1), Math.max(0, (column ?? 1) - 1));
      told.location = new vscode.Location(vscode.Uri.file(file), place);
    } else if (uri && range) {
      told.location = new vscode.Location(uri, range.start);
    }
    return told;
  }

  #write(line: string, test: vscode.TestItem = this.migration): void {
    // The view is a terminal.
    this.job.run.appendOutput(`${redact(line).replaceAll(/\r?\n/g, '\r\n')}\r\n`, undefined, test);
  }
}

function all(outcome: Outcome): Record<Part, Outcome> {
  return { up: outcome, again: outcome, down: outcome };
}

function ofVerdict({ answer, details }: Verdict): Outcome {
  if (answer === 'yes') return { state: 'passed' };
  return answer === 'no'
    ? { state: 'failed', error: { message: details } }
    : { state: 'skipped', why: details };
}

function unnamed(): ErrorInfo {
  return { message: t('It failed without saying why.') };
}

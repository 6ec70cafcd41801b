// What the tools for language models answer, as plain objects. No documents and no connection strings are in them; what
// is left out for its length is counted.
import { relative } from 'node:path';
import * as vscode from 'vscode';
import type { DryRunReport, Event } from '../protocol/events';
import type { RunDocument } from '../protocol/run';
import type { RunResult } from '../protocol/runner';
import type { ConnectionInfo } from './connectionRecords';
import { contextOfFile } from './diagnostics';
import type { MigrationRow } from './rows';
import type { LastRun } from './runs';
import type { Services } from './services';

/** More rows than this help no model. */
const rowsShown = 200;
const charactersShown = 20_000;

export function statusAnswer(connection: ConnectionInfo, services: Services): object {
  const { store, runs } = services;
  const { rows, problems } = store.of(connection);
  const states = rows.map(({ state }) => state);
  const target = store.targetOf(connection);
  return {
    target,
    connection: connection.name,
    production: connection.production,
    readOnly: connection.readOnly,
    server: store.status(connection)?.result?.server.summary,
    counts: Object.fromEntries([...new Set(states)].map((state) => [state, count(states, state)])),
    migrations: rows.slice(0, rowsShown).map((row) => rowAnswer(row, services)),
    ...(rows.length > rowsShown && { leftOut: rows.length - rowsShown }),
    problems: problems.map(({ file, message, line }) => ({ file: shortPath(file, services), message, line })),
    underWay: runs
      .active(target)
      .map(({ mode, state, steps }) => ({ mode, state, migrations: steps.map(({ name }) => name) })),
  };
}

export async function explainAnswer(
  row: MigrationRow,
  connection: ConnectionInfo | undefined,
  services: Services,
): Promise<object> {
  const { store, runs } = services;
  const last = connection && runs.lastByMigration(store.targetOf(connection)).get(row.name);
  return {
    ...rowAnswer(row, services),
    description: row.description,
    reversible: row.reversible,
    irreversibleReason: row.irreversibleReason,
    target: connection && store.targetOf(connection),
    lastRun: last && lastRunAnswer(last),
    ...(await sourceAnswer(row, services)),
  };
}

/** What lint finds in a migration's file, by its text as it stands in the editor or on disk. */
export async function lintAnswer({ name, file }: MigrationRow, services: Services): Promise<object> {
  if (file === undefined) return { migration: name, findings: [], why: 'Its file is gone.' };
  const { lintSource } = await import('../migration/lint/lint');
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
  const found = lintSource(document.getText(), file, contextOfFile(file, services));
  return {
    migration: name,
    file: vscode.workspace.asRelativePath(file),
    findings: found.map(({ rule, severity, message, action, start }) => ({
      rule,
      severity,
      line: document.positionAt(start).line + 1,
      message,
      whatToDo: action,
    })),
  };
}

/** Hears a dry run, and tells what it found. */
export class ReportAnswer {
  readonly #reports: DryRunReport[] = [];
  readonly #checks: { check: string; severity: string; details: string; action?: string }[] = [];

  hear(event: Event): void {
    if (event.type === 'report') this.#reports.push(event.report);
    if (event.type !== 'check' || event.outcome !== 'failed') return;
    const { check, severity, details, action } = event;
    this.#checks.push({ check, severity, details, action });
  }

  answer(result: RunResult | undefined, { words }: ConnectionInfo): object {
    const [report] = this.#reports;
    return {
      target: words,
      wrote: 'nothing: it ran on a scratch copy',
      state: result?.run.state,
      error: errorOf(result?.run),
      failedChecks: this.#checks,
      ...(report && reportAnswer(report)),
    };
  }
}

export function runAnswer({ run, exitCode }: RunResult): object {
  return {
    ran: true,
    target: run.target,
    state: run.state,
    exitCode,
    error: errorOf(run),
    migrations: run.steps.map(({ name, state, processed, quarantined, conflicts, error }) => ({
      name,
      state,
      processed,
      quarantined,
      conflicts,
      error: error?.message,
    })),
  };
}

function reportAnswer(report: DryRunReport): object {
  // The sampled documents stay here.
  const { step, kind, error, diffs, ...counts } = report;
  return {
    migration: step,
    kind,
    failure: error?.message,
    documentsShownInThePanel: diffs.length,
    ...counts,
  };
}

function rowAnswer(row: MigrationRow, services: Services): object {
  const { name, state, kind, file, appliedAt, durationMs, quarantined, error, active } = row;
  return {
    name,
    state: active ? `${active.mode} ${active.state}` : state,
    kind,
    file: file && shortPath(file, services),
    appliedAt,
    durationMs,
    quarantined,
    error: error?.message,
  };
}

function lastRunAnswer({ run, step }: LastRun): object {
  const failed = step.checks.filter(({ outcome }) => outcome === 'failed');
  return {
    mode: run.mode,
    state: step.state,
    startedAt: run.startedAt,
    processed: step.processed,
    quarantined: step.quarantined,
    conflicts: step.conflicts,
    failedChecks: failed.map(({ check, details }) => `${check}: ${details}`),
    error: step.error?.message ?? run.error?.message,
  };
}

/** The text of the migration itself, as it stands in the editor or on disk. */
async function sourceAnswer({ file, index }: MigrationRow, { outlines }: Services): Promise<object> {
  if (file === undefined) return {};
  const document = await vscode.workspace.openTextDocument(file).then(
    (opened) => opened,
    () => undefined,
  );
  const entry = document && (await outlines.outlineOf(document)).entries.find((one) => one.index === index);
  if (!document || !entry) return {};
  const text = document.getText().slice(entry.start, entry.end);
  return {
    lines: [document.positionAt(entry.start).line + 1, document.positionAt(entry.end).line + 1],
    requires: entry.requires,
    source: text.slice(0, charactersShown),
    ...(text.length > charactersShown && { charactersLeftOut: text.length - charactersShown }),
  };
}

function errorOf(run: RunDocument | undefined): string | undefined {
  return run?.steps.find(({ error }) => error !== null)?.error?.message ?? run?.error?.message;
}

function shortPath(file: string, { project }: Services): string {
  return project ? relative(project.location.root, file) : file;
}

function count<T>(values: readonly T[], wanted: T): number {
  return values.filter((value) => value === wanted).length;
}

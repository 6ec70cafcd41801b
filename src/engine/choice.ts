// Which migrations an `up` or a `down` takes of a plan, in which order.
import { basename } from 'node:path';
import { ExitCode, UserError } from '../protocol/errors';
import type { MigrationState, MigrationStatus } from '../protocol/status';
import { nearest } from './checks/nearest';
import type { LedgerRow } from './ledger';
import { refuseReplaced } from './replaced';

const runnable: readonly MigrationState[] = ['pending', 'out-of-order', 'failed', 'interrupted'];

/** Whether an `up` takes it. */
export function isRunnable({ state }: MigrationStatus): boolean {
  return runnable.includes(state);
}

export interface UpSelection {
  names: string[];
  /** Run everything that is pending up to and with this one. */
  to?: string;
  steps?: number;
  /** Take older pending ones although later ones are applied. */
  allowOutOfOrder?: boolean;
  /** Take named ones again whose file has changed since they were applied. */
  changedToo?: boolean;
}

/**
 * The migrations that an `up` takes, in order.
 * @throws UserError for unknown or applied names, and for out-of-order ones that nobody asked for by name.
 */
export function selectUp(statuses: MigrationStatus[], selection: UpSelection): MigrationStatus[] {
  if (selection.names.length > 0) {
    const named = selection.names.map((name) => findStatus(statuses, name));
    for (const status of named) {
      const again = selection.changedToo === true && status.state === 'changed';
      if (!again && !isRunnable(status)) throw notRunnable(status);
    }
    return statuses.filter((status) => named.includes(status));
  }
  let chosen = statuses.filter(isRunnable);
  if (selection.to !== undefined) {
    const last = statuses.indexOf(findStatus(statuses, selection.to));
    chosen = chosen.filter((status) => statuses.indexOf(status) <= last);
  }
  if (selection.steps !== undefined) chosen = chosen.slice(0, selection.steps);
  const late = chosen.filter((status) => isLate(statuses, status));
  if (late.length > 0 && !selection.allowOutOfOrder) throw outOfOrder(statuses, late);
  return chosen;
}

function isLate(statuses: MigrationStatus[], status: MigrationStatus): boolean {
  // What has been applied once keeps its place: a repeatable one that has changed comes late by nature.
  if (status.appliedAt !== null) return false;
  const position = statuses.indexOf(status);
  return statuses.some((other, index) => index > position && isApplied(other));
}

function isApplied({ file, appliedAt }: MigrationStatus): boolean {
  return file !== undefined && appliedAt !== null;
}

/** Nobody but a person can tell whether they suit what came after them. */
function outOfOrder(statuses: MigrationStatus[], late: MigrationStatus[]): UserError {
  const names = late.map(({ name }) => `"${name}"`).join(', ');
  const later = statuses.findLast(isApplied)?.name ?? '';
  const it = late.length === 1 ? 'it' : 'them';
  return new UserError(
    `${names} would run out of order: "${later}", which comes later, is applied already. ` +
      `Run ${it} by name, or allow it with --allow-out-of-order.`,
    { exitCode: ExitCode.usage, action: { label: 'Allow', cli: 'migratory up --allow-out-of-order' } },
  );
}

/**
 * The pending ones that come before the last of the named ones and stay pending when these alone are run. What is wrong
 * with the names the run itself says.
 */
export function earlierPending(statuses: MigrationStatus[], names: string[]): string[] {
  const named = new Set(names.flatMap((name) => matching(statuses, name)));
  const last = statuses.findLastIndex((status) => named.has(status));
  return statuses
    .slice(0, Math.max(0, last))
    .filter((status) => isRunnable(status) && !named.has(status))
    .map(({ name }) => name);
}

/**
 * The migrations that a `down` takes: the named ones, those applied after `to`, those of one run, or the last applied
 * (with its block: what was applied together with it); always in reverse order of application.
 */
export function selectDown(
  statuses: MigrationStatus[],
  rows: LedgerRow[],
  selection: { names: string[]; to?: string; steps?: number; run?: string; block?: boolean },
  /** Names of migrations that are not applied but stand half-way and have a journal. */
  undoable: string[] = [],
): MigrationStatus[] {
  const newestFirst = rows
    .toReversed()
    .flatMap((row) => statuses.find((status) => status.name === row.name) ?? []);
  if (selection.names.length > 0) {
    const named = new Set(selection.names.map((name) => findStatus(statuses, name)));
    for (const status of named) {
      if (!newestFirst.includes(status) && !undoable.includes(status.name)) {
        throw new UserError(`"${status.name}" is not applied, so there is nothing to roll back.`, {
          exitCode: ExitCode.usage,
        });
      }
    }
    const halfDone = [...named].filter((status) => !newestFirst.includes(status));
    return [...halfDone, ...newestFirst.filter((status) => named.has(status))];
  }
  if (selection.to !== undefined) {
    const stop = newestFirst.indexOf(findStatus(statuses, selection.to));
    if (stop < 0)
      throw new UserError(`"${selection.to}" is not applied, so nothing can be rolled back to it.`, {
        exitCode: ExitCode.usage,
      });
    return newestFirst.slice(0, stop);
  }
  if (selection.run !== undefined || selection.block) {
    const together = rowsTogether(rows, selection.run);
    return newestFirst.filter(({ name }) => together.has(name));
  }
  return newestFirst.slice(0, selection.steps ?? 1);
}

/** Names of what one run has applied, or of what was applied together with the last one. */
function rowsTogether(rows: LedgerRow[], run: string | undefined): Set<string> {
  const last = rows.at(-1);
  const key = (row: LedgerRow | undefined): unknown => row?.block ?? row?.run ?? row?.name;
  const found = rows.filter((row) => (run === undefined ? key(row) === key(last) : row.run === run));
  if (run !== undefined && found.length === 0) {
    throw new UserError(`Run ${run} has applied nothing that is still applied.`, {
      exitCode: ExitCode.usage,
    });
  }
  return new Set(found.map(({ name }) => name));
}

/** @throws UserError where none, or more than one, goes by this name. */
export function findStatus(statuses: MigrationStatus[], name: string): MigrationStatus {
  const [found, ...others] = matching(statuses, name);
  if (found && others.length === 0) return found;
  if (!found) refuseReplaced(name, statuses);
  if (!found) throw noSuchMigration(name, statuses);
  throw new UserError(
    `${basename(name)} holds ${others.length + 1} migrations; name one of them: ${[found, ...others].map((status) => status.name).join(', ')}.`,
    { exitCode: ExitCode.usage },
  );
}

/** Names the one that was probably meant. */
export function noSuchMigration(name: string, known: readonly { name: string }[]): UserError {
  const meant = nearest(
    name,
    known.map((one) => one.name),
  );
  const help = meant === null ? '`migratory status` lists them all.' : `Did you mean "${meant}"?`;
  return new UserError(`There is no migration "${name}". ${help}`, { exitCode: ExitCode.usage });
}

/** What people type is often the file: it stands for its migration when it holds one only. */
function matching(statuses: MigrationStatus[], name: string): MigrationStatus[] {
  const exact = statuses.find((status) => status.name === name);
  if (exact) return [exact];
  const wanted = basename(name);
  return statuses.filter((status) => status.file !== undefined && basename(status.file) === wanted);
}

function notRunnable(status: MigrationStatus): UserError {
  const reasons: Partial<Record<MigrationState, string>> = {
    applied: 'is applied already. Roll it back first to run it again.',
    changed:
      'is applied, and its file has changed since. Accept the file as it is now ' +
      `(migratory mark ${status.name} --applied), or roll back what was applied and run the file anew (migratory rerun ${status.name}).`,
    missing: 'is applied, but no file holds it any more.',
    running: 'is running right now.',
    conflicts: 'has unresolved conflicts of a rollback.',
  };
  return new UserError(`"${status.name}" ${reasons[status.state] ?? `is ${status.state}.`}`, {
    exitCode: ExitCode.usage,
  });
}

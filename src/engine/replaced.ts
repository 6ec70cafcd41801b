// Migrations that stand for others (`replaces`, written by `migratory squash`): what a folder and a ledger mean together.
// Where all that one stands for is applied it counts as applied, where nothing is it runs in their place, where only some
// are it waits for the rest. The rows of the old ones stay in the ledger: a branch that still has their files, or another
// program, does not run them again.
import { ExitCode, UserError } from '../protocol/errors';
import type { CatalogueEntry } from './catalogue';
import type { LedgerRow } from './ledger';

export interface Settled {
  /** Without files that another one stands for, or without the one that stands for them while it has to wait. */
  entries: CatalogueEntry[];
  /** Without rows that another one stands for. */
  rows: LedgerRow[];
}

/** Everything that the ledger says is applied, also what only a row that stands for it tells. */
export function appliedNames(rows: readonly LedgerRow[]): Set<string> {
  return new Set(rows.flatMap(({ name, replaces = [] }) => [name, ...replaces]));
}

export function settleReplaced(entries: CatalogueEntry[], rows: LedgerRow[]): Settled {
  const standing = entries.filter(({ replaces }) => replaces !== undefined && replaces.length > 0);
  if (standing.length === 0) return { entries, rows };
  const applied = appliedNames(rows);
  const there = new Set(entries.map(({ name }) => name));
  const ownRows = new Set(rows.map(({ name }) => name));
  const covered = new Set<string>();
  const waiting = new Set<CatalogueEntry>();
  const counted: LedgerRow[] = [];
  for (const entry of standing) {
    const { replaces = [] } = entry;
    const missing = replaces.filter((name) => !applied.has(name));
    const some = !ownRows.has(entry.name) && missing.length > 0 && missing.length < replaces.length;
    if (some) {
      // With the files of the others back in the folder these are run, and then it counts as applied.
      if (missing.every((name) => there.has(name))) waiting.add(entry);
      continue;
    }
    for (const name of replaces) covered.add(name);
    if (!ownRows.has(entry.name) && missing.length === 0) counted.push(countedRow(entry, rows));
  }
  const stands = new Set(standing.map(({ name }) => name));
  const isHidden = ({ name, replaces = [] }: LedgerRow): boolean => {
    if (covered.has(name)) return true;
    // Everything that it stands for itself: it was squashed once more.
    return !stands.has(name) && replaces.length > 0 && replaces.every((one) => covered.has(one));
  };
  return {
    entries: entries.filter((entry) => !waiting.has(entry) && !covered.has(entry.name)),
    rows: inTheirPlace(counted, rows, isHidden),
  };
}

/** The rows that are not hidden, and each of those that only count after the last that it stands for. */
function inTheirPlace(
  counted: readonly LedgerRow[],
  rows: readonly LedgerRow[],
  isHidden: (row: LedgerRow) => boolean,
): LedgerRow[] {
  const places = counted.map(({ replaces = [] }) => {
    const covered = new Set(replaces);
    return rows.findLastIndex(({ name, replaces: own = [] }) =>
      [name, ...own].some((one) => covered.has(one)),
    );
  });
  return rows.flatMap((row, place) => [
    ...(isHidden(row) ? [] : [row]),
    ...counted.filter((_row, at) => places[at] === place),
  ]);
}

function countedRow({ name, kind, replaces = [] }: CatalogueEntry, rows: readonly LedgerRow[]): LedgerRow {
  return {
    name,
    kind,
    replaces,
    appliedAt: lastOf(replaces, rows),
    durationMs: null,
    state: 'applied',
    counted: true,
  };
}

/** When the last of them was applied. */
export function lastOf(names: readonly string[], rows: readonly LedgerRow[]): Date | null {
  const wanted = new Set(names);
  const dates = rows.flatMap(({ name, replaces = [], appliedAt }) =>
    appliedAt && (wanted.has(name) || replaces.some((one) => wanted.has(one))) ? [appliedAt.getTime()] : [],
  );
  return dates.length === 0 ? null : new Date(Math.max(...dates));
}

/** Why a migration cannot run that stands for others; undefined when it can. */
export function whyWaiting(
  name: string,
  replaces: readonly string[],
  applied: ReadonlySet<string>,
): string | undefined {
  const missing = replaces.filter((one) => !applied.has(one));
  if (missing.length === 0 || missing.length === replaces.length) return undefined;
  const names = missing.slice(0, 5).map((one) => `"${one}"`);
  const more = missing.length > names.length ? ` and ${missing.length - names.length} more` : '';
  return (
    `"${name}" stands for ${replaces.length} migrations, of which ${replaces.length - missing.length} are applied ` +
    `here and ${missing.length} are not: ${names.join(', ')}${more}.`
  );
}

export const bringBack =
  'Bring the files of these back beside it, run them, and take the files away again: then it counts as applied.';

/** @throws UserError for a name that only another migration's `replaces` knows. */
export function refuseReplaced(
  name: string,
  statuses: readonly { name: string; replaces?: string[] }[],
): void {
  const by = statuses.find(({ replaces }) => replaces?.includes(name));
  if (!by) return;
  throw new UserError(`"${name}" was squashed: "${by.name}" stands for it now.`, {
    exitCode: ExitCode.usage,
  });
}

// Ledgers that other tools have left in a database, read as what they say: which migration was applied, and when. Nothing is
// written here. What each tool writes: research of mongo-migrate-ts 2, ts-migrate-mongoose 4 and 5, east-mongo,
// migrate-mongo 12 to 14, and of programs with `{name, appliedAt}` rows of their own.
import { basename } from 'node:path';
import type { Db, Document } from 'mongodb';

export interface ForeignRow {
  /** As the tool has written it down. */
  recorded: string;
  appliedAt: Date | null;
  /** Names under which the file may be known here, the likeliest first; also without extension. */
  candidates: string[];
}

export interface ForeignLedger {
  collection: string;
  tool: string;
  /** In the order of application. */
  rows: ForeignRow[];
}

interface Reader {
  tool: string;
  /** The collection that the tool takes when nobody says otherwise. */
  collection: string;
  read: (row: Document) => ForeignRow | undefined;
}

const readers: readonly Reader[] = [
  {
    tool: 'migrate-mongo',
    collection: 'changelog',
    read: ({ fileName, appliedAt }) =>
      typeof fileName === 'string' ? foreign(fileName, appliedAt, [fileName]) : undefined,
  },
  {
    tool: 'mongo-migrate-ts',
    collection: 'migrations_changelog',
    read: ({ file, className, timestamp }) =>
      typeof className === 'string'
        ? foreign(className, timestamp, [...(typeof file === 'string' ? [baseOf(file)] : []), className])
        : undefined,
  },
  {
    tool: 'ts-migrate-mongoose',
    collection: 'migrations',
    read: ({ name, state, createdAt, updatedAt }) =>
      typeof name === 'string' && state === 'up'
        ? foreign(name, updatedAt ?? createdAt, [...stamped(name, createdAt), name])
        : undefined,
  },
  {
    tool: 'a ledger of {name, appliedAt}',
    collection: '_migrations',
    read: ({ name, appliedAt, applied_at: alike, executed_at: executed }) => {
      const at: unknown = appliedAt ?? alike ?? executed;
      return typeof name === 'string' && at !== undefined ? foreign(name, at, [name]) : undefined;
    },
  },
  {
    tool: 'east',
    collection: '_migrations',
    read: (row) => (isBare(row) ? foreign(String(row['_id']), null, [String(row['_id'])]) : undefined),
  },
];

/** Whether a row is east's: a name as `_id`, and nothing else. */
function isBare(row: Document): boolean {
  return typeof row['_id'] === 'string' && Object.keys(row).length === 1;
}

function foreign(recorded: string, at: unknown, candidates: string[]): ForeignRow {
  return { recorded, appliedAt: dateOf(at), candidates };
}

/** ts-migrate-mongoose keeps the name without the time that its file begins with. */
function stamped(name: string, createdAt: unknown): string[] {
  const at = dateOf(createdAt);
  return at ? [`${at.getTime()}-${name}`] : [];
}

function baseOf(path: string): string {
  return basename(path.replaceAll('\\', '/'));
}

function dateOf(value: unknown): Date | null {
  const date =
    value instanceof Date
      ? value
      : typeof value === 'number' || typeof value === 'string'
        ? new Date(value)
        : null;
  return date && !Number.isNaN(date.getTime()) ? date : null;
}

/**
 * The ledgers of other tools that are there.
 * @param own the ledger in use here: its own rows are none of another tool.
 * @param from only this collection, whatever the tool's default is.
 */
export async function findForeignLedgers(db: Db, own: string, from?: string): Promise<ForeignLedger[]> {
  const there = await db.listCollections({ type: 'collection' }, { nameOnly: true }).toArray();
  const names = new Set(there.map(({ name }) => name));
  const wanted = from === undefined ? [...new Set(readers.map(({ collection }) => collection))] : [from];
  const found: ForeignLedger[] = [];
  for (const collection of wanted.filter((name) => names.has(name))) {
    const rows = await db
      .collection(collection)
      .find({}, { sort: { _id: 1 } })
      .toArray();
    const ledger = readLedger(collection, rows, { own: collection === own, named: from !== undefined });
    if (ledger) found.push(ledger);
  }
  return found;
}

function readLedger(
  collection: string,
  rows: Document[],
  { own, named }: { own: boolean; named: boolean },
): ForeignLedger | undefined {
  for (const { tool, collection: usual, read } of readers) {
    if (!named && usual !== collection) continue;
    // Rows with a name in the ledger that is in use count as applied already.
    if (own && tool !== 'east') continue;
    const known = rows.flatMap((row) => read(row) ?? []);
    if (known.length > 0) return { collection, tool, rows: inOrder(known) };
  }
  return undefined;
}

function inOrder(rows: ForeignRow[]): ForeignRow[] {
  return rows.toSorted((a, b) => (a.appliedAt?.getTime() ?? 0) - (b.appliedAt?.getTime() ?? 0));
}

/** The name that a row has here, or undefined when no file fits it, or more than one. */
export function matchRow(
  { candidates, recorded }: ForeignRow,
  entries: readonly { name: string; file: string }[],
): string | undefined {
  const bare = (text: string): string => text.replace(/\.[cm]?[jt]s$|\.py$/, '');
  for (const candidate of candidates) {
    const exact = entries.filter(({ name, file }) => [name, baseOf(file)].includes(candidate));
    if (exact.length === 1) return exact[0]?.name;
    const same = entries.filter(({ name, file }) =>
      [name, baseOf(file)].some((known) => bare(known) === bare(candidate)),
    );
    if (same.length === 1) return same[0]?.name;
  }
  // Tools that write the time apart from the name: `1712345678901-add-status.ts` is `add-status`.
  const ending = entries.filter(({ file }) => bare(baseOf(file)).replace(/^\d+[-_.]/, '') === bare(recorded));
  return ending.length === 1 ? ending[0]?.name : undefined;
}

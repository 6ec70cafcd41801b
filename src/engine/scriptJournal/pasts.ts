// The documents of some rows of a script's journal: what was done to each of them, and what it becomes.
import type { ClientSession, Collection } from 'mongodb';
import { idQuery, updateStatement, UnspeakableId } from '../../transfer/command';
import { replacementValue } from '../../transfer/interpret';
import type { JournalEntry } from '../../transfer/journalPack';
import { document, element, intValue, keyOf, objectValue, sameBytes } from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { readByIds } from '../../transfer/source';
import type { DocumentsRow } from './journalRow';

export interface Change {
  row: DocumentsRow;
  entry: JournalEntry;
}

/** One document with what the script did to it, the newest first. */
export interface Past {
  id: RawValue;
  key: string;
  changes: Change[];
}

export interface Plan extends Past {
  now: Buffer | undefined;
  after: Buffer | undefined;
}

export function keyIn({ database, collection }: DocumentsRow, id: RawValue): string {
  return `${database}.${collection}\0${keyOf(id)}`;
}

export function same(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameBytes(a, b);
}

export function kindOf({ now, after }: Plan): 'delete' | 'update' | 'insert' {
  if (!after) return 'delete';
  return now ? 'update' : 'insert';
}

export function statementOf({ id, now, after }: Plan): Buffer {
  if (!after) return document([element('q', objectValue(idQuery(id))), element('limit', intValue(1))]);
  return now ? updateStatement(idQuery(id), replacementValue(after)) : after;
}

export function byCollection(rows: readonly DocumentsRow[]): DocumentsRow[][] {
  const groups = new Map<string, DocumentsRow[]>();
  for (const row of rows) {
    const name = `${row.database}.${row.collection}`;
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return [...groups.values()];
}

/** The documents of the rows, the one that was changed last first. */
export function pastsOf(rows: readonly DocumentsRow[]): Past[] {
  const pasts = new Map<string, Past>();
  for (const row of rows) {
    for (const entry of row.entries.toReversed()) {
      const key = keyIn(row, entry.id);
      const past = pasts.get(key) ?? { id: entry.id, key, changes: [] };
      past.changes.push({ row, entry });
      pasts.set(key, past);
    }
  }
  return [...pasts.values()];
}

/** Null for a document that cannot be asked for, since the driver cannot write its `_id`. */
export async function readSpeakable(
  target: Collection,
  pasts: readonly Past[],
  session: ClientSession | undefined,
): Promise<Map<string, Buffer | null | undefined>> {
  const ids = pasts.map(({ id }) => id);
  try {
    return await readByIds(target, ids, { session });
  } catch (error) {
    if (!(error instanceof UnspeakableId)) throw error;
  }
  const found = new Map<string, Buffer | null | undefined>();
  for (const id of ids) {
    try {
      for (const [key, raw] of await readByIds(target, [id], { session })) found.set(key, raw);
    } catch (error) {
      if (!(error instanceof UnspeakableId)) throw error;
      found.set(keyOf(id), null);
    }
  }
  return found;
}

// Putting back the documents of some rows of a script's journal, the newest first, in one transaction with the rows
// themselves (under the guard of each document's image where there are no transactions).
import type { ClientSession, Collection, MongoClient } from 'mongodb';
import { idQuery, sendWrites, updateStatement, UnspeakableId } from '../../transfer/command';
import { WriteRefused } from '../../transfer/errors';
import { writeGuarded } from '../../transfer/guardedWrite';
import { replacementValue } from '../../transfer/interpret';
import type { JournalEntry } from '../../transfer/journal';
import { document, element, intValue, keyOf, objectValue, sameBytes } from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { decoded } from '../../transfer/shownId';
import { readByIds } from '../../transfer/source';
import { inTransaction, isTooLarge, isTransient, pause } from '../../transfer/transaction';
import type { Conflict } from '../../transfer/types';
import { takeBackEntry } from './fold';
import type { DocumentsRow } from './journalRow';
import type { ScriptRows } from './rows';

export interface RestoreOptions {
  client: MongoClient;
  rows: ScriptRows;
  transactions: boolean;
  signal: AbortSignal;
  /** Documents that were left alone before, by `keyIn`: what was done to them earlier stays too. */
  conflicted: Set<string>;
}

export interface Restored {
  documents: number;
  conflicts: Conflict[];
}

interface Change {
  row: DocumentsRow;
  entry: JournalEntry;
}

/** One document with what the script did to it, the newest first. */
interface Past {
  id: RawValue;
  key: string;
  changes: Change[];
}

interface Plan extends Past {
  now: Buffer | undefined;
  after: Buffer | undefined;
}

const validationFailed = 121;
const patienceMs = 120_000;

export function keyIn({ database, collection }: DocumentsRow, id: RawValue): string {
  return `${database}.${collection}\0${keyOf(id)}`;
}

export class Restorer {
  /** Documents that the server refused to take back, with its reason. */
  readonly #refused = new Map<string, string>();
  #bypass = false;

  constructor(private readonly options: RestoreOptions) {}

  /** @param rows the newest first. */
  async restore(rows: readonly DocumentsRow[]): Promise<Restored> {
    const started = performance.now();
    for (let tries = 0; ; tries++) {
      this.options.signal.throwIfAborted();
      try {
        return await this.#attempt(rows);
      } catch (error) {
        if (error instanceof WriteRefused) {
          if (error.code === validationFailed && !this.#bypass) this.#bypass = true;
          else if (rows.length > 1) return this.#oneByOne(rows);
          else this.#refused.set(keyIn(rows[0] as DocumentsRow, error.id), error.reason);
          continue;
        }
        if (isTooLarge(error) && rows.length > 1) return this.#oneByOne(rows);
        if (!isTransient(error) || performance.now() - started > patienceMs) throw error;
        await pause(Math.min(1000, 5 * 2 ** tries), this.options.signal);
      }
    }
  }

  /** Values that have to be unique may have been handed on from one document to the next: the way back is the same. */
  async #oneByOne(rows: readonly DocumentsRow[]): Promise<Restored> {
    const sum: Restored = { documents: 0, conflicts: [] };
    for (const row of rows) {
      const { documents, conflicts } = await this.restore([row]);
      sum.documents += documents;
      sum.conflicts.push(...conflicts);
    }
    return sum;
  }

  async #attempt(rows: readonly DocumentsRow[]): Promise<Restored> {
    const { client, transactions, conflicted } = this.options;
    const found: Conflict[] = [];
    const keys: string[] = [];
    const note = (conflict: Conflict, key: string): void => {
      found.push(conflict);
      keys.push(key);
    };
    if (!transactions) {
      for (const row of rows) await this.#guarded(row, note);
    } else {
      const session = client.startSession({ causalConsistency: false });
      try {
        await inTransaction(session, () => this.#inSession(session, rows, note));
      } finally {
        await session.endSession();
      }
    }
    for (const key of keys) conflicted.add(key);
    const documents = rows.reduce((sum, row) => sum + row.entries.length, 0);
    return { documents, conflicts: found };
  }

  async #inSession(
    session: ClientSession,
    rows: readonly DocumentsRow[],
    note: (conflict: Conflict, key: string) => void,
  ): Promise<void> {
    const left = new Set<JournalEntry>();
    for (const together of byCollection(rows)) {
      const [{ database, collection }] = together as [DocumentsRow];
      const target = this.options.client.db(database).collection(collection);
      const plans = await this.#plan(target, together, { session, left, note });
      await this.#write(target, plans, session);
    }
    await this.#settle(rows, left, session);
  }

  async #guarded(row: DocumentsRow, note: (conflict: Conflict, key: string) => void): Promise<void> {
    const { client, signal } = this.options;
    const db = client.db(row.database);
    const left = new Set<JournalEntry>();
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      const plans = await this.#plan(db.collection(row.collection), [row], { left, note });
      const entries = plans.map(({ id, now, after }) => ({ id, before: now, after }));
      const reply = await writeGuarded(db, row.collection, entries, { bypass: this.#bypass });
      for (const { index, code, message } of reply.refused) {
        if (code === validationFailed && !this.#bypass) this.#bypass = true;
        else this.#refused.set(keyIn(row, (plans[index] as Plan).id), message);
      }
      if (reply.changed.length + reply.refused.length === 0) break;
      await pause(Math.min(200, 2 ** tries), signal);
    }
    await this.#settle([row], left);
  }

  /** What each document becomes; those that are left alone are noted. */
  async #plan(
    target: Collection,
    rows: readonly DocumentsRow[],
    parts: {
      session?: ClientSession;
      left: Set<JournalEntry>;
      note: (conflict: Conflict, key: string) => void;
    },
  ): Promise<Plan[]> {
    const { left, note, session } = parts;
    const pasts = pastsOf(rows);
    const plans: Plan[] = [];
    const current = await readSpeakable(target, pasts, session);
    for (const past of pasts) {
      const { changes, key, id } = past;
      if (changes.some(({ entry }) => left.has(entry))) continue;
      const leave = (reason: string | undefined, entry: JournalEntry, now: Buffer | undefined): void => {
        for (const change of changes) left.add(change.entry);
        if (reason === undefined) return;
        const [before, there] = [entry.before ?? null, now ?? null];
        note({ collection: target.collectionName, id: decoded(id), reason, before, current: there }, key);
      };
      const [newest] = changes as [Change];
      const now = current.get(keyOf(id));
      const refused = this.#refused.get(key);
      if (this.options.conflicted.has(key)) leave(undefined, newest.entry, now ?? undefined);
      else if (now === null) leave('its _id cannot be written by the driver', newest.entry, undefined);
      else if (refused !== undefined) leave(refused, newest.entry, now);
      else {
        const after = this.#fold(changes, now, leave);
        if (after && !same(after.image, now)) plans.push({ ...past, now, after: after.image });
      }
    }
    return plans;
  }

  #fold(
    changes: readonly Change[],
    now: Buffer | undefined,
    leave: (reason: string, entry: JournalEntry, now: Buffer | undefined) => void,
  ): { image: Buffer | undefined } | undefined {
    let image = now;
    for (const { entry, row } of changes) {
      const folded = takeBackEntry(entry, image, row.pending);
      if ('conflict' in folded) {
        leave(folded.conflict, entry, now);
        return undefined;
      }
      image = folded.after;
    }
    return { image };
  }

  /** Deletes come first: they may free a unique value that a restored document needs. */
  async #write(target: Collection, plans: readonly Plan[], session: ClientSession): Promise<void> {
    for (const kind of ['delete', 'update', 'insert'] as const) {
      const items = plans.filter((plan) => kindOf(plan) === kind);
      if (items.length === 0) continue;
      const reply = await sendWrites(
        this.options.client.db(target.dbName),
        kind,
        target.collectionName,
        items.map(statementOf),
        { session, bypassDocumentValidation: this.#bypass && kind !== 'delete' },
      );
      const failure = reply.failures[0];
      if (failure) throw new WriteRefused((items[failure.index] as Plan).id, failure.message, failure.code);
    }
  }

  /** The rows go, but for what was left alone. */
  async #settle(
    rows: readonly DocumentsRow[],
    left: Set<JournalEntry>,
    session?: ClientSession,
  ): Promise<void> {
    const journal = this.options.rows;
    const kept = rows.flatMap((row) => {
      const entries = row.entries.filter((entry) => left.has(entry));
      return entries.length > 0 ? journal.left(row, entries) : [];
    });
    const options = session ? { session } : { writeConcern: { w: 'majority', j: true } as const };
    await journal.collection.deleteMany(journal.withNumbers(rows.map(({ seq }) => seq)), options);
    if (kept.length === 0) return;
    const reply = await sendWrites(
      this.options.client.db(journal.database),
      'insert',
      journal.name,
      kept,
      options,
    );
    if (reply.failures[0]) throw new Error(`the journal could not be written: ${reply.failures[0].message}`);
  }
}

function same(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameBytes(a, b);
}

function kindOf({ now, after }: Plan): 'delete' | 'update' | 'insert' {
  if (!after) return 'delete';
  return now ? 'update' : 'insert';
}

function statementOf({ id, now, after }: Plan): Buffer {
  if (!after) return document([element('q', objectValue(idQuery(id))), element('limit', intValue(1))]);
  return now ? updateStatement(idQuery(id), replacementValue(after)) : after;
}

function byCollection(rows: readonly DocumentsRow[]): DocumentsRow[][] {
  const groups = new Map<string, DocumentsRow[]>();
  for (const row of rows) {
    const name = `${row.database}.${row.collection}`;
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return [...groups.values()];
}

/** The documents of the rows, the one that was changed last first. */
function pastsOf(rows: readonly DocumentsRow[]): Past[] {
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
async function readSpeakable(
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

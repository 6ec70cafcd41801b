// Putting back the documents of some rows of a script's journal, the newest first, in one transaction with the rows
// themselves (under the guard of each document's image where there are no transactions).
import type { ClientSession, Collection, MongoClient } from 'mongodb';
import { sendWrites } from '../../transfer/command';
import { WriteRefused } from '../../transfer/errors';
import { writeGuarded } from '../../transfer/guardedWrite';
import type { JournalEntry } from '../../transfer/journalPack';
import { keyOf } from '../../transfer/raw';
import { decoded } from '../../transfer/shownId';
import { inTransaction, isCacheFull, isTooLarge, isTransient, pause } from '../../transfer/transaction';
import type { Conflict } from '../../transfer/types';
import { takeBackEntry } from './fold';
import { Namespaces } from './keeper';
import {
  byCollection,
  keyIn,
  kindOf,
  pastsOf,
  readSpeakable,
  same,
  statementOf,
  type Change,
  type Plan,
} from './pasts';
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

const validationFailed = 121;
const patienceMs = 120_000;

export class Restorer {
  /** Documents that the server refused to take back, with its reason. */
  readonly #refused = new Map<string, string>();
  #bypass = false;
  readonly #namespaces: Namespaces;

  constructor(private readonly options: RestoreOptions) {
    this.#namespaces = new Namespaces(options.client);
  }

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
        const passing = isTransient(error) || isCacheFull(error);
        if (!passing || performance.now() - started > patienceMs) throw error;
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
    const { client, conflicted } = this.options;
    const found: Conflict[] = [];
    const keys: string[] = [];
    const note = (conflict: Conflict, key: string): void => {
      found.push(conflict);
      keys.push(key);
    };
    if (!(await this.#inTransactions(rows))) {
      // A document of which a part is in conflict is left alone as a whole, so all of its past is looked at first.
      for (const together of byCollection(rows)) {
        const [{ database, collection }] = together as [DocumentsRow];
        await this.#plan(client.db(database).collection(collection), together, { left: new Set(), note });
      }
      for (const key of keys) conflicted.add(key);
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

  /** Capped collections take part in no transaction. */
  async #inTransactions(rows: readonly DocumentsRow[]): Promise<boolean> {
    if (!this.options.transactions) return false;
    for (const { database, collection } of rows) {
      if ((await this.#namespaces.facts(database, collection))?.kind === 'capped') return false;
    }
    return true;
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

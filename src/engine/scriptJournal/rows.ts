// The rows of a script's journal, in the run's `_migratory_journal_<run>`: documents as they were, and changes of the
// catalogue, in the order in which they were made. What is written into them is decided elsewhere.
import { BSON, type Binary, type Collection, type Db, type Document, MaxKey, MinKey } from 'mongodb';
import { endSessions } from '../../transfer/checkpoints';
import { journalName } from '../../transfer/journal';
import { pack, partBytes, type PackedEntry } from '../../transfer/journalPack';
import {
  binaryValue,
  boolValue,
  document,
  element,
  intValue,
  objectValue,
  stringValue,
} from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import {
  isDocuments,
  rowOf,
  storedRow,
  type DocumentsRow,
  type JournalRow,
  type StoredRow,
} from './journalRow';

/** Rows that say nothing of a change: that the journal was begun, and the sessions that were used. */
const changes = { $nin: ['session', 'begun'] };

const majority = { w: 'majority', j: true } as const;

/** Under which name a step of a script keeps its rows; the kernel's own rows are named by its steps. */
export function scriptStep(step: string): string {
  return `${step}#script`;
}

/** Names of fields that nobody has to order: what has to keep its bytes goes in as Binary. */
export type Facts = Document | ((seq: number) => Document);

export class ScriptRows {
  readonly name: string;
  readonly #collection: Collection<StoredRow>;
  readonly #step: string;
  #last = 0;

  constructor(
    readonly db: Db,
    readonly runId: string,
    step: string,
    readonly epoch: number,
  ) {
    this.name = journalName(runId);
    this.#step = scriptStep(step);
    this.#collection = db.collection<StoredRow>(this.name);
  }

  get database(): string {
    return this.db.databaseName;
  }

  /**
   * Makes the collection and lets it refuse rows of older epochs: with the row, whatever an older runner still has
   * under way fails.
   */
  async open(): Promise<void> {
    const validator = { $or: [{ epoch: { $exists: false } }, { epoch: { $gte: this.epoch } }] };
    try {
      await this.db.createCollection(this.name, { validator, writeConcern: { w: 'majority' } });
    } catch (error) {
      if ((error as { code?: unknown }).code !== 48) throw error;
      await this.#endOldSessions();
      // Whoever may not (the role readWrite does not hold it) relies on the sessions that were ended, and on the lease.
      await this.db
        .command({ collMod: this.name, validator, writeConcern: { w: 'majority' } })
        .catch(unlessUnauthorized);
    }
    const newest = await this.#collection.findOne(
      { _id: this.#all() },
      { sort: { _id: -1 }, projection: { _id: 1 } },
    );
    this.#last = Number(newest?._id.n ?? 0);
  }

  /** Transactions that a runner has left open would hold the journal for a minute. */
  async #endOldSessions(): Promise<void> {
    await endSessions(this.db, this.runId);
    const rows = await this.#collection
      .find({ _id: this.#all(), op: 'session' }, { projection: { 'facts.lsid': 1 } })
      .toArray();
    const ids = rows.map((row) => (row['facts'] as { lsid: { id: Binary } }).lsid);
    if (ids.length > 0)
      await this.db
        .admin()
        .command({ killSessions: ids })
        .catch(() => undefined);
  }

  next(): number {
    this.#last += 1;
    return this.#last;
  }

  /** Raw rows for changed documents; given to whoever inserts them. */
  documents(
    target: { database: string; collection: string },
    entries: readonly PackedEntry[],
    pending = false,
  ): { seq: number; rows: Buffer[] } {
    const seq = this.next();
    return { seq, rows: this.#parts(seq, target, entries, pending ? { pending: intValue(1) } : {}) };
  }

  /** @param facts what is needed to take the change back; may need its number. */
  operation(op: string, facts: Facts): { seq: number; row: Buffer } {
    const seq = this.next();
    const known = typeof facts === 'function' ? facts(seq) : facts;
    const row = document([
      element('_id', this.id(seq, 0)),
      element('epoch', intValue(this.epoch)),
      element('op', stringValue(op)),
      element('facts', objectValue(BSON.serialize(known, { ignoreUndefined: true }))),
    ]);
    return { seq, row };
  }

  /** Notes a change before it is made; gives its number. */
  async note(op: string, facts: Facts): Promise<number> {
    const { seq, row } = this.operation(op, facts);
    await this.#collection.insertOne(BSON.deserialize(row, { promoteValues: false }) as StoredRow, {
      writeConcern: majority,
    });
    return seq;
  }

  /** Adds to the facts of a change what is known only afterwards. */
  async complete(seq: number, facts: Document): Promise<void> {
    const set = Object.fromEntries(Object.entries(facts).map(([name, value]) => [`facts.${name}`, value]));
    await this.#collection.updateOne({ _id: this.#key(seq) }, { $set: set }, { writeConcern: majority });
  }

  async has(seq: number): Promise<boolean> {
    const options = { projection: { _id: 1 }, readConcern: { level: 'majority' } } as const;
    return (await this.#collection.findOne({ _id: this.#key(seq) }, options)) !== null;
  }

  async remove(seqs: readonly number[]): Promise<void> {
    for (const seq of seqs) {
      await this.#collection.deleteMany({ _id: this.#key(seq) }, { writeConcern: majority });
    }
  }

  /** Documents that are not undone yet. */
  async count(): Promise<{ documents: number; rows: number }> {
    const [found] = await this.#collection
      .aggregate<{ documents: number; rows: number }>([
        { $match: { _id: this.#all(), undone: { $ne: true }, op: changes } },
        { $group: { _id: null, documents: { $sum: '$n' }, rows: { $sum: 1 } } },
      ])
      .toArray();
    return { documents: found?.documents ?? 0, rows: found?.rows ?? 0 };
  }

  /** Rows that are not undone yet, the newest first: about `documents` or 8 MB, up to the next that is no document's. */
  async newest(documents: number): Promise<JournalRow[]> {
    const rows: JournalRow[] = [];
    let count = 0;
    let bytes = 0;
    for await (const row of this.backwards({ undone: { $ne: true }, op: changes })) {
      rows.push(row);
      if (!isDocuments(row)) break;
      count += row.entries.length;
      bytes += row.entries.reduce((sum, { before }) => sum + (before?.length ?? 0), 0);
      if (count >= documents || bytes >= 8 * 1024 * 1024) break;
    }
    return rows;
  }

  /** Rows that were left because of conflicts. */
  async undone(): Promise<JournalRow[]> {
    const rows: JournalRow[] = [];
    for await (const row of this.backwards({ undone: true })) rows.push(row);
    return rows;
  }

  /** All rows of the step, the newest first. */
  async *backwards(filter: Document = {}): AsyncGenerator<JournalRow> {
    const options = { sort: { _id: -1 }, raw: true, batchSize: 200 } as const;
    let parts: StoredRow[] = [];
    for await (const raw of this.#collection.find({ _id: this.#all(), ...filter }, options)) {
      const part = storedRow(raw as unknown as Uint8Array);
      parts.unshift(part);
      if (Number(part._id.p) > 0) continue;
      const row = await rowOf(parts, this.collection);
      parts = [];
      // Images without a confirmation: their change was never committed.
      if (row) yield row;
    }
  }

  /** Collections that were put aside in the place of a drop, in the order of their rows. */
  async putAside(): Promise<{ database: string; aside: string }[]> {
    const rows = await this.#collection
      .find({ _id: this.#all(), 'facts.aside': { $exists: true } }, { projection: { facts: 1 } })
      .toArray();
    return rows.map((row) => {
      const { database, aside } = row['facts'] as { database: string; aside: string };
      return { database, aside };
    });
  }

  get collection(): Collection {
    return this.#collection as unknown as Collection;
  }

  /** A filter for all parts of the rows with these numbers. */
  withNumbers(seqs: readonly number[]): Document {
    return { $or: seqs.map((seq) => ({ _id: this.#key(seq) })) };
  }

  /** In the place of an undone row: what of it was left alone. */
  left(row: DocumentsRow, entries: readonly PackedEntry[]): Buffer[] {
    return this.#parts(row.seq, row, entries, { undone: boolValue(true) });
  }

  #parts(
    seq: number,
    { database, collection }: { database: string; collection: string },
    entries: readonly PackedEntry[],
    marks: Record<string, RawValue>,
  ): Buffer[] {
    const packed = pack(entries);
    const parts = Math.max(1, Math.ceil(packed.length / partBytes));
    return Array.from({ length: parts }, (_, part) =>
      document([
        element('_id', this.id(seq, part)),
        element('epoch', intValue(this.epoch)),
        element('database', stringValue(database)),
        element('collection', stringValue(collection)),
        element('n', intValue(part === 0 ? entries.length : 0)),
        ...Object.entries(marks).map(([name, value]) => element(name, value)),
        element('data', binaryValue(packed.subarray(part * partBytes, (part + 1) * partBytes))),
      ]),
    );
  }

  async leave(seq: number): Promise<void> {
    await this.#collection.updateMany({ _id: this.#key(seq) }, { $set: { undone: true, epoch: this.epoch } });
  }

  /** Drops the rows of this step, and the collection with the last of them. */
  async forget(): Promise<void> {
    await this.#collection.deleteMany({ _id: this.#all() }, { writeConcern: { w: 'majority' } });
    if ((await this.#collection.findOne({}, { projection: { _id: 1 } })) === null)
      await this.#collection.drop();
  }

  /** Whether the run has changed anything in this step that is not undone. */
  async any(): Promise<boolean> {
    return this.#finds({ _id: this.#all(), op: changes });
  }

  /** Whether the run keeps a journal of this step, although it may have changed nothing. */
  async kept(): Promise<boolean> {
    return this.#finds({ _id: this.#all() });
  }

  /** What the script has changed first that is not in here (helperJournal.ts). */
  async unkept(): Promise<string | undefined> {
    const row = await this.#collection.findOne(
      { _id: this.#all(), 'facts.unkept': { $exists: true } },
      { sort: { _id: -1 } },
    );
    return (row?.['facts'] as { unkept?: string } | undefined)?.unkept;
  }

  /** Whether a transfer of this name is part of the script already. */
  async hasTransfer(step: string): Promise<boolean> {
    return this.#finds({ _id: this.#all(), op: 'transfer', 'facts.step': step });
  }

  async #finds(filter: Document): Promise<boolean> {
    return (await this.collection.findOne(filter, { projection: { _id: 1 } })) !== null;
  }

  /** The `_id` of a part of a row. */
  id(seq: number, part: number) {
    const s = element('s', stringValue(this.#step));
    return objectValue(document([s, element('n', intValue(seq)), element('p', intValue(part))]));
  }

  /** All parts of a row. */
  #key(seq: number): never {
    return {
      $gte: { s: this.#step, n: seq, p: new MinKey() },
      $lte: { s: this.#step, n: seq, p: new MaxKey() },
    } as never;
  }

  #all(): never {
    const s = this.#step;
    return { $gte: { s, n: new MinKey() }, $lte: { s, n: new MaxKey() } } as never;
  }
}

function unlessUnauthorized(error: unknown): void {
  if ((error as { code?: unknown }).code !== 13) throw error;
}

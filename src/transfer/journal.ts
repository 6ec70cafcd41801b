// The journal of a run, `_migratory_journal_<run>`: for each range the documents as they were, and what was changed in
// them, packed into few Binaries. Pre-images are raw bytes, so that what comes back is what was there.
import type { ClientSession, Collection, Db, Document, ObjectId } from 'mongodb';
import { Binary, BSON, Int32, MaxKey, MinKey } from 'mongodb';
import { RawList, readRange, sendWrites } from './command';
import { imagesIn, inImages, stagesInto, toldAgain, type ImageRow } from './imageRow';
import { toldByFields, type KeptRow } from './toldFields';
import { touchedFields } from './touchedFields';
import { unpackLazily, writeRows, type LazyEntry, type PackedEntry } from './journalPack';
import {
  boolValue,
  document,
  element,
  emptyDocument,
  findElement,
  intValue,
  keyOf,
  maxKey,
  minKey,
  objectValue,
  stringValue,
  BsonType,
} from './raw';
import type { RawValue } from './raw';

export const journalPrefix = '_migratory_journal_';

export function journalName(runId: string): string {
  return `${journalPrefix}${runId}`;
}

export interface RangeJournal {
  target: string;
  entries: LazyEntry[];
  /** The number that the next attempt at the range may use. */
  nextAttempt: number;
}

export class Journal {
  private readonly collection: Collection;
  private readonly name: string;
  /** What the update of the last kept row touches; that of the next one is nearly always the same. */
  private touched: { bytes: Buffer; fields: readonly string[] } = { bytes: emptyDocument, fields: [] };

  constructor(
    private readonly db: Db,
    runId: string,
    private readonly step: string,
  ) {
    this.name = journalName(runId);
    this.collection = db.collection(this.name);
  }

  /** Creates the collection, since that is not possible everywhere inside a transaction. */
  async prepare(): Promise<void> {
    // Whatever is written to it waits for the majority, and with that for this.
    await this.db.createCollection(this.name, { writeConcern: { w: 1 } }).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 48) throw error;
    });
  }

  async write(
    range: ObjectId,
    target: string,
    entries: readonly PackedEntry[],
    options: { session?: ClientSession; attempt?: number; settles?: boolean; shared?: boolean },
  ): Promise<void> {
    if (entries.length === 0 && !options.settles) return;
    const rows = new RawList();
    const head = (part: number) => ({
      _id: objectValue(this.rowId(range, options.attempt ?? 0, part)),
      collection: stringValue(target),
      ...(options.shared ? { shared: boolValue(true) } : {}),
      ...(options.settles ? { settles: boolValue(true) } : {}),
      n: intValue(part === 0 ? entries.length : 0),
    });
    writeRows(rows, entries, head);
    const reply = await sendWrites(this.db, 'insert', this.name, rows, {
      session: options.session,
      writeConcern: { w: 'majority', j: true },
    });
    if (reply.failures[0]) throw new Error(`the journal could not be written: ${reply.failures[0].message}`);
  }

  /** A row that the server fills with documents as they are, to be changed by this update pipeline. */
  imageRow(range: ObjectId, target: string, update: Document[], attempt: number): ImageRow {
    const rowId = (part: number) => ({
      s: this.step,
      r: range,
      a: new Int32(attempt),
      p: new Int32(part),
    });
    const _id = rowId(0);
    const rows = { db: this.db.databaseName, coll: this.name };
    const kept = new Binary(BSON.serialize({ update }, { ignoreUndefined: true }));
    return {
      stages: stagesInto(rows, { _id, collection: target, update: kept }),
      count: async () => {
        const row = await this.collection.findOne({ _id } as Document, { projection: { taken: 1 } });
        return Number(row?.['taken'] ?? 0);
      },
      confirm: async (session, n) => {
        const row = { _id: rowId(1), collection: target, n: new Int32(n) };
        await this.collection.insertOne(row as Document, { session });
      },
      remove: async () => void (await this.collection.deleteOne({ _id })),
    };
  }

  /** Ranges with the number of their documents in all, and whether several of them may hold the same document. */
  async ranges(): Promise<{ ranges: ObjectId[]; total: number; shared: boolean }> {
    const found = await this.collection
      .aggregate<{ _id: ObjectId; n: number; shared?: boolean }>([
        // Images that nothing has confirmed have no number.
        { $match: { _id: this.all(), n: { $exists: true } } },
        { $project: { n: 1, shared: 1 } },
        { $group: { _id: '$_id.r', n: { $sum: '$n' }, shared: { $max: '$shared' } } },
        { $sort: { _id: -1 } },
      ])
      .toArray();
    return {
      ranges: found.map((row) => row._id),
      total: found.reduce((sum, row) => sum + row.n, 0),
      shared: found.some((row) => row.shared === true),
    };
  }

  /**
   * The changes of a range. Without transactions there may be several attempts: of those at one document the last
   * counts, and one that settles the range (after a crash) replaces all before it.
   */
  async read(range: ObjectId, session?: ClientSession): Promise<RangeJournal> {
    const found = await this.collection
      .find({ _id: this.attemptsOf(range) } as Document, {
        sort: { _id: 1 },
        raw: true,
        ...(session ? { session } : {}),
      })
      .toArray();
    const rows = found.map((raw) => storedRow(raw as unknown as Uint8Array));
    const attempts = new Map<number, StoredRow[]>();
    let last = -1;
    for (const row of rows) {
      if (row.settles && row.attempt !== last) attempts.clear();
      last = row.attempt;
      attempts.set(last, [...(attempts.get(last) ?? []), row]);
    }
    const parts = await Promise.all(
      [...attempts.values()].map((attempt) => this.entriesOf(range, attempt, session)),
    );
    const target = rows[0]?.target ?? '';
    const nextAttempt = last + 1;
    const kept = parts.filter((entries) => entries.length > 0);
    if (kept.length === 1) return { target, entries: kept[0]!, nextAttempt };
    const entries = new Map(kept.flat().map((entry) => [keyOf(entry.id), entry]));
    return { target, entries: [...entries.values()], nextAttempt };
  }

  /** What the server has kept of a range by itself, if that is all there is of it and a change has confirmed it. */
  async keptRow(range: ObjectId): Promise<KeptRow | undefined> {
    const { bytes, fields } = this.touched;
    const found = await this.collection
      .find({ _id: this.attemptsOf(range) } as Document, {
        projection: { collection: 1, n: 1, update: 1, ...inImages(fields) },
        sort: { _id: 1 },
        raw: true,
      })
      .toArray();
    const rows = found.map((raw) => storedRow(raw as unknown as Uint8Array));
    const [kept, confirmed] = rows;
    if (rows.length !== 2 || kept!.update.length === 0 || confirmed!.n === undefined) return undefined;
    const same = kept!.update.equals(bytes);
    const update = updateIn(kept!.update);
    if (!same) this.touched = { bytes: Buffer.from(kept!.update), fields: touchedFields(update) ?? [] };
    return {
      _id: { s: this.step, r: range, a: kept!.attempt, p: 0 },
      n: confirmed!.n,
      target: kept!.target,
      update,
      ...(same && fields.length > 0 ? { before: kept!.images } : {}),
    };
  }

  /** What takes a kept row back, looking at the touched fields alone. */
  toldByFields(row: KeptRow, session: ClientSession): ReturnType<typeof toldByFields> {
    return toldByFields(this.collection, row, session);
  }

  private async entriesOf(
    range: ObjectId,
    rows: readonly StoredRow[],
    session: ClientSession | undefined,
  ): Promise<LazyEntry[]> {
    const [{ images, update, attempt }] = rows as [StoredRow];
    if (!images) return unpackLazily(joined(rows.map(({ data }) => data)));
    // Without its confirmation it is what a change that never held has left.
    if (rows.length < 2) return [];
    const _id = { s: this.step, r: range, a: attempt, p: 0 };
    const row = { _id, images, update: updateIn(update) };
    return toldAgain(this.collection, row, session);
  }

  /** The collection whose documents are kept; undefined if there are none. */
  async target(): Promise<string | undefined> {
    const row = await this.collection.findOne({ _id: this.all() }, { projection: { collection: 1 } });
    return row === null ? undefined : String(row['collection']);
  }

  /** Whether anything is kept of the step. */
  async any(): Promise<boolean> {
    return (await this.collection.findOne({ _id: this.all() }, { projection: { _id: 1 } })) !== null;
  }

  /** Puts these in the place of all that is known of the range. */
  async replace(range: ObjectId, target: string, entries: readonly PackedEntry[]): Promise<void> {
    const { nextAttempt } = await this.read(range);
    await this.write(range, target, entries, { attempt: nextAttempt, settles: true });
    const s = this.step;
    const older = { $gte: { s, r: range, a: new MinKey() }, $lt: { s, r: range, a: nextAttempt } };
    await this.collection.deleteMany({ _id: older } as Document, { writeConcern: { w: 'majority' } });
  }

  /** Drops the rows of this step, and the collection with the last of them. */
  async forget(): Promise<void> {
    // Row by row it would take longer.
    if (!(await this.holdsOthers())) await this.collection.drop();
    else await this.collection.deleteMany({ _id: this.all() }, { writeConcern: { w: 'majority' } });
  }

  /** Rows of other steps, of whatever kind; told by the index alone. */
  private async holdsOthers(): Promise<boolean> {
    const bound = (r: RawValue) =>
      objectValue(document([element('s', stringValue(this.step)), element('r', r)]));
    const one = { limit: 1, projection: { _id: 1 } };
    const [before, behind] = await Promise.all([
      readRange(this.collection, { max: bound(minKey), ...one }),
      readRange(this.collection, { min: bound(maxKey), ...one }),
    ]);
    return before.length + behind.length > 0;
  }

  private rowId(range: ObjectId, attempt: number, part: number): Buffer {
    return document([
      element('s', stringValue(this.step)),
      element('r', { type: BsonType.objectId, bytes: range.id }),
      element('a', intValue(attempt)),
      element('p', intValue(part)),
    ]);
  }

  private attemptsOf(range: ObjectId): Document {
    const s = this.step;
    return { $gte: { s, r: range, a: new MinKey() }, $lte: { s, r: range, a: new MaxKey() } };
  }

  private all(): Document {
    return { $gte: { s: this.step, r: new MinKey() }, $lte: { s: this.step, r: new MaxKey() } };
  }
}

interface StoredRow {
  attempt: number;
  n: number | undefined;
  settles: boolean;
  target: string;
  /** Packed by us, or empty. */
  data: Buffer;
  /** Packed by the server. */
  images: Buffer[] | undefined;
  update: Buffer;
}

function storedRow(bytes: Uint8Array): StoredRow {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const id = findElement(raw, '_id')!;
  const attempt = findElement(raw, 'a', id.value)!;
  const target = findElement(raw, 'collection');
  const n = findElement(raw, 'n');
  return {
    attempt: raw.readInt32LE(attempt.value),
    n: n && raw.readInt32LE(n.value),
    settles: findElement(raw, 'settles') !== undefined,
    target: target ? raw.toString('utf8', target.value + 4, target.end - 1) : '',
    data: binaryIn(raw, 'data'),
    images: imagesIn(raw),
    update: binaryIn(raw, 'update'),
  };
}

function binaryIn(raw: Buffer, name: string): Buffer {
  const found = findElement(raw, name);
  // Its length and its kind stand in front.
  return found ? raw.subarray(found.value + 5, found.end) : raw.subarray(0, 0);
}

function updateIn(bytes: Buffer): Document[] {
  return BSON.deserialize(bytes, { promoteValues: false, bsonRegExp: true })['update'] as Document[];
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

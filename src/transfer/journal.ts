// The journal of a run, `_migratory_journal_<run>`: for each range the documents as they were, and what was changed in
// them, packed into few Binaries. Pre-images are raw bytes, so that what comes back is what was there.
import type { Binary, ClientSession, Collection, Db, Document, ObjectId } from 'mongodb';
import { MaxKey, MinKey } from 'mongodb';
import { RawList, sendWrites } from './command';
import type { Patch } from './patch';
import { decodePatch, encodePatch } from './patch';
import {
  binaryValue,
  boolValue,
  document,
  element,
  elements,
  emptyDocument,
  idOf,
  intValue,
  keyOf,
  objectValue,
  stringValue,
  valueOf,
  BsonType,
} from './raw';
import type { RawValue } from './raw';
import { RawWriter } from './writer';

export const journalPrefix = '_migratory_journal_';

export function journalName(runId: string): string {
  return `${journalPrefix}${runId}`;
}

/** One changed document. `before` is undefined where the run created it. */
export interface JournalEntry {
  id: RawValue;
  before: Buffer | undefined;
  patch: Patch;
}

export interface RangeJournal {
  target: string;
  entries: LazyEntry[];
  /** The number that the next attempt at the range may use. */
  nextAttempt: number;
}

/** An entry whose patch may be bytes already. */
export type PackedEntry = Pick<JournalEntry, 'id' | 'before'> & { patch: Patch | Buffer };
/** An entry whose patch is decoded only where that is needed. */
export type LazyEntry = Pick<JournalEntry, 'id' | 'before'> & { patch: Buffer };

/** Bytes of one row's packed part; below the 16 MB of a document. */
export const partBytes = 12 * 1024 * 1024;

export class Journal {
  private readonly collection: Collection;
  private readonly name: string;

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
    await this.db.createCollection(this.name, { writeConcern: { w: 'majority' } }).catch((error: unknown) => {
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

  /** Ranges with the number of their documents in all, and whether several of them may hold the same document. */
  async ranges(): Promise<{ ranges: ObjectId[]; total: number; shared: boolean }> {
    const found = await this.collection
      .aggregate<{ _id: ObjectId; n: number; shared?: boolean }>([
        { $match: { _id: this.all() } },
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
    const s = this.step;
    const rows = await this.collection
      .find(
        {
          _id: { $gte: { s, r: range, a: new MinKey() }, $lte: { s, r: range, a: new MaxKey() } },
        } as Document,
        {
          sort: { _id: 1 },
          ...(session ? { session } : {}),
        },
      )
      .toArray();
    const attempts = new Map<number, Buffer[]>();
    const target = String(rows[0]?.['collection'] ?? '');
    let last = -1;
    for (const row of rows) {
      const attempt = Number((row['_id'] as unknown as Document)['a']);
      if (row['settles'] && attempt !== last) attempts.clear();
      last = attempt;
      attempts.set(attempt, [...(attempts.get(attempt) ?? []), bytesOfBinary(row['data'] as Binary)]);
    }
    const single = attempts.size === 1 ? [...attempts.values()][0]! : undefined;
    if (single) return { target, entries: unpackLazily(joined(single)), nextAttempt: last + 1 };
    const entries = new Map<string, LazyEntry>();
    for (const parts of attempts.values()) {
      for (const entry of unpackLazily(joined(parts))) entries.set(keyOf(entry.id), entry);
    }
    return { target, entries: [...entries.values()], nextAttempt: last + 1 };
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
    await this.collection.deleteMany({ _id: this.all() }, { writeConcern: { w: 'majority' } });
    if ((await this.collection.findOne({}, { projection: { _id: 1 } })) === null)
      await this.collection.drop();
  }

  private rowId(range: ObjectId, attempt: number, part: number): Buffer {
    return document([
      element('s', stringValue(this.step)),
      element('r', { type: BsonType.objectId, bytes: range.id }),
      element('a', intValue(attempt)),
      element('p', intValue(part)),
    ]);
  }

  private all(): Document {
    return { $gte: { s: this.step, r: new MinKey() }, $lte: { s: this.step, r: new MaxKey() } };
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

function bytesOfBinary(binary: Binary): Buffer {
  return Buffer.from(binary.buffer.buffer, binary.buffer.byteOffset, binary.position);
}

/**
 * The entries as rows of a journal, in as many as they need. They go straight into the message: pre-images are most of
 * what a transfer writes.
 */
function writeRows(
  rows: RawList,
  entries: readonly PackedEntry[],
  head: (part: number) => Record<string, RawValue>,
): void {
  const { writer } = rows;
  writer.ensure(sizeOf(entries) + 1024);
  const begin = (part: number) => {
    const begun = writer.begin();
    for (const [name, value] of Object.entries(head(part))) writer.element(name, value);
    return begun;
  };
  const begun = begin(0);
  writer.name(BsonType.binary, 'data');
  const from = writer.at + 5;
  writer.int(0);
  writer.byte(0);
  packInto(writer, entries);
  const size = writer.at - from;
  if (size <= partBytes) {
    writer.buffer.writeInt32LE(size, from - 5);
    writer.end(begun);
    rows.added();
    return;
  }
  const packed = Buffer.from(writer.since(from));
  writer.at = begun;
  for (let part = 0; part * partBytes < size; part++) {
    const started = begin(part);
    writer.element('data', binaryValue(packed.subarray(part * partBytes, (part + 1) * partBytes)));
    writer.end(started);
    rows.added();
  }
}

/** Each entry is the pre-image followed by its patch; a created document has its `_id` alone as a pre-image `{c: _id}`. */
export function pack(entries: readonly PackedEntry[]): Buffer {
  const writer = new RawWriter(sizeOf(entries));
  packInto(writer, entries);
  return writer.since(0);
}

function packInto(writer: RawWriter, entries: readonly PackedEntry[]): void {
  for (const entry of entries) {
    const { before, patch } = entry;
    writer.copy(before ?? document([element('c', entry.id)]));
    writer.copy(Buffer.isBuffer(patch) ? patch : encodePatch(patch));
  }
}

/** About how many bytes the entries take. */
function sizeOf(entries: readonly PackedEntry[]): number {
  let size = 64;
  for (const { before, patch } of entries)
    size += (before?.length ?? 32) + (Buffer.isBuffer(patch) ? patch.length : 64);
  return size;
}

/** What `pack` put together. */
export function unpack(bytes: Buffer): JournalEntry[] {
  return unpackLazily(bytes).map((entry) => ({ ...entry, patch: decodePatch(entry.patch) }));
}

/** The same with the patches as bytes. */
export function unpackLazily(bytes: Buffer): LazyEntry[] {
  const entries: LazyEntry[] = [];
  let at = 0;
  const next = (): Buffer => {
    const part = bytes.subarray(at, at + bytes.readInt32LE(at));
    at += part.length;
    return part;
  };
  while (at < bytes.length) {
    const image = next();
    const patch = next();
    const created = image.length > emptyDocument.length && image[5] === 0x63 && image[6] === 0;
    if (created) {
      const first = elements(image)[0]!;
      entries.push({ id: valueOf(image, first), before: undefined, patch });
    } else entries.push({ id: idOf(image), before: image, patch });
  }
  return entries;
}

// What a row of a script's journal says, and how it is read out of what is stored.
import { BSON, type Binary, type Collection, type Document } from 'mongodb';
import { toldAgain } from '../../transfer/imageRow';
import { unpack, type JournalEntry } from '../../transfer/journalPack';
import { decodePatch } from '../../transfer/patch';
import { BsonType, dataOf, emptyDocument, findElement, idOf } from '../../transfer/raw';
import { foresightOf } from './foresight';

/** A change of the catalogue or of the run itself, with what is needed to take it back. */
export interface OperationRow {
  seq: number;
  op: string;
  facts: Document;
  /** Could not be taken back, and was told as a conflict. */
  undone: boolean;
}

export interface DocumentsRow {
  seq: number;
  database: string;
  collection: string;
  entries: JournalEntry[];
  /** Written before the change was sent; nobody has noted how it ended. */
  pending: boolean;
  undone: boolean;
}

export type JournalRow = OperationRow | DocumentsRow;

export function isDocuments(row: JournalRow): row is DocumentsRow {
  return 'entries' in row;
}

/** Documents of one row that lie in several parts come as several rows of the same number. */
export interface StoredRow extends Document {
  _id: { s: string; n: unknown; p: unknown };
}

/** Images that the server has packed stay bytes. */
export function storedRow(raw: Uint8Array): StoredRow {
  return BSON.deserialize(raw, { promoteValues: false, fieldsAsRaw: { images: true } }) as StoredRow;
}

/** Puts the parts of one row together; undefined if they are images that nothing has confirmed. */
export async function rowOf(
  parts: readonly StoredRow[],
  journal: Collection,
): Promise<JournalRow | undefined> {
  const [first] = parts as [StoredRow];
  const seq = Number(first._id.n);
  const undone = first['undone'] === true;
  if (first['op'] !== undefined)
    return { seq, op: String(first['op']), facts: first['facts'] as Document, undone };
  if (first['images'] !== undefined) return parts.length > 1 ? imagesRow(first, seq, journal) : undefined;
  const data = parts.map((part) => dataOf(part['data'] as Binary));
  return {
    seq,
    database: String(first['database']),
    collection: String(first['collection']),
    entries: unpack(Buffer.concat(data)),
    pending: first['pending'] !== undefined,
    undone,
  };
}

/** What the statement has made of the images is told again from the statement. */
async function imagesRow(row: StoredRow, seq: number, journal: Collection): Promise<DocumentsRow> {
  const statement = dataOf(row['statement'] as Binary);
  const images = (row['images'] as Uint8Array[]).map((image) => Buffer.from(image));
  const { database, collection } = row;
  return {
    seq,
    database: String(database),
    collection: String(collection),
    entries: await imageEntries(journal, row._id, images, statement),
    pending: false,
    undone: false,
  };
}

async function imageEntries(
  journal: Collection,
  _id: Document,
  images: Buffer[],
  statement: Buffer,
): Promise<JournalEntry[]> {
  const u = findElement(statement, 'u');
  if (!u)
    return images.map((before) => ({ id: idOf(before), before, patch: { kind: 'whole', after: undefined } }));
  if (u.type === BsonType.array) {
    const shown = BSON.deserialize(statement, { promoteValues: false, bsonRegExp: true });
    const entries = await toldAgain(journal, { _id, images, update: shown['u'] as Document[] });
    return entries.map((entry) => ({ ...entry, patch: decodePatch(entry.patch) }));
  }
  const foresee = foresightOf(statement);
  if (!foresee) throw new Error('the journal holds a statement that cannot be told again');
  return images.flatMap((before): JournalEntry[] => {
    const patch = foresee(before);
    return patch.length > emptyDocument.length
      ? [{ id: idOf(before), before, patch: decodePatch(patch) }]
      : [];
  });
}

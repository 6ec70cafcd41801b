// What a row of a script's journal says, and how it is read out of what is stored.
import type { Binary, Document } from 'mongodb';
import { unpack, type JournalEntry } from '../../transfer/journal';

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

/** Puts the parts of one row together. */
export function rowOf(parts: readonly StoredRow[]): JournalRow {
  const [first] = parts as [StoredRow];
  const seq = Number(first._id.n);
  const undone = first['undone'] === true;
  if (first['op'] !== undefined)
    return { seq, op: String(first['op']), facts: first['facts'] as Document, undone };
  const data = parts.map((part) => bytesOf(part['data'] as Binary));
  return {
    seq,
    database: String(first['database']),
    collection: String(first['collection']),
    entries: unpack(Buffer.concat(data)),
    pending: first['pending'] !== undefined,
    undone,
  };
}

function bytesOf(binary: Binary): Buffer {
  return Buffer.from(binary.buffer.buffer, binary.buffer.byteOffset, binary.position);
}

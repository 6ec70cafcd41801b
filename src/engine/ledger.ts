// The ledger: which migrations are applied in a database. Rows of older programs ({name, appliedAt, durationMs}
// or {name, applied_at, duration_ms}) count as applied; what is written here, such programs can read.
import { gunzipSync, gzipSync } from 'node:zlib';
import { Binary, type ClientSession, type Collection, type Db, type Document } from 'mongodb';

export interface LedgerRow {
  name: string;
  /** Null when the row's date is not readable. */
  appliedAt: Date | null;
  durationMs: number | null;
  /** SHA-256 (hex) of the file's bytes when it was applied; absent in rows of older programs. */
  checksum?: string;
  /** Run that applied it. */
  run?: string;
  /** File name (not a path). */
  file?: string;
  kind?: string;
  state: 'applied' | 'conflicts';
}

export interface LedgerEntry {
  name: string;
  durationMs: number;
  checksum: string;
  /** Bytes of the file that was applied. */
  source: Buffer;
  run: string;
  file: string;
  kind: string;
}

export class Ledger {
  readonly #collection: Collection;

  constructor(db: Db, name: string) {
    this.#collection = db.collection(name, { writeConcern: { w: 'majority' } });
  }

  /** All rows in the order of their application. Sources stay on the server. */
  async rows(): Promise<LedgerRow[]> {
    const found = await this.#collection.find({}, { projection: { source: 0 } }).toArray();
    const rows = found.flatMap(readRow);
    return rows.sort((a, b) => (a.appliedAt?.getTime() ?? 0) - (b.appliedAt?.getTime() ?? 0));
  }

  /** The source that was applied, or null when the row has none. */
  async source(name: string): Promise<Buffer | null> {
    const row = await this.#collection.findOne({ name });
    const packed: unknown = row?.['source'];
    if (!(packed instanceof Binary)) return null;
    return gunzipSync(packed.value());
  }

  async record(entry: LedgerEntry, session?: ClientSession): Promise<void> {
    const { name, source, ...rest } = entry;
    await this.#collection.replaceOne(
      { name },
      { name, appliedAt: new Date(), ...rest, source: new Binary(gzipSync(source)) },
      { upsert: true, session },
    );
  }

  async remove(name: string, session?: ClientSession): Promise<void> {
    await this.#collection.deleteMany({ name }, { session });
  }

  /** After a rollback that left conflicts: the migration counts as applied until they are resolved. */
  async markConflicts(name: string): Promise<void> {
    await this.#collection.updateOne({ name }, { $set: { state: 'conflicts' } });
  }
}

function readRow(row: Document): LedgerRow[] {
  const name: unknown = row['name'];
  if (typeof name !== 'string' || name === '') return [];
  const checksum: unknown = row['checksum'];
  return [
    {
      name,
      appliedAt: readDate(row['appliedAt'] ?? row['applied_at']),
      durationMs: readNumber(row['durationMs'] ?? row['duration_ms']),
      checksum: typeof checksum === 'string' ? checksum : undefined,
      run: readText(row['run']),
      file: readText(row['file']),
      kind: readText(row['kind']),
      state: row['state'] === 'conflicts' ? 'conflicts' : 'applied',
    },
  ];
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function readNumber(value: unknown): number | null {
  const number = typeof value === 'object' && value !== null ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

function readDate(value: unknown): Date | null {
  const date = value instanceof Date ? value : typeof value === 'string' ? new Date(value) : null;
  return date && !Number.isNaN(date.getTime()) ? date : null;
}

// The ledger: which migrations are applied in a database. Rows of older programs ({name, appliedAt, durationMs}
// or {name, applied_at, duration_ms}) count as applied; what is written here, such programs can read. With
// migrate-mongo's config in use, the rows are migrate-mongo's with one sub-document of ours.
import { Binary, type ClientSession, type Collection, type Db, type Document } from 'mongodb';
import { compareNames } from '../migration/files';
import { packSource, unpackSource } from '../migration/checksum';

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
  /** What migrate-mongo's rows of one `up` share. */
  block?: number;
  state: 'applied' | 'conflicts';
  /** Names of the migrations that it stands for. */
  replaces?: string[];
  /** It has no row: it counts as applied because everything that it stands for is. */
  counted?: true;
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
  /** When the run began: migrate-mongo's rows of one run share it as their block. */
  runStartedAt: Date;
  /** When it was applied, if that was not now but by another tool. */
  appliedAt?: Date;
  replaces?: string[];
}

export type AcceptedVersion = Pick<LedgerEntry, 'checksum' | 'source' | 'file' | 'kind'>;

/** How rows look: ours, or migrate-mongo's (with a hash of the file where its config asks for one). */
export type LedgerForm = { kind: 'migratory' } | { kind: 'migrate-mongo'; useFileHash: boolean };

export class Ledger {
  readonly #collection: Collection;
  readonly #form: LedgerForm;
  /** The field that names the migration. */
  readonly #key: 'name' | 'fileName';

  constructor(db: Db, name: string, form: LedgerForm = { kind: 'migratory' }) {
    this.#collection = db.collection(name, { writeConcern: { w: 'majority' } });
    this.#form = form;
    this.#key = form.kind === 'migrate-mongo' ? 'fileName' : 'name';
  }

  /** All rows in the order of their application (migrate-mongo's by file name). Sources stay on the server. */
  async rows(): Promise<LedgerRow[]> {
    const projection = { source: 0, 'migratory.source': 0 };
    const found = await this.#collection.find({}, { projection }).toArray();
    const hashed = this.#form.kind === 'migrate-mongo' && this.#form.useFileHash;
    const rows = found.flatMap((row) => {
      const checksum: unknown = hashed ? row['fileHash'] : undefined;
      return readRow(row[this.#key], {
        ...row,
        ...asDocument(row['migratory']),
        ...(checksum ? { checksum } : {}),
      });
    });
    if (this.#form.kind === 'migrate-mongo') return rows.sort((a, b) => compareNames(a.name, b.name));
    return rows.sort((a, b) => (a.appliedAt?.getTime() ?? 0) - (b.appliedAt?.getTime() ?? 0));
  }

  /** The source that was applied, or null when the row has none. */
  async source(name: string): Promise<Buffer | null> {
    const row = await this.#collection.findOne({ [this.#key]: name });
    const packed: unknown = row?.['source'] ?? asDocument(row?.['migratory'])['source'];
    if (!(packed instanceof Binary)) return null;
    return unpackSource(packed.value());
  }

  async record(entry: LedgerEntry, session?: ClientSession): Promise<void> {
    const row = await this.#row(entry);
    await this.#collection.replaceOne({ [this.#key]: entry.name }, row, { upsert: true, session });
  }

  /** The same as a command, for whoever sends it in a transaction of his own. */
  async recordCommand(entry: LedgerEntry): Promise<{ database: string; command: Document }> {
    const statement = { q: { [this.#key]: entry.name }, u: await this.#row(entry), upsert: true };
    const command = { update: this.#collection.collectionName, updates: [statement] };
    return { database: this.#collection.dbName, command };
  }

  async #row(entry: LedgerEntry): Promise<Document> {
    const { name, source, runStartedAt, appliedAt = new Date(), ...facts } = entry;
    const packed = await packSource(source);
    const own = { ...facts, ...(packed && { source: new Binary(packed) }) };
    const row: Document = { [this.#key]: name, appliedAt };
    if (this.#form.kind === 'migratory') {
      Object.assign(row, own);
    } else {
      row['migrationBlock'] = runStartedAt.getTime();
      if (this.#form.useFileHash) row['fileHash'] = entry.checksum;
      row['migratory'] = own;
    }
    return row;
  }

  /** Takes another version of the source as the one that was applied; when and how stays. */
  async accept(name: string, { checksum, source, file, kind }: AcceptedVersion): Promise<void> {
    const packed = await packSource(source);
    const own = { checksum, file, kind, ...(packed && { source: new Binary(packed) }) };
    const ours = this.#form.kind === 'migratory';
    const fields = Object.entries(own).map(([field, value]) => [ours ? field : `migratory.${field}`, value]);
    if (this.#form.kind === 'migrate-mongo' && this.#form.useFileHash) fields.push(['fileHash', checksum]);
    const stale = packed ? {} : { $unset: { [ours ? 'source' : 'migratory.source']: '' } };
    await this.#collection.updateOne(
      { [this.#key]: name },
      { $set: Object.fromEntries(fields) as Document, ...stale },
    );
  }

  async remove(name: string, session?: ClientSession): Promise<void> {
    await this.#collection.deleteMany({ [this.#key]: name }, { session });
  }

  /** After a rollback that left conflicts: the migration counts as applied until they are resolved. */
  async markConflicts(name: string): Promise<void> {
    const field = this.#form.kind === 'migratory' ? 'state' : 'migratory.state';
    await this.#collection.updateOne({ [this.#key]: name }, { $set: { [field]: 'conflicts' } });
  }
}

function asDocument(value: unknown): Document {
  return typeof value === 'object' && value !== null ? value : {};
}

function readRow(name: unknown, row: Document): LedgerRow[] {
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
      block: readNumber(row['migrationBlock']) ?? undefined,
      state: row['state'] === 'conflicts' ? 'conflicts' : 'applied',
      replaces: readNames(row['replaces']),
    },
  ];
}

function readNames(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((name): name is string => typeof name === 'string');
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

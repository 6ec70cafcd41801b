// Names and types for whoever writes a migration: the collections of a database and what some of their documents
// hold. Reads only, a bounded number of bytes for a bounded time, and remembers the answers for a minute.
import type { Connection } from '../engine/connect';
import type { CollectionSample, ConnectionTarget, SampledField } from '../protocol/runner';
import { BsonType, elements } from '../transfer/raw';

const sampledDocuments = 200;
/** Of large documents fewer are looked at. */
const sampledBytes = 4_000_000;
const patienceMs = 2_000;
const remembersMs = 60_000;
const remembersAtMost = 200;
/** Deeper sub-documents and further paths are left out. */
const deepest = 6;
const mostPaths = 1_000;
/** Of a long array only its first elements are looked at. */
const mostElements = 20;

interface Remembered {
  until: number;
  answer: Promise<unknown>;
}

export class CollectionSamples {
  readonly #connect: (target: ConnectionTarget) => Promise<Connection>;
  readonly #remembered = new Map<string, Remembered>();

  constructor(connect: (target: ConnectionTarget) => Promise<Connection>) {
    this.#connect = connect;
  }

  collections(target: ConnectionTarget): Promise<string[]> {
    return this.#remember([target.uri, target.database], async () => {
      const { db } = await this.#connect(target);
      const found = await db
        .listCollections({}, { nameOnly: true, authorizedCollections: true, maxTimeMS: patienceMs })
        .toArray();
      return found
        .map(({ name }) => name)
        .filter((name) => !name.startsWith('system.') && !name.startsWith('_migratory_'))
        .sort();
    });
  }

  sample(target: ConnectionTarget, collection: string): Promise<CollectionSample> {
    return this.#remember([target.uri, target.database, collection], async () => {
      const { db } = await this.#connect(target);
      const cursor = db.collection(collection).aggregate([{ $sample: { size: sampledDocuments } }], {
        raw: true,
        batchSize: 50,
        maxTimeMS: patienceMs,
        readPreference: 'secondaryPreferred',
        comment: 'migratory: field names for the editor',
      });
      const seen = new FieldCount();
      try {
        for await (const document of cursor) {
          seen.add(document as unknown as Buffer);
          if (seen.bytes > sampledBytes) break;
        }
      } finally {
        await cursor.close();
      }
      return seen.result();
    });
  }

  /** One question at a time for each key; a failure is not remembered. */
  #remember<T>(parts: readonly string[], ask: () => Promise<T>): Promise<T> {
    const key = JSON.stringify(parts);
    const known = this.#remembered.get(key);
    if (known && known.until > Date.now()) return known.answer as Promise<T>;
    const answer = ask();
    this.#remembered.delete(key);
    this.#remembered.set(key, { until: Date.now() + remembersMs, answer });
    answer.catch(() => this.#remembered.delete(key));
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= remembersAtMost) break;
      this.#remembered.delete(oldest);
    }
    return answer;
  }
}

/** Counts, document by document, which paths are there and with which types. */
export class FieldCount {
  bytes = 0;
  #documents = 0;
  readonly #fields = new Map<string, SampledField>();

  add(document: Buffer): void {
    this.#documents++;
    this.bytes += document.length;
    this.#walk(document, '', 1, new Set());
  }

  result(): CollectionSample {
    const fields = [...this.#fields.values()].sort((a, b) => b.count - a.count);
    return { documents: this.#documents, fields };
  }

  /** `met` holds what this document has been counted for already: array elements repeat their paths. */
  #walk(document: Buffer, prefix: string, depth: number, met: Set<string>): void {
    for (const { type, start, value, end } of elements(document)) {
      const name = document.toString('utf8', start + 1, value - 1);
      const field = this.#field(`${prefix}${name}`);
      if (!field) continue;
      const { path } = field;
      if (once(met, path)) field.count++;
      count(field.types, type, met, path);
      const inside = document.subarray(value, end);
      if (type === BsonType.object && depth < deepest) this.#walk(inside, `${path}.`, depth + 1, met);
      if (type === BsonType.array) this.#walkArray(inside, field, depth, met);
    }
  }

  #walkArray(array: Buffer, field: SampledField, depth: number, met: Set<string>): void {
    for (const { type, value, end } of elements(array).slice(0, mostElements)) {
      field.elements ??= {};
      count(field.elements, type, met, `${field.path}[]`);
      if (type !== BsonType.object || depth >= deepest) continue;
      this.#walk(array.subarray(value, end), `${field.path}.`, depth + 1, met);
    }
  }

  #field(path: string): SampledField | undefined {
    let field = this.#fields.get(path);
    if (!field && this.#fields.size < mostPaths) {
      field = { path, count: 0, types: {} };
      this.#fields.set(path, field);
    }
    return field;
  }
}

function count(types: Record<string, number>, type: number, met: Set<string>, path: string): void {
  const name = typeNames.get(type) ?? `type ${type}`;
  if (once(met, `${path}\0${name}`)) types[name] = (types[name] ?? 0) + 1;
}

function once(met: Set<string>, what: string): boolean {
  if (met.has(what)) return false;
  met.add(what);
  return true;
}

/** As `$type` calls them, where that is not our own name. */
const aliases: Partial<Record<keyof typeof BsonType, string>> = {
  binary: 'binData',
  code: 'javascript',
  codeWithScope: 'javascriptWithScope',
};
const typeNames = new Map<number, string>(
  Object.entries(BsonType).map(([name, type]) => [type, aliases[name as keyof typeof BsonType] ?? name]),
);

// What the checks of one migration know about its collections. Every fact is asked for once, when the first check
// wants it, and shared by the others.
import type { Document } from 'mongodb';
import type { ChecksContext, CheckLimits } from './check';
import { codeOf, filterOf, sourceOf, timeExceeded } from './check';
import type { Sample } from './sample';
import { takeSample } from './sample';

export interface CollectionInfo {
  name: string;
  type: 'collection' | 'view' | 'timeseries';
  options: Document;
}

export interface IndexInfo {
  name: string;
  key: Document;
  unique?: boolean;
  sparse?: boolean;
  hidden?: boolean;
  expireAfterSeconds?: number;
  partialFilterExpression?: Document;
  collation?: Document;
  /** Of a text index: its fields. */
  weights?: Document;
}

export interface CollectionSize {
  /** Documents, by the collection's metadata. */
  count: number;
  /** Bytes of all documents, uncompressed. */
  size: number;
  storageSize: number;
  avgObjSize: number;
}

export interface Counts {
  /** Documents in the source, by its metadata. */
  total: number;
  /** Documents that the filter matches; null when counting took too long. */
  matching: number | null;
}

export class Facts {
  readonly #context: ChecksContext;
  readonly #limits: CheckLimits;
  readonly #known = new Map<string, Promise<unknown>>();

  constructor(context: ChecksContext, limits: CheckLimits) {
    this.#context = context;
    this.#limits = limits;
  }

  /** Everything in the database, views too; also what the user may not read. */
  collections(): Promise<CollectionInfo[]> {
    return this.#once('collections', async () => {
      const { db } = this.#context.connection;
      const rows = await db
        .listCollections({}, { nameOnly: false, maxTimeMS: this.#limits.timeMs })
        .toArray();
      return rows.map((row) => ({
        name: row.name,
        type: (row.type ?? 'collection') as CollectionInfo['type'],
        options: (row as { options?: Document }).options ?? {},
      }));
    });
  }

  async collection(name: string): Promise<CollectionInfo | null> {
    return (await this.collections()).find((entry) => entry.name === name) ?? null;
  }

  /** Empty for a collection that does not exist. */
  indexes(name: string): Promise<IndexInfo[]> {
    return this.#once(`indexes ${name}`, async () => {
      try {
        const rows = await this.#context.connection.db.collection(name).listIndexes().toArray();
        return rows as IndexInfo[];
      } catch (error) {
        if (codeOf(error) === namespaceNotFound) return [];
        throw error;
      }
    });
  }

  size(name: string): Promise<CollectionSize> {
    return this.#once(`size ${name}`, async () => {
      const stats = await this.#context.connection.db.command({
        collStats: name,
        maxTimeMS: this.#limits.timeMs,
      });
      const number = (field: string): number => Number(stats[field] ?? 0);
      return {
        count: number('count'),
        size: number('size'),
        storageSize: number('storageSize'),
        avgObjSize: number('avgObjSize'),
      };
    });
  }

  /** Counts of the source and of what the filter matches. */
  counts(): Promise<Counts> {
    return this.#once('counts', async () => {
      const source = this.#context.connection.db.collection(sourceOf(this.#context) ?? '');
      const filter = filterOf(this.#context);
      const total = await source.estimatedDocumentCount({ maxTimeMS: this.#limits.timeMs });
      if (Object.keys(filter).length === 0) return { total, matching: total };
      try {
        return { total, matching: await source.countDocuments(filter, { maxTimeMS: this.#limits.timeMs }) };
      } catch (error) {
        if (codeOf(error) === timeExceeded) return { total, matching: null };
        throw error;
      }
    });
  }

  /** A few documents that the filter matches, with what the migration makes of them. */
  sample(): Promise<Sample> {
    return this.#once('sample', async () => {
      const sample = await takeSample(this.#context, this.#limits);
      this.#context.onSample?.(sample);
      return sample;
    });
  }

  /** Replica set status; null where it cannot be had (standalone, no privilege). */
  replicaSetStatus(): Promise<Document | null> {
    return this.#once('replSetGetStatus', async () => {
      if (this.#context.connection.server.topology !== 'replica-set') return null;
      try {
        return await this.#context.connection.client.db('admin').command({ replSetGetStatus: 1 });
      } catch {
        return null;
      }
    });
  }

  #once<T>(name: string, ask: () => Promise<T>): Promise<T> {
    let known = this.#known.get(name) as Promise<T> | undefined;
    if (known === undefined) {
      known = ask();
      this.#known.set(name, known);
    }
    return known;
  }
}

const namespaceNotFound = 26;

// The scratch databases of a dry run: collections are copied into them on first touch, with options and indexes;
// a second copy (pristine) tells afterwards what changed. Nothing is ever written to a real database.
import { createHash, randomBytes } from 'node:crypto';
import { BSON, type Db, type Document, type MongoClient } from 'mongodb';
import { UserError } from '../../protocol/errors';
import { namespacesOfPipeline } from '../../wire/pipeline';
import { machineId } from '../lease';

const longestDatabaseName = 63;
const ownCollection = /^_migratory_|^system\.|^\$cmd\b/;
/** In each scratch database: who made it. */
export const scratchMarker = '_migratory_scratch';
export const scratchName = /_migratory_dry_[0-9a-f]{8}(?:_0)?$/;

/** What a collection was like when it was first touched. */
export interface TouchedCollection {
  database: string;
  collection: string;
  exists: boolean;
  type: string;
  options: Document;
  indexes: Document[];
  /** Documents copied, and how many there are. */
  copied: number;
  of: number;
}

export class Scratch {
  readonly #client: MongoClient;
  readonly #sample: number | 'all';
  readonly #id = randomBytes(4).toString('hex');
  readonly #touched = new Map<string, Promise<TouchedCollection>>();
  readonly #databases = new Set<string>();

  /** @param sample documents per collection, or `all`. */
  constructor(client: MongoClient, sample: number | 'all') {
    this.#client = client;
    this.#sample = sample;
  }

  /** Name of the scratch database for a real one. */
  name(database: string): string {
    const scratch = fit(database, `_migratory_dry_${this.#id}`);
    this.#databases.add(scratch);
    return scratch;
  }

  pristineName(database: string): string {
    const pristine = fit(database, `_migratory_dry_${this.#id}_0`);
    this.#databases.add(pristine);
    return pristine;
  }

  database(database: string): Db {
    return this.#client.db(this.name(database));
  }

  pristine(database: string): Db {
    return this.#client.db(this.pristineName(database));
  }

  /** Brings a collection into the scratch database; later calls do nothing. */
  async touch(database: string, collection: string, filter?: Document): Promise<void> {
    if (ownCollection.test(collection)) return;
    const key = `${database}\n${collection}`;
    let touching = this.#touched.get(key);
    if (!touching) {
      touching = this.#copy(database, collection, filter);
      this.#touched.set(key, touching);
    }
    await touching;
  }

  /** Brings every collection that an aggregation names beside its own. */
  async touchPipeline(database: string, pipeline: Document[]): Promise<void> {
    // An array's bytes are those of a document with the positions as names.
    const raw = Buffer.from(BSON.serialize(Object.fromEntries(pipeline.entries())));
    for (const named of namespacesOfPipeline(raw)) {
      if (named.collection !== undefined) await this.touch(named.database ?? database, named.collection);
    }
  }

  /** Brings everything of a database, for commands that speak of the database as a whole. */
  async touchAll(database: string): Promise<void> {
    const found = await this.#client.db(database).listCollections({}, { nameOnly: true }).toArray();
    for (const { name } of found) await this.touch(database, name);
  }

  async touched(): Promise<TouchedCollection[]> {
    return Promise.all(this.#touched.values());
  }

  /** Puts every scratch collection back to what it was when first touched. */
  async reset(): Promise<void> {
    const touched = await this.touched();
    const databases = new Set(touched.map(({ database }) => database));
    for (const database of databases) await this.database(database).dropDatabase();
    for (const each of touched) {
      if (!each.exists) continue;
      await this.#create(each);
      if (each.type === 'view') continue;
      await this.#fill(this.pristine(each.database), each, []);
      await this.#index(each);
    }
  }

  /** Drops every scratch database; the last thing that a dry run does, whatever happened. */
  async drop(): Promise<void> {
    await Promise.allSettled(this.#touched.values());
    for (const name of this.#databases) await this.#client.db(name).dropDatabase();
  }

  /** Says whose databases these are, so that `repair` can tell a dry run at work from what a killed one left. */
  async #mark(database: string): Promise<void> {
    for (const db of [this.database(database), this.pristine(database)]) {
      await db
        .collection<{ _id: string }>(scratchMarker)
        .updateOne(
          { _id: 'owner' },
          { $set: { machine: machineId(), pid: process.pid, at: new Date() } },
          { upsert: true },
        );
    }
  }

  async #copy(database: string, collection: string, filter?: Document): Promise<TouchedCollection> {
    await this.#mark(database);
    const real = this.#client.db(database);
    const [info] = await real.listCollections({ name: collection }).toArray();
    const touched: TouchedCollection = {
      database,
      collection,
      exists: info !== undefined,
      type: info?.type ?? 'collection',
      options: (info as { options?: Document } | undefined)?.options ?? {},
      indexes: [],
      copied: 0,
      of: 0,
    };
    if (!info) return touched;
    if (touched.type === 'view') return this.#copyView(touched);
    if (touched.type === 'timeseries') {
      throw new UserError(
        `"${collection}" is a time-series collection, which cannot be copied for a dry run.`,
      );
    }
    touched.indexes = await real.collection(collection).listIndexes().toArray();
    touched.of = await real.collection(collection).estimatedDocumentCount();
    await this.#create(touched);
    await this.#fill(real, touched, this.#sampling(touched, filter));
    await this.#fill(this.database(database), touched, [], this.pristineName(database));
    touched.copied = await this.database(database).collection(collection).countDocuments();
    await this.#index(touched);
    return touched;
  }

  async #copyView(touched: TouchedCollection): Promise<TouchedCollection> {
    const { database, options } = touched;
    const source: unknown = options['viewOn'];
    const pipeline = (options['pipeline'] as Document[] | undefined) ?? [];
    if (typeof source === 'string') await this.touch(database, source);
    await this.touchPipeline(database, pipeline);
    await this.#create(touched);
    return touched;
  }

  async #create({ database, collection, options }: TouchedCollection): Promise<void> {
    // As a bare command: the server's own words for the options go back as they came.
    await this.database(database).command({ create: collection, ...options });
  }

  /** Server-side; `$out` into an existing collection keeps its options. Capped ones refuse it and are merged. */
  async #fill(
    from: Db,
    { database, collection, options }: TouchedCollection,
    pipeline: Document[],
    into: string = this.name(database),
  ): Promise<void> {
    const target = { db: into, coll: collection };
    const capped = options['capped'] === true && into === this.name(database);
    const write = capped ? { $merge: { into: target } } : { $out: target };
    await from
      .collection(collection)
      .aggregate([...pipeline, write], { allowDiskUse: true, bypassDocumentValidation: true })
      .toArray();
  }

  #sampling({ collection, of }: TouchedCollection, filter: Document | undefined): Document[] {
    const size = this.#sample;
    if (size === 'all' || of <= size) return [];
    if (!filter || Object.keys(filter).length === 0) return [{ $sample: { size } }];
    // What the migration looks for (chance would miss a rare case), and some of everything beside it.
    const others = Math.ceil(size / 10);
    return [
      { $match: filter },
      { $limit: size },
      { $unionWith: { coll: collection, pipeline: [{ $sample: { size: others } }] } },
      { $group: { _id: '$_id', document: { $first: '$$ROOT' } } },
      { $replaceRoot: { newRoot: '$document' } },
    ];
  }

  async #index({ database, collection, indexes }: TouchedCollection): Promise<void> {
    const wanted = indexes.filter((index) => index['name'] !== '_id_').map(({ ns: _ns, ...spec }) => spec);
    if (wanted.length === 0) return;
    await this.database(database).command({ createIndexes: collection, indexes: wanted });
  }
}

/** Cuts a database name so that the suffix fits; a hash keeps cut names apart. */
function fit(database: string, suffix: string): string {
  const whole = `${database}${suffix}`;
  if (Buffer.byteLength(whole) <= longestDatabaseName) return whole;
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 8);
  let kept = database;
  while (Buffer.byteLength(`${kept}~${hash}${suffix}`) > longestDatabaseName) kept = kept.slice(0, -1);
  return `${kept}~${hash}${suffix}`;
}

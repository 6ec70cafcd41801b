// The scratch databases of a dry run: collections are copied into them on first touch, with options and indexes; a
// second copy (pristine) keeps what the migration at hand began with. Nothing is ever written to a real database.
import { randomBytes } from 'node:crypto';
import { BSON, type Db, type Document, type MongoClient } from 'mongodb';
import { speakable } from '../../transfer/command';
import type { RawValue } from '../../transfer/raw';
import { namespacesOfPipeline } from '../../wire/pipeline';
import { machineId } from '../lease';
import { createLike, fill, fit, indexLike, lookAt, notThere, type TouchedCollection } from './copies';

/** Documents that are brought by their `_id`s in one go. */
const broughtTogether = 1000;
/** What no rehearsal copies or compares. */
export const ownCollection = /^_migratory_|^system\.|^\$cmd\b/;
/** In each scratch database: who made it. */
export const scratchMarker = '_migratory_scratch';
export const scratchName = /_migratory_dry_[0-9a-f]{8}(?:_[01])?$/;

/** What a migration begins with. Two take turns, so that the next one's is kept while this one is still judged. */
interface Beginning {
  turn: 0 | 1;
  touched: Map<string, Promise<TouchedCollection>>;
  /** Those of them that the migration itself has asked for, not only one before it. */
  asked: Set<string>;
}

function beginning(turn: 0 | 1): Beginning {
  return { turn, touched: new Map(), asked: new Set() };
}

export class Scratch {
  readonly #client: MongoClient;
  readonly #sample: number | 'all' | 'nothing';
  readonly #id = randomBytes(4).toString('hex');
  readonly #databases = new Set<string>();
  #beginning = beginning(0);
  #next: Beginning | undefined;

  /** @param sample documents per collection, or `all`; `nothing` begins with empty databases. */
  constructor(client: MongoClient, sample: number | 'all' | 'nothing') {
    this.#client = client;
    this.#sample = sample;
  }

  /** Name of the scratch database for a real one. */
  name(database: string): string {
    const scratch = fit(database, `_migratory_dry_${this.#id}`);
    this.#databases.add(scratch);
    return scratch;
  }

  database(database: string): Db {
    return this.#client.db(this.name(database));
  }

  /** What this database was when the migration at hand began. */
  pristine(database: string): Db {
    return this.#pristine(database, this.#beginning);
  }

  /** Brings a collection into the scratch database; later calls do nothing. */
  async touch(database: string, collection: string, filter?: Document): Promise<void> {
    if (ownCollection.test(collection)) return;
    const { touched, asked } = this.#beginning;
    const key = keyOf(database, collection);
    asked.add(key);
    let touching = touched.get(key);
    if (!touching) {
      touching = this.#copy(database, collection, filter);
      touched.set(key, touching);
    }
    await touching;
  }

  /** Most documents of one collection that are copied. */
  get most(): number {
    if (this.#sample === 'nothing') return 0;
    return this.#sample === 'all' ? Infinity : this.#sample;
  }

  /** Brings documents of a touched collection that its sample has left out. */
  async bring(database: string, collection: string, ids: readonly RawValue[]): Promise<void> {
    const real = this.#client.db(database).collection(collection);
    for (let at = 0; at < ids.length; at += broughtTogether) {
      const wanted = { _id: { $in: ids.slice(at, at + broughtTogether).map(speakable) } } as Document;
      for (const db of [this.database(database), this.pristine(database)]) {
        const into = { db: db.databaseName, coll: collection };
        const options = { bypassDocumentValidation: true };
        await real
          .aggregate([{ $match: wanted }, { $merge: { into, whenMatched: 'keepExisting' } }], options)
          .toArray();
      }
    }
    const touched = await this.#beginning.touched.get(keyOf(database, collection));
    if (touched) touched.copied = await this.database(database).collection(collection).countDocuments();
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
    if (this.#sample !== 'nothing') {
      const found = await this.#client.db(database).listCollections({}, { nameOnly: true }).toArray();
      for (const { name } of found) await this.touch(database, name);
    }
    // What came into being in the rehearsal is there too.
    for (const each of await this.#all())
      if (each.database === database) await this.touch(database, each.collection);
  }

  /** What the migration at hand has asked for. */
  async touched(): Promise<TouchedCollection[]> {
    const { touched, asked } = this.#beginning;
    return Promise.all([...touched].flatMap(([key, each]) => (asked.has(key) ? [each] : [])));
  }

  /** Puts every scratch collection back to what it was when the migration at hand began. */
  async reset(): Promise<void> {
    const touched = await this.#all();
    await this.#dropScratch(touched);
    for (const each of touched) {
      const scratch = this.database(each.database);
      await this.#mark(scratch);
      if (!each.exists) continue;
      await createLike(scratch, each);
      if (each.type === 'view') continue;
      await fill(this.pristine(each.database), scratch, each);
      await indexLike(scratch, each);
    }
  }

  /** Keeps what stands in the scratch databases now as what the next migration begins with. */
  async keep(): Promise<void> {
    const next = beginning(this.#beginning.turn === 0 ? 1 : 0);
    for (const { database, collection, copied, of } of await this.#all()) {
      const scratch = this.database(database);
      const now = await lookAt(scratch, database, collection);
      if (now.exists && now.type !== 'view') {
        const pristine = this.#pristine(database, next);
        await this.#mark(pristine);
        await keepIn(pristine, scratch, now);
        now.copied = await pristine.collection(collection).countDocuments();
        now.of = copied < of ? Math.round((now.copied / Math.max(1, copied)) * of) : now.copied;
      }
      next.touched.set(keyOf(database, collection), Promise.resolve(now));
    }
    this.#next = next;
  }

  /** The next migration's turn: everything is as `keep` found it. */
  async goOn(): Promise<void> {
    if (!this.#next) throw new Error('nothing was kept for the next migration');
    const before = await this.#all();
    await this.#dropScratch(before);
    for (const { database } of before) await this.pristine(database).dropDatabase();
    this.#beginning = this.#next;
    this.#next = undefined;
    await this.reset();
  }

  /** Drops every scratch database; the last thing that a dry run does, whatever happened. */
  async drop(): Promise<void> {
    await Promise.allSettled(this.#beginning.touched.values());
    for (const name of this.#databases) await this.#client.db(name).dropDatabase();
  }

  /** Also what only earlier migrations have asked for. */
  async #all(): Promise<TouchedCollection[]> {
    return Promise.all(this.#beginning.touched.values());
  }

  #pristine(database: string, { turn }: Beginning): Db {
    const name = fit(database, `_migratory_dry_${this.#id}_${turn}`);
    this.#databases.add(name);
    return this.#client.db(name);
  }

  async #dropScratch(touched: TouchedCollection[]): Promise<void> {
    const databases = new Set(touched.map(({ database }) => database));
    for (const database of databases) await this.database(database).dropDatabase();
  }

  /** Says whose database this is, so that `repair` can tell a dry run at work from what a killed one left. */
  async #mark(db: Db): Promise<void> {
    const owner = { machine: machineId(), pid: process.pid, at: new Date() };
    await db
      .collection<{ _id: string }>(scratchMarker)
      .updateOne({ _id: 'owner' }, { $set: owner }, { upsert: true });
  }

  async #copy(database: string, collection: string, filter?: Document): Promise<TouchedCollection> {
    const scratch = this.database(database);
    const pristine = this.pristine(database);
    await Promise.all([this.#mark(scratch), this.#mark(pristine)]);
    if (this.#sample === 'nothing') return notThere(database, collection);
    const real = this.#client.db(database);
    const touched = await lookAt(real, database, collection);
    if (!touched.exists) return touched;
    if (touched.type === 'view') return this.#copyView(touched);
    touched.of = await real.collection(collection).estimatedDocumentCount();
    await createLike(scratch, touched);
    await fill(real, scratch, touched, this.#sampling(touched, filter));
    await keepIn(pristine, scratch, touched);
    touched.copied = await scratch.collection(collection).countDocuments();
    await indexLike(scratch, touched);
    return touched;
  }

  async #copyView(touched: TouchedCollection): Promise<TouchedCollection> {
    const { database, options } = touched;
    const source: unknown = options['viewOn'];
    const pipeline = (options['pipeline'] as Document[] | undefined) ?? [];
    if (typeof source === 'string') await this.touch(database, source);
    await this.touchPipeline(database, pipeline);
    await createLike(this.database(database), touched);
    return touched;
  }

  #sampling({ collection, of }: TouchedCollection, filter: Document | undefined): Document[] {
    const size = this.#sample;
    if (size === 'all' || size === 'nothing' || of <= size) return [];
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
}

/** Only its documents are wanted later; but those of time series have an order of fields that no other collection keeps. */
async function keepIn(pristine: Db, scratch: Db, touched: TouchedCollection): Promise<void> {
  if (touched.type === 'timeseries') await createLike(pristine, touched);
  await fill(scratch, pristine, touched);
}

function keyOf(database: string, collection: string): string {
  return `${database}\n${collection}`;
}

// A copy of what an applied migration's run has kept for its way back, which speaks of the scratch copies: so the way
// back is tried where nothing real is touched.
import type { Collection, Db, Document, MongoClient } from 'mongodb';
import { checkpointCollection } from '../../transfer/checkpoints';
import { journalName } from '../../transfer/journal';
import { infosOf } from '../scriptJournal/collectionFacts';
import { createLike, fill, indexLike, lookAt, type TouchedCollection } from './copies';
import { journaledDocuments } from './journaledDocuments';
import type { Scratch } from './scratch';

/** What a row of a journal says about where it belongs. */
interface Place {
  database?: string;
  collection?: string;
  created?: string;
  op?: string;
  facts?: { database?: string; collection?: string; aside?: string; to?: Omit<Place, 'facts'> };
}

export interface KeptWay {
  /** The run whose journal it is. */
  run: string;
  step: string;
  /** The database that rows without one speak of. */
  database: string;
}

/** Collections that are larger than the sample. */
export interface Large {
  /** Every document that the journal speaks of was brought in. */
  inPart: string[];
  /** The journal speaks of more documents than a sample has: with some missing it would find conflicts that are none. */
  tooMuch: string[];
}

/** Brings the journal of a step, and the collections that it speaks of, into the scratch databases. */
export async function copyJournal(scratch: Scratch, client: MongoClient, way: KeptWay): Promise<Large> {
  const copy = new JournalCopy(scratch, client, way);
  return copy.make();
}

class JournalCopy {
  /** Databases with rows of the journal, and all that they speak of. */
  readonly #journals: Set<string>;
  readonly #spokenOf: Set<string>;

  constructor(
    private readonly scratch: Scratch,
    private readonly client: MongoClient,
    private readonly way: KeptWay,
  ) {
    this.#journals = new Set([way.database]);
    this.#spokenOf = new Set([way.database]);
  }

  async make(): Promise<Large> {
    // A script that wrote an aggregation into another database has rows there too, which come up as this goes on.
    for (const database of this.#journals) await this.#bring(database);
    const touched = await this.scratch.touched();
    const large = touched.filter(({ copied, of }) => copied < of);
    const inPart = large.map(({ collection }) => collection);
    const tooMuch = await this.#bringDocuments(large);
    if (tooMuch.length > 0) return { inPart, tooMuch };
    const identities = await this.#identities();
    for (const database of this.#journals) {
      await this.#copyRows(database, identities);
      await this.#copyCheckpoints(database);
    }
    return { inPart, tooMuch: [] };
  }

  /** @returns the first collection of whose documents the journal speaks of too many. */
  async #bringDocuments(large: readonly TouchedCollection[]): Promise<string[]> {
    const brought = new Map(large.map((each) => [`${each.database}\n${each.collection}`, 0]));
    if (brought.size === 0) return [];
    const rows = { run: this.way.run, names: this.#pattern };
    for (const own of this.#journals) {
      for await (const { database, collection, ids } of journaledDocuments(this.client, own, rows)) {
        const key = `${database}\n${collection}`;
        const before = brought.get(key);
        if (before === undefined) continue;
        if (before + ids.length > this.scratch.most) return [collection];
        brought.set(key, before + ids.length);
        await this.scratch.bring(database, collection, ids);
      }
    }
    return [];
  }

  /** The collections that the rows in this database speak of. */
  async #bring(database: string): Promise<void> {
    const about = { database: 1, collection: 1, created: 1, op: 1 };
    const facts = { 'facts.database': 1, 'facts.collection': 1, 'facts.aside': 1, 'facts.to': 1 };
    const rows = this.#journal(database).aggregate<{ _id: Place }>([
      { $match: this.#rows },
      { $project: { ...about, ...facts, _id: 0 } },
      { $group: { _id: '$$ROOT' } },
    ]);
    for await (const { _id: place } of rows) await this.#bringPlace(place, database);
  }

  async #bringPlace({ collection, created, op, facts, ...row }: Place, own: string): Promise<void> {
    const database = row.database ?? facts?.database ?? own;
    this.#spokenOf.add(database);
    if (op === 'transfer') this.#journals.add(database);
    for (const name of [collection, created, facts?.collection])
      if (name !== undefined) await this.scratch.touch(database, name);
    const { to, aside } = facts ?? {};
    if (to?.database !== undefined && to.collection !== undefined) {
      this.#spokenOf.add(to.database);
      await this.scratch.touch(to.database, to.collection);
    }
    if (aside !== undefined) await this.#copyAside(database, aside);
  }

  /** What the script has dropped lies beside, under a name of ours. */
  async #copyAside(database: string, name: string): Promise<void> {
    const real = this.client.db(database);
    const scratch = this.scratch.database(database);
    const kept = await lookAt(real, database, name);
    const there = await lookAt(scratch, database, name);
    if (!kept.exists || there.exists) return;
    await createLike(scratch, kept);
    await fill(real, scratch, kept);
    await indexLike(scratch, kept);
  }

  /** Collections are known again by their identity, which a copy does not share. */
  async #identities(): Promise<string[]> {
    const infos = await Promise.all(
      [...this.#spokenOf].map((database) => infosOf(this.client.db(database), {})),
    );
    return infos.flat().flatMap(({ uuid }) => uuid ?? []);
  }

  async #copyRows(database: string, identities: string[]): Promise<void> {
    const isObject = (path: string): Document => ({ $eq: [{ $type: path }, 'object'] });
    const to = { $mergeObjects: ['$facts.to', { database: this.#inScratch('$facts.to.database') }] };
    const facts: Document[] = [
      '$facts' as unknown as Document,
      { database: this.#inScratch('$facts.database') },
      { $cond: [isObject('$facts.to'), { to }, {}] },
      // One that is another collection by now stays known as that.
      { uuid: { $cond: [{ $in: ['$facts.uuid', identities] }, null, '$facts.uuid'] } },
    ];
    await this.#journal(database)
      .aggregate([
        // Sessions in it are those of real runs: whoever takes a journal over ends them.
        { $match: { $and: [this.#rows, { op: { $ne: 'session' } }] } },
        {
          $set: {
            database: this.#inScratch('$database'),
            facts: { $cond: [isObject('$facts'), { $mergeObjects: facts }, '$$REMOVE'] },
          },
        },
        { $merge: { into: this.#into(database, journalName(this.way.run)) } },
      ])
      .toArray();
  }

  /** How far an earlier way back has come; without the sessions and epochs of real runs. */
  async #copyCheckpoints(database: string): Promise<void> {
    const { run } = this.way;
    const lanes = { '_id.kind': { $ne: 'lane' } };
    await this.client
      .db(database)
      .collection(checkpointCollection)
      .aggregate([
        { $match: { '_id.run': run, '_id.step': this.#names, ...lanes } },
        { $set: { epoch: 0, session: null } },
        { $merge: { into: this.#into(database, checkpointCollection) } },
      ])
      .toArray();
  }

  #into(database: string, collection: string): Document {
    return { db: this.scratch.name(database), coll: collection };
  }

  #journal(database: string): Collection {
    const db: Db = this.client.db(database);
    return db.collection(journalName(this.way.run));
  }

  /** The step itself, and what is named after it: its helpers, its way back, what was left alone. */
  get #names(): Document {
    return { $regex: this.#pattern };
  }

  get #pattern(): RegExp {
    const name = this.way.step.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    return new RegExp(`^${name}(?:[#:]|$)`);
  }

  get #rows(): Document {
    return { $or: [{ '_id.s': this.#names }, { step: this.#names }] };
  }

  #inScratch(path: string): Document {
    return [...this.#spokenOf].reduce<unknown>(
      (otherwise, database) => ({
        $cond: [{ $eq: [path, database] }, { $literal: this.scratch.name(database) }, otherwise],
      }),
      path,
    ) as Document;
  }
}

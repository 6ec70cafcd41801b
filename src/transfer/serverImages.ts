// The fastest way of a range: the server itself packs its documents into the journal, and then changes them in a
// transaction that sees the time before they were taken. Whoever has written to one of them since then makes that
// transaction fail, so an image that holds is the document as it was before the change; and an image counts only with
// the row that the transaction adds to it.
import { MongoServerError, ReadConcern, type Collection, type Document, type ReadConcernLike } from 'mongodb';
import { speakable } from './command';
import { groups } from './idGroups';
import type { ImageRow } from './imageRow';
import type { Bounds } from './ranges';
import { idOf } from './raw';
import { collationOf, kindOf } from './target';
import { CommitUnknown, isConflict, isInterruption } from './transaction';
import type { Job } from './work';

/** Bytes of the images of a range; a row has 16 MB. */
const wantedBytes = 5 * 1024 * 1024;
const mostDocuments = 4000;
const invalidOptions = 72;
const writeConflict = 112;
/** Below this it is the commands that take the time. */
const fewDocuments = 1000;
/** Where there are so many writers, it is not tried any more. */
const mostConflicts = 3;

export class ServerImages {
  #works = true;
  #conflicts = 0;

  private constructor(
    private readonly collection: Collection,
    private readonly filter: Document,
    /** About how large a document is. */
    readonly documentBytes: number,
    /** Documents of a range. */
    readonly size: number,
  ) {}

  /** Undefined where the server cannot do it, or not for these documents. @param lanes that share the ranges. */
  static async of(
    collection: Collection,
    lanes: number,
    filter: Document = {},
  ): Promise<ServerImages | undefined> {
    const { db, collectionName } = collection;
    const [hello, kind, stats, oneKind] = await Promise.all([
      db.command({ hello: 1 }).catch(() => undefined),
      kindOf(db, collectionName),
      statsOf(collection),
      hasIdsOfOneKind(collection),
    ]);
    // On shards, images and change may go different ways.
    const bytes = stats?.avgObjSize;
    if (!hello?.['setName'] || collationOf(kind) || !bytes || !oneKind) return undefined;
    return new ServerImages(collection, filter, bytes, rangeSize(stats.count, bytes, lanes));
  }

  get works(): boolean {
    return this.#works;
  }

  /** Has the images taken. @returns the time that the transaction of the change has to see. */
  async take(row: ImageRow, bounds: Bounds): Promise<ReadConcernLike> {
    const { db, collectionName } = this.collection;
    const { operationTime } = await db.command({ ping: 1 });
    if (!operationTime)
      throw new MongoServerError({ message: 'the server tells no time', code: invalidOptions });
    await db.command({
      aggregate: collectionName,
      pipeline: [
        { $match: both(idsBetween(bounds), this.filter) },
        { $group: { _id: null, images: { $push: '$$ROOT' } } },
        ...row.stages,
      ],
      hint: { _id: 1 },
      cursor: {},
      // The commit of the change waits for the majority, and with it for what was written before.
      writeConcern: { w: 1 },
    });
    return Object.assign(new ReadConcern('snapshot'), { atClusterTime: operationTime as unknown });
  }

  /** Inside the transaction: there is an image of each document that was changed, and of no other. */
  async verify(row: ImageRow, changed: number): Promise<void> {
    // One that was inserted after the time that is seen, but before the images were taken, was not changed.
    if ((await row.count()) !== changed)
      throw new MongoServerError({ message: 'an image without a change', code: writeConflict });
  }

  /**
   * The transaction that belongs to the job's row did not hold. @returns whether the range is to be done in the other way at
   * once: others write to it, the server cannot do this, or the images do not fit into one row.
   */
  async failed(job: Job, error: unknown): Promise<boolean> {
    const row = job.images;
    if (!row) return false;
    job.images = undefined;
    // Of a commit whose end nobody knows the images may be needed.
    if (error instanceof CommitUnknown) return false;
    await row.remove().catch(() => undefined);
    if (!(error instanceof MongoServerError)) return false;
    if (isConflict(error)) this.#conflicts += 1;
    if (error.code === invalidOptions || this.#conflicts >= mostConflicts) this.#works = false;
    return isConflict(error) || !isInterruption(error);
  }
}

/** As large as may be, and so that the lanes are through at the same time. */
function rangeSize(documents: number, bytes: number, lanes: number): number {
  const most = Math.min(mostDocuments, Math.ceil(wantedBytes / bytes));
  const turns = Math.ceil(documents / (most * lanes));
  return Math.max(Math.min(most, fewDocuments), Math.ceil(documents / (turns * lanes)));
}

async function statsOf(collection: Collection): Promise<{ count: number; avgObjSize?: number } | undefined> {
  const stages = [{ $collStats: { storageStats: {} } }];
  const [stats] = await collection
    .aggregate<{ storageStats: { count: number; avgObjSize?: number } }>(stages)
    .toArray()
    .catch(() => []);
  return stats?.storageStats;
}

/** A comparison means values of one kind only; ranges of the index run through all of them. */
async function hasIdsOfOneKind(collection: Collection): Promise<boolean> {
  const ends = await Promise.all(
    ([1, -1] as const).map((_id) =>
      collection.find({}, { projection: { _id: 1 }, sort: { _id }, limit: 1, raw: true }).toArray(),
    ),
  );
  const found = ends.flat().map((raw) => idOf(Buffer.from(raw as unknown as Uint8Array)));
  return found.length === 2 && groups(found).length === 1;
}

/** A filter for the `_id`s of a range, where they are of one kind. */
export function idsBetween({ from, to }: Bounds): Document {
  if (!from && !to) return {};
  return { _id: { ...(from ? { $gte: speakable(from) } : {}), ...(to ? { $lt: speakable(to) } : {}) } };
}

function both(ids: Document, filter: Document): Document {
  return Object.keys(filter).length === 0 ? ids : { $and: [ids, filter] };
}

// The fastest way of a range: the server itself packs the images of its documents into the journal, and then changes
// them in a transaction that sees the time before the images were taken. Whoever has written to one of the documents
// since then makes that transaction fail, so an image that holds is the document as it was before the change; and an
// image counts only with the row that the transaction adds to it.
import { MongoServerError, ReadConcern, type ClientSession, type Collection, type Document } from 'mongodb';
import { rawDocument, sendWrites, speakable } from '../../transfer/command';
import { groups } from '../../transfer/idGroups';
import type { Bounds } from '../../transfer/ranges';
import { idOf } from '../../transfer/raw';
import { CommitUnknown, inTransaction, isConflict, isInterruption } from '../../transfer/transaction';
import { foresightOf } from './foresight';
import { rowsRefused } from './failures';
import type { Keeper } from './keeper';
import { filterOf } from './pieces';
import type { Statement, WriteCommand } from './statements';

/** Bytes of the images of a range; a row has 16 MB. */
const wantedBytes = 5 * 1024 * 1024;
const mostDocuments = 5000;
const invalidOptions = 72;
const writeConflict = 112;
/** Where there are so many writers, it is not tried any more. */
const mostConflicts = 3;

export interface Kept {
  n: number;
  modified: number;
}

export class KeptByServer {
  #works = true;
  #conflicts = 0;

  private constructor(
    private readonly collection: Collection,
    private readonly keeper: Keeper,
    private readonly parts: { write: WriteCommand; statement: Statement },
    /** Documents of a range. */
    readonly size: number,
  ) {}

  /** Undefined where the journal could not be read without the documents after the change. */
  static async of(
    collection: Collection,
    keeper: Keeper,
    parts: { write: WriteCommand; statement: Statement },
  ): Promise<KeptByServer | undefined> {
    if (parts.write.kind === 'update' && !foresightOf(parts.statement.raw)) return undefined;
    const [[stats], kinds] = await Promise.all([
      collection
        .aggregate<{ storageStats: { avgObjSize?: number } }>([{ $collStats: { storageStats: {} } }])
        .toArray()
        .catch(() => []),
      kindsOfIds(collection),
    ]);
    const bytes = stats?.storageStats.avgObjSize;
    if (!bytes || kinds !== 1) return undefined;
    return new KeptByServer(
      collection,
      keeper,
      parts,
      Math.min(mostDocuments, Math.ceil(wantedBytes / bytes)),
    );
  }

  /** @returns undefined if it has to be done in another way; nothing of it holds then. */
  async change(
    session: ClientSession,
    bounds: Bounds,
    statement: (ids: Buffer) => Buffer,
  ): Promise<Kept | undefined> {
    if (!this.#works) return undefined;
    const { keeper, collection } = this;
    const { rows } = keeper;
    const seq = rows.next();
    const ids = idsBetween(bounds);
    try {
      const { operationTime } = await collection.db.command({ ping: 1 });
      if (!operationTime) throw new Error('the server tells no time');
      await this.#keep(seq, ids);
      const seen = Object.assign(new ReadConcern('snapshot'), { atClusterTime: operationTime as unknown });
      const kept = await inTransaction(
        session,
        () => this.#send(session, seq, statement(rawDocument(ids))),
        undefined,
        seen,
      );
      if (kept && kept.n > 0) return kept;
      await rows.remove([seq]);
      return kept;
    } catch (error) {
      // Of a commit whose end nobody knows the images may be needed.
      if (error instanceof CommitUnknown) throw error;
      await rows.remove([seq]).catch(() => undefined);
      if (isInterruption(error) && !isConflict(error)) throw error;
      if (!(error instanceof MongoServerError)) throw error;
      // Others write to the same documents, the server cannot do this, or images do not fit into one row: reading the
      // range takes a shorter while and less room.
      if (isConflict(error)) this.#conflicts += 1;
      if (error.code === invalidOptions || this.#conflicts >= mostConflicts) this.#works = false;
      return undefined;
    }
  }

  async #keep(seq: number, ids: Document): Promise<void> {
    const { write, statement } = this.parts;
    await this.collection.db.command({
      aggregate: this.collection.collectionName,
      pipeline: [
        { $match: both(ids, filterOf(statement)) },
        { $group: { _id: null, images: { $push: '$$ROOT' } } },
        ...this.keeper.rows.imagesInto(seq, write, statement.raw),
      ],
      hint: { _id: 1 },
      cursor: {},
      // The commit of the change waits for the majority, and with it for what was written before.
      writeConcern: { w: 1 },
    });
  }

  async #send(session: ClientSession, seq: number, statement: Buffer): Promise<Kept | undefined> {
    const { db, collectionName } = this.collection;
    const { kind } = this.parts.write;
    const { n, modified, failures } = await sendWrites(db, kind, collectionName, [statement], { session });
    // Which document was refused is found out, and told, by the other way.
    if (failures[0]) throw new MongoServerError({ message: failures[0].message, code: failures[0].code });
    if (n === 0) return { n, modified };
    const { rows } = this.keeper;
    // A document that was inserted after the time that this sees, but before the images were taken, was not changed.
    if ((await rows.imagesOf(seq)) !== n)
      throw new MongoServerError({ message: 'an image without a change', code: writeConflict });
    const confirmation = [rows.confirmation(seq, kind === 'update' ? modified : n)];
    const reply = await sendWrites(rows.db, 'insert', rows.name, confirmation, { session });
    if (reply.failures[0]) throw rowsRefused(reply.failures[0].code, reply.failures[0].message);
    return { n, modified };
  }
}

/** A comparison means values of one kind only; ranges of the index run through all of them. */
async function kindsOfIds(collection: Collection): Promise<number> {
  const ends = await Promise.all(
    ([1, -1] as const).map((_id) =>
      collection.find({}, { projection: { _id: 1 }, sort: { _id }, limit: 1, raw: true }).toArray(),
    ),
  );
  const found = ends.flat().map((raw) => idOf(Buffer.from(raw as unknown as Uint8Array)));
  return groups(found).length === 1 && found.length === 2 ? 1 : 0;
}

function idsBetween({ from, to }: Bounds): Document {
  if (!from && !to) return {};
  return { _id: { ...(from ? { $gte: speakable(from) } : {}), ...(to ? { $lt: speakable(to) } : {}) } };
}

function both(ids: Document, filter: Document): Document {
  return Object.keys(filter).length === 0 ? ids : { $and: [ids, filter] };
}

// What is done of a step, in `_migratory_checkpoints`: one document per lane (who may commit), one per finished range
// (bounds, counts, the `_id`s that were dealt with) and one for the step as a whole. Written inside the range's
// transaction, so that data, journal and checkpoint cannot come apart.
import type { Binary, ClientSession, Collection, Db, Document, ObjectId } from 'mongodb';
import { BSON, MaxKey, MinKey } from 'mongodb';
import { idQuery, rawDocuments, sendWrites, updateStatement } from './command';
import { mayWrite } from './fence';
import { digestOf, HandledIds, idsOfDocuments, type Handled } from './handled';
import type { Bounds, Range } from './ranges';
import {
  document,
  element,
  elements,
  emptyDocument,
  findElement,
  objectValue,
  valueOf,
  binaryValue,
  boolValue,
  intValue,
  minKey,
  sameValue,
} from './raw';

export const checkpointCollection = '_migratory_checkpoints';

/** A newer epoch has taken the step over; this process may commit nothing more. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
  constructor(step: string) {
    super(`another runner has taken over step "${step}"`);
  }
}

export interface Tally {
  scanned: number;
  processed: number;
  skipped: number;
  quarantined: number;
  conflicts: number;
  deleted: number;
}

export const emptyTally = (): Tally => ({
  scanned: 0,
  processed: 0,
  skipped: 0,
  quarantined: 0,
  conflicts: 0,
  deleted: 0,
});

export function addTally(sum: Tally, part: Tally): void {
  for (const key of Object.keys(sum) as (keyof Tally)[]) sum[key] += part[key];
}

export interface Progress {
  /** Ranges of the first pass that are finished or begun, in index order. */
  done: (Bounds & { key: ObjectId })[];
  /** Those of them that have to be done again as they were begun (checkpoints of `begin`). */
  begun: (Bounds & { key: ObjectId })[];
  sums: Tally;
  /** What `finish` kept, if the step has ended before. */
  finished?: Document;
}

const majority = { w: 'majority', j: true } as const;

export class Checkpoints {
  private readonly collection: Collection;
  private readonly laneIds: Document[];
  /** Of what this process has dealt with in each range. */
  private readonly digests = new Map<string, string>();

  constructor(
    private readonly db: Db,
    private readonly run: string,
    private readonly step: string,
    private readonly epoch: number,
    readonly lanes: number,
  ) {
    this.collection = db.collection(checkpointCollection);
    this.laneIds = Array.from({ length: lanes }, (_, lane) => ({ run, step, kind: 'lane', key: lane }));
  }

  /**
   * Takes the step for this epoch: ends the sessions of whoever had it, so that their open transactions neither
   * commit nor block, and marks every lane. From here on nothing of an older epoch can commit.
   */
  async claim(sessions: readonly ClientSession[]): Promise<void> {
    const all = { _id: this.between('lane') } as Document;
    const held = await this.collection.find(all).toArray();
    if (held.some((lane) => Number(lane['epoch']) > this.epoch)) throw new FencedError(this.step);
    const stale = held
      .map((lane) => lane['session'] as Document | undefined)
      .filter((id) => id !== undefined);
    // Without the privilege the old transactions end by themselves, within a minute.
    if (stale.length > 0) await this.db.command({ killSessions: stale }).catch(() => undefined);
    const owned = (_id: Document, set: Document) => ({
      updateOne: {
        filter: { _id, epoch: { $lte: this.epoch } } as Document,
        update: { $set: { epoch: this.epoch, ...set } },
        upsert: true,
      },
    });
    const claims = this.laneIds.map((_id, lane) => owned(_id, { session: sessions[lane]?.id ?? null }));
    mayWrite(this.db);
    try {
      await this.collection.bulkWrite([owned(this.stateId(), {}), ...claims], { writeConcern: majority });
      await this.collection.updateMany(
        { ...all, epoch: { $lt: this.epoch } },
        { $set: { epoch: this.epoch } },
        { writeConcern: majority },
      );
    } catch (error) {
      // A newer owner came first: its lane no longer matches, and the upsert meets it.
      if ((error as { code?: unknown }).code === 11000) throw new FencedError(this.step);
      throw error;
    }
  }

  /** Throws if a newer epoch has the lane; for the protocol without transactions. */
  async verify(lane: number): Promise<void> {
    const held = await this.collection.findOne({ _id: this.laneIds[lane] } as Document);
    if (Number(held?.['epoch']) !== this.epoch) throw new FencedError(this.step);
  }

  /** Notes a range as done. In a transaction this is what a stale runner fails at. */
  async record(
    lane: number,
    range: Range,
    tally: Tally,
    handled: Handled,
    options: { session?: ClientSession; ms: number },
  ): Promise<void> {
    const laneId = BSON.serialize({ _id: this.laneIds[lane], epoch: this.epoch });
    const at = BSON.serialize({ $set: { at: range.key } });
    const _id = Buffer.from(BSON.serialize(this.rangeId(range)));
    const counts = Buffer.from(
      BSON.serialize({
        ...tally,
        epoch: this.epoch,
        ms: Math.round(options.ms),
      }),
    );
    const row = document([
      element('_id', objectValue(_id)),
      element('from', range.from ?? minKey),
      ...(range.to ? [element('to', range.to)] : []),
      element('round', intValue(range.sweep?.round ?? 0)),
      ...elements(counts).map((item) => counts.subarray(item.start, item.end)),
      element('ids', binaryValue(handled.packed)),
    ]);
    const { session } = options;
    const statements = [updateStatement(idQuery(objectValue(_id)), objectValue(row), { upsert: true })];
    // Without a transaction the row would stay although the lane is another's.
    if (session) statements.unshift(updateStatement(Buffer.from(laneId), objectValue(at)));
    else await this.verify(lane);
    const reply = await sendWrites(this.db, 'update', checkpointCollection, statements, {
      session,
      writeConcern: majority,
    });
    if (reply.failures[0])
      throw new Error(`the checkpoint could not be written: ${reply.failures[0].message}`);
    if (reply.n < statements.length) throw new FencedError(this.step);
    if (!range.sweep) this.digests.set(range.key.toHexString(), digestOf(handled));
  }

  /** @param collation of the source, so that bounds sort as its index does. */
  async load(collation: Document | undefined): Promise<Progress> {
    const progress: Progress = { done: [], begun: [], sums: emptyTally() };
    const asked = this.collection.findOne({ _id: this.stateId() } as Document);
    // Awaited behind the ranges; until then a failure must not count as unhandled.
    asked.catch(() => undefined);
    const rows = this.collection.find({ _id: this.between('range') } as Document, {
      projection: { ids: 0 },
      sort: { from: 1 },
      allowDiskUse: true,
      raw: true,
      ...(collation ? { collation: collation as never } : {}),
    });
    for await (const row of rawDocuments(rows)) {
      const counts = BSON.deserialize(row);
      for (const key of Object.keys(progress.sums) as (keyof Tally)[])
        progress.sums[key] += Number(counts[key] ?? 0);
      if (counts['round'] !== 0) continue;
      const range = { key: (counts['_id'] as { key: ObjectId }).key, ...boundsOf(row) };
      progress.done.push(range);
      if (counts['begun']) progress.begun.push(range);
    }
    const state = await asked;
    if (state?.['finished']) progress.finished = state['finished'] as Document;
    return progress;
  }

  /** The documents that were dealt with in a range, in the first pass and in the sweeps of it, in their order. */
  async handled(key: ObjectId): Promise<HandledIds> {
    const first = this.rangeId({ key });
    const rows = await this.collection
      .find({ _id: { $gte: first, $lte: { ...first, sweep: new MaxKey() } } } as Document, {
        projection: { ids: 1 },
        sort: { _id: 1 },
      })
      .toArray();
    return new HandledIds(rows.map((row) => row['ids'] as Binary));
  }

  /** Whether these, in index order, are just what this process has dealt with in the range. */
  isJust(key: ObjectId, documents: readonly Buffer[]): boolean {
    const known = this.digests.get(key.toHexString());
    return known !== undefined && known === digestOf(idsOfDocuments(documents));
  }

  /** Without transactions: notes a range as begun, so that after a crash just these documents are done together. */
  async begin(range: Range): Promise<void> {
    const _id = objectValue(Buffer.from(BSON.serialize(this.rangeId(range))));
    const row = document([
      element('_id', _id),
      element('from', range.from ?? minKey),
      ...(range.to ? [element('to', range.to)] : []),
      element('round', intValue(0)),
      element('begun', boolValue(true)),
      element('ids', binaryValue(emptyDocument.subarray(0, 0))),
    ]);
    const statement = updateStatement(idQuery(_id), objectValue(row), { upsert: true });
    await sendWrites(this.db, 'update', checkpointCollection, [statement], { writeConcern: majority });
  }

  /** Keeps the result and drops the ranges: a step that has ended is not done again. */
  async finish(result: Document): Promise<void> {
    mayWrite(this.db);
    await this.collection.updateOne(
      { _id: this.stateId() },
      { $set: { epoch: this.epoch, finished: result } },
      { upsert: true, writeConcern: majority },
    );
    // Of no use to anybody any more; nobody waits for it.
    await this.collection.deleteMany(
      { $or: [{ _id: this.between('range') }, { _id: this.between('lane') }] },
      { writeConcern: { w: 1 } },
    );
  }

  /** Forgets which sessions the lanes had: they go back to the pool, and ending them would end somebody else's work. */
  async release(): Promise<void> {
    await this.collection.updateMany(
      { _id: this.between('lane'), epoch: this.epoch },
      { $unset: { session: 1 } },
      { writeConcern: { w: 1 } },
    );
  }

  /** Drops all that is known of the step. */
  async forget(): Promise<void> {
    const { run, step } = this;
    mayWrite(this.db);
    await this.collection.deleteMany(
      {
        _id: { $gte: { run, step, kind: new MinKey() }, $lte: { run, step, kind: new MaxKey() } },
      } as Document,
      { writeConcern: majority },
    );
  }

  /** The ranges of a sweep stand behind the one they belong to. */
  private rangeId({ key, sweep }: Pick<Range, 'key' | 'sweep'>): Document {
    const { run, step } = this;
    return { run, step, kind: 'range', key: sweep?.of ?? key, ...(sweep ? { sweep: key } : {}) };
  }

  private stateId(): Document {
    return { run: this.run, step: this.step, kind: 'state' };
  }

  private between(kind: 'lane' | 'range'): Document {
    const { run, step } = this;
    return { $gte: { run, step, kind, key: new MinKey() }, $lte: { run, step, kind, key: new MaxKey() } };
  }
}

function boundsOf(row: Buffer): Bounds {
  const from = findElement(row, 'from');
  const to = findElement(row, 'to');
  const start = from && valueOf(row, from);
  return {
    from: start && !sameValue(start, minKey) ? start : undefined,
    to: to && valueOf(row, to),
  };
}

/** Ends the sessions that the steps of a run have left behind, whose open transactions would hold its collections. */
export async function endSessions(db: Db, runId: string): Promise<void> {
  const lanes = await db
    .collection(checkpointCollection)
    .find({
      _id: { $gte: { run: runId, step: new MinKey() }, $lte: { run: runId, step: new MaxKey() } },
      session: { $type: 'object' },
    } as Document)
    .toArray();
  const ids = lanes.map((lane) => lane['session'] as Document);
  // Without the privilege they end by themselves, within a minute.
  if (ids.length > 0) await db.command({ killSessions: ids }).catch(() => undefined);
}

/** Removes all that a run left in the checkpoints. */
export async function forgetCheckpoints(db: Db, runId: string): Promise<void> {
  await db.collection(checkpointCollection).deleteMany({
    _id: { $gte: { run: runId, step: new MinKey() }, $lte: { run: runId, step: new MaxKey() } },
  } as Document);
}

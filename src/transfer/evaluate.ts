// What an update operator or an update pipeline would make of documents, found out on copies of them: where there are
// no transactions, the journal has to know the outcome before the document itself is touched.
import type { CollationOptions, Collection, Db, Document } from 'mongodb';
import { idQuery, readAll, sendWrites, speakable, updateStatement, type WriteFailure } from './command';
import type { Failed } from './edits';
import { mayWrite } from './fence';
import { replacementValue } from './interpret';
import { elements, idOf, keyOf } from './raw';
import type { RawElement, RawValue } from './raw';
import { readByIds } from './source';
import { collationOf, kindOf } from './target';
import { isInterruption } from './transaction';

export const stagePrefix = '_migratory_stage_';

function itemsOf(buffer: Buffer, list: RawElement): Buffer[] {
  return elements(buffer, list.value).map((item) => buffer.subarray(item.value, item.end));
}

export interface Trial {
  id: RawValue;
  raw: Buffer;
  u: RawValue;
}

export class Evaluator {
  private readonly copies = new Map<number, Promise<Collection>>();

  constructor(
    private readonly db: Db,
    private readonly runId: string,
    private readonly source: Collection,
  ) {}

  /** The outcome of each trial by key of its `_id`; refused ones are among the failed. */
  async evaluate(
    trials: readonly Trial[],
    lane: number,
  ): Promise<{ after: Map<string, Buffer>; failed: Failed[] }> {
    const copies = await this.collection(lane);
    mayWrite(this.db);
    await copies.deleteMany({});
    const inserts = trials.map(({ id, raw }) =>
      updateStatement(idQuery(id), replacementValue(raw), { upsert: true }),
    );
    await sendWrites(this.db, 'update', copies.collectionName, inserts);
    const statements = trials.map((trial) => updateStatement(idQuery(trial.id), trial.u));
    const reply = await sendWrites(this.db, 'update', copies.collectionName, statements, { ordered: false });
    const failed = reply.failures.map(({ index, message }) => ({
      id: trials[index]!.id,
      raw: trials[index]!.raw,
      reason: message,
    }));
    const after = await readByIds(
      copies,
      trials.map((trial) => trial.id),
      {},
    );
    for (const { id } of failed) after.delete(keyOf(id));
    return { after, failed };
  }

  /**
   * What an update pipeline makes of documents, with what it was made of: both out of one look at each document.
   * Undefined if that does not fit into a reply.
   */
  async evaluatePipeline(
    ids: readonly RawValue[],
    pipeline: Document[],
    filter: Document | undefined,
  ): Promise<Map<string, { before: Buffer; after: Buffer }> | undefined> {
    const wanted: Document = { _id: { $in: ids.map(speakable) } };
    const stages = [
      { $match: filter ? { $and: [wanted, filter] } : wanted },
      { $facet: { before: [{ $match: {} }], after: pipeline } },
    ];
    let reply: Buffer | undefined;
    try {
      const command = { aggregate: this.source.collectionName, pipeline: stages, cursor: {} };
      [reply] = await readAll(this.db, command);
    } catch (error) {
      // Too large, or a pipeline that fails for one of them: one by one it will be seen for which.
      if (isInterruption(error)) throw error;
      return undefined;
    }
    const found = new Map<string, { before: Buffer; after: Buffer }>();
    const [before, after] = elements(reply!).map((list) => itemsOf(reply!, list));
    if (before!.length !== after!.length) return undefined;
    before!.forEach((raw, i) => found.set(keyOf(idOf(raw)), { before: raw, after: after![i]! }));
    return found;
  }

  /** Runs merging statements over copies of what is there; everything as it is afterwards, or the first refusal. */
  async merge(
    there: readonly Buffer[],
    statements: readonly Buffer[],
    on: readonly string[],
    lane: number,
  ): Promise<{ after: Buffer[]; refused?: WriteFailure }> {
    const copies = await this.collection(lane);
    mayWrite(this.db);
    await copies.deleteMany({});
    if (on.length > 1 || on[0] !== '_id') {
      mayWrite(this.db);
      await copies.createIndex(Object.fromEntries(on.map((field) => [field, 1])));
    }
    const inserts = there.map((raw) =>
      updateStatement(idQuery(idOf(raw)), replacementValue(raw), { upsert: true }),
    );
    await sendWrites(this.db, 'update', copies.collectionName, inserts);
    const reply = await sendWrites(this.db, 'update', copies.collectionName, statements);
    if (reply.failures[0]) return { after: [], refused: reply.failures[0] };
    return { after: (await copies.find({}, { raw: true }).toArray()) as unknown as Buffer[] };
  }

  /** Drops the copies, also those of a process that was killed. */
  async drop(): Promise<void> {
    for (const { name } of await this.db.listCollections({}, { nameOnly: true }).toArray()) {
      if (!name.startsWith(`${stagePrefix}${this.runId}_`)) continue;
      mayWrite(this.db);
      await this.db.dropCollection(name);
    }
  }

  private collection(lane: number): Promise<Collection> {
    let opened = this.copies.get(lane);
    if (!opened) this.copies.set(lane, (opened = this.create(`${stagePrefix}${this.runId}_${lane}`)));
    return opened;
  }

  /** Comparisons inside the pipeline follow the collation of the real collection. */
  private async create(name: string): Promise<Collection> {
    const collation = collationOf(await kindOf(this.db, this.source.collectionName));
    mayWrite(this.db);
    await this.db
      .createCollection(name, collation ? { collation: collation as CollationOptions } : {})
      .catch((error: unknown) => {
        if ((error as { code?: unknown }).code !== 48) throw error;
      });
    return this.db.collection(name);
  }
}

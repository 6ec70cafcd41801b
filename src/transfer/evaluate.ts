// What an update operator or an update pipeline would make of documents, found out on copies of them: where there are
// no transactions, the journal has to know the outcome before the document itself is touched.
import type { CollationOptions, Collection, Db } from 'mongodb';
import { idQuery, sendWrites, updateStatement, type WriteFailure } from './command';
import type { Failed } from './edits';
import { replacementValue } from './interpret';
import { idOf, keyOf } from './raw';
import type { RawValue } from './raw';
import { readByIds } from './source';
import { kindOf } from './target';

export const stagePrefix = '_migratory_stage_';

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

  /** Runs merging statements over copies of what is there; everything as it is afterwards, or the first refusal. */
  async merge(
    there: readonly Buffer[],
    statements: readonly Buffer[],
    on: readonly string[],
    lane: number,
  ): Promise<{ after: Buffer[]; refused?: WriteFailure }> {
    const copies = await this.collection(lane);
    await copies.deleteMany({});
    if (on.length > 1 || on[0] !== '_id')
      await copies.createIndex(Object.fromEntries(on.map((field) => [field, 1])));
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
      if (name.startsWith(`${stagePrefix}${this.runId}_`)) await this.db.dropCollection(name);
    }
  }

  private collection(lane: number): Promise<Collection> {
    let opened = this.copies.get(lane);
    if (!opened) this.copies.set(lane, (opened = this.create(`${stagePrefix}${this.runId}_${lane}`)));
    return opened;
  }

  /** Comparisons inside the pipeline follow the collation of the real collection. */
  private async create(name: string): Promise<Collection> {
    const { options } = await kindOf(this.db, this.source.collectionName);
    const collation = options['collation'] as CollationOptions | undefined;
    await this.db.createCollection(name, collation ? { collation } : {}).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 48) throw error;
    });
    return this.db.collection(name);
  }
}

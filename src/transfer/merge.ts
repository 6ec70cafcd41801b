// A new shape in another collection: an aggregation over each range of the source, merged into the target with the
// meaning of `$merge`, but inside the range's transaction, so that nothing is merged twice and everything can be
// taken back. (`$merge` itself is not allowed in a transaction.)
import type { ClientSession, Collection, Document } from 'mongodb';
import { ObjectId } from 'mongodb';
import { emptyTally } from './checkpoints';
import { rawPipeline, sendWrites, speakable, updateStatement } from './command';
import { WriteRefused } from './errors';
import type { Journal, JournalEntry } from './journal';
import { groups } from './idGroups';
import { diff, printOf } from './patch';
import {
  BsonType,
  document,
  element,
  elements,
  findElement,
  idOf,
  keyOf,
  objectValue,
  sameBytes,
  valueOf,
} from './raw';
import type { RawValue } from './raw';
import { readBatch, readByIds, readListed } from './source';
import type { PipelineTransferOptions } from './types';
import type { Attempt, Outcome } from './work';

/** Stages that treat every document by itself, so that ranges of the source give the same as the whole. */
const perDocument = new Set([
  '$match',
  '$project',
  '$addFields',
  '$set',
  '$unset',
  '$unwind',
  '$lookup',
  '$graphLookup',
  '$replaceRoot',
  '$replaceWith',
  '$redact',
]);

/** Whether the aggregation may be run range by range. */
export function worksByRange(pipeline: readonly Document[]): boolean {
  return pipeline.every((stage) => Object.keys(stage).every((name) => perDocument.has(name)));
}

/** One result of the aggregation and the key it is merged by. */
interface Result {
  raw: Buffer;
  /** Query for the document of the target. */
  query: Buffer;
  key: string;
}

export class Merge {
  private readonly on: string[];
  private readonly update: RawValue | undefined;

  constructor(
    private readonly options: PipelineTransferOptions,
    private readonly source: Collection,
    private readonly journal: Journal | undefined,
    private readonly limit: () => number,
  ) {
    const { on = '_id', whenMatched = 'merge' } = options;
    this.on = Array.isArray(on) ? on : [on];
    const matched = Array.isArray(whenMatched) ? whenMatched : updates[whenMatched];
    this.update = matched && rawPipeline(matched);
  }

  readonly work = async (attempt: Attempt): Promise<Outcome> => {
    const { job, session } = attempt;
    const keys = { projection: { _id: 1 }, limit: this.limit(), session };
    const batch = job.range.sweep
      ? await readListed(this.source, job.range.sweep.ids, { session })
      : await readBatch(this.source, job.range, keys);
    const ids = batch.documents.map(idOf);
    const results = ids.length > 0 ? await this.aggregate(ids, attempt) : [];
    await attempt.crashPoint('after-read');
    const before = await this.readTarget(results, session);
    const statements = this.statements(results, before);
    await this.send(statements, attempt);
    const entries = this.journal ? await this.entries(results, before, session) : [];
    await this.journal?.write(job.range.key, this.options.into, entries, attempt);
    await attempt.crashPoint('after-journal');
    return {
      tally: { ...emptyTally(), scanned: ids.length, processed: results.length },
      handled: ids,
      documents: ids.length,
      bytes: results.reduce((sum, result) => sum + result.raw.length, 0),
      quarantined: [],
      conflicts: [],
      rest: batch.rest,
      to: batch.to,
    };
  };

  private async aggregate(ids: RawValue[], { job, session }: Attempt): Promise<Result[]> {
    const wanted = job.range.sweep ? { _id: { $in: ids.map(speakable) } } : within(ids);
    const stages = [{ $match: wanted }, { $sort: { _id: 1 } }, ...this.options.pipeline];
    const cursor = this.source.aggregate(stages, { raw: true, ...(session ? { session } : {}) });
    const results: Result[] = [];
    for await (const raw of cursor as unknown as AsyncIterable<Buffer>) results.push(this.result(raw));
    return results;
  }

  private result(raw: Buffer): Result {
    const whole = findElement(raw, '_id') ? raw : withId(raw);
    const document_ = this.on.includes('_id') ? whole : raw;
    const parts = this.on.map((field) => {
      const value = pathValue(document_, field);
      if (
        !value ||
        value.type === BsonType.null ||
        value.type === BsonType.undefined ||
        value.type === BsonType.array
      ) {
        throw new WriteRefused(
          idOf(whole),
          `the result has no value of its own in "${field}", the field it is merged on`,
          51132,
        );
      }
      return element(field, value);
    });
    const query = document(parts);
    return { raw: document_, query, key: query.toString('latin1') };
  }

  /** The documents of the target that the results meet, by key. */
  private async readTarget(
    results: readonly Result[],
    session: ClientSession | undefined,
  ): Promise<Map<string, Buffer>> {
    const target = this.options.db.collection(this.options.into);
    const found = new Map<string, Buffer>();
    if (this.on.length === 1 && this.on[0] === '_id') {
      const byId = await readByIds(
        target,
        results.map((result) => idOf(result.raw)),
        { session },
      );
      for (const result of results) {
        const raw = byId.get(keyOf(idOf(result.raw)));
        if (raw) found.set(result.key, raw);
      }
      return found;
    }
    for (let at = 0; at < results.length; at += 1000) {
      const part = results.slice(at, at + 1000);
      // One list for each field, as many index entries as there are results: an $or of all keys takes far longer to plan.
      const wanted = Object.fromEntries(
        this.on.map((field, i) => [field, { $in: part.map((result) => keyPart(result, i)) }]),
      );
      const cursor = target.find(wanted, { raw: true, ...(session ? { session } : {}) });
      for await (const raw of cursor as unknown as AsyncIterable<Buffer>)
        found.set(this.result(raw).key, raw);
    }
    return found;
  }

  private statements(results: Result[], before: ReadonlyMap<string, Buffer>): Buffer[] {
    const { whenMatched = 'merge', whenNotMatched = 'insert' } = this.options;
    const there = new Set(before.keys());
    return results.map((result) => {
      const matched = there.has(result.key);
      if (matched && whenMatched === 'fail')
        throw new WriteRefused(
          this.nameOfResult(result),
          'the target already holds a document with this key',
          11000,
        );
      if (!matched && whenNotMatched === 'fail')
        throw new WriteRefused(
          this.nameOfResult(result),
          'the target holds no document with this key',
          13113,
        );
      if (!matched && whenNotMatched === 'insert') {
        there.add(result.key);
        if (!findElement(result.raw, '_id')) result.raw = withId(result.raw);
      }
      const upsert = whenNotMatched === 'insert';
      const c = document([element('new', objectValue(result.raw))]);
      return updateStatement(result.query, this.update ?? replaceWithNew, {
        c,
        upsert,
        upsertSupplied: upsert,
      });
    });
  }

  private nameOfResult(result: Result): RawValue {
    const first = elements(result.query)[0]!;
    return valueOf(result.query, first);
  }

  private async send(statements: Buffer[], { session, job }: Attempt): Promise<void> {
    const reply = await sendWrites(this.options.db, 'update', this.options.into, statements, {
      session,
      bypassDocumentValidation: job.bypass,
      writeConcern: { w: 'majority', j: true },
    });
    const failure = reply.failures[0];
    if (!failure) return;
    const query = findElement(statements[failure.index]!, 'q')!;
    const bytes = statements[failure.index]!.subarray(query.value, query.end);
    throw new WriteRefused(valueOf(bytes, elements(bytes)[0]!), failure.message, failure.code);
  }

  private async entries(
    results: Result[],
    before: ReadonlyMap<string, Buffer>,
    session: ClientSession | undefined,
  ): Promise<JournalEntry[]> {
    const after = await this.readTarget(results, session);
    const entries: JournalEntry[] = [];
    for (const [key, now] of after) {
      const was = before.get(key);
      if (was && sameBytes(was, now)) continue;
      entries.push({
        id: idOf(now),
        before: was,
        patch: was ? diff(was, now) : printOf(now),
      });
    }
    return entries;
  }
}

function keyPart({ query }: Result, position: number): unknown {
  return speakable(valueOf(query, elements(query)[position]!));
}

/** All documents between the first and the last of neighbouring `_id`s. */
function within(ids: readonly RawValue[]): Document {
  const bounds = groups(ids).map(([first, last]) => ({
    _id: { $gte: speakable(first), $lte: speakable(last) },
  }));
  return bounds.length === 1 ? bounds[0]! : { $or: bounds };
}

const replaceWithNew = rawPipeline([{ $replaceWith: '$$new' }]);

/** What `$merge` does to a document that is there; `fail` is decided before anything is sent. */
const updates: Record<'replace' | 'keepExisting' | 'merge' | 'fail', Document[] | undefined> = {
  replace: [{ $replaceWith: { $mergeObjects: ['$$new', { _id: '$_id' }] } }],
  merge: [{ $replaceWith: { $mergeObjects: ['$$ROOT', '$$new'] } }],
  keepExisting: [{ $replaceWith: '$$ROOT' }],
  fail: undefined,
};

function withId(raw: Buffer): Buffer {
  const id = element('_id', { type: BsonType.objectId, bytes: new ObjectId().id });
  return document([id, ...elements(raw).map((item) => raw.subarray(item.start, item.end))]);
}

function pathValue(raw: Buffer, path: string): RawValue | undefined {
  let at: RawValue | undefined = objectValue(raw);
  for (const name of path.split('.')) {
    if (at?.type !== BsonType.object) return undefined;
    const bytes = at.bytes as Buffer;
    const found = findElement(bytes, name);
    at = found && valueOf(bytes, found);
  }
  return at;
}

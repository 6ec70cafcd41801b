// The meaning of `$merge` without `$merge`: how a result finds its document in the target, and what is done to it.
import type { Document } from 'mongodb';
import { ObjectId } from 'mongodb';
import { rawPipeline, speakable, updateStatement } from './command';
import { WriteRefused } from './errors';
import { BsonType, document, element, elements, findElement, idOf, objectValue, valueOf } from './raw';
import type { RawValue } from './raw';
import type { PipelineTransferOptions } from './types';

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
export interface Result {
  raw: Buffer;
  /** Query for the document of the target. */
  query: Buffer;
  key: string;
}

/** What `$merge` does to a document that is there; `fail` is decided before anything is sent. */
const updates: Record<'replace' | 'keepExisting' | 'merge' | 'fail', Document[]> = {
  replace: [{ $replaceWith: { $mergeObjects: ['$$new', { _id: '$_id' }] } }],
  merge: [{ $replaceWith: { $mergeObjects: ['$$ROOT', '$$new'] } }],
  keepExisting: [{ $replaceWith: '$$ROOT' }],
  fail: [{ $replaceWith: '$$new' }],
};

export class MergeRules {
  readonly on: string[];
  private readonly update: RawValue;
  private readonly whenNotMatched: 'insert' | 'discard' | 'fail';
  private readonly failsMatched: boolean;

  constructor({ on = '_id', whenMatched = 'merge', whenNotMatched = 'insert' }: PipelineTransferOptions) {
    this.on = Array.isArray(on) ? on : [on];
    this.update = rawPipeline(Array.isArray(whenMatched) ? whenMatched : updates[whenMatched]);
    this.failsMatched = whenMatched === 'fail';
    this.whenNotMatched = whenNotMatched;
  }

  get byId(): boolean {
    return this.on.length === 1 && this.on[0] === '_id';
  }

  /** Throws WriteRefused for a result that has no value in a field it is merged on. */
  result(raw: Buffer): Result {
    const whole = findElement(raw, '_id') ? raw : withId(raw);
    const kept = this.on.includes('_id') ? whole : raw;
    const parts = this.on.map((field) => {
      const value = pathValue(kept, field);
      if (value && !unmergeable.has(value.type)) return element(field, value);
      const reason = `the result has no value of its own in "${field}", the field it is merged on`;
      throw new WriteRefused(idOf(whole), reason, 51132);
    });
    const query = document(parts);
    return { raw: kept, query, key: query.toString('latin1') };
  }

  /** A query for the documents of the target that the results meet (and maybe some more). */
  queryFor(results: readonly Result[]): Document {
    // One list for each field: an $or of all keys takes far longer to plan.
    return Object.fromEntries(
      this.on.map((field, i) => [field, { $in: results.map((result) => speakable(keyPart(result, i))) }]),
    );
  }

  /** The statements that merge the results, in order; `there` holds the keys that the target has. */
  statements(results: Result[], before: ReadonlyMap<string, Buffer>): Buffer[] {
    const there = new Set(before.keys());
    return results.map((result) => {
      const matched = there.has(result.key);
      if (matched && this.failsMatched) {
        throw new WriteRefused(
          keyPart(result, 0),
          'the target already holds a document with this key',
          11000,
        );
      }
      if (!matched && this.whenNotMatched === 'fail') {
        throw new WriteRefused(keyPart(result, 0), 'the target holds no document with this key', 13113);
      }
      const upsert = this.whenNotMatched === 'insert';
      if (!matched && upsert) {
        there.add(result.key);
        if (!findElement(result.raw, '_id')) result.raw = withId(result.raw);
      }
      const c = document([element('new', objectValue(result.raw))]);
      return updateStatement(result.query, this.update, { c, upsert, upsertSupplied: upsert });
    });
  }
}

const unmergeable = new Set<number>([BsonType.null, BsonType.undefined, BsonType.array]);

export function keyPart({ query }: Pick<Result, 'query'>, position: number): RawValue {
  return valueOf(query, elements(query)[position]!);
}

function withId(raw: Buffer): Buffer {
  const id = element('_id', { type: BsonType.objectId, bytes: new ObjectId().id });
  return document([id, ...elements(raw).map((item) => raw.subarray(item.start, item.end))]);
}

function pathValue(raw: Buffer, path: string): RawValue | undefined {
  let at: RawValue | undefined = objectValue(raw);
  for (const name of path.split('.')) {
    if (at?.type !== BsonType.object) return undefined;
    const bytes: Buffer = at.bytes as Buffer;
    const found = findElement(bytes, name);
    at = found && valueOf(bytes, found);
  }
  return at;
}

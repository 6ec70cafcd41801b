// Compares a scratch collection with its pristine copy, byte for byte, in batches of bounded size.
import type { Collection, Db, Document } from 'mongodb';
import { bytesOf, elements } from '../../transfer/raw';
import { kindOf } from '../../transfer/target';
import { decodeExact, extendedJson, keyOfValue } from '../documents';

const batchSize = 500;

export interface DocumentDiff {
  /** All as canonical Extended JSON; null = the document is not there. */
  id: unknown;
  before: unknown;
  after: unknown;
}

export interface Comparison {
  /** Documents that were there before. */
  scanned: number;
  changed: number;
  inserted: number;
  deleted: number;
  /** Growth of all changed and new documents, in bytes. */
  grownBytes: number;
  diffs: DocumentDiff[];
}

/** @param keep how many differences are kept whole. */
export async function compareCollections(
  pristine: Db,
  scratch: Db,
  name: string,
  keep: number,
): Promise<Comparison> {
  const before = pristine.collection(name);
  const after = scratch.collection(name);
  // A time series hands its fields over in whatever order its buckets hold them.
  const { type } = await kindOf(pristine, name);
  const same = type === 'timeseries' ? sameInAnyOrder : (a: Buffer, b: Buffer) => a.equals(b);
  const result: Comparison = {
    scanned: await before.countDocuments(),
    changed: 0,
    inserted: 0,
    deleted: 0,
    grownBytes: 0,
    diffs: [],
  };
  const note = (old: Buffer | null, current: Buffer | null): void => {
    result.grownBytes += (current?.length ?? 0) - (old?.length ?? 0);
    if (result.diffs.length >= keep) return;
    const [oldDocument, document] = [old && decodeExact(old), current && decodeExact(current)];
    result.diffs.push({
      id: extendedJson((document ?? oldDocument)?.['_id']),
      before: oldDocument && extendedJson(oldDocument),
      after: document && extendedJson(document),
    });
  };
  for await (const batch of rawBatches(after)) {
    const olds = await byId(before, batch);
    for (const [id, current] of batch) {
      const old = olds.get(id);
      if (!old) {
        result.inserted += 1;
        note(null, current);
      } else if (!same(old, current)) {
        result.changed += 1;
        note(old, current);
      }
    }
  }
  for await (const batch of rawBatches(before)) {
    const currents = await byId(after, batch);
    for (const [id, old] of batch) {
      if (currents.has(id)) continue;
      result.deleted += 1;
      note(old, null);
    }
  }
  return result;
}

/** Whether both have the same top-level fields with the same bytes. */
function sameInAnyOrder(a: Buffer, b: Buffer): boolean {
  return a.equals(b) || inOrder(a).equals(inOrder(b));
}

function inOrder(raw: Buffer): Buffer {
  const fields = elements(raw).map((item) => bytesOf(raw, item));
  return Buffer.concat(fields.sort((a, b) => a.compare(b)));
}

type Batch = Map<string, Buffer>;

async function* rawBatches(collection: Collection): AsyncGenerator<Batch> {
  let batch: Batch = new Map();
  const cursor = collection.find({}, { raw: true, batchSize, sort: { _id: 1 } });
  for await (const raw of cursor as unknown as AsyncIterable<Buffer>) {
    // The driver reuses the buffer of a batch.
    const copy = Buffer.from(raw);
    batch.set(keyOfValue(decodeExact(copy)['_id']), copy);
    if (batch.size >= batchSize) {
      yield batch;
      batch = new Map();
    }
  }
  if (batch.size > 0) yield batch;
}

async function byId(collection: Collection, batch: Batch): Promise<Batch> {
  const ids = [...batch.values()].map((raw) => decodeExact(raw)['_id'] as unknown);
  const found = new Map<string, Buffer>();
  const cursor = collection.find({ _id: { $in: ids } } as Document, { raw: true });
  for await (const raw of cursor as unknown as AsyncIterable<Buffer>) {
    const copy = Buffer.from(raw);
    found.set(keyOfValue(decodeExact(copy)['_id']), copy);
  }
  return found;
}

// What a document becomes, told without writing it. The kernel says what the transform's answer means; update
// pipelines are computed by the server. What operators like `$push` make of a document stays unknown.
import type { Document } from 'mongodb';
import { interpret } from '../../transfer/interpret';
import type { DocumentChange } from '../../transfer/interpret';
import type { Shown } from '../../transfer/shown';
import { applyPatch, decodePatch } from '../../transfer/patch';
import { BsonType, sameBytes } from '../../transfer/raw';
import { decoded } from '../../transfer/shownId';
import { decodeExact } from '../documents';
import type { ChecksContext } from './check';
import { pipelineOf, sourceOf, transformOf } from './check';

export interface AfterImage {
  outcome: 'changed' | 'skipped' | 'unknown';
  after: Document[] | null;
}

export interface AfterImageInput {
  shown: Shown;
  /** The same document, decoded with all BSON types kept. */
  before: Document;
  /** What the author's transform handed back, if there is one. */
  output: unknown;
  context: ChecksContext;
  timeMs: number;
}

/** Throws for an answer that a transform must not give. */
export async function afterImage(input: AfterImageInput): Promise<AfterImage> {
  const { context, shown, output } = input;
  const onServer = transformOf(context)?.update ?? pipelineOf(context)?.pipeline;
  return onServer ? compute(input, onServer) : imageOf(input, interpret(shown, output));
}

function imageOf(input: AfterImageInput, change: DocumentChange): Promise<AfterImage> | AfterImage {
  if (change.kind === 'skip') return { outcome: 'skipped', after: null };
  if (change.replacement) return { outcome: 'changed', after: [decodeExact(change.replacement)] };
  const patch = change.patch ?? (change.encodedPatch && decodePatch(change.encodedPatch));
  if (patch?.kind === 'paths') {
    return { outcome: 'changed', after: [decodeExact(applyPatch(input.shown.raw, patch))] };
  }
  if (change.u.type === BsonType.array) return compute(input, decoded(change.u) as Document[]);
  return { outcome: 'unknown', after: null };
}

async function compute(
  { shown, before, context, timeMs }: AfterImageInput,
  stages: Document[],
): Promise<AfterImage> {
  const collection = context.connection.db.collection(sourceOf(context) ?? '');
  const cursor = collection.aggregate([{ $match: { _id: { $eq: before['_id'] } } }, ...stages], {
    raw: true,
    maxTimeMS: timeMs,
    signal: context.signal,
  });
  let images: Uint8Array[];
  try {
    images = (await cursor.toArray()) as unknown as Uint8Array[];
  } catch (error) {
    if (isForeignValue(error)) return { outcome: 'unknown', after: null };
    throw error;
  }
  const [only] = images;
  const unchanged =
    pipelineOf(context) === null && images.length === 1 && only !== undefined && sameBytes(only, shown.raw);
  return unchanged
    ? { outcome: 'skipped', after: null }
    : { outcome: 'changed', after: images.map((image) => decodeExact(image)) };
}

/** The library's caller may bring a driver of another major, which takes none of our values. */
export function isForeignValue(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'BSONVersionError' || error.message.includes('invalid _bsontype');
}

export function getAt(document: Document, path: string): unknown {
  let at: unknown = document;
  for (const part of path.split('.')) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string, unknown>)[part];
  }
  return at;
}

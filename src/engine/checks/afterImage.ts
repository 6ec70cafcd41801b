// What a document becomes, told without writing it: update pipelines are computed by the server, the common update
// operators here. Operators that only the server knows (`$push` with `$slice`, positional ones) stay unknown.
import type { Document } from 'mongodb';
import { BSON } from 'mongodb';
import type { ChecksContext } from './check';
import { pipelineOf, sourceOf, transformOf } from './check';

export interface AfterImage {
  outcome: 'changed' | 'skipped' | 'unknown';
  after: Document[] | null;
}

export interface AfterImageInput {
  raw: Uint8Array;
  before: Document;
  /** What the author's transform handed back, if there is one. */
  output: unknown;
  context: ChecksContext;
  timeMs: number;
}

/** Decodes without losing any type: 1.0 stays a Double, a Long a Long, a regular expression its options. */
export function decodeExactly(raw: Uint8Array): Document {
  return BSON.deserialize(raw, { promoteValues: false, bsonRegExp: true });
}

/** Throws for an output that a transform must not hand back. */
export async function afterImage(input: AfterImageInput): Promise<AfterImage> {
  const { context, output, before } = input;
  const onServer = transformOf(context)?.update ?? pipelineOf(context)?.pipeline;
  if (onServer) return compute(input, onServer);
  if (output === null || output === undefined) return { outcome: 'skipped', after: null };
  if (Array.isArray(output)) return compute(input, output as Document[]);
  if (typeof output !== 'object') {
    throw new Error(`the transform handed back a ${typeof output}, not an update`);
  }
  const update = output as Document;
  const operators = Object.keys(update).filter((key) => key.startsWith('$'));
  const names = Object.keys(update);
  if (names.length === 0) throw new Error('the transform handed back an empty object');
  if (operators.length > 0 && operators.length < names.length) {
    throw new Error('the transform handed back a mix of update operators and fields');
  }
  if (operators.length > 0) {
    const after = applyOperators(before, update, BSON.deserialize(input.raw));
    return after ? { outcome: 'changed', after: [encodable(after)] } : { outcome: 'unknown', after: null };
  }
  return { outcome: 'changed', after: [replacement(input, update)] };
}

function replacement({ raw, before, context }: AfterImageInput, output: Document): Document {
  const elsewhere = transformOf(context)?.into !== undefined;
  const promoted = BSON.deserialize(raw);
  if (!elsewhere) {
    if (!('_id' in output)) {
      throw new Error(
        'the transform handed back an object that is neither an update ({ $set: … }) nor a whole document with its _id',
      );
    }
    if (!same(output['_id'], promoted['_id'])) throw new Error('the transform changed _id');
  }
  return encodable(keepTypes(output, promoted, before) as Document);
}

/** One pass through BSON: shows what cannot be encoded, and gives values the form of a read document. */
function encodable(document: Document): Document {
  refuseInvalidDates(document);
  // The encoder's buffer ends there; the check of sizes tells what is wrong with it.
  if (BSON.calculateObjectSize(document, { ignoreUndefined: true }) > encoderLimit) return document;
  return decodeExactly(BSON.serialize(document, { ignoreUndefined: true }));
}

const encoderLimit = 16 * 1024 * 1024;

/** The encoder would write 1970-01-01 for them without a word. */
function refuseInvalidDates(value: unknown, path = ''): void {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new Error(`an invalid date in the field ${path || '(root)'}`);
    return;
  }
  if (typeof value !== 'object' || value === null || '_bsontype' in value) return;
  for (const [name, inner] of Object.entries(value))
    refuseInvalidDates(inner, path ? `${path}.${name}` : name);
}

async function compute(
  { before, context, timeMs }: AfterImageInput,
  stages: Document[],
): Promise<AfterImage> {
  const collection = context.connection.db.collection(sourceOf(context) ?? '');
  const cursor = collection.aggregate([{ $match: { _id: { $eq: before['_id'] } } }, ...stages], {
    promoteValues: false,
    bsonRegExp: true,
    maxTimeMS: timeMs,
    signal: context.signal,
  });
  const after = await cursor.toArray();
  const unchanged =
    pipelineOf(context) === null && after.length === 1 && bytesEqual(after[0] as Document, before);
  return unchanged ? { outcome: 'skipped', after: null } : { outcome: 'changed', after };
}

export function bytesEqual(one: Document, other: Document): boolean {
  return Buffer.compare(BSON.serialize(one), BSON.serialize(other)) === 0;
}

/** Equal as values of the driver's plain form. */
function same(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  return Buffer.compare(BSON.serialize({ v: one }), BSON.serialize({ v: other })) === 0;
}

function isPlain(value: unknown): value is Document {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || '_bsontype' in value)
    return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A value handed back unchanged keeps its BSON type: takes `exact` wherever `output` equals `promoted`. */
function keepTypes(output: unknown, promoted: unknown, exact: unknown): unknown {
  if (isPlain(output) && isPlain(promoted) && isPlain(exact)) {
    return Object.fromEntries(
      Object.entries(output).map(([name, value]) => [name, keepTypes(value, promoted[name], exact[name])]),
    );
  }
  if (Array.isArray(output) && Array.isArray(promoted) && Array.isArray(exact)) {
    return output.map((value, index) => keepTypes(value, promoted[index], exact[index]));
  }
  return exact !== undefined && same(output, promoted) ? exact : output;
}

/** Null when an operator or a path is beyond what can be told here. */
function applyOperators(before: Document, update: Document, promoted: Document): Document | null {
  const after = structuredCopy(before) as Document;
  for (const [operator, fields] of Object.entries(update)) {
    if (operator === '$setOnInsert') continue;
    if (!isPlain(fields)) return null;
    for (const [path, value] of Object.entries(fields)) {
      if (path.includes('$')) return null;
      if (path === '_id' && !same(value, promoted['_id'])) throw new Error('the transform changed _id');
      if (operator === '$set') {
        if (
          value !== undefined &&
          !setAt(after, path, keepTypes(value, getAt(promoted, path), getAt(before, path)))
        ) {
          throw new Error(`$set of ${path}: a part of the path is no object`);
        }
      } else if (operator === '$unset') {
        unsetAt(after, path);
      } else if (operator === '$rename') {
        if (typeof value !== 'string') return null;
        const moved = getAt(after, path);
        if (moved === undefined) continue;
        unsetAt(after, path);
        if (!setAt(after, value, moved)) return null;
      } else {
        return null;
      }
    }
  }
  return after;
}

/** Copies objects and arrays; BSON values are shared, they are never changed. */
function structuredCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCopy);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, structuredCopy(inner)]));
}

type Holder = Record<string, unknown>;

export function getAt(document: Document, path: string): unknown {
  let at: unknown = document;
  for (const part of path.split('.')) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Holder)[part];
  }
  return at;
}

function setAt(document: Document, path: string, value: unknown): boolean {
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  let at: Holder = document;
  for (const part of parts) {
    at[part] ??= {};
    const next = at[part];
    if (!isPlain(next) && !Array.isArray(next)) return false;
    at = next as Holder;
  }
  if (Array.isArray(at) && !/^\d+$/.test(last)) return false;
  at[last] = value;
  return true;
}

function unsetAt(document: Document, path: string): void {
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  const holder = parts.length === 0 ? document : getAt(document, parts.join('.'));
  if (Array.isArray(holder)) {
    // The server leaves null in an array.
    if (Number(last) < holder.length) holder[Number(last)] = null;
  } else if (typeof holder === 'object' && holder !== null) {
    delete (holder as Holder)[last];
  }
}

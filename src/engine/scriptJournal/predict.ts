// What a simple update makes of a document, without asking the server for the result: plain $set, $unset, $inc and
// $push, and whole replacements. Everything else is the server's to say.
import { diff, encodePatch, type Patch, type TouchedPath } from '../../transfer/patch';
import { hasTwins } from '../../transfer/patch';
import { overlapping, touchOf } from '../../transfer/interpret';
import {
  BsonType,
  bytesOf,
  document,
  element,
  elements,
  findElement,
  idOf,
  intValue,
  nameOf,
  valueOf,
} from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';

/** The patch of an existing document, or undefined where only the server knows. */
export function predict(before: Buffer, statement: Buffer): Patch | undefined {
  const u = findElement(statement, 'u');
  if (u?.type !== BsonType.object || findElement(statement, 'arrayFilters')) return undefined;
  const update = statement.subarray(u.value, u.end);
  const list = elements(update);
  const [first] = list;
  if (!first) return undefined;
  return nameOf(update, first).startsWith('$') ? operators(before, update) : replacement(before, update);
}

function operators(before: Buffer, update: Buffer): Patch | undefined {
  const touched: TouchedPath[] = [];
  for (const item of elements(update)) {
    const name = nameOf(update, item);
    // On a document that exists it does nothing.
    if (name === '$setOnInsert') continue;
    const makes = makers[name];
    if (!makes || item.type !== BsonType.object) return undefined;
    const fields = update.subarray(item.value, item.end);
    for (const field of elements(fields)) {
      const path = nameOf(fields, field);
      const given = valueOf(fields, field);
      if (path.includes('$') || path === '_id' || isFilledIn(given)) return undefined;
      const after = makes(given, () => valueAt(before, path));
      if (after === 'unknown') return undefined;
      const touch = touchOf(before, path, after);
      if (touch === 'unknown') return undefined;
      if (touch) touched.push(touch);
    }
  }
  if (overlapping(touched) || hasTwins(before)) return undefined;
  return { kind: 'paths', touched };
}

/** What becomes of a field; undefined = it goes. */
type Maker = (given: RawValue, now: () => RawValue | undefined) => RawValue | undefined | 'unknown';

const makers: Record<string, Maker> = {
  $set: (given) => given,
  $unset: () => undefined,
  $inc: (given, now) => incremented(now(), given),
  $push: (given, now) => pushed(now(), given),
};

/** Whether the outcome of the operator can be told at all; of which values, depends on the document. */
export function isForeseeable(operator: string): boolean {
  return operator === '$setOnInsert' || operator in makers;
}

/** Through sub-documents only. */
function valueAt(raw: Buffer, path: string): RawValue | undefined {
  let at: RawValue | undefined = { type: BsonType.object, bytes: raw };
  for (const name of path.split('.')) {
    if (at?.type !== BsonType.object) return undefined;
    const bytes: Buffer = at.bytes as Buffer;
    const found = findElement(bytes, name);
    at = found && valueOf(bytes, found);
  }
  return at;
}

function incremented(now: RawValue | undefined, by: RawValue): RawValue | 'unknown' {
  if (!now) return numeric.has(by.type) ? by : 'unknown';
  const [a, b] = [now.bytes as Buffer, by.bytes as Buffer];
  if (now.type === BsonType.double && by.type === BsonType.double) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(a.readDoubleLE(0) + b.readDoubleLE(0));
    return { type: BsonType.double, bytes };
  }
  if (by.type !== BsonType.int) return 'unknown';
  if (now.type === BsonType.int) {
    const sum = a.readInt32LE(0) + b.readInt32LE(0);
    // The server makes a long of it then.
    return sum === (sum | 0) ? intValue(sum) : 'unknown';
  }
  if (now.type !== BsonType.long) return 'unknown';
  const sum = a.readBigInt64LE(0) + BigInt(b.readInt32LE(0));
  if (sum !== BigInt.asIntN(64, sum)) return 'unknown';
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(sum);
  return { type: BsonType.long, bytes };
}

const numeric = new Set<number>([BsonType.int, BsonType.long, BsonType.double, BsonType.decimal]);

function pushed(now: RawValue | undefined, item: RawValue): RawValue | 'unknown' {
  const isModifier = item.type === BsonType.object && item.bytes[5] === 0x24;
  if (isModifier || (now && now.type !== BsonType.array)) return 'unknown';
  const array = now ? (now.bytes as Buffer) : document([]);
  const list = elements(array);
  // Whoever wrote it may have numbered its items in his own way.
  if (list.some((each, i) => nameOf(array, each) !== String(i))) return 'unknown';
  const parts = list.map((each) => bytesOf(array, each));
  return { type: BsonType.array, bytes: document([...parts, element(String(parts.length), item)]) };
}

/** The server writes the time into empty timestamps. */
export function isFilledIn(value: RawValue): boolean {
  return value.type === BsonType.timestamp && (value.bytes as Buffer).readBigInt64LE(0) === 0n;
}

function replacement(before: Buffer, update: Buffer): Patch | undefined {
  const list = elements(update);
  if (list.some((item) => isFilledIn(valueOf(update, item)))) return undefined;
  const rest = list.filter((item) => nameOf(update, item) !== '_id').map((item) => bytesOf(update, item));
  return diff(before, document([element('_id', idOf(before)), ...rest]));
}

/** The document as an insert stores it, or undefined if the server writes a time into it. */
export function stored(inserted: Buffer): Buffer | undefined {
  const list = elements(inserted);
  for (const item of list) {
    if (item.type === BsonType.timestamp && isFilledIn(valueOf(inserted, item))) return undefined;
  }
  if (hasIdInFront(inserted)) return inserted;
  const id = list.find((item) => nameOf(inserted, item) === '_id');
  if (!id) return undefined;
  return document([id, ...list.filter((item) => item !== id)].map((item) => bytesOf(inserted, item)));
}

/** As servers keep documents, and drivers send them. */
export function hasIdInFront(raw: Buffer): boolean {
  return raw.length > 8 && raw.readUInt32LE(5) === idWithEnd;
}

const idWithEnd = Buffer.from('_id\0').readUInt32LE(0);

/** The same as the journal keeps it; an empty document where nothing changes. */
export function encodedPrediction(before: Buffer, statement: Buffer): Buffer | undefined {
  const patch = predict(before, statement);
  return patch && encodePatch(patch);
}

export function isEmpty(patch: Patch): boolean {
  return patch.kind === 'paths' && patch.touched.length === 0;
}

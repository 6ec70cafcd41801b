// From JavaScript values to BSON, one value at a time, with the rule that the driver's encoder lacks: what comes
// back unchanged keeps the bytes it was read from (a Double 1.0 stays a Double). BSON classes are known by their
// `_bsontype`, never by instanceof, so those of any driver version fit. Refuses what would be stored as something else.
import { isDeepStrictEqual } from 'node:util';
import { BSON } from 'mongodb';
import {
  EncodeError,
  encodeBigint,
  encodeByDriver,
  encodeDate,
  encodeLossyString,
  encodeNumber,
  encodeString,
  numberOf,
  twoInts,
} from './encodeScalar';
import { replacementSign } from './patch';
import {
  arrayValue,
  binaryValue,
  boolValue,
  document,
  element,
  elements,
  intValue,
  objectValue,
  sameValue,
  stringValue,
  valueOf,
  BsonType,
} from './raw';
import type { RawValue } from './raw';
import { entriesOf, fieldsOf, hasTwins, isAsShown, shownAs, storedName } from './storedFields';

/** Finds the stored original of an object that was handed over somewhere else in the document. */
export type Origin = (value: object) => RawValue | undefined;

export interface EncodeOptions {
  origin?: Origin;
  /** Type of a number that was read under another name: `{$set: {b: doc.a}}`. */
  numberType?: (value: number) => RawValue | undefined;
  /** What stands for `undefined`; without it the field is left out. */
  undefinedAs?: RawValue;
  /** The document holds text that is no UTF-8, which is shown with signs in the place of the bytes. */
  lossy?: boolean;
}

const deepest = 180;

/** `original` is the stored value of the same place, if there is one. `where` names the place in errors. */
export function encodeValue(
  value: unknown,
  original: RawValue | undefined,
  where: string,
  options: EncodeOptions = {},
  depth = 0,
): RawValue {
  if (depth > deepest)
    throw new EncodeError(`${where} is nested more than ${deepest} levels deep or holds itself`);
  switch (typeof value) {
    case 'number':
      return encodeNumber(value, original, options.numberType);
    case 'string':
      return options.lossy && value.includes(replacementSign)
        ? encodeLossyString(value, original, where)
        : encodeString(value, original, where);
    case 'boolean':
      return boolValue(value);
    case 'bigint':
      return encodeBigint(value, where);
    case 'object':
      return value === null
        ? { type: BsonType.null, bytes: Buffer.alloc(0) }
        : encodeObject(value, original, where, options, depth);
    default:
      throw new EncodeError(
        `${where} is ${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`}, which MongoDB cannot store`,
      );
  }
}

function encodeObject(
  value: object,
  samePlace: RawValue | undefined,
  where: string,
  options: EncodeOptions,
  depth: number,
): RawValue {
  const original = options.origin?.(value) ?? samePlace;
  if (value instanceof Date || Object.prototype.toString.call(value) === '[object Date]') {
    return encodeDate(value as Date, original, where);
  }
  if (Array.isArray(value)) return encodeArray(value, original, where, options, depth);
  if (value instanceof Map) return objectValue(encodeFields(value, original, where, options, depth));
  if (isBsonClass(value)) return encodeBsonClass(value, original, where, options, depth);
  if (ArrayBuffer.isView(value) || Object.prototype.toString.call(value) === '[object RegExp]') {
    return encodeByDriver(value, original);
  }
  const toBSON = (value as { toBSON?: unknown }).toBSON;
  if (typeof toBSON === 'function') {
    return encodeValue(toBSON.call(value), original, where, options, depth + 1);
  }
  if (original?.type === BsonType.object && hasTwins(original) && isAsShown(value, original)) return original;
  if (value instanceof Set || value instanceof WeakMap || value instanceof Promise) {
    throw new EncodeError(`${where} is a ${value.constructor.name}, which MongoDB cannot store`);
  }
  return objectValue(encodeFields(entriesOf(value, original), original, where, options, depth));
}

function encodeArray(
  value: readonly unknown[],
  original: RawValue | undefined,
  where: string,
  options: EncodeOptions,
  depth: number,
): RawValue {
  const stored = original?.type === BsonType.array ? itemsOf(original) : [];
  const inner: EncodeOptions = {
    ...options,
    // Items that moved (filter, splice, sort) keep the type they have elsewhere in the same array.
    numberType: (n) => stored.find((item) => Object.is(numberOf(item), n)) ?? options.numberType?.(n),
  };
  const items: RawValue[] = [];
  for (let i = 0; i < value.length; i++) {
    const item: unknown = value[i];
    if (item === undefined && stored[i]?.type === BsonType.undefined) items.push(stored[i]!);
    else if (item === undefined && options.undefinedAs) items.push(options.undefinedAs);
    else items.push(encodeValue(item, stored[i], `${where}.${i}`, inner, depth + 1));
  }
  // As it was, also where its names do not count up.
  if (items.length === stored.length && items.every((item, i) => sameValue(item, stored[i])))
    return original!;
  return arrayValue(items);
}

function itemsOf(array: RawValue): RawValue[] {
  const bytes = array.bytes as Buffer;
  return elements(bytes).map((item) => valueOf(bytes, item));
}

/** Encodes named values; used for replacements too, where `original` is the stored document. */
export function encodeFields(
  entries: Iterable<[unknown, unknown]>,
  original: RawValue | undefined,
  where: string,
  options: EncodeOptions,
  depth = 0,
): Buffer {
  const stored = original?.type === BsonType.object ? fieldsOf(original, where) : undefined;
  const parts: Buffer[] = [];
  for (const [key, value] of entries) {
    const name = String(key);
    if (name.includes('\0')) throw new EncodeError(`${where} has a field whose name holds a NUL character`);
    const field = stored?.get(name);
    const before = field?.value;
    const place = where ? `${where}.${name}` : name;
    if (value === undefined) {
      if (before?.type === BsonType.undefined) parts.push(element(name, before));
      else if (options.undefinedAs) parts.push(element(name, options.undefinedAs));
    } else if (typeof value === 'function') {
      throw new EncodeError(`${place} is a function, which MongoDB cannot store`);
    } else {
      const encoded = encodeValue(value, before, place, options, depth + 1);
      parts.push(
        field && name.includes(replacementSign) ? storedName(field.name, encoded) : element(name, encoded),
      );
    }
  }
  return document(parts);
}

function isBsonClass(value: object): value is { _bsontype: string } {
  if (!('_bsontype' in value) || typeof value._bsontype !== 'string') return false;
  // A plain object that merely has a field of that name is a document like any other.
  return (
    !Object.prototype.hasOwnProperty.call(value, '_bsontype') ||
    Object.getPrototypeOf(value) !== Object.prototype
  );
}

interface BsonLike {
  _bsontype: string;
  id?: Uint8Array | string;
  toHexString?(): string;
  low?: number;
  high?: number;
  value?: unknown;
  bytes?: Uint8Array;
  buffer?: Uint8Array;
  sub_type?: number;
  position?: number;
  pattern?: string;
  options?: string;
  code?: unknown;
  scope?: object | null;
  toJSON?(): Record<string, unknown>;
  collection?: string;
  oid?: unknown;
  db?: string;
  fields?: object;
}

function encodeBsonClass(
  value: { _bsontype: string },
  original: RawValue | undefined,
  where: string,
  options: EncodeOptions,
  depth: number,
): RawValue {
  const it = value as BsonLike;
  switch (it._bsontype) {
    case 'ObjectId':
    case 'ObjectID':
      return { type: BsonType.objectId, bytes: Buffer.from(it.toHexString!(), 'hex') };
    case 'Long':
      return { type: BsonType.long, bytes: twoInts(it.low!, it.high!) };
    case 'Timestamp':
      return { type: BsonType.timestamp, bytes: twoInts(it.low!, it.high!) };
    case 'Double':
      return encodeByDriver(new BSON.Double(Number(it.value)), undefined);
    case 'Int32':
      return intValue(Number(it.value) | 0);
    case 'Decimal128':
      return { type: BsonType.decimal, bytes: Buffer.from(it.bytes!) };
    case 'Binary': {
      const data = Buffer.from(it.buffer!.subarray(0, it.position ?? it.buffer!.length));
      return it.sub_type === 0
        ? binaryValue(data)
        : encodeByDriver(new BSON.Binary(data, it.sub_type), original);
    }
    case 'BSONRegExp':
      return encodeByDriver(new BSON.BSONRegExp(it.pattern!, it.options), original);
    case 'Symbol':
    case 'BSONSymbol':
      return { type: BsonType.symbol, bytes: stringValue(String(it.value)).bytes };
    case 'MinKey':
      return { type: BsonType.minKey, bytes: Buffer.alloc(0) };
    case 'MaxKey':
      return { type: BsonType.maxKey, bytes: Buffer.alloc(0) };
    case 'Code':
      return encodeByDriver(new BSON.Code(String(it.code), it.scope ?? null), original);
    case 'DBRef': {
      if (original?.type === BsonType.dbPointer && isDeepStrictEqual(value, shownAs(original)))
        return original;
      const fields: [string, unknown][] = [
        ['$ref', it.collection],
        ['$id', it.oid],
      ];
      if (it.db) fields.push(['$db', it.db]);
      const rest = Object.entries(it.fields ?? {});
      const encoded = encodeFields([...fields, ...rest], original, where, options, depth);
      return inStoredOrder(encoded, original);
    }
    default:
      throw new EncodeError(`${where} is of the unknown BSON class ${it._bsontype}`);
  }
}

/** A reference reads as a DBRef whatever the order of its fields; unchanged it keeps the stored one. */
function inStoredOrder(encoded: Buffer, original: RawValue | undefined): RawValue {
  if (original?.type === BsonType.object && original.bytes.length === encoded.length) {
    const sorted = (bytes: Buffer) =>
      elements(bytes)
        .map((item) => bytes.toString('latin1', item.start, item.end))
        .sort()
        .join('\0');
    if (sorted(encoded) === sorted(original.bytes as Buffer)) return original;
  }
  return objectValue(encoded);
}

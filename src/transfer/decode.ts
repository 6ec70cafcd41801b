// Documents as the driver shows them, decoded here: its decoder serves every option and asks each name and value anew,
// which was a third of what a transform of functions cost. The result is the same (test/unit/transfer/decode.test.ts);
// what is rare is left to the driver.
import { BSON, ObjectId, type Document } from 'mongodb';
import { BsonType } from './raw';
import { int32 } from './scan';

/**
 * Undefined for a document that only the driver's own decoder shows rightly.
 * @param first gets the sub-documents and arrays of the first level.
 */
export function decode(raw: Buffer, first: { key: string; value: object }[]): Document | undefined {
  const document: Document = {};
  at = 4;
  return readFields(raw, raw.length - 1, document, first) ? document : undefined;
}

/** Where the next byte is read; one document is read at a time. */
let at = 0;

/** False where the driver has to do it: the name says so, or the text is no UTF-8. */
function readFields(
  raw: Buffer,
  end: number,
  into: Document,
  containers?: { key: string; value: object }[],
): boolean {
  while (at < end) {
    const type = raw[at++]!;
    const name = readName(raw);
    // A DBRef, or what JavaScript would take for something else than a field.
    if (name === undefined || name.charCodeAt(0) === dollar || name === '__proto__') return false;
    const value = readValue(raw, type);
    if (value === nothing) return false;
    into[name] = value;
    if (containers && (type === BsonType.object || type === BsonType.array))
      containers.push({ key: name, value: value as object });
  }
  at = end + 1;
  return true;
}

function readItems(raw: Buffer, end: number, into: unknown[]): boolean {
  while (at < end) {
    const type = raw[at++]!;
    while (raw[at] !== 0) at++;
    at++;
    const value = readValue(raw, type);
    if (value === nothing) return false;
    into.push(value);
  }
  at = end + 1;
  return true;
}

const dollar = 0x24;
const replacement = '\uFFFD';
const nothing = Symbol('not a value');

interface Name {
  bytes: Buffer;
  text: string;
}
/** Names that were met lately, by the hash of their bytes: documents of a collection have the same ones. */
const names: (Name | undefined)[] = Array.from({ length: 1024 }, () => undefined);
const longestKept = 64;

function readName(raw: Buffer): string | undefined {
  const from = at;
  let hash = 0;
  let ascii = 0;
  for (let byte = raw[at]!; byte !== 0; byte = raw[at]!) {
    hash = (hash * 31 + byte) | 0;
    ascii |= byte;
    at++;
  }
  const end = at++;
  const known = names[hash & 1023];
  if (known && isAt(raw, from, end, known.bytes)) return known.text;
  const text = ascii < 0x80 ? raw.toString('latin1', from, end) : raw.toString('utf8', from, end);
  if (ascii >= 0x80 && text.includes(replacement)) return undefined;
  if (end - from <= longestKept)
    names[hash & 1023] = { bytes: Buffer.from(raw.subarray(from, end)), text: interned(text) };
  return text;
}

/** As V8 keeps the names of properties, so that it need not look for them again. */
function interned(text: string): string {
  return Object.keys({ [text]: 0 })[0]!;
}

function isAt(raw: Buffer, from: number, end: number, bytes: Buffer): boolean {
  const size = bytes.length;
  if (end - from !== size) return false;
  for (let i = 0; i < size; i++) if (raw[from + i] !== bytes[i]) return false;
  return true;
}

function readValue(raw: Buffer, type: number): unknown {
  switch (type) {
    case BsonType.string:
      return readString(raw);
    case BsonType.int:
      at += 4;
      return int32(raw, at - 4);
    case BsonType.double:
      at += 8;
      return raw.readDoubleLE(at - 8);
    case BsonType.bool:
      return raw[at++] === 1;
    case BsonType.null:
      return null;
    case BsonType.objectId: {
      for (let i = 0; i < 12; i++) idBytes[i] = raw[at + i]!;
      at += 12;
      return new ObjectId(idBytes);
    }
    case BsonType.date:
      at += 8;
      return new Date(int32(raw, at - 4) * 0x1_0000_0000 + (int32(raw, at - 8) >>> 0));
    case BsonType.long: {
      const number = int32(raw, at + 4) * 0x1_0000_0000 + (int32(raw, at) >>> 0);
      // Beyond that the driver shows a Long.
      if (Math.abs(number) >= Number.MAX_SAFE_INTEGER) return readOther(raw, type, 8);
      at += 8;
      return number;
    }
    case BsonType.object: {
      const inner: Document = {};
      const end = at + int32(raw, at) - 1;
      at += 4;
      return readFields(raw, end, inner) ? inner : nothing;
    }
    case BsonType.array: {
      const inner: unknown[] = [];
      const end = at + int32(raw, at) - 1;
      at += 4;
      return readItems(raw, end, inner) ? inner : nothing;
    }
    case BsonType.binary:
      return readOther(raw, type, int32(raw, at) + 5);
    case BsonType.decimal:
      return readOther(raw, type, 16);
    case BsonType.timestamp:
      return readOther(raw, type, 8);
    default:
      return nothing;
  }
}

/** ObjectId takes the bytes over. */
const idBytes = Buffer.alloc(12);

function readString(raw: Buffer): string | symbol {
  const from = at + 4;
  const end = from + int32(raw, at) - 1;
  at = end + 1;
  let ascii = 0;
  for (let i = from; i < end; i++) ascii |= raw[i]!;
  if (ascii < 0x80) return raw.toString('latin1', from, end);
  const text = raw.toString('utf8', from, end);
  return text.includes(replacement) ? nothing : text;
}

/** A value of its own, by the driver. */
function readOther(raw: Buffer, type: number, size: number): unknown {
  const wrapped = Buffer.allocUnsafe(size + 8);
  wrapped.writeInt32LE(size + 8, 0);
  wrapped[4] = type;
  wrapped[5] = 0x76;
  wrapped[6] = 0;
  wrapped.set(raw.subarray(at, at + size), 7);
  wrapped[size + 7] = 0;
  at += size;
  return BSON.deserialize(wrapped)['v'];
}

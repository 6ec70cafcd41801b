// BSON as bytes: walking a document's elements and putting documents together without decoding what nobody
// needs decoded, so that untouched values keep their bytes. Knows the format, nothing of migrations.

/** One element of a raw document; offsets into the buffer it was scanned from. */
export interface RawElement {
  type: number;
  /** Offset of the type byte. */
  start: number;
  /** Offset of the value; the name lies between `start + 1` and `value - 1`. */
  value: number;
  /** Offset behind the value. */
  end: number;
}

/** A value without its name: what two elements of different names can share. */
export interface RawValue {
  type: number;
  bytes: Uint8Array;
}

export const BsonType = {
  double: 1,
  string: 2,
  object: 3,
  array: 4,
  binary: 5,
  undefined: 6,
  objectId: 7,
  bool: 8,
  date: 9,
  null: 10,
  regex: 11,
  dbPointer: 12,
  code: 13,
  symbol: 14,
  codeWithScope: 15,
  int: 16,
  timestamp: 17,
  long: 18,
  decimal: 19,
  minKey: 255,
  maxKey: 127,
} as const;

export class MalformedBson extends Error {
  override readonly name = 'MalformedBson';
}

function cstringEnd(buffer: Buffer, offset: number): number {
  const end = buffer.indexOf(0, offset);
  if (end < 0) throw new MalformedBson('a name in the document does not end');
  return end;
}

function valueEnd(buffer: Buffer, type: number, at: number): number {
  switch (type) {
    case 6:
    case 10:
    case 127:
    case 255:
      return at;
    case 8:
      return at + 1;
    case 16:
      return at + 4;
    case 1:
    case 9:
    case 17:
    case 18:
      return at + 8;
    case 7:
      return at + 12;
    case 19:
      return at + 16;
    case 2:
    case 13:
    case 14:
      return at + 4 + buffer.readInt32LE(at);
    case 3:
    case 4:
    case 15:
      return at + buffer.readInt32LE(at);
    case 5:
      return at + 5 + buffer.readInt32LE(at);
    case 12:
      return at + 4 + buffer.readInt32LE(at) + 12;
    case 11:
      return cstringEnd(buffer, cstringEnd(buffer, at) + 1) + 1;
    default:
      throw new MalformedBson(`the document holds a value of the unknown BSON type ${type}`);
  }
}

/** Where the zero behind the document's elements stands. */
function lastOf(buffer: Buffer, offset: number): number {
  const last = offset + buffer.readInt32LE(offset) - 1;
  if (last >= buffer.length || last < offset + 4)
    throw new MalformedBson('the length of the document is wrong');
  return last;
}

/** The elements of the document that begins at `offset`, in their order. */
export function elements(buffer: Buffer, offset = 0): RawElement[] {
  const last = lastOf(buffer, offset);
  const found: RawElement[] = [];
  let at = offset + 4;
  while (at < last) {
    const element = elementWithin(buffer, at, last);
    found.push(element);
    at = element.end;
  }
  return found;
}

function elementAt(buffer: Buffer, start: number): RawElement {
  const type = buffer[start]!;
  let value = start + 1;
  while (buffer[value] !== 0) {
    value++;
    if (value >= buffer.length) throw new MalformedBson('a name in the document does not end');
  }
  value++;
  return { type, start, value, end: valueEnd(buffer, type, value) };
}

/** The same of a document whose elements end at `last`. */
function elementWithin(buffer: Buffer, start: number, last: number): RawElement {
  const element = elementAt(buffer, start);
  if (element.end > last) throw new MalformedBson('a value in the document is cut off');
  return element;
}

/** Whether sub-documents and arrays are nested in more than so many levels. */
export function isDeeperThan(buffer: Buffer, levels: number, offset = 0): boolean {
  return elements(buffer, offset).some(({ type, value }) => {
    if (type !== BsonType.object && type !== BsonType.array) return false;
    return levels <= 1 || isDeeperThan(buffer, levels - 1, value);
  });
}

/** The element of that name; the last one if the name occurs more than once (as decoders see it). */
export function findElement(buffer: Buffer, name: string, offset = 0): RawElement | undefined {
  const last = lastOf(buffer, offset);
  let found: RawElement | undefined;
  for (let at = offset + 4; at < last;) {
    const element = elementWithin(buffer, at, last);
    if (isNamed(buffer, element, name)) found = element;
    at = element.end;
  }
  return found;
}

/** Without making a string of the element's name, where that needs none. */
function isNamed(buffer: Buffer, { start, value }: RawElement, name: string): boolean {
  const size = value - start - 2;
  // Each letter is at least a byte, and most names have no others.
  if (size < name.length) return false;
  if (size > name.length) return buffer.toString('utf8', start + 1, value - 1) === name;
  for (let i = 0; i < size; i++) {
    const code = name.charCodeAt(i);
    if (code > 127 || buffer[start + 1 + i] !== code) return false;
  }
  return true;
}

export function nameOf(buffer: Buffer, element: RawElement): string {
  return buffer.toString('utf8', element.start + 1, element.value - 1);
}

export function valueOf(buffer: Buffer, element: RawElement): RawValue {
  return { type: element.type, bytes: buffer.subarray(element.value, element.end) };
}

/** The bytes of the whole element: type, name and value. */
export function bytesOf(buffer: Buffer, element: RawElement): Buffer {
  return buffer.subarray(element.start, element.end);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

export function sameValue(a: RawValue | undefined, b: RawValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.type === b.type && sameBytes(a.bytes, b.bytes);
}

/** The `_id` of a stored document, which the server keeps in front. */
export function idOf(document: Buffer): RawValue {
  if (document.length > 8 && document.toString('latin1', 5, 9) === '_id\0') {
    return valueOf(document, elementAt(document, 4));
  }
  const element = findElement(document, '_id');
  if (!element) throw new MalformedBson('the document has no _id');
  return valueOf(document, element);
}

/** A key for maps and sets: equal exactly for equal types and bytes. */
export function keyOf(value: RawValue): string {
  return String.fromCharCode(value.type) + Buffer.from(value.bytes).toString('latin1');
}

export function element(name: string, value: RawValue): Buffer {
  const size = Buffer.byteLength(name);
  const bytes = Buffer.allocUnsafe(size + 2 + value.bytes.length);
  bytes[0] = value.type;
  bytes.write(name, 1);
  bytes[size + 1] = 0;
  bytes.set(value.bytes, size + 2);
  return bytes;
}

/** A document made of whole elements. */
export function document(parts: readonly Uint8Array[]): Buffer {
  let size = 5;
  for (const part of parts) size += part.length;
  const bytes = Buffer.allocUnsafe(size);
  bytes.writeInt32LE(size, 0);
  let at = 4;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  bytes[at] = 0;
  return bytes;
}

export const emptyDocument: Buffer = document([]);

export function objectValue(bytes: Uint8Array): RawValue {
  return { type: BsonType.object, bytes };
}

export function arrayValue(items: readonly RawValue[]): RawValue {
  return { type: BsonType.array, bytes: document(items.map((item, i) => element(String(i), item))) };
}

export function stringValue(text: string): RawValue {
  const size = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(size + 5);
  bytes.writeInt32LE(size + 1, 0);
  bytes.write(text, 4);
  bytes[size + 4] = 0;
  return { type: BsonType.string, bytes };
}

export function intValue(number: number): RawValue {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32LE(number, 0);
  return { type: BsonType.int, bytes };
}

export function dateValue(date: Date): RawValue {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64LE(BigInt(date.getTime()), 0);
  return { type: BsonType.date, bytes };
}

export function boolValue(value: boolean): RawValue {
  return { type: BsonType.bool, bytes: Buffer.from([value ? 1 : 0]) };
}

export function binaryValue(data: Uint8Array): RawValue {
  const bytes = Buffer.allocUnsafe(data.length + 5);
  bytes.writeInt32LE(data.length, 0);
  bytes[4] = 0;
  bytes.set(data, 5);
  return { type: BsonType.binary, bytes };
}

/** What a Binary of the driver holds; a view. */
export function dataOf({ buffer, position }: { buffer: Uint8Array; position: number }): Buffer {
  return Buffer.from(buffer.buffer, buffer.byteOffset, position);
}

export const minKey: RawValue = { type: BsonType.minKey, bytes: Buffer.alloc(0) };
export const maxKey: RawValue = { type: BsonType.maxKey, bytes: Buffer.alloc(0) };

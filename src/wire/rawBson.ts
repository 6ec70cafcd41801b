// Looking into BSON and changing it without decoding: walking elements, replacing values by name. What is not
// touched keeps its bytes, so types, field order and duplicate keys survive. Decoding is the driver's business.

export const BsonType = {
  double: 0x01,
  string: 0x02,
  document: 0x03,
  array: 0x04,
  boolean: 0x08,
  int32: 0x10,
  int64: 0x12,
} as const;

/** Thrown for bytes that are no BSON; the door closes the connection that sent them. */
export class BrokenBson extends Error {
  override readonly name = 'BrokenBson';
}

/** One element of a document; `value` is a view on the document's bytes, without type and name. */
export interface RawElement {
  type: number;
  name: string;
  value: Buffer;
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Sizes of the values whose size is fixed; -1 marks what has to be looked at. */
const FIXED = new Int8Array(256).fill(-2);
for (const [type, size] of [
  [0x01, 8],
  [0x06, 0],
  [0x07, 12],
  [0x08, 1],
  [0x09, 8],
  [0x0a, 0],
  [0x10, 4],
  [0x11, 8],
  [0x12, 8],
  [0x13, 16],
  [0x7f, 0],
  [0xff, 0],
  [0x02, -1],
  [0x03, -1],
  [0x04, -1],
  [0x05, -1],
  [0x0b, -1],
  [0x0c, -1],
  [0x0d, -1],
  [0x0e, -1],
  [0x0f, -1],
] as const) {
  FIXED[type] = size;
}

/** Where the zero byte of a C string lies. */
function zeroAfter(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] !== 0) {
    if (at >= bytes.length) throw new BrokenBson('unterminated name');
    at += 1;
  }
  return at;
}

function valueSize(bytes: Buffer, type: number, at: number): number {
  const fixed = FIXED[type] ?? -2;
  if (fixed >= 0) return fixed;
  if (fixed === -2) throw new BrokenBson(`unknown type ${type}`);
  if (type === 0x0b) return zeroAfter(bytes, zeroAfter(bytes, at) + 1) + 1 - at;
  if (at + 4 > bytes.length) throw new BrokenBson('cut off');
  const length = bytes.readInt32LE(at);
  if (length < 0) throw new BrokenBson('negative length');
  switch (type) {
    case 0x03:
    case 0x04:
    case 0x0f:
      return length;
    case 0x05:
      return length + 5;
    case 0x0c:
      return length + 16;
    default:
      return length + 4;
  }
}

/** Walks the elements of one document without allocating more than their names. */
export class ElementWalk {
  /** Of the current element. */
  type = 0;
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  readonly #end: number;

  constructor(
    readonly bytes: Buffer,
    start = 0,
  ) {
    if (start + 5 > bytes.length) throw new BrokenBson('cut off');
    const length = bytes.readInt32LE(start);
    if (length < 5 || start + length > bytes.length) throw new BrokenBson('wrong length');
    this.#end = start + length - 1;
    this.valueEnd = start + 4;
  }

  next(): boolean {
    const at = this.valueEnd;
    if (at >= this.#end) return false;
    const type = this.bytes[at] as number;
    if (type === 0) return false;
    this.type = type;
    this.nameStart = at + 1;
    this.nameEnd = zeroAfter(this.bytes, at + 1);
    this.valueStart = this.nameEnd + 1;
    this.valueEnd = this.valueStart + valueSize(this.bytes, type, this.valueStart);
    if (this.valueEnd > this.#end) throw new BrokenBson('value runs over its document');
    return true;
  }

  get name(): string {
    return this.bytes.toString('utf8', this.nameStart, this.nameEnd);
  }

  get value(): Buffer {
    return this.bytes.subarray(this.valueStart, this.valueEnd);
  }

  /** Number of an int32, int64 or double, 1 or 0 of a boolean. */
  get number(): number | undefined {
    return numberOf(this.type, this.bytes, this.valueStart);
  }

  get string(): string | undefined {
    return this.type === BsonType.string ? stringAt(this.bytes, this.valueStart) : undefined;
  }
}

function stringAt(bytes: Buffer, at: number): string {
  return bytes.toString('utf8', at + 4, at + 3 + bytes.readInt32LE(at));
}

function numberOf(type: number, bytes: Buffer, at: number): number | undefined {
  switch (type) {
    case BsonType.double:
      return bytes.readDoubleLE(at);
    case BsonType.int32:
      return bytes.readInt32LE(at);
    case BsonType.int64:
      return Number(bytes.readBigInt64LE(at));
    case BsonType.boolean:
      return bytes[at] === 0 ? 0 : 1;
    default:
      return undefined;
  }
}

export function* elements(document: Uint8Array): Generator<RawElement> {
  const walk = new ElementWalk(asBuffer(document));
  while (walk.next()) yield { type: walk.type, name: walk.name, value: walk.value };
}

export function elementOf(document: Uint8Array, name: string): RawElement | undefined {
  for (const element of elements(document)) if (element.name === name) return element;
  return undefined;
}

/** Of a command its own. */
export function firstName(document: Buffer): string {
  const walk = new ElementWalk(document);
  return walk.next() ? walk.name : '';
}

export function isDocument(element: RawElement | undefined): element is RawElement {
  return element?.type === BsonType.document;
}

export function isArray(element: RawElement | undefined): element is RawElement {
  return element?.type === BsonType.array;
}

export function stringValue(element: RawElement | undefined): string | undefined {
  return element?.type === BsonType.string ? stringAt(element.value, 0) : undefined;
}

/** Number of elements of an array or document. */
export function countElements(document: Uint8Array): number {
  const walk = new ElementWalk(asBuffer(document));
  let count = 0;
  while (walk.next()) count += 1;
  return count;
}

/** The value bytes of a string. */
export function encodeString(text: string): Buffer {
  const size = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(size + 5);
  bytes.writeInt32LE(size + 1, 0);
  bytes.write(text, 4);
  bytes[size + 4] = 0;
  return bytes;
}

/** A document or array out of its elements. */
export function encodeElements(parts: readonly RawElement[]): Buffer {
  const pieces: Buffer[] = [Buffer.alloc(4)];
  for (const { type, name, value } of parts)
    pieces.push(Buffer.from([type]), Buffer.from(`${name}\0`), value);
  pieces.push(Buffer.alloc(1));
  const bytes = Buffer.concat(pieces);
  bytes.writeInt32LE(bytes.length, 0);
  return bytes;
}

/** What to do with an element: a new value, `null` to leave it out, `undefined` to keep it. */
export type ElementEdit = (element: RawElement) => Buffer | null | undefined;

/**
 * Edits by field name; `'*'` stands for every name that is not listed (the elements of an array). A nested object
 * goes into a document or array and leaves everything else alone; `string` is only asked for strings.
 */
export interface Edits {
  [name: string]: ElementEdit | Edits | undefined;
}

/** For strings only: the new text, or the same to keep the bytes. */
export function editString(change: (text: string) => string): ElementEdit {
  return (element) => {
    const text = stringValue(element);
    if (text === undefined) return undefined;
    const changed = change(text);
    return changed === text ? undefined : encodeString(changed);
  };
}

function applyEdit(edit: ElementEdit | Edits, element: RawElement): Buffer | null | undefined {
  if (typeof edit === 'function') return edit(element);
  if (!isDocument(element) && !isArray(element)) return undefined;
  const changed = editDocument(element.value, edit);
  return changed === element.value ? undefined : changed;
}

/** The document with the edits applied; the very same bytes object when nothing had to be changed. */
export function editDocument(document: Buffer, edits: Edits): Buffer {
  const walk = new ElementWalk(document);
  const pieces: Buffer[] = [];
  let kept = 4;
  while (walk.next()) {
    const name = walk.name;
    const edit = Object.hasOwn(edits, name) ? edits[name] : edits['*'];
    if (edit === undefined) continue;
    const changed = applyEdit(edit, { type: walk.type, name, value: walk.value });
    if (changed === undefined) continue;
    const headEnd = changed === null ? walk.nameStart - 1 : walk.valueStart;
    pieces.push(document.subarray(kept, headEnd));
    if (changed !== null) pieces.push(changed);
    kept = walk.valueEnd;
  }
  if (pieces.length === 0) return document;
  const bytes = Buffer.concat([Buffer.alloc(4), ...pieces, document.subarray(kept)]);
  bytes.writeInt32LE(bytes.length, 0);
  return bytes;
}

// The stored side of encoding: the fields of a sub-document with their names as bytes and in their order, and what a
// function was shown of them.
import { isDeepStrictEqual } from 'node:util';
import { BSON, type Document } from 'mongodb';
import { EncodeError } from './encodeScalar';
import { BsonType, document, element, elements, nameOf, valueOf } from './raw';
import type { RawValue } from './raw';

/** A document as the driver shows it. `lossy`: it holds text that is no UTF-8, for which the driver has no form. */
export function promote(raw: Buffer): { promoted: Document; lossy: boolean } {
  try {
    return { promoted: BSON.deserialize(raw), lossy: false };
  } catch {
    return { promoted: BSON.deserialize(raw, { validation: { utf8: false } }), lossy: true };
  }
}

/** A name that is no UTF-8 stays what it is. */
export function storedName(name: Buffer, { type, bytes }: RawValue): Buffer {
  return Buffer.concat([Buffer.from([type]), name, bytes]);
}

export interface StoredField {
  /** With its NUL. */
  name: Buffer;
  value: RawValue;
}

/** Whether names that are shown as the same stand for several fields. */
export function hasTwins(original: RawValue): boolean {
  const bytes = original.bytes as Buffer;
  const list = elements(bytes);
  return new Set(list.map((item) => nameOf(bytes, item))).size !== list.length;
}

/** Whether it is what the function was given, which then keeps its bytes. */
export function isAsShown(value: object, { bytes }: RawValue): boolean {
  return isDeepStrictEqual(value, BSON.deserialize(bytes, { validation: { utf8: false } }));
}

export function fieldsOf(original: RawValue, where: string): Map<string, StoredField> {
  const bytes = original.bytes as Buffer;
  const list = elements(bytes);
  const fields = new Map(
    list.map((item) => [
      nameOf(bytes, item),
      { name: bytes.subarray(item.start + 1, item.value), value: valueOf(bytes, item) },
    ]),
  );
  if (fields.size !== list.length) {
    throw new EncodeError(
      `${where || 'the document'} holds a field name twice, so it cannot be written back as it was read`,
    );
  }
  return fields;
}

/** JavaScript moves integer-like keys to the front; fields that were stored keep their stored order instead. */
export function entriesOf(value: object, original: RawValue | undefined): Iterable<[string, unknown]> {
  const entries = Object.entries(value);
  if (original?.type !== BsonType.object || !entries.some(([key]) => /^(0|[1-9]\d*)$/.test(key)))
    return entries;
  const bytes = original.bytes as Buffer;
  const order = new Map(elements(bytes).map((item, i) => [nameOf(bytes, item), i]));
  const known = entries.filter(([key]) => order.has(key));
  const added = entries.filter(([key]) => !order.has(key));
  return [...known.sort(([a], [b]) => order.get(a)! - order.get(b)!), ...added];
}

/** What the driver shows for a stored value. */
export function shownAs(value: RawValue): unknown {
  return BSON.deserialize(document([element('v', value)]))['v'];
}

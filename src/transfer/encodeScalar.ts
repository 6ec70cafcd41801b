// Single values as BSON: numbers, texts, dates and what only the driver's own encoder knows. A value that equals what
// was read keeps the stored bytes.
import { BSON } from 'mongodb';
import {
  BsonType,
  dateValue,
  document,
  element,
  elements,
  intValue,
  sameBytes,
  stringValue,
  valueOf,
} from './raw';
import type { RawValue } from './raw';

/** A value that cannot be stored as what it is; the message is for people. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
}

export function encodeNumber(
  value: number,
  original: RawValue | undefined,
  carriedType?: (value: number) => RawValue | undefined,
): RawValue {
  if (original && Object.is(numberOf(original), value)) return original;
  const carried = carriedType?.(value);
  if (carried) return carried;
  if (Number.isInteger(value) && !Object.is(value, -0) && value >= -0x80000000 && value <= 0x7fffffff) {
    return intValue(value);
  }
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value, 0);
  return { type: BsonType.double, bytes };
}

/** The number that the driver shows for a stored value, if it shows one. */
export function numberOf(value: RawValue): number | undefined {
  const bytes = value.bytes as Buffer;
  if (value.type === BsonType.double) return bytes.readDoubleLE(0);
  if (value.type === BsonType.int) return bytes.readInt32LE(0);
  if (value.type !== BsonType.long) return undefined;
  const long = bytes.readBigInt64LE(0);
  return long <= 0x1fffffffffffffn && long >= -0x1fffffffffffffn ? Number(long) : undefined;
}

export function encodeString(value: string, original: RawValue | undefined, where: string): RawValue {
  const encoded = stringValue(value);
  if (original?.type === BsonType.symbol && sameBytes(original.bytes, encoded.bytes)) return original;
  if (/\p{Surrogate}/u.test(value))
    throw new EncodeError(`${where} holds half of a surrogate pair, which is no valid text`);
  return encoded;
}

/** A text with signs that stand for bytes: it can only be what was read in this place, and keeps its bytes. */
export function encodeLossyString(value: string, original: RawValue | undefined, where: string): RawValue {
  if (original && isText(original) && textOf(original) === value) return original;
  throw new EncodeError(
    `${where} was made from text that is no valid UTF-8, of which the function sees only a part`,
  );
}

function isText({ type }: RawValue): boolean {
  return type === BsonType.string || type === BsonType.symbol;
}

function textOf({ bytes }: RawValue): string {
  return (bytes as Buffer).toString('utf8', 4, bytes.length - 1);
}

export function encodeBigint(value: bigint, where: string): RawValue {
  if (BigInt.asIntN(64, value) !== value)
    throw new EncodeError(`${where} is outside the range of a 64-bit integer`);
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64LE(value, 0);
  return { type: BsonType.long, bytes };
}

export function encodeDate(value: Date, original: RawValue | undefined, where: string): RawValue {
  const time = value.getTime();
  if (!Number.isNaN(time)) return dateValue(value);
  // A stored date beyond the range of JavaScript reads as an invalid Date and stays what it is.
  if (
    original?.type === BsonType.date &&
    Number.isNaN(new Date(Number((original.bytes as Buffer).readBigInt64LE(0))).getTime())
  ) {
    return original;
  }
  throw new EncodeError(`${where} is an invalid Date`);
}

export function twoInts(low: number, high: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeInt32LE(low | 0, 0);
  bytes.writeInt32LE(high | 0, 4);
  return bytes;
}

/** What the driver reads in a lossy way (regular expressions) is unchanged if it would be written the same way. */
export function encodeByDriver(value: unknown, original: RawValue | undefined): RawValue {
  const encoded = driverBytes(value);
  if (original && original.type === encoded.type && original.type === BsonType.regex) {
    const wrapped = document([element('v', original)]);
    const shown: unknown = BSON.deserialize(wrapped)['v'];
    if (sameBytes(driverBytes(shown).bytes, encoded.bytes)) return original;
  }
  return encoded;
}

function driverBytes(value: unknown): RawValue {
  const bytes = Buffer.from(BSON.serialize({ v: value }));
  return valueOf(bytes, elements(bytes)[0]!);
}

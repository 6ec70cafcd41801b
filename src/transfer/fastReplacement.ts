// A whole document as the answer of a transform, from JavaScript to bytes in one go, for documents of plain values.
// Unchanged values keep their stored bytes. Says undefined for everything that needs a closer look (moved parts, BSON
// classes, names like array positions), which takes the way of encode.ts; the results are the same
// (test/unit/transfer/fast.test.ts).
import { numberOf } from './encodeScalar';
import type { Shown } from './shown';
import { replacementSign } from './patch';
import { BsonType } from './raw';
import { Scan, idEnd, sameBytes } from './scan';
import { writeString } from './fastUpdate';
import { Arena, nameBytes, type RawWriter } from './writer';

const arena = new Arena();
const deepest = 24;
const scans = Array.from({ length: deepest }, () => new Scan());

/** Thrown through the levels: this document takes the other way. */
const other = Symbol('other way');

/** The new version, or undefined if it has to be worked out by encode.ts. */
export function fastReplacement(shown: Shown, output: object): Buffer | undefined {
  const writer = arena.open();
  const from = writer.at;
  try {
    const encoder = new Encoder(shown, writer);
    const version = encoder.document(output);
    if (version) return version;
  } catch (error) {
    if (error !== other) throw error;
  }
  writer.at = from;
  return undefined;
}

class Encoder {
  /** A number was written that no stored value of its place explains. */
  private madeNumber = false;

  constructor(
    private readonly shown: Shown,
    private readonly writer: RawWriter,
  ) {}

  document(output: object): Buffer | undefined {
    const { shown, writer } = this;
    const stored = scans[0]!.read(shown.raw);
    if (stored.mayHaveTwins()) return undefined;
    const begun = writer.at;
    const kept = this.fields(output, 0, true, output !== shown.promoted);
    // A number may have come from a field that is gone, with that field's type.
    if (this.madeNumber && kept < stored.count) return undefined;
    const version = writer.since(begun);
    const end = idEnd(shown.raw);
    if (end < 0 || idEnd(version) !== end || !sameBytes(version, 4, end, shown.raw, 4, end)) return undefined;
    return version;
  }

  /** Writes a document's fields beside the scan of its level; answers how many stored fields it met. */
  private fields(value: object, level: number, hasStored: boolean, isNew: boolean): number {
    const { writer } = this;
    const stored = scans[level]!;
    const begun = writer.begin();
    let kept = 0;
    let expected = 0;
    for (const key in value) {
      const inner = (value as Record<string, unknown>)[key];
      const first = key.charCodeAt(0);
      if (Number.isNaN(first) || (first >= 0x30 && first <= 0x39) || first === 0x24) throw other;
      const name = nameBytes(key);
      if (name.length - 1 !== key.length && key.includes('\0')) throw other;
      const place = hasStored ? placeOf(stored, name, expected) : -1;
      if (inner === undefined) {
        if (place >= 0 && stored.type(place) === BsonType.undefined) throw other;
        continue;
      }
      // A stored name that is no UTF-8 is shown with such a sign.
      if (place < 0 && key.includes(replacementSign)) throw other;
      if (place >= 0) {
        kept++;
        expected = place + 1;
      }
      this.element(name, inner, level, place, key, isNew);
    }
    writer.end(begun);
    return kept;
  }

  private element(
    name: Buffer,
    value: unknown,
    level: number,
    place: number,
    key: string,
    isNew: boolean,
  ): void {
    const { writer } = this;
    const typeAt = writer.at;
    writer.byte(0);
    writer.copy(name);
    // The value may need another buffer: which one is to be asked afterwards.
    const type = this.value(value, level, place, key, isNew);
    writer.buffer[typeAt] = type;
  }

  /** Writes a value; answers its type. */
  private value(value: unknown, level: number, place: number, key: string, isNew: boolean): number {
    const { writer } = this;
    const stored = scans[level]!;
    const type = place < 0 ? 0 : stored.type(place);
    switch (typeof value) {
      case 'string': {
        if (type === BsonType.symbol) throw other;
        const written = writeString(writer, value);
        if (written === undefined) throw other;
        return written;
      }
      case 'number':
        return this.number(value, stored, place);
      case 'boolean':
        writer.byte(value ? 1 : 0);
        return BsonType.bool;
      case 'object':
        if (value === null) return BsonType.null;
        return this.object(value, level, place, key, isNew);
      default:
        throw other;
    }
  }

  private number(value: number, stored: Scan, place: number): number {
    const { writer } = this;
    if (place >= 0) {
      const type = stored.type(place);
      const bytes = stored.buffer.subarray(stored.value[place], stored.end[place]);
      if (Object.is(numberOf({ type, bytes }), value)) {
        writer.copy(bytes);
        return type;
      }
    }
    if (Math.abs(value) > 0x7fffffff) throw other;
    this.madeNumber = true;
    writer.ensure(8);
    if (Number.isInteger(value) && !Object.is(value, -0)) {
      writer.at = writer.buffer.writeInt32LE(value, writer.at);
      return BsonType.int;
    }
    writer.at = writer.buffer.writeDoubleLE(value, writer.at);
    return BsonType.double;
  }

  private object(value: object, level: number, place: number, key: string, isNew: boolean): number {
    const { writer } = this;
    const stored = scans[level]!;
    const type = place < 0 ? 0 : stored.type(place);
    if (value instanceof Date) {
      const time = value.getTime();
      if (Number.isNaN(time)) throw other;
      writer.ensure(8);
      writer.at = writer.buffer.writeBigInt64LE(BigInt(time), writer.at);
      return BsonType.date;
    }
    const isArray = Array.isArray(value);
    if (!isArray && Object.getPrototypeOf(value) !== Object.prototype) return this.objectId(value);
    // A part of the stored document that stands somewhere else now is known by encode.ts.
    const isOwn = level === 0 && this.shown.first.some((part) => part.value === value && part.key === key);
    const made = !isOwn && (level === 0 || isNew);
    if (made && this.shown.origin(value)) throw other;
    if (level + 1 === deepest) throw other;
    const hasStored = type === (isArray ? BsonType.array : BsonType.object);
    if (hasStored && scans[level + 1]!.read(stored.buffer, stored.value[place]).mayHaveTwins()) throw other;
    if (isArray) this.items(value, level + 1, hasStored, made);
    else this.fields(value, level + 1, hasStored, made);
    return isArray ? BsonType.array : BsonType.object;
  }

  private items(value: readonly unknown[], level: number, hasStored: boolean, isNew: boolean): void {
    const { writer } = this;
    const stored = scans[level]!;
    const begun = writer.begin();
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      if (item === undefined) throw other;
      const place = hasStored && i < stored.count ? i : -1;
      const name = nameBytes(String(i));
      // Stored names that do not count up stay as they are, if nothing else changes.
      if (place >= 0 && !stored.hasName(place, name)) throw other;
      const before = this.madeNumber;
      this.madeNumber = false;
      this.element(name, item, level, place, '', isNew);
      // A number that moved inside the array keeps the type it has elsewhere in it.
      if (this.madeNumber && hasStored && typeof item === 'number') throw other;
      this.madeNumber ||= before;
    }
    writer.end(begun);
  }

  private objectId(value: object): number {
    const { _bsontype, id } = value as { _bsontype?: unknown; id?: unknown };
    if (_bsontype !== 'ObjectId' || !(id instanceof Uint8Array) || id.length !== 12) throw other;
    this.writer.copy(id);
    return BsonType.objectId;
  }
}

function placeOf(stored: Scan, name: Buffer, expected: number): number {
  if (expected < stored.count) {
    if (stored.hasName(expected, name)) return expected;
  }
  return stored.find(name);
}

const versions = new Scan();

/** Whether the server stores this version as it is when it comes as a plain replacement. */
export function isPlain(version: Buffer): boolean {
  versions.read(version);
  for (let i = 0; i < versions.count; i++) {
    if (version[versions.start[i]! + 1] === 0x24) return false;
    if (versions.type(i) === BsonType.timestamp && version.readBigInt64LE(versions.value[i]) === 0n)
      return false;
  }
  return true;
}

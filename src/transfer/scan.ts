// One document's elements as numbers in reused arrays: what raw.ts does with objects, for the paths that every
// document takes.
import { MalformedBson } from './raw';

export class Scan {
  buffer: Buffer = Buffer.alloc(0);
  count = 0;
  /** Offsets of each element: its type byte, its value, and where it ends. */
  start = new Int32Array(64);
  value = new Int32Array(64);
  end = new Int32Array(64);
  private hashes = new Int32Array(64);

  /** Looks at the document that begins at `offset`; the scan before is forgotten. */
  read(buffer: Buffer, offset = 0): this {
    const last = offset + int32(buffer, offset) - 1;
    if (last >= buffer.length || last < offset + 4)
      throw new MalformedBson('the length of the document is wrong');
    this.buffer = buffer;
    let count = 0;
    let at = offset + 4;
    while (at < last) {
      if (count === this.start.length) this.grow();
      let hash = 0;
      let value = at + 1;
      for (let byte = buffer[value]!; byte !== 0; byte = buffer[value]!) {
        hash = (hash * 31 + byte) | 0;
        value++;
        if (value >= last) throw new MalformedBson('a name in the document does not end');
      }
      value++;
      const end = endOf(buffer, buffer[at]!, value);
      if (end > last) throw new MalformedBson('a value in the document is cut off');
      this.start[count] = at;
      this.value[count] = value;
      this.end[count] = end;
      this.hashes[count] = hash;
      count++;
      at = end;
    }
    this.count = count;
    return this;
  }

  type(index: number): number {
    return this.buffer[this.start[index]!]!;
  }

  /** The number that a driver shows for the value, if it shows one. */
  number(index: number): number | undefined {
    const { buffer } = this;
    const at = this.value[index]!;
    switch (this.type(index)) {
      case 1:
        return buffer.readDoubleLE(at);
      case 16:
        return int32(buffer, at);
      case 18: {
        const long = int32(buffer, at + 4) * 0x1_0000_0000 + (int32(buffer, at) >>> 0);
        return Number.isSafeInteger(long) ? long : undefined;
      }
      default:
        return undefined;
    }
  }

  /** Position of the element of that name (with its NUL), or -1. */
  find(name: Uint8Array): number {
    const size = name.length;
    const { buffer } = this;
    next: for (let i = 0; i < this.count; i++) {
      const from = this.start[i]! + 1;
      if (this.value[i]! - from !== size) continue;
      for (let k = 0; k < size; k++) if (buffer[from + k] !== name[k]) continue next;
      return i;
    }
    return -1;
  }

  /** Whether two names may be the same (they have the same hash). */
  mayHaveTwins(): boolean {
    const { hashes, count } = this;
    if (count > 80) return new Set(hashes.subarray(0, count)).size < count;
    for (let i = 1; i < count; i++) {
      const hash = hashes[i];
      for (let k = 0; k < i; k++) if (hashes[k] === hash) return true;
    }
    return false;
  }

  sameName(i: number, other: Scan, k: number): boolean {
    if (this.hashes[i] !== other.hashes[k]) return false;
    return sameBytes(
      this.buffer,
      this.start[i]! + 1,
      this.value[i]!,
      other.buffer,
      other.start[k]! + 1,
      other.value[k]!,
    );
  }

  /** Type, name and value are the same bytes. */
  sameElement(i: number, other: Scan, k: number): boolean {
    return sameBytes(this.buffer, this.start[i]!, this.end[i]!, other.buffer, other.start[k]!, other.end[k]!);
  }

  /** @param name with its NUL. */
  hasName(i: number, name: Uint8Array): boolean {
    return sameBytes(this.buffer, this.start[i]! + 1, this.value[i]!, name, 0, name.length);
  }

  name(i: number): string {
    return this.buffer.toString('utf8', this.start[i]! + 1, this.value[i]! - 1);
  }

  private grow(): void {
    const larger = (old: Int32Array) => {
      const array = new Int32Array(old.length * 2);
      array.set(old);
      return array;
    };
    this.start = larger(this.start);
    this.value = larger(this.value);
    this.end = larger(this.end);
    this.hashes = larger(this.hashes);
  }
}

export function sameBytes(
  a: Uint8Array,
  from: number,
  to: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): boolean {
  const size = to - from;
  if (bTo - bFrom !== size) return false;
  if (size > 64) return Buffer.compare(a.subarray(from, to), b.subarray(bFrom, bTo)) === 0;
  for (let i = 0; i < size; i++) if (a[from + i] !== b[bFrom + i]) return false;
  return true;
}

export function int32(buffer: Uint8Array, at: number): number {
  return buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24);
}

function endOf(buffer: Buffer, type: number, at: number): number {
  switch (type) {
    case 2:
    case 13:
    case 14:
      return at + 4 + int32(buffer, at);
    case 16:
      return at + 4;
    case 1:
    case 9:
    case 17:
    case 18:
      return at + 8;
    case 3:
    case 4:
    case 15:
      return at + int32(buffer, at);
    case 7:
      return at + 12;
    case 8:
      return at + 1;
    case 6:
    case 10:
    case 127:
    case 255:
      return at;
    case 5:
      return at + 5 + int32(buffer, at);
    case 19:
      return at + 16;
    case 12:
      return at + 16 + int32(buffer, at);
    case 11:
      return buffer.indexOf(0, buffer.indexOf(0, at) + 1) + 1;
    default:
      throw new MalformedBson(`the document holds a value of the unknown BSON type ${type}`);
  }
}

/** The `_id` element of a stored document, which the server keeps in front: where it ends. */
export function idEnd(raw: Buffer): number {
  if (raw[5] !== 0x5f || raw[6] !== 0x69 || raw[7] !== 0x64 || raw[8] !== 0) return -1;
  return endOf(raw, raw[4]!, 9);
}

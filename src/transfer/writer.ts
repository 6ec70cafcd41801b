// Putting BSON together in one growing buffer: documents by the hundred thousand are not worth an object for each of
// their parts.
import type { RawValue } from './raw';

/** Bytes that are copied one by one: asking for a view of so few takes longer. */
const byHand = 160;

export class RawWriter {
  buffer: Buffer;
  /** Where the next byte goes. */
  at = 0;

  constructor(size = 64 * 1024) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  /** What has been written since `from`; a view. */
  since(from: number): Buffer {
    return this.buffer.subarray(from, this.at);
  }

  ensure(size: number): void {
    if (this.at + size <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.at + size));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }

  copy(source: Uint8Array, from = 0, to = source.length): void {
    const size = to - from;
    this.ensure(size);
    const target = this.buffer;
    let at = this.at;
    if (size < byHand) for (let i = from; i < to; i++) target[at++] = source[i]!;
    else target.set(from === 0 && to === source.length ? source : source.subarray(from, to), at);
    this.at += size;
  }

  byte(value: number): void {
    this.ensure(1);
    this.buffer[this.at++] = value;
  }

  int(value: number): void {
    this.ensure(4);
    putInt(this.buffer, this.at, value);
    this.at += 4;
  }

  /** Begins a document; the answer is what `end` needs. */
  begin(): number {
    this.ensure(4);
    this.at += 4;
    return this.at - 4;
  }

  end(begun: number): void {
    this.byte(0);
    putInt(this.buffer, begun, this.at - begun);
  }

  /** Type and name of an element; its value comes next. */
  name(type: number, name: string): void {
    this.named(type, nameBytes(name));
  }

  /** The same with the name as bytes, with its NUL. */
  named(type: number, name: Uint8Array): void {
    this.byte(type);
    this.copy(name);
  }

  element(name: string, value: RawValue): void {
    this.name(value.type, name);
    this.copy(value.bytes);
  }
}

function putInt(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = value;
  buffer[at + 1] = value >> 8;
  buffer[at + 2] = value >> 16;
  buffer[at + 3] = value >> 24;
}

const spare: RawWriter[] = [];
const mostSpare = 8;
const largestSpare = 12 * 1024 * 1024;

/** A writer whose buffer may have been used before: megabytes for each range would pile up until they are collected. */
export function borrowWriter(): RawWriter {
  return spare.pop() ?? new RawWriter();
}

/** Of what it has written nothing may be looked at any more. */
export function returnWriter(writer: RawWriter): void {
  if (spare.length >= mostSpare || writer.buffer.length > largestSpare) return;
  writer.at = 0;
  spare.push(writer);
}

/** Views that stay valid although much more is written: finished chunks are left to those who look at them. */
export class Arena {
  private readonly chunk = 1024 * 1024;
  private writer = new RawWriter(this.chunk);

  /** A writer with room for some more small things. */
  open(): RawWriter {
    if (this.writer.at > this.chunk - 16 * 1024) this.writer = new RawWriter(this.chunk);
    return this.writer;
  }
}

const names = new Map<string, Buffer>();
/** Names that are built from data must not fill the memory. */
const mostNames = 5000;

/** A name as BSON writes it, with its NUL. */
export function nameBytes(name: string): Buffer {
  let bytes = names.get(name);
  if (!bytes) {
    bytes = Buffer.from(`${name}\0`);
    if (names.size < mostNames) names.set(name, bytes);
  }
  return bytes;
}

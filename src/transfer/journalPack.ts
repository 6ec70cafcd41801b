// Documents as they were, and what was changed in them, packed one after the other into few Binaries: pre-images are
// most of what a transfer writes.
import type { RawList } from './command';
import type { Patch } from './patch';
import { decodePatch, encodePatch } from './patch';
import { binaryValue, document, element, elements, emptyDocument, idOf, valueOf, BsonType } from './raw';
import type { RawValue } from './raw';
import { RawWriter } from './writer';

/** One changed document. `before` is undefined where the run created it. */
export interface JournalEntry {
  id: RawValue;
  before: Buffer | undefined;
  patch: Patch;
}

/** An entry whose patch may be bytes already, or be written by the change that it belongs to. */
export type PackedEntry = Pick<JournalEntry, 'id' | 'before'> & {
  patch: Patch | Buffer;
  plain?: { patchSize: number; writePatch(writer: RawWriter): void };
};
/** An entry whose patch is decoded only where that is needed. */
export type LazyEntry = Pick<JournalEntry, 'id' | 'before'> & { patch: Buffer };

/** Bytes of one row's packed part; below the 16 MB of a document. */
export const partBytes = 12 * 1024 * 1024;

/** The entries as rows of a journal, in as many as they need; they go straight into the message. */
export function writeRows(
  rows: RawList,
  entries: readonly PackedEntry[],
  head: (part: number) => Record<string, RawValue>,
): void {
  const { writer } = rows;
  writer.ensure(sizeOf(entries) + 1024);
  const begin = (part: number) => {
    const begun = writer.begin();
    for (const [name, value] of Object.entries(head(part))) writer.element(name, value);
    return begun;
  };
  const begun = begin(0);
  writer.name(BsonType.binary, 'data');
  const from = writer.at + 5;
  writer.int(0);
  writer.byte(0);
  packInto(writer, entries);
  const size = writer.at - from;
  if (size <= partBytes) {
    writer.buffer.writeInt32LE(size, from - 5);
    writer.end(begun);
    rows.added();
    return;
  }
  const packed = Buffer.from(writer.since(from));
  writer.at = begun;
  for (let part = 0; part * partBytes < size; part++) {
    const started = begin(part);
    writer.element('data', binaryValue(packed.subarray(part * partBytes, (part + 1) * partBytes)));
    writer.end(started);
    rows.added();
  }
}

/** Each entry is the pre-image followed by its patch; a created document has its `_id` alone as a pre-image `{c: _id}`. */
export function pack(entries: readonly PackedEntry[]): Buffer {
  const writer = new RawWriter(sizeOf(entries));
  packInto(writer, entries);
  return writer.since(0);
}

function packInto(writer: RawWriter, entries: readonly PackedEntry[]): void {
  for (const entry of entries) {
    const { before, plain } = entry;
    writer.copy(before ?? document([element('c', entry.id)]));
    if (plain) {
      plain.writePatch(writer);
      continue;
    }
    const { patch } = entry;
    writer.copy(Buffer.isBuffer(patch) ? patch : encodePatch(patch));
  }
}

/** About how many bytes the entries take. */
function sizeOf(entries: readonly PackedEntry[]): number {
  let size = 64;
  for (const entry of entries) {
    const patch = entry.plain
      ? entry.plain.patchSize
      : Buffer.isBuffer(entry.patch)
        ? entry.patch.length
        : 64;
    size += (entry.before?.length ?? 32) + patch;
  }
  return size;
}

/** What `pack` put together. */
export function unpack(bytes: Buffer): JournalEntry[] {
  return unpackLazily(bytes).map((entry) => ({ ...entry, patch: decodePatch(entry.patch) }));
}

/** The same with the patches as bytes. */
export function unpackLazily(bytes: Buffer): LazyEntry[] {
  const entries: LazyEntry[] = [];
  let at = 0;
  const next = (): Buffer => {
    const part = bytes.subarray(at, at + bytes.readInt32LE(at));
    at += part.length;
    return part;
  };
  while (at < bytes.length) {
    const image = next();
    const patch = next();
    const created = image.length > emptyDocument.length && image[5] === 0x63 && image[6] === 0;
    if (created) {
      const first = elements(image)[0]!;
      entries.push({ id: valueOf(image, first), before: undefined, patch });
    } else entries.push({ id: idOf(image), before: image, patch });
  }
  return entries;
}

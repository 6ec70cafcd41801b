// Reading a change off two versions, and taking it back, for the documents that make up nearly all of a collection:
// top-level fields that changed, nobody else's writes. Answers undefined for the others, which patch.ts knows.
import { BsonType } from './raw';
import { Scan, sameBytes } from './scan';
import { Arena, type RawWriter } from './writer';

const arena = new Arena();
const a = new Scan();
const b = new Scan();
const p = new Scan();
const entry = new Scan();

/** The encoded patch between two versions; `null` if they are the same. */
export function fastDiff(before: Buffer, after: Buffer): Buffer | null | undefined {
  a.read(before);
  b.read(after);
  if (a.count > b.count || b.mayHaveTwins()) return undefined;
  const writer = arena.open();
  const from = writer.at;
  const begun = writer.begin();
  let touched = 0;
  for (let i = 0; i < b.count; i++) {
    if (i < a.count) {
      if (a.sameElement(i, b, i)) continue;
      const nested = a.type(i) === BsonType.object && b.type(i) === BsonType.object;
      if (nested || !a.sameName(i, b, i)) {
        writer.at = from;
        return undefined;
      }
    }
    writeTouched(writer, touched++, after, i);
  }
  return finished(writer, from, begun, touched);
}

/**
 * The same where of the version after the change only `_id` and the touched fields are known, in their order, and no
 * other field was touched.
 */
export function fastFieldsDiff(
  before: Buffer,
  part: Buffer,
  names: readonly Uint8Array[],
): Buffer | null | undefined {
  a.read(before);
  b.read(part);
  if (a.mayHaveTwins() || b.mayHaveTwins()) return undefined;
  // One that went has to be told with its place.
  for (const name of names) if (b.find(name) < 0 && a.find(name) >= 0) return undefined;
  const writer = arena.open();
  const from = writer.at;
  const begun = writer.begin();
  let touched = 0;
  for (let i = 1; i < b.count; i++) {
    const place = a.find(part.subarray(b.start[i]! + 1, b.value[i]));
    if (place >= 0 && a.sameElement(place, b, i)) continue;
    if (place >= 0 && a.type(place) === BsonType.object && b.type(i) === BsonType.object) {
      writer.at = from;
      return undefined;
    }
    writeTouched(writer, touched++, part, i);
  }
  return finished(writer, from, begun, touched);
}

/** The patch that was written; null, and nothing of it left, when nothing was touched. */
function finished(writer: RawWriter, from: number, begun: number, touched: number): Buffer | null {
  writer.end(begun);
  if (touched > 0) return writer.since(begun);
  writer.at = from;
  return null;
}

/** One entry of a patch: the field at this position of the version after the change. */
function writeTouched(writer: RawWriter, position: number, after: Buffer, i: number): void {
  writer.name(BsonType.object, String(position));
  const inner = writer.begin();
  writer.name(BsonType.string, 'p');
  writer.int(b.value[i]! - b.start[i]! - 1);
  writer.copy(after, b.start[i]! + 1, b.value[i]);
  writer.name(b.type(i), 'a');
  writer.copy(after, b.value[i], b.end[i]);
  writer.end(inner);
}

/** The version after the change; undefined if it touches more than top-level fields. */
export function fastApply(before: Buffer, encodedPatch: Buffer): Buffer | undefined {
  // Entries are numbered from 0; the forms for a whole document are not.
  if (encodedPatch[5] !== 0x30) return undefined;
  a.read(before);
  p.read(encodedPatch);
  if (a.count > touchedBefore.length) touchedBefore = new Uint8Array(a.count * 2);
  touchedBefore.fill(0, 0, a.count);
  for (let i = 0; i < p.count; i++) {
    entry.read(encodedPatch, p.value[i]);
    const where = entry.find(pathField);
    if (i > 254 || where < 0 || entry.type(where) !== BsonType.string) return undefined;
    const place = a.find(encodedPatch.subarray(entry.value[where]! + 4, entry.end[where]));
    if (place >= 0) touchedBefore[place] = i + 1;
  }
  const writer = arena.open();
  const begun = writer.begin();
  let written = 0;
  for (let i = 0; i < a.count; i++) {
    if (touchedBefore[i] === 0) continue;
    writer.copy(before, written || 4, a.start[i]);
    writeAfter(writer, encodedPatch, touchedBefore[i]! - 1);
    written = a.end[i]!;
  }
  writer.copy(before, written || 4, before.length - 1);
  for (let i = 0; i < p.count; i++)
    if (!touchedBefore.subarray(0, a.count).includes(i + 1)) writeAfter(writer, encodedPatch, i);
  writer.end(begun);
  return writer.since(begun);
}

function writeAfter(writer: RawWriter, encodedPatch: Buffer, position: number): void {
  entry.read(encodedPatch, p.value[position]);
  const where = entry.find(pathField);
  const after = entry.find(afterField);
  if (after < 0) return;
  writer.byte(entry.type(after));
  writer.copy(encodedPatch, entry.value[where]! + 4, entry.end[where]);
  writer.copy(encodedPatch, entry.value[after], entry.end[after]);
}

const pathField = Buffer.from('p\0');
const afterField = Buffer.from('a\0');
let touchedBefore = new Uint8Array(64);
let touchedNow = new Uint8Array(64);

/**
 * Whether the document is what the change made of it and nothing else, so that the old version can take its place as
 * it is. False where it is not, or where that is not easily seen.
 */
export function isJustChanged(before: Buffer, encodedPatch: Buffer, current: Buffer): boolean {
  a.read(before);
  b.read(current);
  if (a.mayHaveTwins() || b.mayHaveTwins()) return false;
  if (a.count > touchedBefore.length) touchedBefore = new Uint8Array(a.count * 2);
  if (b.count > touchedNow.length) touchedNow = new Uint8Array(b.count * 2);
  touchedBefore.fill(0, 0, a.count);
  touchedNow.fill(0, 0, b.count);
  // Entries are numbered from 0; the forms for a whole document are not.
  if (encodedPatch[5] !== 0x30) return false;
  p.read(encodedPatch);
  for (let i = 0; i < p.count; i++) if (!checkEntry(encodedPatch, p.value[i]!)) return false;
  let k = 0;
  for (let i = 0; i < a.count; i++) {
    if (touchedBefore[i] === 1) continue;
    while (k < b.count && touchedNow[k] === 1) k++;
    if (k === b.count || !a.sameElement(i, b, k)) return false;
    k++;
  }
  while (k < b.count && touchedNow[k] === 1) k++;
  return p.count > 0 && k === b.count;
}

/**
 * What takes a change back from a document that is just what the change made of it: `u` is the update that does it
 * field by field, undefined where the fields would not come to stand in their old order; the whole old version can
 * always take its place. Undefined where somebody else wrote to the document, or where that is not easily seen.
 */
export function fastUndo(
  before: Buffer,
  encodedPatch: Buffer,
  current: Buffer,
): { u: Buffer | undefined } | undefined {
  if (!isJustChanged(before, encodedPatch, current)) return undefined;
  return { u: keepsOrder() ? undoUpdate(before) : undefined };
}

/** Of the two versions that were looked at last: whether the change only replaced values and added fields. */
function keepsOrder(): boolean {
  let k = 0;
  for (let i = 0; i < a.count; i++) {
    // Added fields are passed over; all others stand where they stood.
    while (k < b.count && touchedNow[k] === 1 && !a.sameName(i, b, k)) k++;
    if (k === b.count || !a.sameName(i, b, k) || (touchedBefore[i] === 1 && isOddName(a, i))) return false;
    k++;
  }
  for (k = 0; k < b.count; k++) if (touchedNow[k] === 1 && isOddName(b, k)) return false;
  return true;
}

/** Not a name that an update operator takes for just this field. */
export function isOddName(scan: Scan, i: number): boolean {
  const [from, end] = [scan.start[i]! + 1, scan.value[i]! - 1];
  if (from === end || scan.buffer[from] === dollar) return true;
  // Also one beyond ASCII: it may be no UTF-8.
  for (let at = from; at < end; at++) if (scan.buffer[at] === dot || scan.buffer[at]! > 0x7f) return true;
  return scan.name(i) === '_id';
}

const dollar = 0x24;
const dot = 0x2e;

function undoUpdate(before: Buffer): Buffer {
  const writer = arena.open();
  const begun = writer.begin();
  if (touchedBefore.subarray(0, a.count).includes(1)) {
    writer.name(BsonType.object, '$set');
    const inner = writer.begin();
    for (let i = 0; i < a.count; i++) if (touchedBefore[i] === 1) writer.copy(before, a.start[i], a.end[i]);
    writer.end(inner);
  }
  writeUnset(writer);
  writer.end(begun);
  return writer.since(begun);
}

/** Removes what was not there before. */
function writeUnset(writer: RawWriter): void {
  let inner = -1;
  for (let k = 0; k < b.count; k++) {
    if (touchedNow[k] !== 1 || a.find(b.buffer.subarray(b.start[k]! + 1, b.value[k])) >= 0) continue;
    if (inner < 0) {
      writer.name(BsonType.object, '$unset');
      inner = writer.begin();
    }
    writer.byte(BsonType.null);
    writer.copy(b.buffer, b.start[k]! + 1, b.value[k]);
  }
  if (inner >= 0) writer.end(inner);
}

/** Marks a touched field in both versions, if the current one holds what the change wrote. */
function checkEntry(encodedPatch: Buffer, offset: number): boolean {
  entry.read(encodedPatch, offset);
  const where = entry.find(pathField);
  if (where < 0 || entry.type(where) !== BsonType.string) return false;
  const name = encodedPatch.subarray(entry.value[where]! + 4, entry.end[where]);
  const old = a.find(name);
  const now = b.find(name);
  const after = entry.find(afterField);
  if (old >= 0) touchedBefore[old] = 1;
  if (now >= 0) touchedNow[now] = 1;
  if (after < 0 || now < 0) return after < 0 && now < 0;
  if (entry.type(after) !== b.type(now)) return false;
  return sameBytes(
    encodedPatch,
    entry.value[after]!,
    entry.end[after]!,
    b.buffer,
    b.value[now]!,
    b.end[now]!,
  );
}

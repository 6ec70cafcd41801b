// What a simple update makes of a document, without asking the server for the result: plain $set and $unset, and whole
// replacements. Everything else is the server's to say.
import { diff, type Patch, type TouchedPath } from '../../transfer/patch';
import { hasTwins } from '../../transfer/patch';
import { overlapping, touchOf } from '../../transfer/interpret';
import {
  BsonType,
  bytesOf,
  document,
  element,
  elements,
  findElement,
  idOf,
  nameOf,
  valueOf,
} from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';

/** The patch of an existing document, or undefined where only the server knows. */
export function predict(before: Buffer, statement: Buffer): Patch | undefined {
  const u = findElement(statement, 'u');
  if (u?.type !== BsonType.object || findElement(statement, 'arrayFilters')) return undefined;
  const update = statement.subarray(u.value, u.end);
  const list = elements(update);
  const [first] = list;
  if (!first) return undefined;
  return nameOf(update, first).startsWith('$') ? operators(before, update) : replacement(before, update);
}

function operators(before: Buffer, update: Buffer): Patch | undefined {
  const touched: TouchedPath[] = [];
  for (const item of elements(update)) {
    const name = nameOf(update, item);
    // On a document that exists it does nothing.
    if (name === '$setOnInsert') continue;
    if ((name !== '$set' && name !== '$unset') || item.type !== BsonType.object) return undefined;
    const fields = update.subarray(item.value, item.end);
    for (const field of elements(fields)) {
      const path = nameOf(fields, field);
      const after = name === '$set' ? valueOf(fields, field) : undefined;
      if (path.includes('$') || path === '_id' || (after && isFilledIn(after))) return undefined;
      const touch = touchOf(before, path, after);
      if (touch === 'unknown') return undefined;
      if (touch) touched.push(touch);
    }
  }
  if (overlapping(touched) || hasTwins(before)) return undefined;
  return { kind: 'paths', touched };
}

/** The server writes the time into empty timestamps. */
function isFilledIn(value: RawValue): boolean {
  return value.type === BsonType.timestamp && (value.bytes as Buffer).readBigInt64LE(0) === 0n;
}

function replacement(before: Buffer, update: Buffer): Patch | undefined {
  const list = elements(update);
  if (list.some((item) => isFilledIn(valueOf(update, item)))) return undefined;
  const rest = list.filter((item) => nameOf(update, item) !== '_id').map((item) => bytesOf(update, item));
  return diff(before, document([element('_id', idOf(before)), ...rest]));
}

/** The document as an insert stores it, or undefined if the server writes a time into it. */
export function stored(inserted: Buffer): Buffer | undefined {
  const list = elements(inserted);
  if (list.some((item) => isFilledIn(valueOf(inserted, item)))) return undefined;
  const [first] = list;
  if (first && nameOf(inserted, first) === '_id') return inserted;
  const id = list.find((item) => nameOf(inserted, item) === '_id');
  if (!id) return undefined;
  return document([id, ...list.filter((item) => item !== id)].map((item) => bytesOf(inserted, item)));
}

export function isEmpty(patch: Patch): boolean {
  return patch.kind === 'paths' && patch.touched.length === 0;
}

// The update that takes a change of top-level fields back, made of these fields alone.
import { isOddName } from './fastPatch';
import { BsonType, sameBytes } from './raw';
import { Scan } from './scan';
import { Arena, nameBytes } from './writer';

const arena = new Arena();
const a = new Scan();
const b = new Scan();
const setName = nameBytes('$set');
const unsetName = nameBytes('$unset');

/**
 * @param before `_id` and the touched fields as they were, in their order; `made`: as the change made them; `now`: as
 * they are.
 * Undefined where somebody else wrote to them, or where they would not come to stand in their old order.
 */
export function undoOfFields(before: Buffer, made: Buffer, now: Buffer): Buffer | undefined {
  if (!sameBytes(made, now)) return undefined;
  a.read(before);
  b.read(made);
  if (a.mayHaveTwins() || b.mayHaveTwins() || !keepsOrder()) return undefined;
  const writer = arena.open();
  const begun = writer.begin();
  let inner = -1;
  // `_id` stands in front of both.
  for (let i = 1, k = 1; i < a.count; i++, k++) {
    while (!a.sameName(i, b, k)) k++;
    if (a.sameElement(i, b, k)) continue;
    if (inner < 0) {
      writer.named(BsonType.object, setName);
      inner = writer.begin();
    }
    writer.copy(before, a.start[i], a.end[i]);
  }
  if (inner >= 0) writer.end(inner);
  inner = -1;
  for (let i = 1, k = 1; k < b.count; k++) {
    if (i < a.count && a.sameName(i, b, k)) {
      i++;
      continue;
    }
    if (inner < 0) {
      writer.named(BsonType.object, unsetName);
      inner = writer.begin();
    }
    writer.byte(BsonType.null);
    writer.copy(made, b.start[k]! + 1, b.value[k]);
  }
  if (inner >= 0) writer.end(inner);
  writer.end(begun);
  return writer.since(begun);
}

/** Whether all that were there still are, in their order, under names that an operator takes for just this field. */
function keepsOrder(): boolean {
  let k = 1;
  for (let i = 1; i < a.count; i++, k++) {
    while (k < b.count && !a.sameName(i, b, k)) k++;
    if (k === b.count) return false;
  }
  for (k = 1; k < b.count; k++) if (isOddName(b, k)) return false;
  return b.count > 1 && a.count > 0 && a.sameElement(0, b, 0);
}

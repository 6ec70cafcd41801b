// Comparisons in queries stay within one kind of values; an index runs through all of them. Here neighbours of the
// `_id` index are put into groups that one comparison covers.
import { BsonType, idOf } from './raw';
import type { RawValue } from './raw';

const numbers = 'number';
/** Types whose values compare with each other in a query, and with no others. */
const comparable = new Map<number, string>([
  [BsonType.double, numbers],
  [BsonType.int, numbers],
  [BsonType.long, numbers],
  [BsonType.decimal, numbers],
  [BsonType.string, 'string'],
  [BsonType.object, 'object'],
  [BsonType.binary, 'binary'],
  [BsonType.objectId, 'objectId'],
  [BsonType.date, 'date'],
  [BsonType.timestamp, 'timestamp'],
]);

/** Runs of neighbouring `_id`s (in index order) that one comparison covers: first and last of each. */
export function groups(ids: readonly RawValue[]): [RawValue, RawValue][] {
  const found: [RawValue, RawValue][] = [];
  let open: string | undefined;
  for (const id of ids) {
    const kind = isNaNValue(id) ? undefined : comparable.get(id.type);
    if (kind !== undefined && kind === open) found[found.length - 1]![1] = id;
    else found.push([id, id]);
    open = kind;
  }
  return found;
}

/** The same of documents in index order: what lies between two `_id`s of a kind is of the same kind. */
export function groupsOf(documents: readonly Buffer[]): [RawValue, RawValue][] {
  const [first, last] = [documents[0], documents.at(-1)];
  const ends = first && last ? groups([first, last].map(idOf)) : [];
  return ends.length === 1 ? ends : groups(documents.map(idOf));
}

function isNaNValue({ type, bytes }: RawValue): boolean {
  if (type === BsonType.double) return Number.isNaN((bytes as Buffer).readDoubleLE(0));
  return type === BsonType.decimal && (bytes[15]! & 0x7c) === 0x7c;
}

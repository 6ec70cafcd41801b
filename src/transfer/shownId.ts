// An `_id` for people and for programs: as text in messages, and decoded with its BSON types kept.
import { BSON } from 'mongodb';
import { document, element } from './raw';
import type { RawValue } from './raw';

export function decoded(id: RawValue): unknown {
  return BSON.deserialize(document([element('_id', id)]), { promoteValues: false, bsonRegExp: true })[
    '_id'
  ] as unknown;
}

/** As in the shell where that is short: `42`, `"a"`, `ObjectId("…")`; Extended JSON otherwise. */
export function shown(id: RawValue): string {
  const value = BSON.deserialize(document([element('_id', id)]))['_id'] as unknown;
  if (value instanceof BSON.ObjectId) return `ObjectId("${value.toHexString()}")`;
  return BSON.EJSON.stringify(value, { relaxed: true });
}

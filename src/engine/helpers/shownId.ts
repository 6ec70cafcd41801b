// An `_id` in a sentence: as in the shell where that is short, canonical Extended JSON otherwise.
import { extendedJson } from '../documents';

export function shownId(id: unknown): string {
  if (typeof id === 'number' || typeof id === 'string') return JSON.stringify(id);
  const isObjectId = (id as { _bsontype?: string } | null)?._bsontype === 'ObjectId';
  return isObjectId ? `ObjectId("${String(id)}")` : JSON.stringify(extendedJson(id));
}

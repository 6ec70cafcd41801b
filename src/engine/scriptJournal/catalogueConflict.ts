// A conflict that concerns no document: a collection, an index, an option.
import type { Conflict } from '../../transfer/types';

export function conflict(collection: string, reason: string): Conflict {
  return { collection, id: null, reason, before: null, current: null };
}

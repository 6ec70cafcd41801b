// Documents on their way out of the engine: canonical Extended JSON, from decoded values or raw BSON.
import { BSON, type Document } from 'mongodb';
import type { EventBody } from '../protocol/events';
import type { Conflict } from '../transfer/types';

/**
 * Keeps every type: numbers stay Int32, Double and Long objects, binaries and expressions their classes. Text that is
 * no UTF-8, which servers take, is shown as well as it can be.
 */
const exact = { promoteValues: false, bsonRegExp: true, validation: { utf8: false } } as const;

/** Any value as plain JSON in canonical Extended JSON; what has no BSON form is given in words. */
export function extendedJson(value: unknown): unknown {
  try {
    return BSON.EJSON.serialize({ value }, { relaxed: false })['value'] as unknown;
  } catch {
    return String(value);
  }
}

/** The reverse of `extendedJson`, with all types kept. */
export function fromExtendedJson(value: unknown): unknown {
  return (BSON.EJSON.deserialize({ value }, { relaxed: false }) as Document)['value'] as unknown;
}

/**
 * An `_id` as people type it: Extended JSON, canonical or not; what is no JSON is a string that was typed without its
 * quotes. @returns canonical Extended JSON.
 */
export function idFromText(text: string): unknown {
  try {
    return extendedJson((BSON.EJSON.parse(`{"id":${text}}`, { relaxed: false }) as Document)['id']);
  } catch {
    return text;
  }
}

/** Type and value of anything decoded with all types kept, so that 1 and 1.0 are told apart; equal for equal bytes. */
export function keyOfValue(value: unknown): string {
  return Buffer.from(BSON.serialize({ value })).toString('latin1');
}

/** Decodes with all types kept, as needed for comparing and for Extended JSON. */
export function decodeExact(raw: Uint8Array): Document {
  return BSON.deserialize(raw, exact);
}

export function rawToExtendedJson(raw: Uint8Array | null): unknown {
  return raw === null ? null : extendedJson(decodeExact(raw));
}

export function conflictEvent(step: string, conflict: Conflict): EventBody {
  return {
    type: 'conflict',
    step,
    collection: conflict.collection,
    id: extendedJson(conflict.id),
    reason: conflict.reason,
    before: rawToExtendedJson(conflict.before),
    current: rawToExtendedJson(conflict.current),
  };
}

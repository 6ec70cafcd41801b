// Which documents a range has dealt with: their `_id`s, packed as bytes for its checkpoint.
import type { Binary } from 'mongodb';
import { idQuery, writeIdQuery } from './command';
import { idOf } from './raw';
import type { RawValue } from './raw';
import { RawWriter } from './writer';

/** The `_id`s of documents, as `{_id}` documents one after the other. */
export interface Handled {
  count: number;
  packed: Buffer;
}

export function idsOf(ids: readonly RawValue[]): Handled {
  return { count: ids.length, packed: Buffer.concat(ids.map(idQuery)) };
}

export function idsOfDocuments(documents: readonly Buffer[]): Handled {
  const writer = new RawWriter(documents.length * 24 + 64);
  for (const raw of documents) writeIdQuery(writer, raw);
  return { count: documents.length, packed: writer.since(0) };
}

export function unpackIds(packed: Binary): RawValue[] {
  const bytes = Buffer.from(packed.buffer.buffer, packed.buffer.byteOffset, packed.position);
  const ids: RawValue[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at))
    ids.push(idOf(bytes.subarray(at, at + bytes.readInt32LE(at))));
  return ids;
}

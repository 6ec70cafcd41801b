// Which documents a range has dealt with: their `_id`s, packed as bytes for its checkpoint.
import { createHash } from 'node:crypto';
import type { Binary } from 'mongodb';
import { writeIdQuery } from './command';
import { dataOf, idOf, keyOf } from './raw';
import type { RawValue } from './raw';
import { RawWriter } from './writer';

/** The `_id`s of documents, as `{_id}` documents one after the other. */
export interface Handled {
  count: number;
  packed: Buffer;
}

export function idsOf(ids: readonly RawValue[]): Handled {
  return packed(ids, (writer, id) => {
    const begun = writer.begin();
    writer.element('_id', id);
    writer.end(begun);
  });
}

export function idsOfDocuments(documents: readonly Buffer[]): Handled {
  return packed(documents, writeIdQuery);
}

function packed<T>(items: readonly T[], write: (writer: RawWriter, item: T) => void): Handled {
  const writer = new RawWriter(items.length * 24 + 64);
  for (const item of items) write(writer, item);
  return { count: items.length, packed: writer.since(0) };
}

/** Short enough to be kept in memory for every range. */
export function digestOf({ packed }: Handled): string {
  return createHash('sha256').update(packed).digest('base64');
}

/** What the checkpoints of a range know of its documents. */
export class HandledIds {
  private readonly packed: Buffer[];
  private keys: Set<string> | undefined;

  constructor(packed: readonly Binary[]) {
    this.packed = packed.map(dataOf);
  }

  has(id: RawValue): boolean {
    this.keys ??= new Set(this.packed.flatMap(unpackIds).map(keyOf));
    return this.keys.has(keyOf(id));
  }

  /** The `_id`s of those among `documents` (each `{_id}`, in index order) that were not dealt with. */
  missing(documents: readonly Buffer[]): RawValue[] {
    const [first] = this.packed;
    // Nearly always the range holds just what it held: the same bytes in the same order.
    let at = 0;
    let same = 0;
    for (const document of documents) {
      if (!first || at + document.length > first.length) break;
      if (document.compare(first, at, at + document.length) !== 0) break;
      at += document.length;
      same += 1;
    }
    return documents
      .slice(same)
      .map(idOf)
      .filter((id) => !this.has(id));
  }
}

function unpackIds(bytes: Buffer): RawValue[] {
  const ids: RawValue[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at))
    ids.push(idOf(bytes.subarray(at, at + bytes.readInt32LE(at))));
  return ids;
}

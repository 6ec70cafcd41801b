// What stands in the catalogue about a collection, as bytes: options, indexes and identity, so that they can be made
// again exactly as they were.
import { Binary, BSON, type Db, type Document } from 'mongodb';
import { speakable } from '../../transfer/command';
import { dataOf, document, element, findElement, objectValue, stringValue } from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { documentIn, textIn, valueIn, withElements } from './reply';

const simple = objectValue(document([element('locale', stringValue('simple'))]));

export interface CollectionInfo {
  raw: Buffer;
  /** `collection`, `view` or `timeseries`. */
  type: string;
  /** As bytes; of a view with `viewOn` and `pipeline`. */
  options: Buffer;
  uuid: string | undefined;
}

export async function infoOf(db: Db, collection: string): Promise<CollectionInfo | undefined> {
  const [info] = await infosOf(db, { name: collection });
  return info;
}

export async function infosOf(db: Db, filter: Document): Promise<(CollectionInfo & { name: string })[]> {
  const found = (await db.listCollections(filter, { raw: true } as never).toArray()) as unknown as Buffer[];
  return found.map((bytes) => {
    const raw = Buffer.from(bytes);
    const about = documentIn(raw, 'info');
    const uuid = about && valueIn(about, 'uuid');
    return {
      raw,
      name: textIn(raw, 'name') ?? '',
      type: textIn(raw, 'type') ?? 'collection',
      options: documentIn(raw, 'options') ?? Buffer.from(BSON.serialize({})),
      uuid: uuid && Buffer.from(uuid.bytes).toString('hex'),
    };
  });
}

/** The specifications of all indexes, by name; none for a collection that is not there. */
export async function indexesOf(db: Db, collection: string): Promise<Map<string, Buffer>> {
  try {
    const found = (await db
      .collection(collection)
      .listIndexes({ raw: true })
      .toArray()) as unknown as Buffer[];
    return new Map(found.map((raw) => [textIn(raw, 'name') ?? '', Buffer.from(raw)]));
  } catch (error) {
    // NamespaceNotFound; views have none.
    if ([26, 166].includes(Number((error as { code?: unknown }).code))) return new Map();
    throw error;
  }
}

/** Makes indexes again with everything that they had. */
export async function createAgain(db: Db, collection: string, specs: readonly Buffer[]): Promise<void> {
  if (specs.length === 0) return;
  const indexes = specs.map((spec) =>
    inCommand(withElements(spec, { ns: undefined, collation: collationOf(spec) })),
  );
  await db.command({ createIndexes: collection, indexes, writeConcern: { w: 'majority' } });
}

/** Bytes as a value that the driver writes as the same bytes, whatever the order of the names. */
/** An index without one would get the collection's. */
function collationOf(spec: Buffer): RawValue {
  return valueIn(spec, 'collation') ?? simple;
}

export function inCommand(raw: Buffer): unknown {
  return speakable(objectValue(raw));
}

export function kept(raw: Buffer): Binary {
  return new Binary(raw);
}

export function given(value: unknown): Buffer {
  return dataOf(value as Binary);
}

export function has(raw: Buffer, name: string): boolean {
  return findElement(raw, name) !== undefined;
}

export function sameRaw(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a && b ? a.equals(b) : a === b;
}

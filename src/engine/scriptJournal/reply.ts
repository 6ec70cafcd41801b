// Replies of the server as bytes: what the journal has to know of them, and putting several into one.
import {
  arrayValue,
  BsonType,
  bytesOf,
  document,
  element,
  elements,
  findElement,
  intValue,
  nameOf,
  objectValue,
  valueOf,
} from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';

export function valueIn(raw: Buffer, name: string): RawValue | undefined {
  const found = findElement(raw, name);
  return found && valueOf(raw, found);
}

/** The number of that name, of whatever type; true and false count as 1 and 0. */
export function numberIn(raw: Buffer, name: string): number | undefined {
  const value = valueIn(raw, name);
  if (!value) return undefined;
  const bytes = value.bytes as Buffer;
  switch (value.type) {
    case BsonType.int:
      return bytes.readInt32LE(0);
    case BsonType.long:
      return Number(bytes.readBigInt64LE(0));
    case BsonType.double:
      return bytes.readDoubleLE(0);
    case BsonType.bool:
      return bytes[0];
    default:
      return undefined;
  }
}

export function textIn(raw: Buffer, name: string): string | undefined {
  const value = valueIn(raw, name);
  return value?.type === BsonType.string
    ? (value.bytes as Buffer).toString('utf8', 4, value.bytes.length - 1)
    : undefined;
}

export function documentIn(raw: Buffer, name: string): Buffer | undefined {
  const value = valueIn(raw, name);
  return value?.type === BsonType.object || value?.type === BsonType.array
    ? (value.bytes as Buffer)
    : undefined;
}

/** The documents of an array of documents. */
export function listIn(raw: Buffer, name: string): Buffer[] {
  const list = documentIn(raw, name);
  return list ? elements(list).map((item) => list.subarray(item.value, item.end)) : [];
}

export function isOk(reply: Buffer): boolean {
  return numberIn(reply, 'ok') === 1;
}

export function hasLabel(reply: Buffer, label: string): boolean {
  const labels = documentIn(reply, 'errorLabels');
  if (!labels) return false;
  return elements(labels).some((item) => labels.toString('utf8', item.value + 4, item.end - 1) === label);
}

/** The first or next batch of a cursor. */
export function batchOf(reply: Buffer): { documents: Buffer[]; cursor: RawValue | undefined } {
  const cursor = documentIn(reply, 'cursor');
  if (!cursor) return { documents: [], cursor: undefined };
  const documents = listIn(cursor, findElement(cursor, 'firstBatch') ? 'firstBatch' : 'nextBatch');
  const id = valueIn(cursor, 'id');
  return { documents, cursor: id && (id.bytes as Buffer).readBigInt64LE(0) !== 0n ? id : undefined };
}

/** The document with other or more elements of these names; undefined takes one away. */
export function withElements(raw: Buffer, changes: Record<string, RawValue | undefined>): Buffer {
  const parts: Buffer[] = [];
  for (const item of elements(raw)) {
    if (!Object.hasOwn(changes, nameOf(raw, item))) parts.push(bytesOf(raw, item));
  }
  for (const [name, value] of Object.entries(changes)) if (value) parts.push(element(name, value));
  return document(parts);
}

const one: RawValue = { type: BsonType.double, bytes: Buffer.from([0, 0, 0, 0, 0, 0, 0xf0, 0x3f]) };

/** Sums the replies to the parts of one write command into the one that the whole would have got. */
export class WriteSum {
  n = 0;
  #modified = 0;
  #isUpdate = false;
  readonly #upserted: RawValue[] = [];
  readonly #errors: RawValue[] = [];
  readonly #failedAt = new Set<number>();
  #concern: RawValue | undefined;
  #times: Record<string, RawValue> = {};

  get failed(): boolean {
    return this.#errors.length > 0;
  }

  /** As the reply to a command that fails as a whole. */
  get firstError(): Buffer | undefined {
    const [error] = this.#errors;
    return (
      error &&
      withElements(error.bytes as Buffer, { index: undefined, ok: { ...one, bytes: Buffer.alloc(8) } })
    );
  }

  failedAt(position: number): boolean {
    return this.#failedAt.has(position);
  }

  /** @param positions of the statements of the part in the whole command. */
  add(reply: Buffer, positions: readonly number[]): void {
    this.n += numberIn(reply, 'n') ?? 0;
    const modified = numberIn(reply, 'nModified');
    if (modified !== undefined) this.modified(modified);
    for (const item of listIn(reply, 'upserted')) this.#upserted.push(moved(item, positions));
    this.addErrors(reply, positions);
    this.addTimes(reply);
  }

  modified(count: number): void {
    this.#isUpdate = true;
    this.#modified += count;
  }

  addErrors(reply: Buffer, positions: readonly number[]): void {
    for (const item of listIn(reply, 'writeErrors')) {
      this.#errors.push(moved(item, positions));
      this.#failedAt.add(positions[numberIn(item, 'index') ?? 0] ?? 0);
    }
  }

  /** The clocks, and what a commit says of its write concern. */
  addTimes(reply: Buffer): void {
    for (const name of ['operationTime', '$clusterTime']) {
      const value = valueIn(reply, name);
      if (value) this.#times[name] = value;
    }
    this.#concern = valueIn(reply, 'writeConcernError') ?? this.#concern;
  }

  reply(): Buffer {
    const parts = [element('n', intValue(this.n))];
    if (this.#upserted.length > 0) parts.push(element('upserted', arrayValue(this.#upserted)));
    if (this.#isUpdate) parts.push(element('nModified', intValue(this.#modified)));
    if (this.#errors.length > 0) parts.push(element('writeErrors', arrayValue(this.#errors)));
    if (this.#concern) parts.push(element('writeConcernError', this.#concern));
    parts.push(element('ok', one));
    for (const [name, value] of Object.entries(this.#times)) parts.push(element(name, value));
    return document(parts);
  }
}

function moved(item: Buffer, positions: readonly number[]): RawValue {
  const index = numberIn(item, 'index') ?? 0;
  const parts = elements(item).map((each) =>
    nameOf(item, each) === 'index'
      ? element('index', intValue(positions[index] ?? index))
      : bytesOf(item, each),
  );
  return objectValue(document(parts));
}

/** The document with another value at the place of one that it has. */
export function replaced(raw: Buffer, name: string, value: RawValue): Buffer {
  return document(
    elements(raw).map((item) => (nameOf(raw, item) === name ? element(name, value) : bytesOf(raw, item))),
  );
}

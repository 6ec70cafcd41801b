// The reply to a bulkWrite, put together from the replies to its parts.
import {
  BsonType,
  type RawElement,
  elementOf,
  elements,
  encodeElements,
  encodeString,
  isArray,
} from './rawBson';
import type { Part } from './bulkWrite';

/** Failures of one operation that a server tells of that operation, and not of the command. */
const ofOperations = new Set([
  2, 9, 14, 28, 34, 40, 52, 54, 55, 57, 66, 73, 121, 166, 11000, 17280, 17419, 40414, 40415,
]);

const counts = ['nErrors', 'nInserted', 'nMatched', 'nModified', 'nUpserted', 'nDeleted'] as const;
type Counts = Record<(typeof counts)[number], number>;

export class BulkReply {
  readonly #sums: Counts = { nErrors: 0, nInserted: 0, nMatched: 0, nModified: 0, nUpserted: 0, nDeleted: 0 };
  readonly #items = new Map<number, Buffer>();
  readonly #added = new Map<string, RawElement>();

  constructor(private readonly verbose: boolean) {}

  get failed(): boolean {
    return this.#sums.nErrors > 0;
  }

  /**
   * Takes the reply to a part. `again`: the part has to be sent in single operations; `answer`: the whole is to be
   * answered with the reply as it is.
   */
  add(part: Part, reply: Buffer, inTransaction: boolean): 'taken' | 'again' | 'answer' {
    for (const name of ['writeConcernError', 'operationTime', '$clusterTime']) {
      const element = elementOf(reply, name);
      if (element) this.#added.set(name, element);
    }
    if (numberOf(elementOf(reply, 'ok')) !== 1) {
      const code = numberOf(elementOf(reply, 'code')) ?? 0;
      if (inTransaction || !ofOperations.has(code) || elementOf(reply, 'errorLabels')) return 'answer';
      if (part.positions.length > 1) return 'again';
      this.#fail(part, 0, reply);
      return 'taken';
    }
    const failures = listOf(reply, 'writeErrors');
    const upserts = listOf(reply, 'upserted');
    this.#count(part, reply, upserts.length);
    const failed = new Set(failures.map(indexOf));
    for (const failure of failures) this.#fail(part, indexOf(failure), failure);
    if (this.verbose) this.#tell(part, reply, failed, upserts);
    return 'taken';
  }

  #count({ kind }: Part, reply: Buffer, upserted: number): void {
    const n = numberOf(elementOf(reply, 'n')) ?? 0;
    const sums = this.#sums;
    if (kind === 'insert') sums.nInserted += n;
    else if (kind === 'delete') sums.nDeleted += n;
    else {
      sums.nMatched += n - upserted;
      sums.nModified += numberOf(elementOf(reply, 'nModified')) ?? 0;
      sums.nUpserted += upserted;
    }
  }

  #fail(part: Part, index: number, failure: Buffer): void {
    this.#sums.nErrors += 1;
    const position = part.positions[index] ?? 0;
    const about = [...elements(failure)].filter(
      ({ name }) => !['index', 'ok', 'operationTime', '$clusterTime'].includes(name),
    );
    this.#items.set(
      position,
      encodeElements([
        double('ok', 0),
        int('idx', position),
        int('n', 0),
        ...(part.kind === 'update' ? [int('nModified', 0)] : []),
        ...about,
      ]),
    );
  }

  /** Successes: an insert counts for itself, other operations have come alone. */
  #tell(part: Part, reply: Buffer, failed: ReadonlySet<number>, upserts: readonly Buffer[]): void {
    const stop = failed.size > 0 ? Math.min(...failed) : Infinity;
    const done = numberOf(elementOf(reply, 'n')) ?? 0;
    for (const [index, position] of part.positions.entries()) {
      if (failed.has(index)) continue;
      if (part.kind === 'insert') {
        // An ordered insert ends at its first failure.
        if (index > stop && done <= stop) continue;
        this.#items.set(position, encodeElements([double('ok', 1), int('idx', position), int('n', 1)]));
        continue;
      }
      const modified = numberOf(elementOf(reply, 'nModified')) ?? 0;
      const id = upserts[0] && elementOf(upserts[0], '_id');
      this.#items.set(
        position,
        encodeElements([
          double('ok', 1),
          int('idx', position),
          int('n', done),
          ...(part.kind === 'update' ? [int('nModified', modified)] : []),
          ...(id ? [{ type: BsonType.document, name: 'upserted', value: encodeElements([id]) }] : []),
        ]),
      );
    }
  }

  whole(): Buffer {
    const items = [...this.#items].toSorted(([a], [b]) => a - b).map(([, value]) => value);
    const batch = items.map((value, i) => ({ type: BsonType.document, name: String(i), value }));
    const cursor = encodeElements([
      { type: BsonType.int64, name: 'id', value: Buffer.alloc(8) },
      { type: BsonType.array, name: 'firstBatch', value: encodeElements(batch) },
      { type: BsonType.string, name: 'ns', value: encodeString('admin.$cmd.bulkWrite') },
    ]);
    return encodeElements([
      { type: BsonType.document, name: 'cursor', value: cursor },
      ...counts.map((name) => int(name, this.#sums[name])),
      double('ok', 1),
      ...this.#added.values(),
    ]);
  }
}

/** Of a number of any type, or a boolean. */
export function numberOf(element: RawElement | undefined): number | undefined {
  switch (element?.type) {
    case BsonType.int32:
      return element.value.readInt32LE(0);
    case BsonType.int64:
      return Number(element.value.readBigInt64LE(0));
    case BsonType.double:
      return element.value.readDoubleLE(0);
    case BsonType.boolean:
      return element.value[0];
    default:
      return undefined;
  }
}

function indexOf(failure: Buffer): number {
  return numberOf(elementOf(failure, 'index')) ?? 0;
}

function listOf(reply: Buffer, name: string): Buffer[] {
  const list = elementOf(reply, name);
  return isArray(list) ? [...elements(list.value)].map(({ value }) => value) : [];
}

function int(name: string, number: number): RawElement {
  const value = Buffer.allocUnsafe(4);
  value.writeInt32LE(number, 0);
  return { type: BsonType.int32, name, value };
}

function double(name: string, number: number): RawElement {
  const value = Buffer.allocUnsafe(8);
  value.writeDoubleLE(number, 0);
  return { type: BsonType.double, name, value };
}

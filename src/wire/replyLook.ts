// The cheap look at replies: ok, code and counts out of the bytes, never a decoded document. Large batches are
// counted while they stream through, so that nothing has to be gathered.
import { BsonType, ElementWalk, countElements, elementOf } from './rawBson';

/** What the bytes of a reply tell. */
export interface ReplyLook {
  ok: boolean;
  code?: number;
  errmsg?: string;
  /** Inserted, matched or deleted, as the command's reply says; of findAndModify 0 or 1. */
  n?: number;
  nModified?: number;
  nUpserted?: number;
  nInserted?: number;
  nDeleted?: number;
  nMatched?: number;
  writeErrors?: number;
  /** Documents in this batch of a cursor; absent where the reply is none of a cursor. */
  batch?: number;
  /** The cursor's id as a decimal string, `0` when it is exhausted. */
  cursorId?: string;
}

const NUMBERS = new Set(['n', 'nModified', 'nUpserted', 'nInserted', 'nDeleted', 'nMatched'] as const);
type NumberName = typeof NUMBERS extends Set<infer Name> ? Name : never;

/** Looks at the body of a reply. */
export function lookAtBody(body: Buffer): ReplyLook {
  const look: ReplyLook = { ok: false };
  lookAtElements(new ElementWalk(body), look);
  return look;
}

function lookAtElements(walk: ElementWalk, look: ReplyLook): void {
  while (walk.next()) {
    const name = walk.name;
    if (name === 'ok') look.ok = walk.number === 1;
    else if (name === 'code') look.code = walk.number;
    else if (name === 'errmsg') look.errmsg = walk.string;
    else if (NUMBERS.has(name as NumberName)) look[name as NumberName] = walk.number;
    else if (name === 'upserted' && walk.type === BsonType.array) look.nUpserted = countElements(walk.value);
    else if (name === 'writeErrors' && walk.type === BsonType.array)
      look.writeErrors = countElements(walk.value);
    else if (name === 'cursor' && walk.type === BsonType.document) {
      lookAtCursor(new ElementWalk(walk.bytes, walk.valueStart), look);
    } else if (name === 'lastErrorObject' && walk.type === BsonType.document) {
      const n = elementOf(walk.value, 'n');
      if (n?.type === BsonType.int32) look.n = n.value.readInt32LE(0);
    }
  }
}

function lookAtCursor(walk: ElementWalk, look: ReplyLook): void {
  while (walk.next()) {
    const name = walk.name;
    if (name === 'id' && walk.type === BsonType.int64) {
      look.cursorId = walk.bytes.readBigInt64LE(walk.valueStart).toString();
    } else if ((name === 'firstBatch' || name === 'nextBatch') && walk.type === BsonType.array) {
      look.batch = countElements(walk.value);
    }
  }
}

/** Bytes of a message that `StreamedBatch.begin` wants to see at once. */
export const HEAD_NEEDED = 64;

const CURSOR = Buffer.from('\x03cursor\0');
const BATCHES = [Buffer.from('\x04firstBatch\0'), Buffer.from('\x04nextBatch\0')];

/** Counts a batch that arrives in pieces, and looks at what follows it. */
export class StreamedBatch {
  #position = 0;
  #count = 0;
  #counting = true;
  /** Where the next element of the batch begins. */
  #next: number;
  #previous: Buffer = Buffer.alloc(0);
  readonly #tail: Buffer[] = [];

  private constructor(
    start: number,
    readonly batchEnd: number,
    readonly cursorEnd: number,
  ) {
    this.#next = start + 4;
  }

  /** For a message that begins as servers begin cursors' replies, the batch first; else undefined. */
  static begin(head: Buffer): StreamedBatch | undefined {
    const cursorAt = 25;
    if (head.length < HEAD_NEEDED || head[20] !== 0) return undefined;
    if (CURSOR.compare(head, cursorAt, cursorAt + CURSOR.length) !== 0) return undefined;
    const cursorStart = cursorAt + CURSOR.length;
    const batchAt = cursorStart + 4;
    const name = BATCHES.find((name) => name.compare(head, batchAt, batchAt + name.length) === 0);
    if (!name) return undefined;
    const start = batchAt + name.length;
    const cursorEnd = cursorStart + head.readInt32LE(cursorStart);
    return new StreamedBatch(start, start + head.readInt32LE(start), cursorEnd);
  }

  /** The message's bytes in order, from its very first one. */
  add(piece: Buffer): void {
    const from = this.#position;
    const to = from + piece.length;
    while (this.#counting && this.#next < this.batchEnd - 1) {
      // An element is its type, its index as text, a zero byte and the document, which begins with its length.
      const lengthAt = this.#next + 2 + digits(this.#count);
      if (lengthAt + 4 > to) break;
      const length =
        lengthAt >= from ? piece.readInt32LE(lengthAt - from) : this.#acrossPieces(lengthAt, from, piece);
      if (length < 5) this.#counting = false;
      this.#next = lengthAt + length;
      this.#count += 1;
    }
    if (to > this.batchEnd) this.#tail.push(piece.subarray(Math.max(0, this.batchEnd - from)));
    this.#previous = piece.length >= 4 ? piece : Buffer.concat([this.#previous, piece]).subarray(-4);
    this.#position = to;
  }

  #acrossPieces(at: number, from: number, piece: Buffer): number {
    const before = this.#previous.subarray(this.#previous.length - (from - at));
    return Buffer.concat([before, piece.subarray(0, 4 - before.length)]).readInt32LE(0);
  }

  /** After the last piece. */
  look(): ReplyLook {
    const look: ReplyLook = { ok: false };
    const tail = Buffer.concat(this.#tail);
    const inCursor = this.cursorEnd - this.batchEnd;
    lookAtCursor(new ElementWalk(asDocument(tail.subarray(0, inCursor))), look);
    lookAtElements(new ElementWalk(asDocument(tail.subarray(inCursor))), look);
    if (this.#counting && this.#next === this.batchEnd - 1) look.batch = this.#count;
    return look;
  }
}

function asDocument(elementsAndZero: Buffer): Buffer {
  const document = Buffer.concat([Buffer.alloc(4), elementsAndZero]);
  document.writeInt32LE(document.length, 0);
  return document;
}

function digits(count: number): number {
  return count < 10 ? 1 : count < 100 ? 2 : count < 1000 ? 3 : count < 10_000 ? 4 : String(count).length;
}

/** Servers answer so once they are no primary any more, or are about to go. */
const NOT_PRIMARY = new Set([91, 189, 10058, 10107, 11600, 11602, 13435, 13436]);

export function saysNotPrimary(look: ReplyLook): boolean {
  return !look.ok && look.code !== undefined && NOT_PRIMARY.has(look.code);
}

// Framing of MongoDB's wire protocol: messages out of a byte stream, the sections of an OP_MSG, the legacy forms
// that only greetings still use. Knows nothing of commands.
import { BrokenBson, asBuffer } from './rawBson';
import type { DocumentSequence } from './door';

export const OpCode = { reply: 1, query: 2004, compressed: 2012, message: 2013 } as const;

/** Bits of an OP_MSG. */
export const MessageFlag = { checksum: 1, moreToCome: 2, exhaustAllowed: 1 << 16 } as const;

/** What servers say in hello as maxMessageSizeBytes; nothing longer is taken from either side. */
export const MAX_MESSAGE_SIZE = 48_000_000;

const HEADER = 16;

/** Thrown for bytes that are no message of the protocol; the connection is closed. */
export class BrokenMessage extends Error {
  override readonly name = 'BrokenMessage';
}

/** One whole message as the pieces it came in. */
export class Frame {
  readonly #pieces: Buffer[];
  constructor(
    pieces: Buffer[],
    readonly length: number,
  ) {
    this.#pieces = pieces;
  }
  get requestId(): number {
    return this.bytes.readInt32LE(4);
  }
  get responseTo(): number {
    return this.bytes.readInt32LE(8);
  }
  get opCode(): number {
    return this.bytes.readInt32LE(12);
  }
  /** The pieces as they came: what goes on unchanged needs no copy. */
  get pieces(): readonly Buffer[] {
    return this.#pieces;
  }
  /** At least the header, and everything there is in one piece so far. */
  get head(): Buffer {
    const first = this.#pieces[0] as Buffer;
    return first.length >= Math.min(this.length, 64) ? first : this.bytes;
  }
  /** The message in one piece; copied at most once. */
  get bytes(): Buffer {
    if (this.#pieces.length > 1) this.#pieces.splice(0, this.#pieces.length, Buffer.concat(this.#pieces));
    return this.#pieces[0] as Buffer;
  }
}

/** Checks the length field of the message that begins at `at`. */
export function messageLength(bytes: Buffer, at: number, limit = MAX_MESSAGE_SIZE): number {
  const length = bytes.readInt32LE(at);
  if (length < HEADER) throw new BrokenMessage(`a message cannot be ${length} bytes long`);
  if (length > limit) throw new BrokenMessage(`a message of ${length} bytes is longer than ${limit}`);
  return length;
}

/** Cuts a byte stream into whole messages, however it was chopped. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #gathered = 0;
  #length = 0;
  /** Longest message that is taken; the door keeps it small until a client is let in. */
  limit = MAX_MESSAGE_SIZE;

  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#length === 0) {
        if (this.#gathered + rest.length < 4) {
          this.#take(rest);
          break;
        }
        const start = this.#gathered === 0 ? rest : Buffer.concat([...this.#pieces, rest.subarray(0, 4)]);
        this.#length = messageLength(start, 0, this.limit);
      }
      const missing = this.#length - this.#gathered;
      this.#take(rest.subarray(0, missing));
      rest = rest.subarray(missing);
      if (this.#gathered === this.#length) {
        frames.push(new Frame(this.#pieces, this.#length));
        this.#pieces = [];
        this.#gathered = 0;
        this.#length = 0;
      }
    }
    return frames;
  }

  #take(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#gathered += piece.length;
  }
}

/** A kind 1 section: its identifier and the bytes of its documents one after the other. */
export interface RawSequence {
  identifier: string;
  bytes: Buffer;
}

/** An OP_MSG taken apart; everything is a view on the message. */
export interface MessageParts {
  flags: number;
  body: Buffer;
  sequences: RawSequence[];
}

export function flagsOf(head: Buffer): number {
  return head.readUInt32LE(HEADER);
}

/** The kind 0 section where it lies first and whole in `head`, as drivers send it. */
export function bodyAtOnce(head: Buffer): Buffer | undefined {
  if (head.length < 26 || head[20] !== 0) return undefined;
  const length = head.readInt32LE(21);
  return length >= 5 && 21 + length <= head.length ? head.subarray(21, 21 + length) : undefined;
}

export function parseMessage(bytes: Buffer): MessageParts {
  const flags = flagsOf(bytes);
  const end = bytes.length - ((flags & MessageFlag.checksum) === 0 ? 0 : 4);
  const parts: { body: Buffer | undefined; sequences: RawSequence[] } = { body: undefined, sequences: [] };
  let at = 20;
  while (at < end) {
    const kind = bytes[at];
    if (kind !== 0 && kind !== 1) throw new BrokenMessage(`a section of kind ${kind} is not known`);
    if (at + 5 > end) throw new BrokenMessage('a section is cut off');
    const length = bytes.readInt32LE(at + 1);
    const section = bytes.subarray(at + 1, at + 1 + length);
    if (length < 5 || at + 1 + length > end) throw new BrokenMessage('a section runs over its message');
    if (kind === 0) {
      if (parts.body) throw new BrokenMessage('a message has two bodies');
      parts.body = section;
    } else {
      const zero = section.indexOf(0, 4);
      if (zero < 0) throw new BrokenMessage('a section has no name');
      parts.sequences.push({
        identifier: section.toString('utf8', 4, zero),
        bytes: section.subarray(zero + 1),
      });
    }
    at += 1 + length;
  }
  if (!parts.body) throw new BrokenMessage('a message has no body');
  return { flags, body: parts.body, sequences: parts.sequences };
}

/** The documents that lie one after the other. */
export function splitDocuments(bytes: Buffer): Buffer[] {
  const documents: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = at + 4 <= bytes.length ? bytes.readInt32LE(at) : 0;
    if (length < 5 || at + length > bytes.length) throw new BrokenBson('a document is cut off');
    documents.push(bytes.subarray(at, at + length));
    at += length;
  }
  return documents;
}

/** A sequence as the hooks see it. */
export function documentsOf(sequence: RawSequence): DocumentSequence {
  return { identifier: sequence.identifier, documents: splitDocuments(sequence.bytes) };
}

export interface MessageIds {
  requestId: number;
  responseTo: number;
}

function header(length: number, ids: MessageIds, opCode: number): Buffer {
  const bytes = Buffer.allocUnsafe(20);
  bytes.writeInt32LE(length, 0);
  bytes.writeInt32LE(ids.requestId, 4);
  bytes.writeInt32LE(ids.responseTo, 8);
  bytes.writeInt32LE(opCode, 12);
  return bytes;
}

/** An OP_MSG without checksum, as pieces to be written one after the other. */
export function buildMessage(
  ids: MessageIds,
  parts: { flags?: number; body: Uint8Array; sequences?: readonly (RawSequence | DocumentSequence)[] },
): Buffer[] {
  const pieces: Buffer[] = [Buffer.from([0]), asBuffer(parts.body)];
  for (const sequence of parts.sequences ?? []) {
    const documents = 'bytes' in sequence ? [sequence.bytes] : runsOf(sequence.documents);
    const name = Buffer.from(`${sequence.identifier}\0`);
    const start = Buffer.from([1, 0, 0, 0, 0]);
    start.writeInt32LE(
      documents.reduce((sum, document) => sum + document.length, 4 + name.length),
      1,
    );
    pieces.push(start, name, ...documents);
  }
  const length = pieces.reduce((sum, piece) => sum + piece.length, 20);
  const head = header(length, ids, OpCode.message);
  head.writeUInt32LE(((parts.flags ?? 0) & ~MessageFlag.checksum) >>> 0, 16);
  pieces.unshift(head);
  return length <= COPIED ? [Buffer.concat(pieces, length)] : pieces;
}

/** Up to here a copy costs less than a system call for each piece. */
const COPIED = 64 * 1024;

/** Documents that lie one behind the other in memory, as they do when they came in a message, are one piece. */
function runsOf(documents: readonly Uint8Array[]): Buffer[] {
  const runs: Buffer[] = [];
  let start: Uint8Array | undefined;
  let end = 0;
  const close = (): void => {
    if (start) runs.push(Buffer.from(start.buffer, start.byteOffset, end - start.byteOffset));
  };
  for (const bytes of documents) {
    if (bytes.buffer !== start?.buffer || bytes.byteOffset !== end) {
      close();
      start = bytes;
    }
    end = bytes.byteOffset + bytes.length;
  }
  close();
  return runs;
}

/** The parts of a legacy OP_QUERY: what comes before the query document, the document, and the rest. */
export function parseQuery(bytes: Buffer): { collection: string; before: Buffer; query: Buffer } {
  const zero = bytes.indexOf(0, 20);
  const start = zero + 9;
  const length = zero > 0 && start + 4 <= bytes.length ? bytes.readInt32LE(start) : 0;
  if (length < 5 || start + length > bytes.length) throw new BrokenMessage('a query is cut off');
  return {
    collection: bytes.toString('utf8', 20, zero),
    before: bytes.subarray(16, start),
    query: bytes.subarray(start, start + length),
  };
}

/** An OP_QUERY with another document in the place of the one that it had. */
export function buildQuery(ids: MessageIds, before: Buffer, query: Buffer): Buffer[] {
  const head = header(HEADER + before.length + query.length, ids, OpCode.query).subarray(0, HEADER);
  return [head, before, query];
}

const REPLY_HEAD = HEADER + 20;

/** The one document of an OP_REPLY, as every answer to a command has it. */
export function replyDocument(bytes: Buffer): Buffer {
  const document = splitDocuments(bytes.subarray(REPLY_HEAD))[0];
  if (!document) throw new BrokenMessage('a reply without a document');
  return document;
}

/** An OP_REPLY with one document; `like` is a reply whose flags and cursor are taken over. */
export function buildReply(ids: MessageIds, document: Uint8Array, like?: Buffer): Buffer[] {
  const head = Buffer.alloc(REPLY_HEAD);
  header(REPLY_HEAD + document.length, ids, OpCode.reply).copy(head, 0, 0, HEADER);
  if (like) like.copy(head, HEADER, HEADER, REPLY_HEAD);
  head.writeInt32LE(1, 32);
  return [head, asBuffer(document)];
}

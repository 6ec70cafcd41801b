// The server's side of one socket of a script: sends requests, hands replies back in the order of the requests,
// and lets the bytes of a reply pass while they arrive.
import { type Socket, connect } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { isIP } from 'node:net';
import { BSON, type Document } from 'mongodb';
import type { DocumentSequence, UpstreamChannel } from './door';
import { engineLookup } from './ownSockets';
import {
  BrokenMessage,
  Frame,
  MessageFlag,
  OpCode,
  bodyAtOnce,
  buildMessage,
  flagsOf,
  messageLength,
  parseMessage,
} from './message';
import { HEAD_NEEDED, type ReplyLook, StreamedBatch } from './replyLook';

/** Who waits for the reply to a request. An exhaust request has several replies, `last` tells the last one. */
export interface ReplyTaker {
  /** A reply that was gathered, which is every one without `pass`. */
  whole(reply: Frame, last: boolean): void;
  /** Takes the bytes of a cursor's batch that comes in several pieces, as they arrive, and hears of its end. */
  pass?: { bytes(piece: Buffer): void; end(look: ReplyLook, last: boolean): void };
  lost(error: Error): void;
}

export interface UpstreamAddress {
  host: string;
  port: number;
  tls?: ConnectionOptions;
}

/** Drivers wait as long by default. */
const CONNECT_MS = 30_000;

/** Connects to the server; rejects as the socket does, or after 30 s. */
export async function connectUpstream(address: UpstreamAddress): Promise<Socket> {
  const { host, port, tls } = address;
  const to = host.startsWith('/') ? { path: host } : { host, port };
  const servername = isIP(host) === 0 && !host.startsWith('/') ? host : undefined;
  const own = { ...to, lookup: engineLookup };
  const socket = tls ? connectTls({ ...tls, servername, ...own }) : connect(own);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 120_000);
  socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error(`${host}:${port} did not answer`)));
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      socket.off('error', reject);
      socket.setTimeout(0);
      resolve();
    });
  });
  return socket;
}

/** One reply on its way. */
class Incoming {
  #missing: number;
  readonly #pieces: Buffer[] = [];
  readonly #batch: StreamedBatch | undefined;
  readonly #last: boolean;

  constructor(
    readonly taker: ReplyTaker,
    readonly length: number,
    head: Buffer,
  ) {
    this.#missing = length;
    this.#last = head.readInt32LE(12) !== OpCode.message || (flagsOf(head) & MessageFlag.moreToCome) === 0;
    if (taker.pass && head.length < length) this.#batch = StreamedBatch.begin(head);
  }

  get last(): boolean {
    return this.#last;
  }

  /** Takes what belongs to this reply and gives back the rest. */
  add(chunk: Buffer): Buffer {
    const piece = chunk.length > this.#missing ? chunk.subarray(0, this.#missing) : chunk;
    this.#missing -= piece.length;
    if (this.#batch) {
      this.taker.pass?.bytes(piece);
      this.#batch.add(piece);
    } else this.#pieces.push(piece);
    return chunk.length === piece.length ? EMPTY : chunk.subarray(piece.length);
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  end(): void {
    if (this.#batch) this.taker.pass?.end(this.#batch.look(), this.#last);
    else this.taker.whole(new Frame(this.#pieces, this.length), this.#last);
  }
}

const EMPTY = Buffer.alloc(0);

/** The body of an OP_MSG reply. */
export function bodyOf(frame: Frame): Buffer {
  return bodyAtOnce(frame.bytes) ?? parseMessage(frame.bytes).body;
}

export class Upstream implements UpstreamChannel {
  readonly #takers: ReplyTaker[] = [];
  #incoming: Incoming | undefined;
  #start: Buffer = EMPTY;
  #nextId = 1;
  #lost: Error | undefined;
  #corked = false;
  readonly #drained: (() => void)[] = [];

  constructor(
    readonly socket: Socket,
    /** Servers with the same key are the same server. */
    readonly key: string,
    onLost: () => void,
  ) {
    socket.on('data', (chunk: Buffer) => {
      try {
        this.#receive(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('drain', () => this.#releaseWriters());
    socket.on('error', (error) => (this.#lost ??= error));
    socket.on('close', () => {
      this.#lost ??= new Error('the connection to the server was closed');
      for (const taker of this.#takers.splice(0)) taker.lost(this.#lost);
      this.#releaseWriters();
      onLost();
    });
  }

  #releaseWriters(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #receive(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (!this.#incoming) {
        if (this.#start.length > 0) {
          rest = Buffer.concat([this.#start, rest]);
          this.#start = EMPTY;
        }
        // Enough to know the length, the flags and whether it is a cursor's reply.
        if (rest.length < 4 || rest.length < Math.min(messageLength(rest, 0), HEAD_NEEDED)) {
          this.#start = rest;
          return;
        }
        const taker = this.#takers[0];
        if (!taker) throw new BrokenMessage('the server sent a reply that nobody asked for');
        this.#incoming = new Incoming(taker, messageLength(rest, 0), rest);
      }
      rest = this.#incoming.add(rest);
      if (this.#incoming.complete) {
        const done = this.#incoming;
        this.#incoming = undefined;
        if (done.last) this.#takers.shift();
        done.end();
      }
    }
  }

  /** Sends a request whose replies go to `taker`. */
  request(pieces: readonly Buffer[], taker: ReplyTaker): void {
    if (this.#lost) {
      taker.lost(this.#lost);
      return;
    }
    this.#takers.push(taker);
    this.write(pieces);
  }

  /** Sends without waiting for a reply; true when the socket's buffer has room for more. */
  write(pieces: readonly Buffer[]): boolean {
    // What is sent back to back goes out together.
    if (!this.#corked) {
      this.#corked = true;
      this.socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.socket.uncork();
      });
    }
    let room = true;
    for (const piece of pieces) room = this.socket.write(piece);
    return room;
  }

  /** Resolves when the socket takes more, or is lost. */
  async drained(): Promise<void> {
    if (this.#lost || !this.socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  async sendRaw(body: Uint8Array, sequences: DocumentSequence[] = []): Promise<Uint8Array> {
    const ids = { requestId: this.#nextId++, responseTo: 0 };
    return await new Promise<Uint8Array>((resolve, reject) => {
      this.request(buildMessage(ids, { body, sequences }), {
        whole: (reply) => resolve(bodyOf(reply)),
        lost: reject,
      });
    });
  }

  async send(body: Document, sequences?: DocumentSequence[]): Promise<Document> {
    return BSON.deserialize(await this.sendRaw(BSON.serialize(body), sequences));
  }
}

// The script's side of a link: cuts what comes into requests, serves them one after the other, and holds either
// side back while the other does not keep up, so that memory stays flat. Knows nothing of what requests mean.
import type { Socket } from 'node:net';
import { type Frame, FrameReader, MAX_MESSAGE_SIZE, MessageFlag, OpCode, flagsOf } from './message';

/** A stranger may say this much, and has this long. */
const GREETING_BYTES = 64 * 1024;
const GREETING_MS = 10_000;
/** Requests that wait beyond this are left in the socket. */
const WAITING_BYTES = 1024 * 1024;

export interface ScriptSocketOwner {
  /** Serves one request; the next one comes when it has resolved. A rejection ends the socket. */
  serve(frame: Frame): Promise<void>;
  /** The script has closed its side; again when what it sent before is served. */
  left(): void;
  /** The socket is no more. */
  closed(): void;
}

export class ScriptSocket {
  readonly #socket: Socket;
  readonly #owner: ScriptSocketOwner;
  readonly #reader = new FrameReader();
  readonly #waiting: Frame[] = [];
  #waitingBytes = 0;
  #busy = false;
  #gone = false;
  #ending = false;
  #held: Socket | undefined;
  /** Requests that wait for no reply and are not served yet, and who wants to know when they are. */
  #unheard = 0;
  #listeners: (() => void)[] = [];

  constructor(socket: Socket, owner: ScriptSocketOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#reader.limit = GREETING_BYTES;
    socket.setNoDelay(true);
    socket.setTimeout(GREETING_MS, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('drain', () => this.#letGo());
    socket.on('end', () => this.#leave());
    socket.on('close', () => {
      this.#leave();
      this.#served(this.#unheard);
      owner.closed();
    });
  }

  /** The script has closed its side: nobody waits for replies any more. */
  get gone(): boolean {
    return this.#gone;
  }

  /** No request is being served, and none waits. */
  get idle(): boolean {
    return !this.#busy;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when everything is served that has arrived and waits for no reply. */
  heard(): Promise<void> {
    if (this.#unheard === 0) return Promise.resolve();
    return new Promise((resolve) => this.#listeners.push(resolve));
  }

  /** The client may stay, and say as much as a server takes. */
  admit(): void {
    this.#socket.setTimeout(0);
    this.#reader.limit = MAX_MESSAGE_SIZE;
  }

  destroy(): void {
    this.#gone = true;
    this.#ending = true;
    this.#socket.destroy();
  }

  /** Serves nothing more, lets what was written arrive, and closes; a request that is being served ends first. */
  end(): void {
    this.#ending = true;
    if (!this.#busy) this.endNow();
  }

  /** The same, but does not wait for the request that is being served. */
  endNow(): void {
    this.#ending = true;
    this.#waiting.length = 0;
    if (this.#socket.writableLength === 0) this.#socket.destroy();
    else this.#socket.destroySoon();
  }

  /** Writes a part of a reply; while the script does not read, nothing is read from `source`. */
  write(bytes: Buffer, source?: Socket): void {
    if (this.#gone || this.#socket.destroyed) return;
    if (this.#socket.write(bytes) || this.#held || !source) return;
    this.#held = source;
    source.pause();
  }

  #letGo(): void {
    this.#held?.resume();
    this.#held = undefined;
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#letGo();
    this.#owner.left();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) {
        this.#waiting.push(frame);
        this.#waitingBytes += frame.length;
        if (waitsForNoReply(frame)) this.#unheard += 1;
      }
    } catch {
      this.#socket.destroy();
      return;
    }
    if (this.#waitingBytes > WAITING_BYTES && this.#busy) this.#socket.pause();
    if (!this.#busy && this.#waiting.length > 0) void this.#serve();
  }

  async #serve(): Promise<void> {
    this.#busy = true;
    try {
      for (let frame = this.#next(); frame && !this.#ending; frame = this.#next()) {
        await this.#owner.serve(frame);
        if (this.#unheard > 0 && waitsForNoReply(frame)) this.#served(1);
      }
    } catch {
      // Bytes that are no message, or a server that is lost: for the script a network error either way.
      this.#ending = true;
    }
    this.#busy = false;
    if (this.#ending) this.endNow();
    if (this.#gone) this.#owner.left();
  }

  #served(count: number): void {
    this.#unheard -= count;
    if (this.#unheard > 0) return;
    for (const heard of this.#listeners.splice(0)) heard();
  }

  #next(): Frame | undefined {
    const frame = this.#waiting.shift();
    this.#waitingBytes -= frame?.length ?? 0;
    if (this.#socket.isPaused() && this.#waitingBytes <= WAITING_BYTES) this.#socket.resume();
    return frame;
  }
}

function waitsForNoReply({ head }: Frame): boolean {
  return head.readInt32LE(12) === OpCode.message && (flagsOf(head) & MessageFlag.moreToCome) !== 0;
}

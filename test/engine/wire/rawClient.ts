// A client that speaks the protocol by hand: for what no driver would send.
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { BSON, type Document } from 'mongodb';
import { type Frame, FrameReader, buildMessage, parseMessage } from '../../../src/wire/message';
import type { Door, DocumentSequence } from '../../../src/wire/door';

export class RawClient {
  readonly #reader = new FrameReader();
  readonly #replies: Frame[] = [];
  readonly #waiting: ((frame: Frame | undefined) => void)[] = [];
  #id = 100;
  closed = false;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#reader.push(chunk)) {
        const waiting = this.#waiting.shift();
        if (waiting) waiting(frame);
        else this.#replies.push(frame);
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.closed = true;
      for (const waiting of this.#waiting.splice(0)) waiting(undefined);
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Connected and let in. */
  static async admitted(door: Door): Promise<RawClient> {
    const client = await RawClient.connect(door.port);
    await client.command({ hello: 1, client: clientOf(door.token), $db: 'admin' });
    return client;
  }

  send(body: Document, options: { flags?: number; sequences?: DocumentSequence[] } = {}): number {
    const ids = { requestId: ++this.#id, responseTo: 0 };
    for (const piece of buildMessage(ids, { body: BSON.serialize(body), ...options }))
      this.socket.write(piece);
    return ids.requestId;
  }

  /** The next reply; undefined when the connection is closed instead. */
  async next(): Promise<Frame | undefined> {
    const there = this.#replies.shift();
    if (there || this.closed) return there;
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Sends and waits; undefined when the connection is closed instead. */
  async command(body: Document, sequences?: DocumentSequence[]): Promise<Document | undefined> {
    this.send(body, { sequences });
    const frame = await this.next();
    return frame && BSON.deserialize(parseMessage(frame.bytes).body);
  }
}

export function clientOf(appName: string): Document {
  return { application: { name: appName }, driver: { name: 'raw', version: '1' }, os: { type: 'Linux' } };
}

// One request of a script taken apart as far as the door needs it: a cheap look at the top of the body first,
// everything else (namespaces beyond the first, decoding) only when somebody asks.
import { BSON, type Document } from 'mongodb';
import type { CommandKind, DoorCommand, DocumentSequence, TouchedNamespace, UpstreamChannel } from './door';
import type { CommandSpec } from './commands';
import {
  type Frame,
  type MessageIds,
  MessageFlag,
  type RawSequence,
  bodyAtOnce,
  buildMessage,
  documentsOf,
  flagsOf,
  parseMessage,
} from './message';
import { isChangeStream } from './pipeline';
import { BrokenBson, BsonType, ElementWalk, type RawElement, asBuffer, elementOf, isArray } from './rawBson';
import { type Redirection, isServersOwn } from './redirection';
import type { CommandView } from './shapes';

/** Decoding that gives back the same bytes when it is encoded again. */
const FAITHFUL = { promoteValues: false, promoteLongs: false, bsonRegExp: true } as const;

/** An OP_MSG request. */
export class Request implements CommandView {
  readonly first: RawElement;
  readonly flags: number;
  body: Buffer;
  database = '';
  inTransaction = false;
  startsTransaction = false;
  #sequences: RawSequence[] | undefined;
  readonly #frame: Frame;
  #changed = false;

  constructor(frame: Frame) {
    this.#frame = frame;
    const head = frame.head;
    this.flags = flagsOf(head);
    const body = bodyAtOnce(head) ?? this.#parse().body;
    this.body = body;
    const walk = new ElementWalk(body);
    if (!walk.next()) throw new BrokenBson('an empty command');
    this.first = { type: walk.type, name: walk.name, value: walk.value };
    while (walk.next()) {
      const size = walk.nameEnd - walk.nameStart;
      // The first letters decide without making a string of every name.
      if (size === 3 && walk.bytes[walk.nameStart] === 0x24) {
        if (walk.name === '$db') this.database = walk.string ?? '';
      } else if (size === 10 && walk.type === BsonType.boolean && walk.name === 'autocommit') {
        this.inTransaction = walk.number === 0;
      } else if (size === 16 && walk.type === BsonType.boolean && walk.name === 'startTransaction') {
        this.startsTransaction = walk.number === 1;
      }
    }
  }

  get requestId(): number {
    return this.#frame.head.readInt32LE(4);
  }

  get unacknowledged(): boolean {
    return (this.flags & MessageFlag.moreToCome) !== 0;
  }

  #parse(): { body: Buffer; sequences: RawSequence[] } {
    const parts = parseMessage(this.#frame.bytes);
    this.#sequences = parts.sequences;
    return parts;
  }

  sequences(): RawSequence[] {
    return this.#sequences ?? this.#parse().sequences;
  }

  /** Whether the reply will begin a change stream. */
  get opensStream(): boolean {
    if (this.first.name !== 'aggregate') return false;
    const pipeline = elementOf(this.body, 'pipeline');
    return isArray(pipeline) && isChangeStream(pipeline.value);
  }

  /** The cursor that a getMore goes on with. */
  get cursor(): string | undefined {
    if (this.first.name !== 'getMore' || this.first.type !== BsonType.int64) return undefined;
    return this.first.value.readBigInt64LE(0).toString();
  }

  redirect(redirection: Redirection, spec: CommandSpec): void {
    this.#sequences = redirection.sequences(spec, this.sequences());
    this.replaceBody(redirection.body(spec, this.first.name, this.body));
  }

  replaceBody(body: Buffer): void {
    this.body = body;
    this.#changed = true;
  }

  /** What is sent to the server: the very bytes that came, unless something was changed. */
  get pieces(): readonly Buffer[] {
    if (!this.#changed) return this.#frame.pieces;
    const ids: MessageIds = { requestId: this.requestId, responseTo: 0 };
    return buildMessage(ids, { flags: this.flags, body: this.body, sequences: this.sequences() });
  }
}

/** What the hooks see of a request. Made before a redirection changes the request. */
export class ScriptCommand implements DoorCommand {
  readonly name: string;
  readonly kind: CommandKind;
  readonly database: string;
  readonly target: string;
  readonly collection?: string;
  readonly namespaces: TouchedNamespace[];
  readonly inTransaction: boolean;
  readonly startsTransaction: boolean;
  readonly unacknowledged: boolean;
  readonly #request: Request;
  readonly #asSent: { body: Buffer; sequences(): RawSequence[] };
  #body: Document | undefined;
  #raw: DoorCommand['raw'] | undefined;
  /** What `raw` was split from. */
  #split: RawSequence[] | undefined;

  constructor(
    request: Request,
    spec: CommandSpec,
    readonly socket: number,
    readonly upstream: UpstreamChannel,
    redirection: Redirection | undefined,
  ) {
    const target = (database: string): string => redirection?.target(database) ?? database;
    this.#request = request;
    const { body } = request;
    // A redirection replaces the sequences, so they are kept now; without one there is no need to look.
    const kept = redirection ? request.sequences() : undefined;
    this.#asSent = { body, sequences: () => kept ?? request.sequences() };
    this.name = request.first.name;
    this.namespaces = spec.shape.touched(request, spec.access).map(({ database, collection, access }) => {
      const name = database ?? request.database;
      return { database: name, target: target(name), collection, access };
    });
    const first = this.namespaces[0];
    // Renames and bulk writes are sent to admin and mean other databases.
    this.database = first && isServersOwn(request.database) ? first.database : request.database;
    this.target = target(this.database);
    this.collection = first?.collection;
    const writes = this.namespaces.some((namespace) => namespace.access === 'write');
    this.kind = spec.kind === 'read' && writes ? 'write' : spec.kind;
    this.inTransaction = request.inTransaction;
    this.startsTransaction = request.startsTransaction;
    this.unacknowledged = request.unacknowledged;
  }

  get body(): Document {
    this.#body ??= this.#decode();
    return this.#body;
  }

  #decode(): Document {
    const sent = this.#asSent;
    return decodeCommand(sent.body, sent.sequences().map(documentsOf));
  }

  get raw(): DoorCommand['raw'] {
    const { body } = this.#request;
    const sequences = this.#request.sequences();
    // A redirection may have come in between.
    if (this.#raw?.body !== body || this.#split !== sequences)
      this.#raw = { body, sequences: sequences.map(documentsOf) };
    this.#split = sequences;
    return this.#raw;
  }

  get lsid(): Document | undefined {
    const lsid = elementOf(this.#asSent.body, 'lsid');
    return lsid && BSON.deserialize(lsid.value, FAITHFUL);
  }

  get txnNumber(): unknown {
    const number = elementOf(this.#asSent.body, 'txnNumber');
    return number?.type === BsonType.int64
      ? BSON.Long.fromBigInt(asBuffer(number.value).readBigInt64LE(0))
      : undefined;
  }
}

/** The whole command with its types kept, sections as arrays. */
export function decodeCommand(bytes: Buffer, sequences: readonly DocumentSequence[]): Document {
  const body = BSON.deserialize(bytes, FAITHFUL);
  for (const { identifier, documents } of sequences)
    body[identifier] = documents.map((raw) => BSON.deserialize(raw, FAITHFUL));
  return body;
}

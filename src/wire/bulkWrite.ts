// The bulkWrite command of MongoDB 8, carried out as the inserts, updates and deletes that it is made of: every hook sees
// commands that it knows (journal, dry run, progress), and servers that do not know bulkWrite can do it too.
import type { CommandKind, DoorCommand, DocumentSequence, UpstreamChannel } from './door';
import {
  BsonType,
  type RawElement,
  asBuffer,
  elementOf,
  elements,
  encodeElements,
  encodeString,
  isArray,
  isDocument,
} from './rawBson';
import { BulkReply, numberOf } from './bulkReply';
import { decodeCommand } from './command';

export type PartKind = 'insert' | 'update' | 'delete';

/** Operations of one kind on one collection that follow each other. */
export interface Part {
  kind: PartKind;
  namespace: number;
  /** Their positions in the command. */
  positions: number[];
  documents: Buffer[];
}

const lists = { insert: 'documents', update: 'updates', delete: 'deletes' } as const;
const names: Record<PartKind, Record<string, string>> = {
  insert: {},
  update: {
    filter: 'q',
    updateMods: 'u',
    multi: 'multi',
    upsert: 'upsert',
    arrayFilters: 'arrayFilters',
    collation: 'collation',
    hint: 'hint',
    constants: 'c',
    sort: 'sort',
  },
  delete: { filter: 'q', collation: 'collation', hint: 'hint' },
};
/** What a part says as the whole does. */
const shared = ['ordered', 'comment', 'maxTimeMS', 'lsid', 'txnNumber', 'autocommit', '$clusterTime'];
const sharedWith: Record<PartKind, string[]> = {
  insert: [...shared, 'bypassDocumentValidation'],
  update: [...shared, 'bypassDocumentValidation', 'let'],
  delete: [...shared, 'let'],
};

/** A command that no server would take. */
export class BadBulk extends Error {
  override readonly name = 'BadBulk';
  constructor(
    message: string,
    readonly code = 9,
  ) {
    super(message);
  }
}

/** What has come of a command so far, so that one that is sent again goes on where it was. */
export interface BulkState {
  reply: BulkReply;
  queue: Part[];
}

export class BulkWrite {
  readonly #body: Buffer;
  readonly #infos: Buffer[];
  readonly ordered: boolean;
  /** Each operation has to be told for itself. */
  readonly #verbose: boolean;

  constructor(readonly command: DoorCommand) {
    this.#body = asBuffer(command.raw.body);
    this.#infos = this.#list('nsInfo');
    this.ordered = numberOf(elementOf(this.#body, 'ordered')) !== 0;
    this.#verbose = numberOf(elementOf(this.#body, 'errorsOnly')) !== 1;
  }

  begin(): BulkState {
    const queue: Part[] = [];
    for (const [position, op] of this.#list('ops').entries()) this.#add(queue, op, position);
    return { reply: new BulkReply(this.#verbose), queue };
  }

  #list(name: string): Buffer[] {
    const inline = elementOf(this.#body, name);
    if (isArray(inline)) return [...elements(inline.value)].map(({ value }) => value);
    const sequence = this.command.raw.sequences.find(({ identifier }) => identifier === name);
    if (!sequence) throw new BadBulk(`BSON field 'bulkWrite.${name}' is missing but a required field`, 40414);
    return sequence.documents.map(asBuffer);
  }

  #add(queue: Part[], op: Buffer, position: number): void {
    const first = elements(op).next().value as RawElement | undefined;
    const kind = first?.name as PartKind;
    const namespace = numberOf(first) ?? -1;
    if (!first || !(kind in lists)) throw new BadBulk('bulkWrite takes inserts, updates and deletes');
    if (!this.#infos[namespace]) throw new BadBulk(`BulkWrite ops entry has an invalid nsInfo index`, 2);
    const document = kind === 'insert' ? inserted(op) : statementOf(kind, op);
    const last = queue.at(-1);
    // A reply has one count for all updates of a command.
    const alone = this.#verbose && kind !== 'insert';
    if (last && last.kind === kind && last.namespace === namespace && !alone) {
      last.positions.push(position);
      last.documents.push(document);
    } else queue.push({ kind, namespace, positions: [position], documents: [document] });
  }

  /** The part as a command of its own. */
  partCommand(part: Part, first: boolean): DoorCommand {
    const { command } = this;
    const namespace = command.namespaces[part.namespace]!;
    const body = this.#partBody(part, first);
    const sequences = [{ identifier: lists[part.kind], documents: part.documents }];
    return new PartCommand(command, part.kind, { ...namespace, access: 'write' }, first, { body, sequences });
  }

  #partBody({ kind, namespace, positions }: Part, first: boolean): Buffer {
    const { target, collection = '' } = this.command.namespaces[namespace]!;
    const { inTransaction, unacknowledged } = this.command;
    const wanted = new Set(sharedWith[kind]);
    if (!unacknowledged) wanted.add('writeConcern');
    if (inTransaction && first) for (const name of ['startTransaction', 'readConcern']) wanted.add(name);
    const kept = [...elements(this.#body)].filter(({ name }) => wanted.has(name));
    const info = [...elements(this.#infos[namespace]!)].filter(({ name }) => name !== 'ns');
    const retried = elementOf(this.#body, 'txnNumber') && !inTransaction;
    return encodeElements([
      { type: BsonType.string, name: kind, value: encodeString(collection) },
      ...kept,
      ...info,
      // All parts have the same number, so the server tells them apart by these.
      ...(retried ? [{ type: BsonType.array, name: 'stmtIds', value: intList(positions) }] : []),
      { type: BsonType.string, name: '$db', value: encodeString(target) },
    ]);
  }
}

class PartCommand implements DoorCommand {
  readonly kind: CommandKind = 'write';
  readonly namespaces: DoorCommand['namespaces'];
  readonly database: string;
  readonly target: string;
  readonly collection: string | undefined;
  readonly inTransaction: boolean;
  readonly startsTransaction: boolean;
  readonly unacknowledged: boolean;
  readonly socket: number;
  readonly upstream: UpstreamChannel;
  #body: DoorCommand['body'] | undefined;

  constructor(
    private readonly whole: DoorCommand,
    readonly name: PartKind,
    namespace: DoorCommand['namespaces'][number],
    first: boolean,
    readonly raw: { body: Buffer; sequences: DocumentSequence[] },
  ) {
    this.namespaces = [namespace];
    this.database = namespace.database;
    this.target = namespace.target;
    this.collection = namespace.collection;
    this.inTransaction = whole.inTransaction;
    this.startsTransaction = whole.startsTransaction && first;
    this.unacknowledged = whole.unacknowledged;
    this.socket = whole.socket;
    this.upstream = whole.upstream;
  }

  get body(): DoorCommand['body'] {
    this.#body ??= decodeCommand(this.raw.body, this.raw.sequences);
    return this.#body;
  }

  get lsid(): DoorCommand['lsid'] {
    return this.whole.lsid;
  }

  get txnNumber(): unknown {
    return this.whole.txnNumber;
  }
}

function inserted(op: Buffer): Buffer {
  const document = elementOf(op, 'document');
  if (!isDocument(document)) throw new BadBulk('an insert of bulkWrite has no document');
  return document.value;
}

function statementOf(kind: 'update' | 'delete', op: Buffer): Buffer {
  const parts: RawElement[] = [];
  let multi = false;
  for (const element of elements(op)) {
    if (element.name === kind) continue;
    if (element.name === 'multi' && kind === 'delete') {
      multi = numberOf(element) === 1;
      continue;
    }
    const name = names[kind][element.name];
    if (!name) throw new BadBulk(`BSON field 'bulkWrite.ops.${element.name}' is an unknown field.`, 40415);
    parts.push({ ...element, name });
  }
  if (kind === 'delete') parts.push({ type: BsonType.int32, name: 'limit', value: int(multi ? 0 : 1) });
  return encodeElements(parts);
}

function intList(numbers: readonly number[]): Buffer {
  return encodeElements(
    numbers.map((number, i) => ({ type: BsonType.int32, name: String(i), value: int(number) })),
  );
}

function int(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32LE(number, 0);
  return bytes;
}

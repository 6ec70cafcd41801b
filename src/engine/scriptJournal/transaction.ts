// A transaction on the script's own connection to the server: ours around one command, or the script's own into which
// the journal goes along. Commands that are sent without waiting in between go back to back.
import { randomBytes } from 'node:crypto';
import type { UpstreamChannel } from '../../wire/door';
import {
  boolValue,
  BsonType,
  document,
  element,
  elements,
  nameOf,
  bytesOf,
  objectValue,
  stringValue,
} from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { hangUp } from './failures';
import { valueIn } from './reply';

/** What a command of the script says about its session, and what our own commands have to say instead. */
const sessionFields = new Set([
  'lsid',
  'txnNumber',
  'autocommit',
  'startTransaction',
  'readConcern',
  'writeConcern',
  '$readPreference',
  '$db',
  'stmtId',
  'stmtIds',
]);

/** The command without what it says about its session, and without `list`. */
export function bare(body: Buffer, list?: string): Buffer[] {
  const parts: Buffer[] = [];
  for (const item of elements(body)) {
    const name = nameOf(body, item);
    if (!sessionFields.has(name) && name !== list) parts.push(bytesOf(body, item));
  }
  return parts;
}

const snapshot = objectValue(document([element('level', stringValue('snapshot'))]));
const majority = objectValue(document([element('w', stringValue('majority'))]));

function longValue(number: bigint): RawValue {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(number);
  return { type: BsonType.long, bytes };
}

/** A session of ours, for the commands of one socket of the script. */
export class OwnSession {
  readonly id: Buffer;
  readonly lsid: RawValue;
  #number = 0n;

  constructor() {
    this.id = randomBytes(16);
    // Version 4, variant 1, as the server expects of a UUID.
    this.id[6] = (this.id[6]! & 0x0f) | 0x40;
    this.id[8] = (this.id[8]! & 0x3f) | 0x80;
    const bytes = Buffer.concat([Buffer.from([16, 0, 0, 0, 4]), this.id]);
    this.lsid = objectValue(document([element('id', { type: BsonType.binary, bytes })]));
  }

  begin(upstream: UpstreamChannel): Transaction {
    this.#number += 1n;
    return new Transaction(upstream, this.lsid, longValue(this.#number), { readConcern: snapshot });
  }
}

export class Transaction {
  #first: { readConcern: RawValue | undefined } | undefined;

  constructor(
    private readonly upstream: UpstreamChannel,
    readonly lsid: RawValue,
    readonly number: RawValue,
    begin: { readConcern: RawValue | undefined } | undefined,
  ) {
    this.#first = begin;
  }

  /** The transaction that the script has opened by itself. */
  static ofScript(upstream: UpstreamChannel, body: Buffer, begins: boolean): Transaction {
    const lsid = valueIn(body, 'lsid');
    const number = valueIn(body, 'txnNumber');
    if (!lsid || !number) throw new Error('a command of a transaction names no session');
    return new Transaction(
      upstream,
      lsid,
      number,
      begins ? { readConcern: valueIn(body, 'readConcern') } : undefined,
    );
  }

  /** Sends a command; nothing that its caller does before the reply comes can get in front of it. */
  async send(
    database: string,
    parts: readonly Buffer[],
    sequence?: { identifier: string; documents: readonly Buffer[] },
  ): Promise<Buffer> {
    const first = this.#first;
    this.#first = undefined;
    const body = document([
      ...parts,
      element('lsid', this.lsid),
      element('txnNumber', this.number),
      element('autocommit', boolValue(false)),
      ...(first ? [element('startTransaction', boolValue(true))] : []),
      ...(first?.readConcern ? [element('readConcern', first.readConcern)] : []),
      element('$db', stringValue(database)),
    ]);
    const sequences = sequence && [{ identifier: sequence.identifier, documents: [...sequence.documents] }];
    try {
      return asBuffer(await this.upstream.sendRaw(body, sequences));
    } catch (error) {
      throw hangUp(error instanceof Error ? error.message : String(error));
    }
  }

  commit(): Promise<Buffer> {
    return this.#end('commitTransaction');
  }

  abort(): Promise<Buffer> {
    return this.#end('abortTransaction');
  }

  /** The same transaction on another connection, to ask how it ended. */
  on(upstream: UpstreamChannel): Transaction {
    return new Transaction(upstream, this.lsid, this.number, undefined);
  }

  #end(name: string): Promise<Buffer> {
    const one: RawValue = { type: BsonType.int, bytes: Buffer.from([1, 0, 0, 0]) };
    return this.send('admin', [element(name, one), element('writeConcern', majority)]);
  }
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// A write command of a script under way: its statements in parts that fit a transaction, and what has become of them.
import { intValue, element, document } from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import type { DoorCommand } from '../../wire/door';
import type { WriteSum } from './reply';
import type { Statement, WriteCommand } from './statements';
import type { Transaction } from './transaction';

/** Statements and bytes of one transaction. */
const mostStatements = 1000;
const mostBytes = 8 * 1024 * 1024;

/** A statement that means many documents, with their `_id`s in batches. */
export interface ScanPart {
  scan: AsyncGenerator<RawValue[]>;
  statement: Statement;
}

export type Part = { statements: Statement[] } | { error: Buffer; statements: Statement[] } | ScanPart;

/** A command under way, over all connections on which it is tried. */
export interface Progress {
  write: WriteCommand;
  sum: WriteSum;
  queue: Part[];
  /** A transaction of which nobody knows how it ended. */
  unclear?: { transaction: Transaction; reply: Buffer; statements: Statement[]; seq: number };
}

/** The whole command is answered with this. */
export class Answer extends Error {
  override readonly name = 'Answer';
  constructor(readonly reply: Uint8Array) {
    super('the command is answered');
  }
}

export function positionsOf(statements: readonly Statement[]): number[] {
  return statements.map(({ position }) => position);
}

/** Half of it may fit where the whole did not; true, since it may be tried at once. */
export function halve({ queue }: Progress, statements: Statement[]): true {
  const half = statements.length >> 1;
  queue.splice(0, 1, { statements: statements.slice(0, half) }, { statements: statements.slice(half) });
  return true;
}

/** What the server says of an insert that went well. */
export function insertReply(n: number): Buffer {
  return document([element('n', intValue(n))]);
}

/** Statements for many documents stand alone, the others in parts that fit a transaction. */
export function partsOf({ statements }: WriteCommand): Part[] {
  const parts: Part[] = [];
  let current: Statement[] = [];
  let bytes = 0;
  const close = (): void => {
    if (current.length > 0) parts.push({ statements: current });
    current = [];
    bytes = 0;
  };
  for (const statement of statements) {
    const full = current.length >= mostStatements || bytes + statement.raw.length > mostBytes;
    if (statement.many || full) close();
    current.push(statement);
    bytes += statement.raw.length;
    if (statement.many) close();
  }
  close();
  return parts;
}

/** Under which a client sends a write again whose reply it did not get. */
export function retryKey(command: DoorCommand): string | undefined {
  const { lsid, txnNumber } = command;
  if (!lsid || txnNumber === undefined) return undefined;
  return JSON.stringify([lsid['id'], txnNumber]);
}

// A write command of a script under way: its statements in parts that fit a transaction, and what has become of them.
import { intValue, element, document } from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import type { DoorCommand } from '../../wire/door';
import { pinnedTo } from './changes';
import { listIn, numberIn, valueIn, withElements, type WriteSum } from './reply';
import type { Statement, WriteCommand } from './statements';
import { asBuffer, type Transaction } from './transaction';

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

/** The first part of the queue is done. @param commit the reply to it, if there was one. */
export function settle(
  { sum, queue }: Progress,
  reply: Buffer,
  commit: Buffer | undefined,
  statements: readonly Statement[],
): void {
  sum.add(reply, positionsOf(statements));
  if (commit) sum.addTimes(commit);
  queue.shift();
}

/** One of the statements was refused, which the reply tells; the others are tried without it. */
export function setAside({ queue }: Progress, statements: Statement[], reply: Buffer): void {
  const [error] = listIn(reply, 'writeErrors');
  const at = (error && numberIn(error, 'index')) ?? 0;
  const only = withElements(reply, { n: undefined, nModified: undefined, upserted: undefined });
  const parts: Part[] = [{ error: only, statements }];
  if (at > 0) parts.unshift({ statements: statements.slice(0, at) });
  if (at + 1 < statements.length) parts.push({ statements: statements.slice(at + 1) });
  queue.splice(0, 1, ...parts);
}

/** The next documents of a statement that means many. */
export async function nextOf({ scan, statement }: ScanPart, { queue, sum }: Progress): Promise<void> {
  const next = sum.failedAt(statement.position) ? undefined : await scan.next();
  if (!next || next.done) queue.shift();
  else queue.unshift({ statements: [pinnedTo(statement, next.value)] });
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
  const body = asBuffer(command.raw.body);
  const [lsid, number] = [valueIn(body, 'lsid'), valueIn(body, 'txnNumber')];
  return lsid && number && Buffer.concat([lsid.bytes, number.bytes]).toString('latin1');
}

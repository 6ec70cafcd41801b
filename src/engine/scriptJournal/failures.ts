// What a reply that says no means for a command that is journaled: try again, let the script find the new primary,
// do it without a transaction, or hand the reply on.
import { DoorRefusal } from '../../wire/door';
import { hasLabel, isOk, listIn, numberIn, textIn } from './reply';

/** The server is no primary any more, or shuts down: the client has to look for another. */
const stateChanges = new Set([91, 189, 10107, 11600, 11602, 13435, 13436]);
/** Not possible in a transaction: capped, time-series and system collections, databases of the server's own. */
const notInTransactions = new Set([20, 72, 263]);
/** The journal's validator: a newer runner has taken over. */
const validationFailed = 121;

/** Half of the transaction may fit. */
const tooLarge = new Set([225, 257, 290, 388, 10334, 17280, 17419, 17420]);

export type Failure = 'again' | 'moved' | 'no-transaction' | 'too-large' | 'final';

export function judge(reply: Buffer): Failure {
  const code = numberIn(reply, 'code') ?? 0;
  if (stateChanges.has(code)) return 'moved';
  if (tooLarge.has(code)) return 'too-large';
  if (hasLabel(reply, 'TransientTransactionError') || code === 112) return 'again';
  if (notInTransactions.has(code) && /transaction/i.test(textIn(reply, 'errmsg') ?? ''))
    return 'no-transaction';
  return 'final';
}

/** The script's client loses this connection and, where its command may be repeated, repeats it on another. */
export function hangUp(message: string): DoorRefusal {
  return new DoorRefusal(message, { close: true });
}

/** The transaction as a whole is too large. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge';
  constructor(readonly reply: Buffer) {
    super(textIn(reply, 'errmsg') ?? 'the transaction is too large');
  }
}

/** Throws if the journal's row was not taken. Gives false if the transaction may be tried again. */
export function rowsTaken(reply: Buffer): boolean {
  const [writeError] = listIn(reply, 'writeErrors');
  if (isOk(reply) && !writeError) return true;
  const error = writeError ?? reply;
  if ((numberIn(error, 'code') ?? 0) === validationFailed) throw rowsRefused(validationFailed, '');
  const failure = judge(reply);
  if (failure === 'again') return false;
  if (failure === 'moved') throw hangUp('the primary has changed');
  if (failure === 'too-large') throw new TooLarge(reply);
  throw rowsRefused(numberIn(error, 'code') ?? 0, textIn(error, 'errmsg') ?? 'for an unknown reason');
}

export function rowsRefused(code: number, message: string): DoorRefusal {
  return new DoorRefusal(
    code === validationFailed
      ? 'Another runner has taken this migration over; nothing more is written here.'
      : `The journal could not be written: ${message}`,
  );
}

/** Inside a transaction of the script: the reply that ends it, if the row was not taken. */
export function rowsTakenOr(reply: Buffer): Buffer | undefined {
  if (!isOk(reply) && judge(reply) === 'again') return reply;
  return rowsTaken(reply) ? undefined : reply;
}

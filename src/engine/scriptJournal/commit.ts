// The end of a transaction of ours: committed until the server says how it ended, and found out about where the
// connection was lost before it could.
import type { UpstreamChannel } from '../../wire/door';
import { pause } from '../../transfer/transaction';
import { hangUp, judge } from './failures';
import { Answer } from './progress';
import { hasLabel, isOk, numberIn } from './reply';
import type { ScriptRows } from './rows';
import type { Transaction } from './transaction';

const transactionCommitted = 256;
const noSuchTransaction = 251;

/** @returns the reply to the commit, or undefined if nothing of the transaction holds and it may be tried again. */
export async function committed(
  transaction: Transaction,
  first: Buffer,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  let reply = first;
  for (let tries = 0; ; tries++) {
    if (isOk(reply)) return reply;
    const failure = judge(reply);
    if (failure === 'moved') throw hangUp('the primary has changed');
    if (!hasLabel(reply, 'UnknownTransactionCommitResult')) {
      if (failure === 'again' || numberIn(reply, 'code') === noSuchTransaction) return undefined;
      throw new Answer(reply);
    }
    await pause(Math.min(1000, 20 * 2 ** tries), signal);
    reply = await transaction.commit();
  }
}

/**
 * Whether a transaction holds whose connection was lost. One that is still open is ended, never committed: its journal
 * may not have arrived.
 */
export async function wasCommitted(
  transaction: Transaction,
  seq: number,
  upstream: UpstreamChannel,
  rows: ScriptRows,
): Promise<boolean> {
  const ended = await transaction.on(upstream).abort();
  return numberIn(ended, 'code') === transactionCommitted || (await rows.has(seq));
}

// Writes inside a transaction that the script has opened: the journal's reads and rows go into that same transaction,
// so that its commit and its abort carry them along.
import type { DoorCommand } from '../../wire/door';
import { makeChanges, pinned, type Changes } from './changes';
import { ReadFailed, TooMany } from './images';
import { rowsTakenOr } from './failures';
import { insertRows } from './insertRows';
import type { Keeper } from './keeper';
import { takeApart, type WriteCommand, type WriteKind } from './statements';
import { asBuffer, Transaction } from './transaction';

/** Documents that one statement of such a transaction may change. */
const mostDocuments = 100_000;

export async function writeInTransaction(
  keeper: Keeper,
  command: DoorCommand,
  kind: WriteKind,
): Promise<Uint8Array> {
  const write = takeApart(command, kind);
  const transaction = await transactionOf(keeper, command);
  const created = await createdByTheWay(keeper, write);
  const changes = await change(transaction, write);
  const { reply, entries } = changes;
  if (!entries) return reply;
  const rows = entries.length > 0 ? keeper.rows.documents(write, entries).rows : [];
  return (await keepRows(transaction, keeper, [...created, ...rows])) ?? reply;
}

/** Inserts rows into the transaction; gives the reply that the script has to get if that did not work. */
export async function keepRows(
  transaction: Transaction,
  { rows }: Keeper,
  documents: readonly Buffer[],
): Promise<Buffer | undefined> {
  for (const reply of await insertRows(transaction, rows, documents)) {
    const failed = rowsTakenOr(reply);
    if (failed) return failed;
  }
  return undefined;
}

export async function transactionOf(keeper: Keeper, command: DoorCommand): Promise<Transaction> {
  if (command.startsTransaction) await keeper.noteScriptSession(command);
  return Transaction.ofScript(command.upstream, asBuffer(command.raw.body), command.startsTransaction);
}

async function change(transaction: Transaction, write: WriteCommand): Promise<Changes> {
  const options = { most: mostDocuments, onlyOnce: true };
  try {
    return await makeChanges(transaction, write, write.statements, options);
  } catch (error) {
    // The transaction has ended with it.
    if (error instanceof ReadFailed) return { reply: error.reply };
    const [only] = write.statements;
    if (!(error instanceof TooMany) || write.statements.length > 1 || !only || only.many)
      throw tooMany(error);
    const found = await pinned(transaction, write, only);
    return makeChanges(transaction, write, [found ?? only], options);
  }
}

function tooMany(error: unknown): unknown {
  if (!(error instanceof TooMany)) return error;
  return new Error(
    `This statement may change more than ${mostDocuments} documents in one transaction, which could not be undone. ` +
      'Change them outside of the transaction, or in smaller steps.',
  );
}

/** A collection that comes into being with the transaction. */
async function createdByTheWay({ namespaces, rows }: Keeper, write: WriteCommand): Promise<Buffer[]> {
  const { database, collection, kind, statements } = write;
  if (kind !== 'insert' && !statements.some(({ upsert }) => upsert)) return [];
  if (await namespaces.facts(database, collection)) return [];
  return [rows.operation('create', { database, collection }).row];
}

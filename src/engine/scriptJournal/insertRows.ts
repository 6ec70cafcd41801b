// Sending rows of the journal inside a transaction.
import { element, stringValue } from '../../transfer/raw';
import type { ScriptRows } from './rows';
import type { Transaction } from './transaction';

/** Each of up to 12 MB; a message may have 48. */
const rowsPerInsert = 3;

/** Gives the replies, one for each insert. */
export function insertRows(
  transaction: Transaction,
  rows: ScriptRows,
  documents: readonly Buffer[],
): Promise<Buffer[]> {
  const sent: Promise<Buffer>[] = [];
  for (let at = 0; at < documents.length; at += rowsPerInsert) {
    sent.push(
      transaction.send(rows.database, [element('insert', stringValue(rows.name))], {
        identifier: 'documents',
        documents: documents.slice(at, at + rowsPerInsert),
      }),
    );
  }
  return Promise.all(sent);
}

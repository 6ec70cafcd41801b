// An update by a filter that means many documents, as a transfer of the kernel: range by range, with its journal,
// progress and pause. It answers with the counts that the command would have had.
import { BSON, type Document } from 'mongodb';
import type { DoorCommand } from '../../wire/door';
import { Checkpoints } from '../../transfer/checkpoints';
import { DocumentError } from '../../transfer/errors';
import { Journal } from '../../transfer/journal';
import { arrayValue, document, element, intValue, objectValue, stringValue } from '../../transfer/raw';
import { transfer } from '../../transfer/transfer';
import type { Keeper } from './keeper';
import { predict } from './predict';
import { numberIn, valueIn } from './reply';
import type { Statement, WriteCommand } from './statements';

/** Commands whose documents the kernel has counted already. */
export const countedByKernel = new WeakSet<DoorCommand>();

/** Whether the kernel can do it: everything else goes `_id` by `_id`. */
export function suitsTransfer(
  { kind, parts, variables }: WriteCommand,
  { raw, special }: Statement,
): boolean {
  if (kind !== 'update' || special || variables) return false;
  if (['hint', 'collation', 'c', 'constants', 'sort'].some((name) => valueIn(raw, name))) return false;
  return numberIn(document([...parts]), 'bypassDocumentValidation') !== 1;
}

/** @returns the reply to a command with this statement alone. */
export async function changeByTransfer(
  { client, options, rows }: Keeper,
  command: DoorCommand,
  { database, collection }: WriteCommand,
  statement: Statement,
): Promise<Buffer> {
  const context = options.context();
  const { runId, epoch } = context;
  const db = client.db(database);
  let step = '';
  await rows.note('transfer', (seq) => {
    step = `${context.step}#update-${seq}`;
    return { step, database };
  });
  const u = valueIn(statement.raw, 'u');
  if (!u) throw new Error('an update without a change');
  countedByKernel.add(command);
  try {
    const filter: Document = BSON.deserialize(statement.q, { promoteValues: false, bsonRegExp: true });
    const result = await transfer({
      ...context,
      db,
      step,
      collection,
      filter,
      journal: 'journal',
      change: {
        kind: 'statement',
        u,
        arrayFilters: valueIn(statement.raw, 'arrayFilters'),
        foresee: (before) => predict(before, statement.raw),
      },
    });
    const { total } = await new Journal(db, runId, step).ranges();
    return reply(result.processed, total);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    const { total } = await new Journal(db, runId, step).ranges();
    return reply(total, total, error);
  } finally {
    // It is done or taken back with the script as a whole, never gone on with.
    await new Checkpoints(db, runId, step, epoch, 0).forget();
  }
}

function reply(n: number, modified: number, error?: DocumentError): Buffer {
  const parts = [element('n', intValue(n)), element('nModified', intValue(modified))];
  if (error) {
    const code = Number((error.cause as { code?: unknown } | undefined)?.code ?? 2);
    const about = [
      element('index', intValue(0)),
      element('code', intValue(code)),
      element('errmsg', stringValue(error.reason)),
    ];
    parts.push(element('writeErrors', arrayValue([objectValue(document(about))])));
  }
  return document(parts);
}

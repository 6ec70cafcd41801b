// The quarantine, `_migratory_quarantine`: one document for each document that failed, with its input and the reason,
// until it is retried or discarded.
import type { ClientSession, Db } from 'mongodb';
import { idQuery, sendWrites, updateStatement } from './command';
import { dateValue, document, element, objectValue, stringValue } from './raw';
import type { RawValue } from './raw';

export const quarantineCollection = '_migratory_quarantine';

export interface QuarantinedDocument {
  id: RawValue;
  reason: string;
  /** The document as it was read. */
  input: Buffer;
}

/** Above this the input is not copied: a wrapper around a 16 MB document does not fit; it is still in its collection. */
const inputBytes = 15 * 1024 * 1024;

export async function writeQuarantine(
  db: Db,
  where: { run: string; step: string; collection: string },
  items: readonly QuarantinedDocument[],
  session?: ClientSession,
): Promise<void> {
  if (items.length === 0) return;
  const at = dateValue(new Date());
  const statements = items.map(({ id, reason, input }) => {
    const key = document([
      element('run', stringValue(where.run)),
      element('step', stringValue(where.step)),
      element('id', id),
    ]);
    const row = document([
      element('_id', objectValue(key)),
      element('run', stringValue(where.run)),
      element('step', stringValue(where.step)),
      element('collection', stringValue(where.collection)),
      element('id', id),
      element('reason', stringValue(reason)),
      element('at', at),
      ...(input.length < inputBytes ? [element('document', objectValue(input))] : []),
    ]);
    return updateStatement(idQuery(objectValue(key)), objectValue(row), { upsert: true });
  });
  const reply = await sendWrites(db, 'update', quarantineCollection, statements, {
    session,
    writeConcern: { w: 'majority', j: true },
  });
  if (reply.failures[0]) throw new Error(`the quarantine could not be written: ${reply.failures[0].message}`);
}

// A row of a script's journal that the server fills with documents as they are, to be changed by one statement.
import { Binary, BSON, Int32, type Document } from 'mongodb';
import { sendWrites } from '../../transfer/command';
import { stagesInto, type ImageRow } from '../../transfer/imageRow';
import { document, element, intValue } from '../../transfer/raw';
import { rowsRefused } from './failures';
import type { ScriptRows } from './rows';

export function scriptImageRow(
  rows: ScriptRows,
  { database, collection }: { database: string; collection: string },
  statement: Buffer,
): ImageRow {
  const seq = rows.next();
  const _id = BSON.deserialize(rows.id(seq, 0).bytes, { promoteValues: false });
  const epoch = new Int32(rows.epoch);
  return {
    stages: stagesInto(
      { db: rows.database, coll: rows.name },
      { _id, epoch, database, collection, statement: new Binary(statement) },
    ),
    count: async () => {
      const row = await rows.collection.findOne({ _id } as Document, { projection: { taken: 1 } });
      return Number(row?.['taken'] ?? 0);
    },
    confirm: async (session, documents) => {
      const row = document([
        element('_id', rows.id(seq, 1)),
        element('epoch', intValue(rows.epoch)),
        element('n', intValue(documents)),
      ]);
      const { failures } = await sendWrites(rows.db, 'insert', rows.name, [row], { session });
      if (failures[0]) throw rowsRefused(failures[0].code, failures[0].message);
    },
    remove: () => rows.remove([seq]),
  };
}

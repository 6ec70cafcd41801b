// Which documents a journal speaks of: of collections that are larger than the sample these are brought into the scratch
// copy, so that a way back can be tried that touches few documents of many.
import type { MongoClient } from 'mongodb';
import { Journal, journalName } from '../../transfer/journal';
import type { RawValue } from '../../transfer/raw';
import { isDocuments } from '../scriptJournal/journalRow';
import { ScriptRows, scriptStep } from '../scriptJournal/rows';

interface Named {
  database: string;
  collection: string;
  ids: RawValue[];
}

/** @param names a filter for the names of the steps that count. */
export async function* journaledDocuments(
  client: MongoClient,
  database: string,
  { run, names }: { run: string; names: RegExp },
): AsyncGenerator<Named> {
  const db = client.db(database);
  const steps = await db.collection(journalName(run)).distinct('_id.s', { '_id.s': names });
  for (const step of steps as string[]) {
    if (step.endsWith(scriptStep(''))) {
      const rows = new ScriptRows(db, run, step.slice(0, -scriptStep('').length), 0);
      for await (const row of rows.backwards())
        if (isDocuments(row))
          yield {
            database: row.database,
            collection: row.collection,
            ids: row.entries.map(({ id }) => id),
          };
    } else {
      const journal = new Journal(db, run, step);
      for (const range of (await journal.ranges()).ranges) {
        const { target, entries } = await journal.read(range);
        yield { database, collection: target, ids: entries.map(({ id }) => id) };
      }
    }
  }
}

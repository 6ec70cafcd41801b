// Taking back what a script did to the catalogue: collections, views, indexes and options. Each change was noted before
// it was made, so each is looked at first: it may not have happened, or be taken back already.
import type { Document, MongoClient } from 'mongodb';
import type { Conflict } from '../../transfer/types';
import type { OperationRow } from './journalRow';
import type { ScriptRows } from './rows';

/** Nothing to do any more, conflicts, or to be decided when what was done before it is taken back. */
export type TakenBack = 0 | Conflict[] | 'later';

export class CatalogueUndo {
  constructor(
    private readonly client: MongoClient,
    private readonly rows: ScriptRows,
  ) {}

  async takeBack(row: OperationRow): Promise<TakenBack> {
    const { facts, op } = row;
    switch (op) {
      case 'create':
        return this.#create(facts);
      default:
        throw new Error(`the journal holds a change of an unknown kind: ${op}`);
    }
  }

  /** What could not be decided before. */
  async finish(): Promise<Conflict[]> {
    return [];
  }

  async #create(facts: Document): Promise<TakenBack> {
    const [database, collection] = [String(facts['database']), String(facts['collection'])];
    const target = this.client.db(database).collection(collection);
    if ((await target.findOne({}, { projection: { _id: 1 } })) !== null) {
      return [conflict(collection, 'the run created this collection, and it holds documents of others')];
    }
    await target.drop();
    return 0;
  }
}

/** What a script dropped was only put aside. */
export async function dropPutAside(client: MongoClient, rows: ScriptRows): Promise<void> {
  for (const { database, aside } of await rows.putAside()) await client.db(database).dropCollection(aside);
}

function conflict(collection: string, reason: string): Conflict {
  return { collection, id: null, reason, before: null, current: null };
}

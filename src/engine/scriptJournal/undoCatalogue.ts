// Taking back what a script did to the catalogue: collections, views, indexes and options. Each change was noted before
// it was made, so each is looked at first: it may not have happened, or be taken back already.
import type { Db, Document, MongoClient } from 'mongodb';
import type { Conflict } from '../../transfer/types';
import { conflict } from './catalogueConflict';
import { createAgain, given, inCommand, indexesOf, infoOf, type CollectionInfo } from './collectionFacts';
import type { OperationRow } from './journalRow';
import { mergeBack } from './mergeBack';
import { modifyBack } from './modifyBack';
import type { ScriptRows } from './rows';
import { textIn } from './reply';

/** Nothing to do any more, conflicts, or to be decided when what was done before it is taken back. */
export type TakenBack = 0 | Conflict[] | 'later';

const majority = { writeConcern: { w: 'majority' } } as const;

export class CatalogueUndo {
  /** Documents that were written without a journal, by namespace, with the rows that say so. */
  readonly #unkept = new Map<string, { count: number; rows: OperationRow[] }>();

  constructor(
    private readonly client: MongoClient,
    private readonly rows: ScriptRows,
    private readonly signal: AbortSignal,
  ) {}

  async takeBack(row: OperationRow): Promise<TakenBack> {
    const { facts, op } = row;
    const collection = String(facts['collection']);
    const db = this.client.db(String(facts['database']));
    switch (op) {
      case 'create':
        return this.#create(db, collection, facts);
      case 'createIndexes':
        return createIndexes(db, collection, facts);
      case 'dropIndexes':
        return dropIndexes(db, collection, facts);
      case 'collMod':
        return modifyBack(db, collection, facts);
      case 'drop':
        return this.#drop(db, collection, facts);
      case 'stage':
        await db.dropCollection(String(facts['aside']));
        return 0;
      case 'dropView':
        return dropView(db, collection, facts);
      case 'renameCollection':
        return this.#rename(db, collection, facts);
      case 'unkept':
        this.keepForLater(row);
        return 'later';
      default:
        throw new Error(`the journal holds a change of an unknown kind: ${op}`);
    }
  }

  /** What could not be decided before: nothing that was made with it has taken it along. */
  async finish(): Promise<Conflict[]> {
    const conflicts: Conflict[] = [];
    for (const { rows } of this.#unkept.values()) {
      for (const { seq, facts } of rows) {
        conflicts.push(conflict(String(facts['collection']), unkeptReason(facts)));
        await this.rows.leave(seq);
      }
    }
    this.#unkept.clear();
    return conflicts;
  }

  keepForLater(row: OperationRow): void {
    const name = `${String(row.facts['database'])}.${String(row.facts['collection'])}`;
    const known = this.#unkept.get(name) ?? { count: 0, rows: [] };
    known.count += Number(row.facts['n']);
    known.rows.push(row);
    this.#unkept.set(name, known);
  }

  async #create(db: Db, collection: string, facts: Document): Promise<TakenBack> {
    const info = await infoOf(db, collection);
    if (!info) return 0;
    const name = `${db.databaseName}.${collection}`;
    if (isAnother(info, facts['uuid'])) return [conflict(collection, 'another collection has its name now')];
    const unkept = this.#unkept.get(name);
    const count = info.type === 'view' ? 0 : await db.collection(collection).countDocuments();
    if (count > (unkept?.count ?? 0))
      return [conflict(collection, 'the run created this collection, and it holds documents of others')];
    await db.dropCollection(collection, majority);
    this.#unkept.delete(name);
    await this.rows.remove(unkept?.rows.map(({ seq }) => seq) ?? []);
    return 0;
  }

  async #drop(db: Db, collection: string, facts: Document): Promise<TakenBack> {
    const aside = String(facts['aside']);
    if (!(await infoOf(db, aside))) return 0;
    if (await infoOf(db, collection)) return mergeBack(db, aside, collection, this.signal);
    await db.collection(aside).rename(collection, majority);
    return 0;
  }

  async #rename(db: Db, collection: string, facts: Document): Promise<TakenBack> {
    const to = facts['to'] as Document;
    const target = this.client.db(String(to['database']));
    const name = String(to['collection']);
    const info = await infoOf(target, name);
    const there = await infoOf(db, collection);
    if (!info) return there ? 0 : [conflict(name, 'it was renamed or dropped after the run')];
    if (isAnother(info, facts['uuid'])) {
      // The rename itself may not have happened, or be taken back already.
      return there ? 0 : [conflict(name, 'another collection has its name now')];
    }
    if (there)
      return [conflict(collection, 'the run renamed it, and another was created under its old name since')];
    await this.client.db('admin').command({
      renameCollection: `${target.databaseName}.${name}`,
      to: `${db.databaseName}.${collection}`,
      ...majority,
    });
    return 0;
  }
}

function unkeptReason(facts: Document): string {
  const command = String(facts['command']);
  return `what "${command}" did has no journal, so it was not taken back`;
}

function isAnother(info: CollectionInfo, uuid: unknown): boolean {
  return typeof uuid === 'string' && info.uuid !== undefined && info.uuid !== uuid;
}

async function createIndexes(db: Db, collection: string, facts: Document): Promise<TakenBack> {
  const now = await indexesOf(db, collection);
  const made = new Map(
    (facts['made'] as unknown[] | undefined)?.map((spec) => [textIn(given(spec), 'name'), given(spec)]),
  );
  const conflicts: Conflict[] = [];
  for (const name of facts['names'] as string[]) {
    const spec = now.get(name);
    if (!spec) continue;
    const was = made.get(name);
    // Before the run was cut short nobody could note what it had made.
    if (was && !was.equals(spec)) {
      conflicts.push(conflict(collection, `its index ${name} was changed since the run created it`));
      continue;
    }
    await db.command({ dropIndexes: collection, index: name, ...majority });
  }
  return conflicts.length > 0 ? conflicts : 0;
}

async function dropIndexes(db: Db, collection: string, facts: Document): Promise<TakenBack> {
  const dropped = facts['dropped'] as string[] | undefined;
  const specs = (facts['specs'] as unknown[]).map(given);
  if (!(await infoOf(db, collection))) return [conflict(collection, 'it was dropped after the run')];
  const now = await indexesOf(db, collection);
  const conflicts: Conflict[] = [];
  for (const spec of specs) {
    const name = textIn(spec, 'name') ?? '';
    if (dropped && !dropped.includes(name)) continue;
    const there = now.get(name);
    if (there?.equals(spec)) continue;
    try {
      await createAgain(db, collection, [spec]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      conflicts.push(conflict(collection, `its index ${name} could not be created again: ${reason}`));
    }
  }
  return conflicts.length > 0 ? conflicts : 0;
}

async function dropView(db: Db, collection: string, facts: Document): Promise<TakenBack> {
  if (await infoOf(db, collection))
    return [conflict(collection, 'the run dropped this view, and something else has its name now')];
  const options = inCommand(given(facts['options'])) as Map<string, unknown>;
  await db.command({ create: collection, ...Object.fromEntries(options), ...majority });
  return 0;
}

/** What a script dropped was only put aside. */
export async function dropPutAside(client: MongoClient, rows: ScriptRows): Promise<void> {
  for (const { database, aside } of await rows.putAside()) await client.db(database).dropCollection(aside);
}

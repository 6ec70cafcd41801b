// What the rollback of one migration has left alone, wherever it is kept: documents of the kernel's transfers, and
// documents and changes of the catalogue of a script.
import { MaxKey, type Db, type Document, type MongoClient } from 'mongodb';
import { idQuery, sendWrites, updateStatement } from '../../transfer/command';
import { forgetStep, readLeftAlone, settleLeftAlone } from '../../transfer/leftAlone';
import { idOf, keyOf, objectValue } from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { isDocuments, type DocumentsRow, type OperationRow } from '../scriptJournal/journalRow';
import { ScriptRows, scriptStep } from '../scriptJournal/rows';
import { dropPutAside } from '../scriptJournal/undoCatalogue';

const majority = { w: 'majority', j: true } as const;

/** The rollback that left something: of which step, out of the journal of which run. */
export interface RollbackPlace {
  client: MongoClient;
  db: Db;
  run: string;
  step: string;
  script: boolean;
  /** Of the lease, for what is written into a script's journal. */
  epoch: number;
}

export interface LeftDocument {
  db: Db;
  collection: string;
  id: RawValue;
  /** As it was before the run; undefined = the run created it. */
  before: Buffer | undefined;
  /** It is decided about. */
  settle(): Promise<void>;
}

/** A collection, an index or an option: only a person can mend it. */
export interface LeftOperation {
  db: Db;
  collection: string;
  op: string;
  settle(): Promise<void>;
}

export interface LeftBehind {
  documents: LeftDocument[];
  operations: LeftOperation[];
}

export async function readLeftBehind(place: RollbackPlace): Promise<LeftBehind> {
  if (!place.script) return { documents: await ofTransfer(place, place.db, place.step), operations: [] };
  const rows = scriptRows(place);
  const left = new Map<string, LeftDocument>();
  const operations: LeftOperation[] = [];
  // The newest first: the last one to speak of a document knows it as it was before the run.
  for (const row of await rows.undone()) {
    if (isDocuments(row)) for (const each of ofRow(place, rows, row)) add(left, each);
    else if (row.op === 'transfer')
      for (const each of await ofScriptTransfer(place, rows, row)) add(left, each);
    else operations.push(operationOf(place, rows, row));
  }
  return { documents: [...left.values()], operations };
}

/** A script may have changed a document several times, in several ways: it is one conflict. */
function add(left: Map<string, LeftDocument>, each: LeftDocument): void {
  const key = `${each.db.databaseName}.${each.collection}\0${keyOf(each.id)}`;
  const newer = left.get(key);
  left.set(key, {
    ...each,
    async settle() {
      await newer?.settle();
      await each.settle();
    },
  });
}

/** Everything is decided about: nothing of the rollback is kept any more. */
export async function forgetLeftBehind(place: RollbackPlace): Promise<void> {
  if (!place.script) return forgetStep(place.db, place.run, place.step);
  const rows = scriptRows(place);
  for (const row of await rows.undone()) {
    if (isDocuments(row) || row.op !== 'transfer') continue;
    await forgetStep(homeOf(place, row), place.run, String(row.facts['step']));
  }
  await dropPutAside(place.client, rows);
  await rows.forget();
}

function scriptRows({ db, run, step, epoch }: RollbackPlace): ScriptRows {
  return new ScriptRows(db, run, step, epoch);
}

async function ofTransfer({ run }: RollbackPlace, db: Db, step: string): Promise<LeftDocument[]> {
  const left = await readLeftAlone(db, run, step);
  return left.map(({ collection, id, before }) => ({
    db,
    collection,
    id,
    before,
    settle: async () => {
      await settleLeftAlone(db, run, step, [id]);
    },
  }));
}

/** The database of a helper's transfer. */
function homeOf({ client, db }: RollbackPlace, { facts }: OperationRow): Db {
  return client.db(String(facts['database'] ?? db.databaseName));
}

/** A helper of `ctx`: its row goes with its last document. */
async function ofScriptTransfer(
  place: RollbackPlace,
  rows: ScriptRows,
  row: OperationRow,
): Promise<LeftDocument[]> {
  const { seq, facts } = row;
  const db = homeOf(place, row);
  const step = String(facts['step']);
  const left = await readLeftAlone(db, place.run, step);
  return left.map(({ collection, id, before }) => ({
    db,
    collection,
    id,
    before,
    async settle() {
      if ((await settleLeftAlone(db, place.run, step, [id])) > 0) return;
      await forgetStep(db, place.run, step);
      await rows.remove([seq]);
    },
  }));
}

function operationOf(
  { client }: RollbackPlace,
  rows: ScriptRows,
  { seq, op, facts }: OperationRow,
): LeftOperation {
  return {
    db: client.db(String(facts['database'])),
    collection: String(facts['collection']),
    op: op === 'unkept' ? String(facts['command']) : op,
    settle: () => rows.remove([seq]),
  };
}

function ofRow(
  { client, db: home, step }: RollbackPlace,
  rows: ScriptRows,
  row: DocumentsRow,
): LeftDocument[] {
  const db = client.db(row.database);
  return row.entries.map(({ id, before }) => ({
    db,
    collection: row.collection,
    id,
    before,
    async settle() {
      row.entries = row.entries.filter((entry) => keyOf(entry.id) !== keyOf(id));
      if (row.entries.length === 0) return rows.remove([row.seq]);
      const parts = rows.left(row, row.entries);
      const statements = parts.map((part) =>
        updateStatement(idQuery(idOf(part)), objectValue(part), { upsert: true }),
      );
      const reply = await sendWrites(home, 'update', rows.name, statements, { writeConcern: majority });
      const behind = { $gte: { s: scriptStep(step), n: row.seq, p: parts.length } };
      const last = { $lte: { s: scriptStep(step), n: row.seq, p: new MaxKey() } };
      await rows.collection.deleteMany({ _id: { ...behind, ...last } } as Document, {
        writeConcern: majority,
      });
      if (reply.failures[0])
        throw new Error(`the journal could not be written: ${reply.failures[0].message}`);
    },
  }));
}

// Conflicts of a rollback as people decide about them: listed with both versions, and settled one by one or all.
import { ExitCode, UserError } from '../../protocol/errors';
import { idQuery, sendWrites, updateStatement } from '../../transfer/command';
import { replacementValue } from '../../transfer/interpret';
import { document, element, intValue, keyOf, objectValue } from '../../transfer/raw';
import { decoded, shown } from '../../transfer/shownId';
import { readByIds } from '../../transfer/source';
import type { Connection } from '../connect';
import { extendedJson, idFromText, rawToExtendedJson } from '../documents';
import { underLease } from '../lease';
import { newRunId } from '../runDocument';
import { lastRunOf } from '../runs';
import { openLedger, type EngineSettings } from '../scope';
import { forgetLeftBehind, readLeftBehind, type LeftDocument, type RollbackPlace } from './leftAlone';

export interface ConflictItem {
  /** The run whose changes could not be taken back. */
  run: string;
  step: string;
  collection: string;
  /** Canonical Extended JSON; null for what is no document (a collection, an index, an option). */
  id: unknown;
  reason: string;
  /** Canonical Extended JSON; null = the run had created the document. */
  before: unknown;
  /** As it is now; null = it is not there. */
  current: unknown;
}

export interface Resolved {
  /** What was settled now, and what is left. */
  settled: number;
  left: number;
  /** The migration counts as rolled back from now on. */
  done: boolean;
}

/** The conflicts that the last rollback of a migration has left, with both versions; empty when there are none. */
export async function listConflicts(
  connection: Connection,
  settings: EngineSettings,
  name: string,
): Promise<ConflictItem[]> {
  const place = await findPlace(connection, settings, name, 0);
  if (!place) return [];
  const { documents, operations } = await readLeftBehind(place);
  const { run, step } = place;
  const items: ConflictItem[] = [];
  for (const left of documents) {
    const current = await currentOf(left);
    items.push({
      run,
      step,
      collection: left.collection,
      id: extendedJson(decoded(left.id)),
      reason: reasonOf(left.before, current),
      before: rawToExtendedJson(left.before ?? null),
      current: rawToExtendedJson(current ?? null),
    });
  }
  for (const { collection, op } of operations) {
    const reason = `what "${op}" did to it could not be taken back`;
    items.push({ run, step, collection, id: null, reason, before: null, current: null });
  }
  return items;
}

/**
 * Settles conflicts: `keep` leaves the documents as they are, `restore` puts them back as they were before the run,
 * over whatever others wrote. With the last one the migration's ledger row goes.
 * @param id Extended JSON of one document's `_id`; all of them without it.
 * @throws UserError when there is no such conflict, or another run is at work.
 */
export async function resolveConflicts(
  connection: Connection,
  settings: EngineSettings,
  name: string,
  decision: 'keep' | 'restore',
  id?: string,
): Promise<Resolved> {
  return underLease(connection.db, newRunId(), async (lease) => {
    const place = await findPlace(connection, settings, name, lease.epoch);
    if (!place) throw usage(`"${name}" has no conflicts.`);
    const { documents, operations } = await readLeftBehind(place);
    const chosen = id === undefined ? documents : documentsWith(documents, id, name);
    const everything = chosen.length === documents.length && operations.length === 0;
    for (const left of chosen) {
      lease.check();
      if (decision === 'restore') await putBack(left);
      // With the last of them all goes at once.
      if (!everything) await left.settle();
    }
    // There is no pre-image of an index: only a person can say that it is well as it is.
    const agreed = id === undefined && decision === 'keep' ? operations : [];
    for (const operation of agreed) await operation.settle();
    const settled = chosen.length + agreed.length;
    const left = documents.length + operations.length - settled;
    if (left === 0) {
      await forgetLeftBehind(place);
      await openLedger(connection.db, settings).remove(name);
    }
    return { settled, left, done: left === 0 };
  });
}

/** Of an applied migration the run that applied it; else the run that failed and was rolled back by itself. */
async function findPlace(
  { db, client }: Connection,
  settings: EngineSettings,
  name: string,
  epoch: number,
): Promise<RollbackPlace | undefined> {
  const rows = await openLedger(db, settings).rows();
  const row = rows.find((candidate) => candidate.name === name);
  if (row) {
    if (row.state !== 'conflicts' || row.run === undefined) return undefined;
    return { client, db, run: row.run, step: name, script: row.kind === 'script', epoch };
  }
  const run = await lastRunOf(db, name);
  const step = run?.steps.find((candidate) => candidate.name === name);
  if (step?.state !== 'conflicts' || run?.direction !== 'up') return undefined;
  const journal = step.journal ?? run._id;
  return { client, db, run: journal, step: name, script: step.kind === 'script', epoch };
}

async function currentOf({ db, collection, id }: LeftDocument): Promise<Buffer | undefined> {
  return (await readByIds(db.collection(collection), [id], {})).get(keyOf(id));
}

function reasonOf(before: Buffer | undefined, current: Buffer | undefined): string {
  if (!before) return current ? 'the run created it, and it was changed since' : 'the run created it';
  return current ? 'what the run had changed in it was changed again since' : 'it was deleted after the run';
}

/** Whole and over everything: somebody has looked at both versions and decided. */
async function putBack({ db, collection, id, before }: LeftDocument): Promise<void> {
  const kind = before ? 'update' : 'delete';
  const statement = before
    ? updateStatement(idQuery(id), replacementValue(before), { upsert: true })
    : document([element('q', objectValue(idQuery(id))), element('limit', intValue(1))]);
  const reply = await sendWrites(db, kind, collection, [statement], {
    bypassDocumentValidation: kind === 'update',
    writeConcern: { w: 'majority', j: true },
  });
  const [failure] = reply.failures;
  if (!failure) return;
  throw new UserError(
    `Document ${shown(id)} of "${collection}" cannot be put back: ${failure.message}. Mend that, or keep it as it is.`,
  );
}

function documentsWith(documents: LeftDocument[], text: string, name: string): LeftDocument[] {
  const wanted = JSON.stringify(idFromText(text));
  const found = documents.filter(({ id }) => JSON.stringify(extendedJson(decoded(id))) === wanted);
  if (found.length > 0) return found;
  throw usage(
    `"${name}" has no conflict with the _id ${text}. \`migratory conflicts list ${name}\` shows them all.`,
  );
}

function usage(message: string): UserError {
  return new UserError(message, { exitCode: ExitCode.usage });
}

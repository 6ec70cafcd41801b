// Taking back what the server has kept by itself (serverImages.ts) without reading whole documents: of each only the
// touched fields come here, as they were, as the update made them, and as they are. Where the last two are the same
// bytes, nobody has written to them since.
import type { ClientSession, Collection, Document } from 'mongodb';
import { readAll, speakable } from './command';
import { fieldsOfImages, outcomes, sameId } from './imageRow';
import { idOf, keyOf, sameBytes } from './raw';
import { undoOfFields } from './undoFields';
import { readByIds } from './source';
import { touchedFields } from './touchedFields';

/** A row of images that a change has confirmed. */
export interface KeptRow {
  _id: Document;
  /** How many documents the change has changed. */
  n: number;
  target: string;
  update: Document[];
  /** The touched fields of its images, where they came along. */
  before?: Buffer[];
}

export interface Told {
  /** The touched fields as they were, and as they are. */
  before: Buffer;
  now: Buffer;
  /** The update that takes the change back. */
  u: Buffer;
}

/**
 * What takes each document of the row back; `rest` says that there are others, which have to be looked at as a whole.
 * Undefined where the update does not say which fields it touches.
 */
export async function toldByFields(
  journal: Collection,
  row: KeptRow,
  session: ClientSession,
): Promise<{ told: Told[]; rest: boolean } | undefined> {
  const fields = touchedFields(row.update);
  // What was removed has to come back in its old place.
  if (!fields?.length || row.update.some((stage) => '$unset' in stage)) return undefined;
  const before = row.before ?? (await fieldsOfImages(journal, row._id, fields));
  if (before.length === 0) return { told: [], rest: false };
  const target = journal.db.collection(row.target);
  const reading = fieldsNow(target, before, fields, session);
  // A transaction cannot be ended while one of its commands is under way.
  const [after] = await Promise.allSettled([outcomes(journal, row, fields), reading]);
  if (after.status === 'rejected') throw after.reason;
  const made = after.value;
  const current = await reading;
  if (made.length !== before.length) return undefined;
  const found: Told[] = [];
  let rest = false;
  for (const [i, was] of before.entries()) {
    const is = made[i]!;
    const now = current(was, i);
    // Those that the update left as they were are nobody's business.
    if (sameId(was, is) && sameBytes(was, is)) continue;
    const u = now && undoOfFields(was, is, now);
    if (u && sameId(was, is)) found.push({ before: was, now, u });
    else rest = true;
  }
  return { told: found, rest };
}

/** These fields of the documents as they are; nearly always the range of the index holds just these. */
async function fieldsNow(
  target: Collection,
  documents: readonly Buffer[],
  fields: readonly string[],
  session: ClientSession,
): Promise<(document: Buffer, position: number) => Buffer | undefined> {
  const projection = Object.fromEntries(fields.map((name) => [name, 1]));
  const [first, last] = [idOf(documents[0]!), idOf(documents.at(-1)!)];
  const limit = documents.length + 1;
  const command = {
    find: target.collectionName,
    filter: { _id: { $gte: speakable(first), $lte: speakable(last) } },
    projection,
    hint: { _id: 1 },
    sort: { _id: 1 },
    limit,
    batchSize: limit,
    singleBatch: true,
  };
  const found = await readAll(target.db, command, session);
  const inStep = found.length === documents.length;
  if (inStep && documents.every((document, i) => sameId(document, found[i]!))) return (_, i) => found[i];
  const byId = await readByIds(target, documents.map(idOf), { projection, session });
  return (document) => byId.get(keyOf(idOf(document)));
}

// A row of a journal into which the server itself has packed documents as they were. It counts with the row that
// confirms the change; what the change made of them is told again, by the server, from the update that the row names.
import type { ClientSession, Collection, Document } from 'mongodb';
import { addDocuments, readAll } from './command';
import type { LazyEntry } from './journalPack';
import { emptyDocument, findElement, idOf } from './raw';
import { idEnd } from './scan';
import { namesWithEnd, patchBetween, patchOfFields, touchedFields } from './touchedFields';

/** One row that the server fills, wherever it is kept. */
export interface ImageRow {
  /** Stages that put the `images` of a group into it. */
  stages: Document[];
  /** How many images it holds. */
  count(): Promise<number>;
  /** Says, inside the transaction of the change, that the images are those of changed documents. */
  confirm(session: ClientSession, documents: number): Promise<void>;
  remove(): Promise<void>;
}

/** The stages that fill a row. */
export function stagesInto(
  into: { db: string; coll: string },
  row: Record<string, unknown> & { _id: Document },
): Document[] {
  const facts = Object.entries(row).map(([name, value]) => [name, { $literal: value }]);
  return [
    { $set: { taken: { $size: '$images' } } },
    { $set: Object.fromEntries(facts) },
    { $merge: { into, whenMatched: 'fail', whenNotMatched: 'insert' } },
  ];
}

/** What an update pipeline has made of the images of a row; those that it left as they were are left out. */
export async function toldAgain(
  journal: Collection,
  row: { _id: Document; images: Buffer[]; update: Document[] },
  session?: ClientSession,
): Promise<LazyEntry[]> {
  const patches = (await patchesOfFields(journal, row, session)) ?? (await patchesOf(journal, row, session));
  return row.images.flatMap((before, i) => {
    const patch = patches[i];
    return patch && patch.length > emptyDocument.length ? [{ id: idOf(before), before, patch }] : [];
  });
}

/** More than a row holds. */
const mostImages = 1_000_000;

type Patches = (Buffer | null)[];
type Row = Parameters<typeof toldAgain>[1];

/** Undefined where it cannot be told from some fields. */
async function patchesOfFields(
  journal: Collection,
  row: Row,
  session: ClientSession | undefined,
): Promise<Patches | undefined> {
  const fields = touchedFields(row.update);
  if (!fields?.length) return undefined;
  const parts = await outcomesOf(journal, row, fields, session);
  const names = namesWithEnd(fields);
  const patches: Patches = [];
  for (const [i, before] of row.images.entries()) {
    const patch = patchOfFields(before, parts[i]!, names);
    if (patch === undefined) return undefined;
    patches.push(patch);
  }
  return patches;
}

async function patchesOf(
  journal: Collection,
  row: Row,
  session: ClientSession | undefined,
): Promise<Patches> {
  const after = await outcomesOf(journal, row, undefined, session);
  return row.images.map((before, i) => patchBetween(before, after[i]!));
}

/** The same, each of them the outcome of its image. */
async function outcomesOf(
  journal: Collection,
  row: Row,
  fields: readonly string[] | undefined,
  session: ClientSession | undefined,
): Promise<Buffer[]> {
  const found = await outcomes(journal, row, fields, session);
  const { images } = row;
  if (found.length !== images.length || !images.every((image, i) => sameId(image, found[i]!)))
    throw new Error('the outcome of an update cannot be told from the journal');
  return found;
}

/** The images after the update, in their order: whole, or these fields of them. */
export async function outcomes(
  journal: Collection,
  { _id, update }: Pick<Row, '_id' | 'update'>,
  fields?: readonly string[],
  session?: ClientSession,
): Promise<Buffer[]> {
  const pipeline = [
    { $match: { _id } },
    { $unwind: '$images' },
    { $replaceWith: '$images' },
    ...update,
    ...(fields ? [{ $project: Object.fromEntries(fields.map((name) => [name, 1])) }] : []),
  ];
  const command = {
    aggregate: journal.collectionName,
    pipeline,
    cursor: { batchSize: mostImages },
  };
  return readAll(journal.db, command, session);
}

/** The projection that leaves `_id` and these fields of the images. */
export function inImages(fields: readonly string[]): Document {
  if (fields.length === 0) return {};
  return Object.fromEntries(['_id', ...fields].map((name) => [`images.${name}`, 1]));
}

/** `_id` and these top-level fields of the images, in their order. */
export async function fieldsOfImages(
  journal: Collection,
  _id: Document,
  fields: readonly string[],
): Promise<Buffer[]> {
  const projection = { _id: 0, ...inImages(fields) };
  const command = { find: journal.collectionName, filter: { _id }, projection, singleBatch: true };
  const [row] = await readAll(journal.db, command);
  return (row && imagesIn(row)) ?? [];
}

/** The images of a row, as far as it was read with them. */
export function imagesIn(row: Buffer): Buffer[] | undefined {
  const images = findElement(row, 'images');
  if (!images) return undefined;
  const found: Buffer[] = [];
  addDocuments(row, images.value, found);
  return found;
}

export function sameId(a: Buffer, b: Buffer): boolean {
  const end = idEnd(a);
  return end > 0 && end === idEnd(b) && a.compare(b, 4, end, 4, end) === 0;
}

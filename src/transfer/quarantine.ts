// The quarantine, `_migratory_quarantine`: one document for each document that failed, with its input and the reason,
// until it is retried or discarded.
import type { ClientSession, Db, Document, Filter } from 'mongodb';
import { idQuery, rawDocuments, sendWrites, updateStatement } from './command';
import {
  dateValue,
  document,
  element,
  findElement,
  intValue,
  isDeeperThan,
  objectValue,
  stringValue,
} from './raw';
import type { RawValue } from './raw';
import type { ErrorLocation } from '../protocol/errors';

export const quarantineCollection = '_migratory_quarantine';

export interface QuarantinedDocument {
  id: RawValue;
  reason: string;
  /** The document as it was read. */
  input: Buffer;
  /** Where in the author's file it failed. */
  place?: ErrorLocation;
}

/** Beyond these the input is not copied, since a document around it would not be taken; it is still in its collection. */
const inputBytes = 15 * 1024 * 1024;
const inputDepth = 170;

function canBeCopied(input: Buffer): boolean {
  return input.length < inputBytes && !isDeeperThan(input, inputDepth);
}

export interface QuarantinePlace {
  run: string;
  step: string;
  collection: string;
}

/** Also used for documents that fail again: the newest reason counts. */
export async function writeQuarantine(
  db: Db,
  where: QuarantinePlace,
  items: readonly QuarantinedDocument[],
  session?: ClientSession,
): Promise<void> {
  if (items.length === 0) return;
  const at = dateValue(new Date());
  const statements = items.map(({ id, reason, input, place }) => {
    const key = keyDocument(where, id);
    const row = document([
      element('_id', objectValue(key)),
      element('run', stringValue(where.run)),
      element('step', stringValue(where.step)),
      element('collection', stringValue(where.collection)),
      element('id', id),
      element('reason', stringValue(reason)),
      element('at', at),
      ...(place ? [element('place', objectValue(placeDocument(place)))] : []),
      ...(canBeCopied(input) ? [element('document', objectValue(input))] : []),
    ]);
    return updateStatement(idQuery(objectValue(key)), objectValue(row), { upsert: true });
  });
  const reply = await sendWrites(db, 'update', quarantineCollection, statements, {
    session,
    writeConcern: { w: 'majority', j: true },
  });
  if (reply.failures[0]) throw new Error(`the quarantine could not be written: ${reply.failures[0].message}`);
}

function placeDocument({ file, line, column }: ErrorLocation): Buffer {
  const figures = Object.entries({ line, column }).filter(
    (figure): figure is [string, number] => figure[1] !== undefined,
  );
  return document([
    element('file', stringValue(file)),
    ...figures.map(([name, value]) => element(name, intValue(value))),
  ]);
}

function keyDocument({ run, step }: Pick<QuarantinePlace, 'run' | 'step'>, id: RawValue): Buffer {
  return document([element('run', stringValue(run)), element('step', stringValue(step)), element('id', id)]);
}

/** Takes documents out of quarantine. */
export async function releaseQuarantine(
  db: Db,
  where: QuarantinePlace,
  ids: readonly RawValue[],
  session?: ClientSession,
): Promise<void> {
  const statements = ids.map((id) =>
    document([
      element('q', objectValue(idQuery(objectValue(keyDocument(where, id))))),
      element('limit', intValue(1)),
    ]),
  );
  await sendWrites(db, 'delete', quarantineCollection, statements, {
    session,
    writeConcern: { w: 'majority', j: true },
  });
}

/** The `_id`s of a step's documents in quarantine: of all of them, or of those that `only` names. */
export async function quarantinedIds(
  db: Db,
  where: Pick<QuarantinePlace, 'run' | 'step'>,
  only?: readonly unknown[],
): Promise<RawValue[]> {
  const rows = db
    .collection(quarantineCollection)
    .find(
      { run: where.run, step: where.step, ...withIds(only) },
      { raw: true, projection: { id: 1 }, sort: { _id: 1 } },
    );
  const ids: RawValue[] = [];
  for await (const row of rawDocuments(rows)) {
    const id = findElement(row, 'id');
    if (id) ids.push({ type: id.type, bytes: Buffer.from(row.subarray(id.value, id.end)) });
  }
  return ids;
}

/** Another reason for documents that are in quarantine already. */
export async function updateReasons(
  db: Db,
  where: QuarantinePlace,
  ids: readonly RawValue[],
  reason: string,
): Promise<void> {
  const set = objectValue(
    document([
      element(
        '$set',
        objectValue(document([element('reason', stringValue(reason)), element('at', dateValue(new Date()))])),
      ),
    ]),
  );
  const statements = ids.map((id) => updateStatement(idQuery(objectValue(keyDocument(where, id))), set));
  await sendWrites(db, 'update', quarantineCollection, statements, {
    writeConcern: { w: 'majority', j: true },
  });
}

/** Part of a filter of the quarantine. An `_id` may be an expression or look like a filter: neither is meant as one. */
export function withIds(ids: readonly unknown[] | undefined): Filter<Document> {
  return ids === undefined ? {} : { $expr: { $in: ['$id', ids.map((id) => ({ $literal: id }))] } };
}

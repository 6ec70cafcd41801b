// A dropped collection whose name is taken again: what is missing comes back into the new one, and what differs is told.
import type { Db } from 'mongodb';
import { sendWrites } from '../../transfer/command';
import { idOf, keyOf, sameBytes } from '../../transfer/raw';
import { decoded } from '../../transfer/shownId';
import { readByIds } from '../../transfer/source';
import type { Conflict } from '../../transfer/types';
import { conflict } from './catalogueConflict';
import { createAgain, indexesOf, infoOf } from './collectionFacts';

const together = 1000;

/** @param aside is dropped if nothing of it is missing afterwards. */
export async function mergeBack(
  db: Db,
  aside: string,
  collection: string,
  signal: AbortSignal,
): Promise<0 | Conflict[]> {
  const conflicts = await mergeDefinition(db, aside, collection);
  let batch: Buffer[] = [];
  const cursor = db.collection(aside).find({}, { raw: true, batchSize: together });
  for await (const raw of cursor as unknown as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    batch.push(Buffer.from(raw));
    if (batch.length < together) continue;
    conflicts.push(...(await mergeDocuments(db, collection, batch)));
    batch = [];
  }
  if (batch.length > 0) conflicts.push(...(await mergeDocuments(db, collection, batch)));
  if (conflicts.length > 0) return conflicts;
  await db.dropCollection(aside);
  return 0;
}

async function mergeDefinition(db: Db, aside: string, collection: string): Promise<Conflict[]> {
  const [was, now] = [await infoOf(db, aside), await infoOf(db, collection)];
  const conflicts: Conflict[] = [];
  if (was && now && (was.type !== now.type || !was.options.equals(now.options)))
    conflicts.push(
      conflict(collection, `it was created again with other options; "${aside}" has the old ones`),
    );
  const there = await indexesOf(db, collection);
  for (const [name, spec] of await indexesOf(db, aside)) {
    if (there.get(name)?.equals(spec)) continue;
    try {
      await createAgain(db, collection, [spec]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      conflicts.push(conflict(collection, `its index ${name} could not be created again: ${reason}`));
    }
  }
  return conflicts;
}

async function mergeDocuments(db: Db, collection: string, documents: readonly Buffer[]): Promise<Conflict[]> {
  const there = await readByIds(db.collection(collection), documents.map(idOf), {});
  const missing = documents.filter((raw) => !there.has(keyOf(idOf(raw))));
  const conflicts = documents.flatMap((raw): Conflict[] => {
    const now = there.get(keyOf(idOf(raw)));
    if (!now || sameBytes(raw, now)) return [];
    const reason = 'the run dropped it, and another with the same _id was created since';
    return [{ collection, id: decoded(idOf(raw)), reason, before: raw, current: now }];
  });
  const options = { ordered: false, writeConcern: { w: 'majority' } } as const;
  const reply = await sendWrites(db, 'insert', collection, missing, options);
  for (const { index, message } of reply.failures) {
    const raw = missing[index] as Buffer;
    conflicts.push({ collection, id: decoded(idOf(raw)), reason: message, before: raw, current: null });
  }
  return conflicts;
}

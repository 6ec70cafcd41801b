// `ctx.extract` once more for the parents that it has set aside. They stay in quarantine until their array has gone: so
// nobody is forgotten when the retry is cut off half-way.
import type { Document } from 'mongodb';
import type { BatchResult, ExtractOptions } from '../../migration/kinds';
import { quarantinedIds, releaseQuarantine, updateReasons } from '../../transfer/quarantine';
import { keyOf, type RawValue } from '../../transfer/raw';
import { decoded } from '../../transfer/shownId';
import { readByIds } from '../../transfer/source';
import { extendedJson } from '../documents';
import { checked, copying, nameElements, present, replacing, unfinished } from './extract';
import type { RetriedCall } from './retriedCall';

export async function retryExtract(
  call: RetriedCall,
  collection: string,
  array: string,
  options: ExtractOptions,
): Promise<BatchResult> {
  const plan = checked(collection, array, options);
  const result: BatchResult = { processed: 0, errors: 0, total: 0 };
  for (const [position, transfer] of call.transfers.entries()) {
    const where = { run: call.runId, step: transfer, collection };
    const ids = await quarantinedIds(call.db, where);
    const failed = new Set<string>();
    await call.retry(transfer, {
      collection,
      filter: present(array),
      transform: (parent: Document) => nameElements(parent, plan),
      hold: true,
      quarantined: ({ id }) => failed.add(textOf(id)),
    });
    const named = ids.filter((id) => !failed.has(textOf(decoded(id))));
    // What the target holds already is never overwritten; its parent then keeps the array.
    await call.pipelineOver(named, `copy-${position + 1}`, { ...copying(plan), whenMatched: 'keepExisting' });
    await call.pipelineOver(named, `replace-${position + 1}`, replacing(plan));
    const left = await readByIds(call.collection(collection), named, { filter: unfinished(array) });
    const isLeft = (id: RawValue): boolean => left.has(keyOf(id));
    const held = named.filter(isLeft);
    await updateReasons(call.db, where, held, taken(plan.into));
    call.tellHeld(collection, held, taken(plan.into));
    const done = named.filter((id) => !isLeft(id));
    await releaseQuarantine(call.db, where, done);
    result.total += ids.length;
    result.processed += done.length;
    result.errors += ids.length - done.length;
  }
  return result;
}

function taken(into: string): string {
  return `"${into}" holds other documents with the _id of its elements, or somebody has changed it meanwhile`;
}

function textOf(id: unknown): string {
  return JSON.stringify(extendedJson(id));
}

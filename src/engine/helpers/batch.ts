// `ctx.batch`: the work of a transform inside a script.
import type { Document } from 'mongodb';
import type { BatchResult, TransformFunction } from '../../migration/kinds';
import type { HelperCall } from './helperCall';

export async function batch(
  call: HelperCall,
  collection: string,
  filter: Document,
  transform: TransformFunction | Document[],
): Promise<BatchResult> {
  await call.touch([collection], filter);
  const { processed, errors, total } = await call.transform('', collection, filter, transform);
  return { processed, errors, total };
}

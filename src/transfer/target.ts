// What kinds of collections can be read from and written to, and why not. Checks say it before a run; a transfer
// refuses by itself, too.
import type { Db, Document } from 'mongodb';
import { UserError } from '../protocol/errors';

export interface CollectionKind {
  name: string;
  type: 'collection' | 'view' | 'timeseries' | 'missing';
  capped: boolean;
  options: Document;
}

export async function kindOf(db: Db, name: string): Promise<CollectionKind> {
  const [info] = await db.listCollections({ name }).toArray();
  if (!info) return { name, type: 'missing', capped: false, options: {} };
  const options = (info as { options?: Document }).options ?? {};
  return {
    name,
    type: (info.type ?? 'collection') as CollectionKind['type'],
    capped: options['capped'] === true,
    options,
  };
}

/** The order of the `_id` index, where it is not the simple one. */
export function collationOf({ options }: CollectionKind): Document | undefined {
  return options['collation'] as Document | undefined;
}

/** Why documents of this collection cannot be changed, or written into it; undefined if they can. */
export function refusalToWrite({ name, type }: CollectionKind): string | undefined {
  if (type === 'view') return `"${name}" is a view; name the collection behind it.`;
  if (type === 'timeseries') {
    return `"${name}" is a time-series collection, whose documents cannot be changed one by one; write into a new collection (into).`;
  }
  if (name.startsWith('system.')) return `"${name}" belongs to the server.`;
  if (name.startsWith('_migratory_')) return `"${name}" holds the state of migrations.`;
  return undefined;
}

/** Why ranges of this collection cannot be read by `_id`; undefined if they can. */
export function refusalToRead({ name, type, options }: CollectionKind): string | undefined {
  if (type === 'view') return `"${name}" is a view, which has no _id index to be read by in ranges.`;
  if (type === 'timeseries')
    return `"${name}" is a time-series collection, which has no _id index to be read by in ranges.`;
  if (options['capped'] === true && options['autoIndexId'] === false) return `"${name}" has no _id index.`;
  return undefined;
}

/** Throws a UserError if a transfer from the one to the other is not possible; answers what they are. */
export async function refuseTarget(
  db: Db,
  source: string,
  target: string,
): Promise<{ source: CollectionKind; target: CollectionKind }> {
  const from = await kindOf(db, source);
  const to = source === target ? from : await kindOf(db, target);
  const refusal = refusalToWrite(to) ?? refusalToRead(from);
  if (refusal) throw new UserError(refusal);
  return { source: from, target: to };
}

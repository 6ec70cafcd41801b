// `ctx.convert`: fields of a collection into other BSON types. What one value becomes is convertValue.ts.
import type { Document } from 'mongodb';
import type { BatchResult, ConvertOptions, ConvertTarget } from '../../migration/kinds';
import { UserError } from '../../protocol/errors';
import { convertTargets, convertValue, Unconvertible, type Conversion } from './convertValue';
import { dateReader } from './dateText';
import { checkCollection, checkField, type HelperCall } from './helperCall';

export async function convert(
  call: HelperCall,
  collection: string,
  fields: Record<string, ConvertTarget>,
  options: ConvertOptions,
): Promise<BatchResult> {
  checkCollection('The collection of ctx.convert', collection);
  const wanted = checkedFields(fields);
  const conversion = conversionOf(options);
  const open = { $or: wanted.map(([field, target]) => openIn(field, target)) };
  const filter = options.filter ? { $and: [options.filter, open] } : open;
  await call.touch([collection], filter);
  const { processed, errors, total } = await call.transform('', collection, filter, (document: Document) => {
    const set: Document = {};
    for (const [field, target] of wanted) convertPath(document, field, target, conversion, set);
    return Object.keys(set).length === 0 ? undefined : { $set: set };
  });
  return { processed, errors, total };
}

function checkedFields(fields: Record<string, ConvertTarget>): [string, ConvertTarget][] {
  const wanted = Object.entries(fields);
  if (wanted.length === 0) throw new UserError('ctx.convert needs at least one field.');
  for (const [field, target] of wanted) {
    checkField('A field of ctx.convert', field);
    if (field === '_id' || field.startsWith('_id.'))
      throw new UserError('ctx.convert cannot convert _id: a document cannot change its _id.');
    if (!convertTargets.includes(target))
      throw new UserError(
        `ctx.convert cannot convert "${field}" to "${target}"; it knows ${convertTargets.join(', ')}.`,
      );
  }
  return wanted;
}

function conversionOf({ format, timezone, numbersAs }: ConvertOptions): Conversion {
  try {
    return { readDate: dateReader({ format, timezone }), numbersAs };
  } catch (error) {
    throw new UserError(`ctx.convert: ${(error as Error).message}.`, { cause: error });
  }
}

/** Documents with something to do: there, not null, and not of the wanted type. Arrays are looked into by the runner. */
function openIn(field: string, target: ConvertTarget): Document {
  const done = [target, 'null', 'undefined', 'missing'];
  return { [field]: { $exists: true }, $expr: { $not: [{ $in: [{ $type: `$${field}` }, done] }] } };
}

/** Adds to `set` what the field becomes, by paths with the positions in arrays. */
function convertPath(
  document: Document,
  field: string,
  target: ConvertTarget,
  conversion: Conversion,
  set: Document,
): void {
  const names = field.split('.');
  const visit = (value: unknown, depth: number, path: string): void => {
    if (value === null || value === undefined) return;
    if (Array.isArray(value)) {
      const name = names[depth];
      if (name !== undefined && /^\d+$/.test(name)) visit(value[Number(name)], depth + 1, joined(path, name));
      else value.forEach((item, position) => visit(item, depth, joined(path, String(position))));
    } else if (depth < names.length) {
      const name = names[depth] as string;
      if (isSubDocument(value)) visit(value[name], depth + 1, joined(path, name));
    } else {
      const converted = converting(value, target, conversion, path);
      if (converted !== value) set[path] = converted;
    }
  };
  visit(document, 0, '');
}

function converting(value: unknown, target: ConvertTarget, conversion: Conversion, path: string): unknown {
  try {
    return convertValue(value, target, conversion);
  } catch (error) {
    if (error instanceof Unconvertible) throw new Unconvertible(`"${path}": ${error.message}`);
    throw error;
  }
}

function isSubDocument(value: unknown): value is Document {
  return typeof value === 'object' && !(value instanceof Date) && !('_bsontype' in (value as object));
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

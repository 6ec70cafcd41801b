// `ctx.extract`: the sub-documents of an array become documents of their own, and the parent keeps their ids. In three
// transfers: every element gets an `_id`; they are copied, on the server; the array goes where its copy is complete and
// still equal, which is looked at in the transaction that writes. What others changed meanwhile is copied once more.
import { ObjectId, type Document } from 'mongodb';
import type { BatchResult, ExtractOptions } from '../../migration/kinds';
import { UserError } from '../../protocol/errors';
import { extendedJson } from '../documents';
import { checkCollection, checkField, type HelperCall } from './helperCall';

const mostRounds = 5;

export interface Plan {
  collection: string;
  array: string;
  into: string;
  foreignKey: string | undefined;
  ids: string;
}

export async function extract(
  call: HelperCall,
  collection: string,
  array: string,
  options: ExtractOptions,
): Promise<BatchResult> {
  const plan = checked(collection, array, options);
  await call.touch([collection, plan.into]);
  const result: BatchResult = { processed: 0, errors: 0, total: 0 };
  for (let round = 1; round <= mostRounds; round++) {
    const named = await call.transform(`ids-${round}`, collection, present(array), (parent: Document) =>
      nameElements(parent, plan),
    );
    result.errors += named.errors;
    result.total = Math.max(result.total, named.total);
    await call.pipeline(`copy-${round}`, { ...copying(plan), whenMatched: round === 1 ? 'fail' : 'replace' });
    const replaced = await call.pipeline(`replace-${round}`, replacing(plan));
    result.processed += replaced.processed;
    const left = await call.collection(collection).countDocuments(unfinished(array));
    if (left <= result.errors) return result;
  }
  throw new UserError(
    `Others keep changing "${array}" in "${collection}" while it is extracted. Let the application stop writing it first.`,
  );
}

export function checked(
  collection: string,
  array: string,
  { into, foreignKey, idsField = array }: ExtractOptions,
): Plan {
  checkCollection('The collection of ctx.extract', collection);
  checkField('The array of ctx.extract', array);
  checkCollection('`into` of ctx.extract', into);
  checkField('`idsField` of ctx.extract', idsField);
  if (into === collection) throw new UserError('ctx.extract needs another collection as `into`.');
  if (foreignKey !== undefined) {
    checkField('`foreignKey` of ctx.extract', foreignKey);
    if (foreignKey === '_id' || foreignKey.includes('.'))
      throw new UserError('`foreignKey` of ctx.extract has to be a field at the top, and not _id.');
  }
  const related = idsField.startsWith(`${array}.`) || array.startsWith(`${idsField}.`);
  if (related) throw new UserError('`idsField` of ctx.extract cannot lie inside of the array, or around it.');
  return { collection, array, into, foreignKey, ids: idsField };
}

export function present(field: string): Document {
  return { $expr: { $not: [{ $in: [{ $type: `$${field}` }, ['missing', 'null', 'undefined']] }] } };
}

/** Gives an `_id` to each element that has none; throws for a parent that cannot be extracted without loss. */
export function nameElements(parent: Document, { array, foreignKey, ids }: Plan): Document | undefined {
  const elements = valueAt(parent, array);
  if (!Array.isArray(elements)) throw new Error(`"${array}" is no array`);
  if (ids !== array && valueAt(parent, ids) !== undefined) throw new Error(`"${ids}" is there already`);
  const set: Document = {};
  for (const [position, element] of elements.entries()) {
    const where = `element ${position} of "${array}"`;
    if (!isSubDocument(element)) throw new Error(`${where} is no sub-document`);
    if (element['_id'] === undefined) set[`${array}.${position}._id`] = new ObjectId();
    else if (element['_id'] === null || Array.isArray(element['_id']))
      throw new Error(`${where} has an _id that a document cannot have`);
    const key: unknown = foreignKey === undefined ? undefined : element[foreignKey];
    if (key !== undefined && !equal(key, parent['_id']))
      throw new Error(`${where} has a field "${foreignKey}" of its own`);
  }
  return Object.keys(set).length === 0 ? undefined : { $set: set };
}

export function copying({ collection, array, into, foreignKey }: Plan) {
  const element = `$${array}`;
  const child = foreignKey === undefined ? element : { $mergeObjects: [element, { [foreignKey]: '$_id' }] };
  return {
    collection,
    into,
    pipeline: [{ $match: { $expr: ready(array) } }, { $unwind: element }, { $replaceWith: child }],
  };
}

export function replacing({ collection, array, into, foreignKey, ids }: Plan) {
  const copy = { $arrayElemAt: [{ $filter: { input: '$found', as: 'f', cond: sameId } }, 0] };
  const wanted =
    foreignKey === undefined ? '$$element' : { $mergeObjects: ['$$element', { [foreignKey]: '$_id' }] };
  const isCopied = {
    $let: {
      vars: { copy, wanted },
      in: { $and: [{ $ne: [{ $type: '$$copy' }, 'missing'] }, { $eq: [rest('$$copy'), rest('$$wanted')] }] },
    },
  };
  const list = { $map: { input: '$elements', as: 'element', in: isCopied } };
  return {
    collection,
    into: collection,
    pipeline: [
      { $match: { $expr: ready(array) } },
      { $project: { elements: `$${array}` } },
      { $lookup: { from: into, localField: 'elements._id', foreignField: '_id', as: 'found' } },
      { $match: { $expr: { $allElementsTrue: [list] } } },
      { $project: { ids: '$elements._id' } },
    ],
    whenMatched: [{ $set: { [ids]: '$$new.ids' } }, ...(ids === array ? [] : [{ $unset: array }])],
    whenNotMatched: 'discard' as const,
  };
}

const sameId = { $eq: ['$$f._id', '$$element._id'] };

/** All fields in their order but `_id`, which a stored document has in front. */
function rest(document: string): Document {
  return { $filter: { input: { $objectToArray: document }, as: 'p', cond: { $ne: ['$$p.k', '_id'] } } };
}

/** An array of sub-documents that have an `_id` each. */
function ready(array: string): Document {
  const named = {
    $and: [{ $eq: [{ $type: '$$e' }, 'object'] }, { $ne: [{ $type: '$$e._id' }, 'missing'] }],
  };
  return {
    $and: [
      { $isArray: `$${array}` },
      { $allElementsTrue: [{ $map: { input: elementsOf(array), as: 'e', in: named } }] },
    ],
  };
}

/** Parents that still hold sub-documents in the array. */
export function unfinished(array: string): Document {
  const isObject = { $eq: [{ $type: '$$e' }, 'object'] };
  return {
    $expr: { $anyElementTrue: [{ $map: { input: elementsOf(array), as: 'e', in: isObject } }] },
  };
}

function elementsOf(array: string): Document {
  return { $cond: [{ $isArray: `$${array}` }, `$${array}`, []] };
}

function valueAt(document: Document, path: string): unknown {
  let at: unknown = document;
  for (const name of path.split('.')) at = isSubDocument(at) ? at[name] : undefined;
  return at;
}

function isSubDocument(value: unknown): value is Document {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !('_bsontype' in value)
  );
}

function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(extendedJson(a)) === JSON.stringify(extendedJson(b));
}

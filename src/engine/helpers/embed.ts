// `ctx.embed`: documents of another collection become elements of an array, on the server, found by the parent's ids
// or by their foreign key. The reverse of extract.ts; the other collection keeps its documents.
import type { Document } from 'mongodb';
import type { BatchResult, EmbedOptions } from '../../migration/kinds';
import { UserError } from '../../protocol/errors';
import { shownId } from './shownId';
import { checkCollection, checkField, type HelperCall } from './helperCall';

/** Without an index every parent reads the whole collection; small ones do not mind. */
const smallCollection = 1_000;

interface Plan {
  collection: string;
  array: string;
  from: string;
  foreignKey: string | undefined;
  ids: string | undefined;
}

export async function embed(
  call: HelperCall,
  collection: string,
  array: string,
  options: EmbedOptions,
): Promise<BatchResult> {
  const plan = checked(collection, array, options);
  await call.touch([collection, plan.from]);
  if (!(await call.begun(''))) {
    await refuseTaken(call, plan);
    if (plan.ids === undefined) await warnWithoutIndex(call, plan);
    else await refuseDangling(call, plan, plan.ids);
  }
  const { processed, errors, total } = await call.pipeline('', {
    collection,
    into: collection,
    pipeline: plan.ids === undefined ? byForeignKey(plan) : byIds(plan, plan.ids),
    whenMatched: [
      { $set: { [array]: '$$new.children' } },
      ...(plan.ids === undefined || plan.ids === array ? [] : [{ $unset: plan.ids }]),
    ],
    whenNotMatched: 'discard',
  });
  return { processed, errors, total };
}

function checked(collection: string, array: string, { from, foreignKey, idsField }: EmbedOptions): Plan {
  checkCollection('The collection of ctx.embed', collection);
  checkField('The array of ctx.embed', array);
  checkCollection('`from` of ctx.embed', from);
  if (from === collection) throw new UserError('ctx.embed needs another collection as `from`.');
  if (foreignKey === undefined && idsField === undefined)
    throw new UserError(
      'ctx.embed needs `foreignKey` or `idsField`, to know which documents belong together.',
    );
  if (foreignKey !== undefined) checkField('`foreignKey` of ctx.embed', foreignKey);
  if (idsField !== undefined) checkField('`idsField` of ctx.embed', idsField);
  return { collection, array, from, foreignKey, ids: idsField };
}

async function refuseTaken(call: HelperCall, { collection, array, ids }: Plan): Promise<void> {
  if (ids === array) return;
  const concerned = ids === undefined ? {} : { [ids]: { $exists: true } };
  const taken = await call
    .collection(collection)
    .findOne({ $and: [{ [array]: { $exists: true } }, concerned] }, { projection: { _id: 1 } });
  if (taken)
    throw new UserError(
      `"${array}" is there already in document ${shownId(taken._id)} of "${collection}"; ctx.embed would overwrite it.`,
    );
}

async function refuseDangling(
  call: HelperCall,
  { collection, from, array }: Plan,
  ids: string,
): Promise<void> {
  const options = { allowDiskUse: true, signal: call.signal };
  const [odd] = await call
    .collection(collection)
    .aggregate<{ _id: unknown; list: boolean }>(
      [
        { $match: { $expr: { $not: [{ $in: [{ $type: `$${ids}` }, ['missing', 'null', 'undefined']] }] } } },
        { $project: { ids: `$${ids}`, list: { $isArray: `$${ids}` } } },
        { $lookup: { from, localField: 'ids', foreignField: '_id', as: 'found' } },
        { $match: { $expr: { $not: [{ $and: ['$list', allFound] }] } } },
        { $limit: 1 },
        { $project: { list: 1 } },
      ],
      options,
    )
    .toArray();
  if (!odd) return;
  const what = odd.list ? `names documents that "${from}" does not hold` : 'is no array';
  throw new UserError(
    `"${ids}" of document ${shownId(odd._id)} of "${collection}" ${what}, so they cannot be embedded as "${array}". ` +
      'Nothing was changed by ctx.embed.',
  );
}

async function warnWithoutIndex(call: HelperCall, { from, foreignKey }: Plan): Promise<void> {
  const children = call.collection(from);
  if ((await children.estimatedDocumentCount()) <= smallCollection) return;
  const indexes = await children.listIndexes().toArray();
  if (indexes.some(({ key }) => Object.keys(key as object)[0] === foreignKey)) return;
  call.warn(`"${from}" has no index on "${foreignKey}": ctx.embed reads all of it for each document.`);
}

const idsOrNone = { $cond: [{ $isArray: '$ids' }, '$ids', []] };
const allFound = {
  $allElementsTrue: [{ $map: { input: idsOrNone, as: 'id', in: { $in: ['$$id', '$found._id'] } } }],
};

function byIds({ from, foreignKey }: Plan, ids: string): Document[] {
  const child = {
    $arrayElemAt: [{ $filter: { input: '$found', as: 'f', cond: { $eq: ['$$f._id', '$$id'] } } }, 0],
  };
  return [
    { $match: { $expr: { $isArray: `$${ids}` } } },
    { $project: { ids: `$${ids}` } },
    { $lookup: { from, localField: 'ids', foreignField: '_id', as: 'found' } },
    // One that was deleted meanwhile leaves its parent as it is.
    { $match: { $expr: allFound } },
    { $project: { children: { $map: { input: '$ids', as: 'id', in: child } } } },
    ...(foreignKey === undefined ? [] : [{ $unset: `children.${foreignKey}` }]),
  ];
}

function byForeignKey({ from, foreignKey = '' }: Plan): Document[] {
  const mine = { $expr: { $eq: [`$${foreignKey}`, '$$parent'] } };
  return [
    {
      $lookup: {
        from,
        let: { parent: '$_id' },
        pipeline: [{ $match: mine }, { $sort: { _id: 1 } }, { $unset: foreignKey }],
        as: 'children',
      },
    },
    { $project: { children: 1 } },
  ];
}

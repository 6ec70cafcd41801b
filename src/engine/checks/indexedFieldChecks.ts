// What the indexes of the written collection make of the touched fields: duplicates under unique ones (P20), mass
// expiry under TTL ones (P24), and those with rules of their own (P25).
import type { Document } from 'mongodb';
import type { Check, CheckScope } from './check';
import { failed, passed, pipelineOf, skipped, targetOf, transformOf, upOnly, writesInPlace } from './check';
import { getAt } from './afterImage';
import type { IndexInfo } from './facts';
import { afterImages } from './sample';
import { hasSample, idText } from './sampleChecks';
import { touchedFields } from './touched';

function covers(index: IndexInfo, touched: readonly string[]): boolean {
  return fieldsOf(index).some((field) =>
    touched.some(
      (path) =>
        field === '' || path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`),
    ),
  );
}

/** A text index names its fields beside its key, a wildcard index all below one; '' is the whole document. */
function fieldsOf({ key, weights }: IndexInfo): string[] {
  const names = Object.keys(key).filter((name) => !/^_ftsx?$/.test(name));
  return [...names, ...Object.keys(weights ?? {})].map((name) => name.replace(wildcard, ''));
}

const wildcard = /(^|\.)\$\*\*$/;

export const uniqueCheck: Check = {
  id: 'unique',
  title: 'No duplicates under unique indexes',
  directions: upOnly,
  applies: hasSample,
  async run(scope) {
    const target = targetOf(scope) ?? '';
    const inPlace = writesInPlace(scope);
    const touched = inPlace ? await touchedFields(scope) : [];
    const indexes = (await scope.facts.indexes(target)).filter(
      (index) => index.unique === true && (!inPlace || covers(index, touched)),
    );
    if (indexes.length === 0) return passed(`No unique index of ${target} holds a touched field.`);
    for (const index of indexes) {
      const clash = (await clashOnServer(scope, index)) ?? (await clashInSample(scope, index));
      if (clash) {
        return failed(
          'error',
          `The unique index ${index.name} of ${target} would refuse: ${clash}.`,
          'Make the values unique in the transform, or drop the index in a migration before this one.',
        );
      }
    }
    return passed(`No duplicates found under ${indexes.map(({ name }) => name).join(', ')}.`);
  },
};

/** An update pipeline can be tried on all documents: the server computes the keys and counts them. */
async function clashOnServer(scope: CheckScope, index: IndexInfo): Promise<string | null> {
  const { connection, limits } = scope;
  const migration = transformOf(scope);
  if (!migration?.update || migration.into !== undefined || index.partialFilterExpression) return null;
  const fields = Object.keys(index.key);
  const key = Object.fromEntries(fields.map((field, position) => [`k${position}`, `$${field}`]));
  const present =
    index.sparse === true
      ? [{ $match: Object.fromEntries(fields.map((field) => [field, { $exists: true }])) }]
      : [];
  const [row] = await connection.db
    .collection(migration.source)
    .aggregate<{ _id: Document; n: number }>(
      [
        { $match: migration.filter ?? {} },
        ...migration.update,
        ...present,
        { $group: { _id: key, n: { $sum: 1 } } },
        { $match: { n: { $gt: 1 } } },
        { $limit: 1 },
      ],
      { maxTimeMS: limits.timeMs, allowDiskUse: true },
    )
    .toArray();
  if (!row) return null;
  const values = fields.map((field, position) => `${field} = ${idText(row._id[`k${position}`])}`);
  return `${row.n} documents would have ${values.join(', ')}`;
}

/** Compares the sampled results with each other and with what the collection holds. */
async function clashInSample(scope: CheckScope, index: IndexInfo): Promise<string | null> {
  const collection = scope.connection.db.collection(targetOf(scope) ?? '');
  const fields = Object.keys(index.key);
  const seen = new Map<string, { id: unknown; own: string }>();
  for (const { document, after } of afterImages(await scope.facts.sample())) {
    const values = fields.map((field) => getAt(after, field));
    // Arrays make several keys and paths through arrays cannot be told here; a missing value counts as null.
    if (values.some((value) => Array.isArray(value))) continue;
    if (
      values.every((value) => value === undefined) &&
      (index.sparse === true || index.partialFilterExpression)
    )
      continue;
    const own = ownDocument(scope, document.id, after);
    if (await staysUnknown(scope, own, values)) continue;
    const words = fields
      .map((field, position) => `${field} = ${idText(values[position] ?? null)}`)
      .join(', ');
    const other = seen.get(words);
    if (other && other.own !== idText(own))
      return `${idText(document.id)} and ${idText(other.id)} would both have ${words}`;
    seen.set(words, { id: document.id, own: idText(own) });
    const query = Object.fromEntries(
      fields.map((field, position) => [field, { $eq: values[position] ?? null }]),
    );
    const partial = index.partialFilterExpression ? [index.partialFilterExpression] : [];
    const found = await collection.findOne(
      { $and: [query, { $nor: [own] }, ...partial] },
      { projection: { _id: 1 }, maxTimeMS: scope.limits.timeMs, collation: index.collation as never },
    );
    if (found) return `${idText(document.id)} would have ${words}, as ${idText(found['_id'])} has already`;
  }
  return null;
}

/** The document of the target that a result becomes, or is merged with: with that one it cannot clash. */
function ownDocument(scope: CheckScope, id: unknown, after: Document): Document {
  if (writesInPlace(scope)) return { _id: { $eq: id } };
  const on = [pipelineOf(scope)?.on ?? '_id'].flat();
  return Object.fromEntries(on.map((field) => [field, { $eq: getAt(after, field) ?? null }]));
}

/** A pipeline's result need not be what the target will hold: `whenMatched` and `whenNotMatched` decide. */
async function staysUnknown(scope: CheckScope, own: Document, values: unknown[]): Promise<boolean> {
  const pipeline = pipelineOf(scope);
  if (!pipeline) return false;
  const { into, whenMatched = 'merge', whenNotMatched = 'insert' } = pipeline;
  const options = { projection: { _id: 1 }, maxTimeMS: scope.limits.timeMs };
  if (!(await scope.connection.db.collection(into).findOne(own, options))) return whenNotMatched !== 'insert';
  if (whenMatched === 'merge') return values.includes(undefined);
  return whenMatched !== 'replace';
}

/** Trap 39: a date that the migration sets can make the server delete the document within a minute. */
export const ttlCheck: Check = {
  id: 'ttl',
  title: 'No documents expire at once',
  directions: upOnly,
  applies: hasSample,
  async run(scope) {
    const target = targetOf(scope) ?? '';
    const indexes = (await scope.facts.indexes(target)).filter(
      ({ expireAfterSeconds }) => expireAfterSeconds !== undefined,
    );
    if (indexes.length === 0) return passed(`${target} has no TTL index.`);
    const sample = await scope.facts.sample();
    const images = afterImages(sample);
    for (const { name, key, expireAfterSeconds = 0 } of indexes) {
      const field = Object.keys(key)[0] ?? '';
      const dies = (document: Document | null): boolean =>
        document !== null && expired(getAt(document, field), expireAfterSeconds);
      const doomed = images.filter(
        ({ document, after }) => dies(after) && (!writesInPlace(scope) || !dies(document.before)),
      );
      const first = doomed[0];
      if (first) {
        return failed(
          'warning',
          `${doomed.length} of ${images.length} sampled results would be deleted by the TTL index ${name} within a minute, for example ${idText(first.document.id)}.`,
          `Check what the migration writes to ${field}, or take the TTL index away for the time being.`,
        );
      }
    }
    return images.length === 0
      ? skipped('There are no sampled results to judge.')
      : passed(`No sampled result is old enough for ${indexes.map(({ name }) => name).join(', ')}.`);
  },
};

function expired(value: unknown, seconds: number): boolean {
  const dates = (Array.isArray(value) ? value : [value]).filter((item): item is Date => item instanceof Date);
  return dates.some((date) => date.getTime() + seconds * 1000 < Date.now());
}

/** P25: indexes that treat values in their own way. */
export const touchedIndexesCheck: Check = {
  id: 'touched-indexes',
  title: 'Indexes of the touched fields',
  directions: upOnly,
  applies: (scope) => hasSample(scope) && writesInPlace(scope),
  async run(scope) {
    const target = targetOf(scope) ?? '';
    const touched = await touchedFields(scope);
    const indexes = (await scope.facts.indexes(target)).filter((index) => covers(index, touched));
    const special = indexes.flatMap((index) => traitsOf(index).map((trait) => `${index.name} is ${trait}`));
    if (special.length > 0) {
      return failed(
        'warning',
        `Touched fields are in indexes with rules of their own: ${special.join(', ')}.`,
        'Check that documents do not fall out of these indexes, or into them, by accident.',
      );
    }
    return passed(
      indexes.length === 0
        ? 'No index holds a touched field.'
        : `The server keeps ${indexes.map(({ name }) => name).join(', ')} up to date while the migration runs.`,
    );
  },
};

function traitsOf(index: IndexInfo): string[] {
  const kinds = Object.values(index.key).filter((value) => typeof value === 'string');
  return [
    ...(index.partialFilterExpression ? ['partial'] : []),
    ...(index.sparse === true ? ['sparse'] : []),
    ...(index.hidden === true ? ['hidden'] : []),
    ...(Object.keys(index.key).some((name) => wildcard.test(name)) ? ['a wildcard index'] : []),
    ...(index.collation && index.collation['locale'] !== 'simple' ? ['under a collation'] : []),
    ...kinds.map((kind) => `of kind ${kind}`),
  ];
}

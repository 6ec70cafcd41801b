// Checks of the source collection: that it is there, what kind of collection it is, its indexes and its filter.
import type { Document } from 'mongodb';
import type { Check, CheckScope, Finding } from './check';
import {
  bothWays,
  count,
  documents,
  failed,
  filterOf,
  passed,
  pipelineOf,
  skipped,
  sourceOf,
  targetOf,
  transformOf,
  upOnly,
  writesInPlace,
} from './check';
import type { CollectionInfo } from './facts';
import { indexText, servingIndex } from './indexRules';
import { nearest } from './nearest';

function hasSource(scope: CheckScope): boolean {
  return sourceOf(scope) !== null;
}

export const sourceCheck: Check = {
  id: 'source-exists',
  title: 'Source data exists',
  directions: upOnly,
  applies: hasSource,
  async run(scope) {
    const source = sourceOf(scope) ?? '';
    if (!(await scope.facts.collection(source))) return missingSource(scope, source);
    const { total, matching } = await scope.facts.counts();
    if (matching === null) {
      return passed(
        `${source} holds ${documents(total)}; counting those that the filter matches took longer than ${scope.limits.timeMs / 1000} s.`,
      );
    }
    if (matching > 0) {
      const filtered = Object.keys(filterOf(scope)).length > 0;
      return passed(
        filtered
          ? `${documents(matching)} of ${count(total)} in ${source} match.`
          : `${source} holds ${documents(total)}.`,
      );
    }
    return failed(
      'warning',
      total === 0
        ? `${source} is empty.`
        : `The filter matches none of the ${documents(total)} in ${source}.`,
      'Check the names of collection and fields if you expected documents.',
    );
  },
};

async function missingSource({ facts, connection }: CheckScope, source: string): Promise<Finding> {
  const names = (await facts.collections()).map(({ name }) => name);
  const near = nearest(source, names);
  return failed(
    'error',
    `There is no collection "${source}" in ${connection.label}.`,
    near
      ? `Did you mean "${near}"? Correct \`source\`, or check the database.`
      : 'Correct `source`, or check that this is the right database.',
  );
}

/** P18 and the traps 34 to 36. */
export const collectionTypeCheck: Check = {
  id: 'collection-type',
  title: 'Collections are of a kind that can be migrated',
  directions: bothWays,
  applies: hasSource,
  async run(scope) {
    const source = sourceOf(scope) ?? '';
    const target = targetOf(scope) ?? source;
    const [from, to] = await Promise.all([scope.facts.collection(source), scope.facts.collection(target)]);
    return (
      judgeSource(source, from, writesInPlace(scope)) ??
      (target === source ? null : judgeTarget(target, to)) ??
      passed(
        `${source} is an ordinary collection${target === source ? '' : `, and so is or will be ${target}`}.`,
      )
    );
  },
};

function judgeSource(name: string, info: CollectionInfo | null, inPlace: boolean): Finding | null {
  if (name.startsWith('system.')) return own(name, 'belongs to the server');
  if (name.startsWith('_migratory')) return own(name, 'belongs to Migratory itself');
  if (!info) return null;
  const unreadable = 'which has no _id index to be read by in ranges';
  if (info.type === 'view') {
    const why = inPlace ? 'which cannot be written' : unreadable;
    return own(name, `is a view on ${String(info.options['viewOn'])}, ${why}`);
  }
  if (info.type === 'timeseries')
    return own(
      name,
      `is a time-series collection, ${inPlace ? 'whose documents cannot be updated' : unreadable}`,
    );
  if (info.options['encryptedFields']) {
    return own(name, 'has encrypted fields, which cannot be read without their keys');
  }
  if (info.options['capped'] === true && inPlace) {
    return failed(
      'warning',
      `${name} is a capped collection: updates that make a document larger may be refused, and there are no transactions on it.`,
      'Write to another collection with `into` and rename that afterwards.',
    );
  }
  if (info.options['clusteredIndex']) return passed(`${name} is a clustered collection.`);
  return null;
}

function judgeTarget(name: string, info: CollectionInfo | null): Finding | null {
  if (name.startsWith('system.') || name.startsWith('_migratory')) return own(name, 'cannot be a target');
  if (!info || info.type === 'collection') {
    return info?.options['capped'] === true
      ? own(name, 'is a capped collection, which loses documents when it is full')
      : null;
  }
  return own(
    name,
    info.type === 'view'
      ? 'is a view, which cannot be written'
      : 'is a time-series collection, which cannot be merged into',
  );
}

function own(name: string, why: string): Finding {
  return failed('error', `${name} ${why}.`, 'Choose an ordinary collection.');
}

/** One result for each required index. */
export const indexCheck: Check = {
  id: 'index',
  title: 'Required indexes exist',
  directions: upOnly,
  applies: (scope) => (transformOf(scope)?.requiredIndexes ?? []).length > 0,
  async run(scope) {
    const source = sourceOf(scope) ?? '';
    const present = await scope.facts.indexes(source);
    const collation = (await scope.facts.collection(source))?.options['collation'] as Document | undefined;
    const locale = String(collation?.['locale'] ?? 'simple');
    return (transformOf(scope)?.requiredIndexes ?? []).map((key) => {
      const check = `Index ${indexText(key)} exists`;
      const { index, unusable } = servingIndex(key, present, locale);
      if (index) return passed(`${index.name} on ${source} serves it.`, check);
      const almost = unusable ? ` ${unusable.name} has this key but is ${unusable.why}.` : '';
      return failed(
        'error',
        `${source} has no index ${indexText(key)}.${almost}`,
        `Create it first: db.${source}.createIndex(${indexText(key)}).`,
        check,
      );
    });
  },
};

/** `$merge` needs a unique index on the fields of `on`. */
export const mergeKeyCheck: Check = {
  id: 'merge-key',
  title: 'Target has a unique index for `on`',
  directions: upOnly,
  applies: (scope) => {
    const on = pipelineOf(scope)?.on;
    return on !== undefined && on !== '_id';
  },
  async run(scope) {
    const migration = pipelineOf(scope);
    const fields = [migration?.on ?? []].flat();
    const target = migration?.into ?? '';
    const fits = (await scope.facts.indexes(target)).some(
      ({ key, unique, partialFilterExpression, sparse }) =>
        unique === true &&
        !partialFilterExpression &&
        sparse !== true &&
        Object.keys(key).length === fields.length &&
        fields.every((field) => field in key),
    );
    const key = indexText(Object.fromEntries(fields.map((field) => [field, 1])));
    return fits
      ? passed(`${target} has a unique index on ${fields.join(', ')}.`)
      : failed(
          'error',
          `${target} has no unique index on ${fields.join(', ')}, by which documents are to be matched.`,
          `Create it first: db.${target}.createIndex(${key}, { unique: true }).`,
        );
  },
};

/** P19: only where an index would spare reading most of the collection. */
export const filterIndexCheck: Check = {
  id: 'filter-index',
  title: 'Filter uses an index',
  directions: upOnly,
  applies: (scope) => Object.keys(filterOf(scope)).length > 0,
  async run(scope) {
    const source = sourceOf(scope) ?? '';
    const { connection, limits, facts } = scope;
    if (!(await facts.collection(source))) return skipped('There is no source.');
    const [plan, { total, matching }] = await Promise.all([
      connection.db.command({
        explain: { find: source, filter: filterOf(scope) },
        verbosity: 'queryPlanner',
        maxTimeMS: limits.timeMs,
      }),
      facts.counts(),
    ]);
    const winning = (plan['queryPlanner'] as Document | undefined)?.['winningPlan'] as Document | undefined;
    const stages = JSON.stringify(winning ?? {});
    const index = /"indexName":"([^"]+)"/.exec(stages)?.[1];
    if (index) return passed(`The index ${index} serves the filter.`);
    const few = matching !== null && matching < total * 0.2;
    if (!stages.includes('COLLSCAN') || total < smallCollection || !(few || matching === null)) {
      return passed(`No index serves the filter, and with ${documents(total)} none is needed.`);
    }
    return failed(
      'warning',
      `No index serves the filter: all ${documents(total)} are read to find ${matching === null ? 'the matching ones' : count(matching)}.`,
      'Create an index for the filter first if the collection is busy.',
    );
  },
};

const smallCollection = 10_000;

/** P26: what else hangs on the collection. */
export const dependentsCheck: Check = {
  id: 'dependents',
  title: 'Nothing else depends on the collection',
  directions: upOnly,
  applies: hasSource,
  async run(scope) {
    const target = targetOf(scope) ?? '';
    const all = await scope.facts.collections();
    const views = all.filter(({ type, options }) => type === 'view' && options['viewOn'] === target);
    const info = all.find(({ name }) => name === target);
    const images =
      (info?.options['changeStreamPreAndPostImages'] as Document | undefined)?.['enabled'] === true;
    const found = [
      ...(views.length > 0 ? [`the views ${views.map(({ name }) => name).join(', ')} show it`] : []),
      ...(images ? ['change streams with pre-images record every change of it'] : []),
    ];
    return found.length === 0
      ? passed(`No view shows ${target} and it keeps no pre-images.`)
      : failed(
          'warning',
          `Others see ${target} change: ${found.join('; ')}.`,
          'Make sure that they cope with the old and the new shape of documents.',
        );
  },
};

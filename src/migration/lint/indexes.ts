// Indexes: beside changes of documents (L7), unique ones (L8), such that delete documents (L9).
import type { Action } from './actions';
import { helpers, writes } from './actions';
import type { LintedMigration } from './migration';
import { booleanOf, fieldOf, objectOf } from './names';
import type { Report, Rule } from './report';
import { stagesOf } from './updates';

export const indexRules: Rule[] = [besideDocuments, uniqueWithoutLook, expiring];

const ofIndexes = new Set(['createIndex', 'dropIndex', 'dropIndexes']);

function besideDocuments({ actions }: LintedMigration, report: Report): void {
  const up = actions.filter(({ direction }) => direction === 'up');
  const made = madeCollections(up);
  const changesDocuments = up.some(({ method }) => writes.has(method) || helpers.has(method));
  const index = up.find(({ method, collection }) => {
    // The first index of a new collection belongs to making it.
    return ofIndexes.has(method) && !(collection !== undefined && made.has(collection));
  });
  if (!changesDocuments || !index) return;
  report(
    'L7',
    index.where,
    'This migration changes documents and indexes: when one of them fails, the other is done already.',
    'Put the index into a migration of its own.',
  );
}

function uniqueWithoutLook({ actions }: LintedMigration, report: Report): void {
  const up = actions.filter(({ direction }) => direction === 'up');
  const made = madeCollections(up);
  for (const action of up) {
    const { method, collection, options, env, where, keys } = action;
    if (method !== 'createIndex' || !options) continue;
    if (booleanOf(fieldOf(options.node, env, 'unique')?.node, env) !== true) continue;
    if (collection !== undefined && (made.has(collection) || looksFirst(action, up))) continue;
    const fields = keys && objectOf(keys.node, keys.env);
    const partial =
      fieldOf(options.node, env, 'partialFilterExpression') ?? fieldOf(options.node, env, 'collation');
    const names = [...(fields?.properties.keys() ?? [])];
    report(
      'L8',
      fieldOf(options.node, env, 'unique')?.key ?? where,
      'A unique index cannot be built where two documents have the same values, and nothing here looks for such.',
      'Look for duplicates first (`$group` and `$match`), and settle them.',
      collection !== undefined && fields?.complete && names.length > 0 && !partial
        ? { question: { type: 'duplicates', collection, fields: names } }
        : {},
    );
  }
}

/** Something before it groups the collection, or deletes from it. */
function looksFirst(index: Action, up: Action[]): boolean {
  return up.slice(0, up.indexOf(index)).some(({ collection, method, pipeline }) => {
    if (collection !== index.collection) return false;
    return method.startsWith('delete') || stagesOf(pipeline).some(({ name }) => name.startsWith('$group'));
  });
}

function expiring({ actions }: LintedMigration, report: Report): void {
  const up = actions.filter(({ direction }) => direction === 'up');
  const made = madeCollections(up);
  for (const { method, collection, options, where, env } of up) {
    if (collection !== undefined && made.has(collection)) continue;
    const expires =
      method === 'createIndex' && options
        ? fieldOf(options.node, env, 'expireAfterSeconds')
        : method === 'collMod' && options
          ? fieldOf(fieldOf(options.node, env, 'index')?.node, env, 'expireAfterSeconds')
          : undefined;
    if (!expires) continue;
    report(
      'L9',
      expires.key ?? where,
      'Documents that are older than this are deleted within a minute, and no rollback brings them back.',
      'Count first how many that are, and keep what is still needed.',
    );
  }
}

/** Collections that the migration makes itself, so that they hold nothing before. */
export function madeCollections(actions: Action[]): Set<string> {
  const made = actions.filter(({ method }) => method === 'createCollection');
  return new Set(made.flatMap(({ collection }) => collection ?? []));
}

// Whether the user may do everything that the migration and our own state need, told from the server's own list.
import type { Db, Document } from 'mongodb';
import type { Check, CheckScope, Finding } from './check';
import {
  bothWays,
  codeOf,
  failed,
  passed,
  pipelineOf,
  scriptOf,
  skipped,
  sourceOf,
  targetOf,
  unauthorized,
  writesInPlace,
} from './check';

export interface Privilege {
  resource: { db?: string; collection?: string; cluster?: boolean; anyResource?: boolean };
  actions: string[];
}

/** `null` = no access control: everything may be done. `unknown` = the server does not tell. */
export async function readPrivileges(db: Db): Promise<Privilege[] | null | 'unknown'> {
  let status: Document;
  try {
    status = await db.admin().command({ connectionStatus: 1, showPrivileges: true });
  } catch {
    return 'unknown';
  }
  const info = status['authInfo'] as
    { authenticatedUsers?: unknown[]; authenticatedUserPrivileges?: Privilege[] } | undefined;
  if ((info?.authenticatedUsers ?? []).length > 0) return info?.authenticatedUserPrivileges ?? 'unknown';
  // Nobody logged in: either there is no access control, or there is and everything is refused.
  try {
    await db.collection('_migratory_runs').findOne({}, { projection: { _id: 1 } });
    return null;
  } catch (error) {
    if (codeOf(error) === unauthorized) return [];
    throw error;
  }
}

/** Whether one of the privileges covers the action on that collection. */
export function may(
  privileges: readonly Privilege[],
  db: string,
  collection: string,
  action: string,
): boolean {
  return privileges.some(({ resource, actions }) => {
    if (!actions.includes(action) && !actions.includes('anyAction')) return false;
    if (resource.anyResource === true) return true;
    if (resource.db === undefined || resource.collection === undefined) return false;
    if (resource.db !== '' && resource.db !== db) return false;
    return (
      resource.collection === collection || (resource.collection === '' && !collection.startsWith('system.'))
    );
  });
}

interface Need {
  collection: string;
  actions: string[];
}

/** What the run does for sure. Index builds on our own collections belong to it. */
function needsOf(scope: CheckScope): Need[] {
  const state = ['find', 'insert', 'update', 'remove'];
  const needs: Need[] = [
    { collection: scope.settings.ledger, actions: [...state, 'createIndex'] },
    ...['_migratory_lease', '_migratory_runs', '_migratory_checkpoints'].map((collection) => ({
      collection,
      actions: state,
    })),
  ];
  const journals = {
    collection: '_migratory_journal_run',
    actions: ['find', 'insert', 'remove', 'dropCollection'],
  };
  if (scope.settings.backup === 'journal') needs.push(journals);
  const source = sourceOf(scope);
  const target = targetOf(scope);
  if (source === null || target === null) return needs;
  needs.push({ collection: source, actions: ['find', 'collStats', 'listIndexes'] });
  if (writesInPlace(scope)) needs.push({ collection: target, actions: ['update'] });
  else {
    const undo = scope.direction === 'down' ? ['remove'] : [];
    needs.push({ collection: target, actions: ['find', 'insert', 'update', ...undo] });
  }
  if (pipelineOf(scope)) needs.push({ collection: target, actions: ['insert', 'update'] });
  return needs;
}

/** P11. */
export const privilegesCheck: Check = {
  id: 'privileges',
  title: 'User has the privileges',
  directions: bothWays,
  applies: () => true,
  async run(scope) {
    const { db, target } = scope.connection;
    const privileges = await readPrivileges(db);
    if (privileges === 'unknown') return skipped('The server does not tell the privileges of the user.');
    if (privileges === null) return passed('The server has no access control.');
    return judgePrivileges(privileges, target.database, needsOf(scope), scriptOf(scope) !== null);
  },
};

function judgePrivileges(
  privileges: readonly Privilege[],
  db: string,
  needs: readonly Need[],
  script: boolean,
): Finding {
  const missing = new Map<string, Set<string>>();
  for (const { collection, actions } of needs) {
    for (const action of actions) {
      if (may(privileges, db, collection, action)) continue;
      missing.set(collection, (missing.get(collection) ?? new Set()).add(action));
    }
  }
  if (missing.size > 0) {
    const words = [...missing].map(([collection, actions]) => `${[...actions].join(', ')} on ${collection}`);
    const more = words.length > 3 ? ` and on ${words.length - 3} more collections` : '';
    return failed(
      'error',
      `The user lacks: ${words.slice(0, 3).join('; ')}${more}.`,
      `Give the user the role readWrite on the database "${db}", or use another user.`,
    );
  }
  const wide = [
    'insert',
    'update',
    'remove',
    'createIndex',
    'dropIndex',
    'createCollection',
    'dropCollection',
  ];
  const narrow = wide.filter((action) => !may(privileges, db, 'any-collection', action));
  if (script && narrow.length > 0) {
    return failed(
      'warning',
      `The user may not ${narrow.join(', ')} on all collections of "${db}"; whether the script needs that is not known.`,
      'Make sure that the user may do what the script does.',
    );
  }
  return passed('The user may do everything that the migration needs.');
}

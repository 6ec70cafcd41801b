// What others are doing on the collections right now: long operations, open transactions, index builds.
import type { Document } from 'mongodb';
import type { Check, CheckScope } from './check';
import {
  bothWays,
  codeOf,
  duration,
  failed,
  passed,
  skipped,
  sourceOf,
  targetOf,
  unauthorized,
} from './check';

interface Operation {
  ns?: string;
  op?: string;
  type?: string;
  desc?: string;
  appName?: string;
  secs_running?: number;
  opid?: number | string;
  command?: Document;
  msg?: string;
  transaction?: { timeOpenMicros?: { toString(): string } | number };
}

/** Null when the user may not see the operations of others. */
async function operations({ connection, limits }: CheckScope): Promise<Operation[] | null> {
  try {
    return await connection.client
      .db('admin')
      .aggregate<Operation>([{ $currentOp: { allUsers: true, idleSessions: true } }], {
        maxTimeMS: limits.timeMs,
      })
      .toArray();
  } catch (error) {
    if (codeOf(error) === unauthorized) return null;
    throw error;
  }
}

function namespaces(scope: CheckScope): Set<string> {
  const names = [sourceOf(scope), targetOf(scope)].filter((name) => name !== null);
  return new Set(names.map((name) => `${scope.connection.target.database}.${name}`));
}

const notVisible = 'The user may not see the operations of others.';

/** P14. */
export const longOperationsCheck: Check = {
  id: 'long-operations',
  title: 'No long operations in the way',
  directions: bothWays,
  applies: () => true,
  async run(scope) {
    const all = await operations(scope);
    if (!all) return skipped(notVisible);
    const limit = scope.limits.longOperationSeconds;
    const ours = namespaces(scope);
    const long = all.filter(
      ({ ns, secs_running: seconds = 0, op, desc, command }) =>
        seconds >= limit &&
        ns !== undefined &&
        (ours.has(ns) || (ours.size === 0 && ns.startsWith(`${scope.connection.target.database}.`))) &&
        op !== 'none' &&
        // A change stream waits for ever by its nature.
        !(op === 'getmore' && JSON.stringify(command ?? {}).includes('$changeStream')) &&
        !desc?.startsWith('Index'),
    );
    const open = all.filter((operation) => openSeconds(operation) >= limit);
    const found = [
      ...long.map(
        (one) =>
          `a ${one.op ?? 'command'} on ${one.ns ?? ''}${by(one)} for ${duration(one.secs_running ?? 0)}`,
      ),
      ...open.map((one) => `a transaction${by(one)} open for ${duration(openSeconds(one))}`),
    ];
    return found.length === 0
      ? passed(`No operation and no transaction is older than ${duration(limit)}.`)
      : failed(
          'warning',
          `Found ${found.slice(0, 3).join(', ')}${found.length > 3 ? ` and ${found.length - 3} more` : ''}.`,
          'Wait until they end: their writes make the migration retry, and schema changes wait behind them.',
        );
  },
};

function by({ appName }: Operation): string {
  return appName ? ` (${appName})` : '';
}

function openSeconds({ transaction }: Operation): number {
  const micros = transaction?.timeOpenMicros;
  return micros === undefined ? 0 : Number(micros.toString()) / 1e6;
}

/** P15: the documents' index keys would be written twice, and at most three builds run at once. */
export const indexBuildsCheck: Check = {
  id: 'index-builds',
  title: 'No index is being built',
  directions: bothWays,
  applies: () => true,
  async run(scope) {
    const all = await operations(scope);
    if (!all) return skipped(notVisible);
    const builds = all.filter(
      ({ command, desc, msg }) =>
        command?.['createIndexes'] !== undefined ||
        desc?.startsWith('IndexBuild') === true ||
        msg?.startsWith('Index Build') === true,
    );
    const ours = namespaces(scope);
    // What the server builds for itself, as when it has just started, is small and soon over.
    const names = [...new Set(builds.map(namespaceOf))].filter(
      (name) => !/^(?:admin|config|local)\./.test(name),
    );
    const here = names.filter((name) => ours.has(name));
    if (here.length > 0) {
      return failed(
        'error',
        `An index is being built on ${here.join(', ')}.`,
        'Wait until the build has ended.',
      );
    }
    return names.length === 0
      ? passed('No index is being built.')
      : failed(
          'warning',
          `Indexes are being built on ${names.join(', ')}.`,
          'Better wait: builds take disk, cache and time.',
        );
  },
};

function namespaceOf({ ns, command }: Operation): string {
  const collection: unknown = command?.['createIndexes'];
  const db: unknown = command?.['$db'];
  if (typeof collection === 'string' && typeof db === 'string') return `${db}.${collection}`;
  return ns ?? 'another collection';
}

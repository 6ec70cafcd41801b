// Checks of the server and of what may be written to it: reachability and topology, write blocks, clock, write concern.
import { bringBack, whyWaiting } from '../replaced';
import type { Check, CheckScope, Finding } from './check';
import {
  bothWays,
  codeOf,
  failed,
  messageOf,
  passed,
  scriptOf,
  skipped,
  unauthorized,
  upOnly,
} from './check';

/** P1, P3: who answers, and whether it can do what the migration asks for. */
export const serverCheck: Check = {
  id: 'server',
  title: 'Server can be reached',
  directions: bothWays,
  applies: () => true,
  async run({ connection }) {
    const started = performance.now();
    await connection.client.db('admin').command({ ping: 1 });
    const ms = Math.round(performance.now() - started);
    const { server } = connection;
    const lacking = [
      ...(server.transactions ? [] : ['transactions']),
      ...(server.changeStreams ? [] : ['change streams']),
    ];
    const without = lacking.length > 0 ? `, without ${lacking.join(' and ')}` : '';
    return passed(`${server.summary}${without}; it answers in ${ms} ms.`);
  },
};

/** P3: a script that wants one transaction needs a server that has them. */
export const transactionsCheck: Check = {
  id: 'transactions',
  title: 'Server has transactions',
  directions: bothWays,
  applies: (scope) => scriptOf(scope)?.transaction === true,
  async run({ connection: { server } }) {
    return Promise.resolve(
      server.transactions
        ? passed('The script can run in one transaction.')
        : failed(
            'error',
            `The migration asks for a transaction, and ${server.summary} has none.`,
            'Run it against a replica set, or take transaction: true out of the migration.',
          ),
    );
  },
};

export const readOnlyCheck: Check = {
  id: 'read-only',
  title: 'Connection may write',
  directions: bothWays,
  applies: () => true,
  async run({ connection: { target } }) {
    return Promise.resolve(
      target.readOnly
        ? failed(
            'error',
            `The connection "${target.name}" is marked as read-only.`,
            'Choose another connection, or take readOnly out of this one.',
          )
        : passed('The connection is not marked as read-only.'),
    );
  },
};

/** `requires`: what must be applied before. */
export const requiresCheck: Check = {
  id: 'requires',
  title: 'Required migrations are applied',
  directions: upOnly,
  applies: ({ migration, applied }) =>
    applied !== undefined && (migration.definition.requires ?? []).length > 0,
  async run({ migration, applied }) {
    const required = migration.definition.requires ?? [];
    const missing = required.filter((name) => !applied?.has(name));
    return Promise.resolve(
      missing.length === 0
        ? passed(`Applied: ${required.join(', ')}.`)
        : {
            ...failed('error', `Not applied yet: ${missing.join(', ')}.`, 'Run these migrations first.'),
            names: missing,
          },
    );
  },
};

/** `replaces`: all of them are applied, or none is. */
export const replacesCheck: Check = {
  id: 'replaces',
  title: 'What it stands for is applied as a whole or not at all',
  directions: upOnly,
  applies: ({ migration, applied }) =>
    applied !== undefined && (migration.definition.replaces ?? []).length > 0,
  run({ migration: { name, definition }, applied = new Set() }) {
    const why = whyWaiting(name, definition.replaces ?? [], applied);
    return Promise.resolve(
      why === undefined
        ? passed('None of the migrations that it stands for is applied here.')
        : failed('error', why, bringBack),
    );
  },
};

const userWritesBlocked = 371;
const trialCollection = '_migratory_runs';

/**
 * P13: an insert in a transaction that is aborted, so that nothing is written; without transactions an update that
 * matches nothing. Finds write blocks, full disks that refuse writes, and users without rights alike.
 */
export const writeBlockCheck: Check = {
  id: 'write-block',
  title: 'Server takes writes',
  directions: bothWays,
  applies: ({ connection }) => !connection.target.readOnly,
  async run(scope) {
    try {
      await trialWrite(scope);
      return passed('A trial write was taken (and not kept).');
    } catch (error) {
      if (codeOf(error) === userWritesBlocked) {
        return failed(
          'error',
          'Writes are blocked on this server (setUserWriteBlockMode).',
          'Lift the block, or wait for the one who set it (a cluster synchronization, for example).',
        );
      }
      if (codeOf(error) === unauthorized) {
        return failed(
          'error',
          'The user may not write to this database.',
          'Use a user with the role readWrite on this database.',
        );
      }
      return failed(
        'error',
        `The server did not take a trial write: ${messageOf(error)}.`,
        'Mend this on the server first.',
      );
    }
  },
};

async function trialWrite({ connection, limits }: CheckScope): Promise<void> {
  const collection = connection.db.collection(trialCollection);
  if (!connection.server.transactions) {
    await collection.updateOne({ _id: { $exists: false } }, { $set: { trial: true } });
    return;
  }
  const session = connection.client.startSession();
  try {
    session.startTransaction({ maxCommitTimeMS: limits.timeMs });
    await collection.insertOne({ trial: true }, { session });
  } finally {
    if (session.inTransaction()) await session.abortTransaction();
    await session.endSession();
  }
}

/** P30: an update that matches nothing still waits until a majority has everything before it. */
export const writeConcernCheck: Check = {
  id: 'write-concern',
  title: 'A majority acknowledges writes',
  directions: bothWays,
  applies: ({ connection }) => !connection.target.readOnly && connection.server.topology !== 'standalone',
  async run({ connection, limits }) {
    const started = performance.now();
    try {
      await connection.db
        .collection(trialCollection)
        .updateOne(
          { _id: { $exists: false } },
          { $set: { trial: true } },
          { writeConcern: { w: 'majority', wtimeoutMS: limits.timeMs } },
        );
    } catch (error) {
      if (codeOf(error) === unauthorized) return skipped('The user may not write to this database.');
      if (codeOf(error) !== writeConcernFailed) throw error;
      return failed(
        'error',
        `A majority of the replica set did not acknowledge within ${limits.timeMs / 1000} s.`,
        'Bring the members that are down up again; a migration would wait for them for ever.',
      );
    }
    const ms = Math.round(performance.now() - started);
    return ms > slowMajorityMs
      ? failed(
          'warning',
          `A majority needs ${ms} ms to acknowledge; every batch waits that long.`,
          'Look at the lag of the secondaries before you go on.',
        )
      : passed(`A majority acknowledges within ${ms} ms. ${await defaultConcern(connection.client)}`.trim());
  },
};

const writeConcernFailed = 64;
const slowMajorityMs = 2_000;

async function defaultConcern(client: CheckScope['connection']['client']): Promise<string> {
  try {
    const answer = await client.db('admin').command({ getDefaultRWConcern: 1 });
    const concern = answer['defaultWriteConcern'] as { w?: unknown } | undefined;
    return concern?.w === undefined ? '' : `The server's own default is w: ${JSON.stringify(concern.w)}.`;
  } catch {
    return '';
  }
}

const clockTolerance = 60_000;

/** P32: leases are judged on the server's clock, so a difference harms nothing but what scripts write. */
export function clockCheck(now: () => number = Date.now): Check {
  return {
    id: 'clock',
    title: 'Clocks agree',
    directions: bothWays,
    applies: () => true,
    async run({ connection }): Promise<Finding> {
      const before = now();
      const hello = await connection.client.db('admin').command({ hello: 1 });
      const after = now();
      const server: unknown = hello['localTime'];
      if (!(server instanceof Date)) return skipped('The server does not tell its time.');
      const difference = Math.round((before + after) / 2 - server.getTime());
      const words = `${Math.round(Math.abs(difference) / 100) / 10} s ${difference < 0 ? 'behind' : 'ahead of'}`;
      return Math.abs(difference) > clockTolerance
        ? failed(
            'warning',
            `This machine's clock is ${words} the server's.`,
            'Set the clock if the migration writes times of its own (new Date()).',
          )
        : passed(`This machine's clock is ${words} the server's.`);
    },
  };
}

/** P31: a server that is short of cache or has queues takes a migration badly. */
export const loadCheck: Check = {
  id: 'server-load',
  title: 'Server has room for the load',
  directions: bothWays,
  applies: ({ connection }) => connection.server.topology !== 'sharded',
  async run({ connection, limits }) {
    const status = await connection.client.db('admin').command({ serverStatus: 1, maxTimeMS: limits.timeMs });
    const cache = (status['wiredTiger'] as { cache?: Record<string, number> } | undefined)?.cache;
    const queue = (status['globalLock'] as { currentQueue?: { total?: number } } | undefined)?.currentQueue;
    const maximum = cache?.['maximum bytes configured'];
    if (!cache || !maximum) return skipped('The server does not tell its load.');
    const dirty = Math.round((100 * (cache['tracked dirty bytes in the cache'] ?? 0)) / maximum);
    const waiting = queue?.total ?? 0;
    return judgeLoad(dirty, waiting);
  },
};

/** 20 % dirty is where WiredTiger makes application threads evict. */
export function judgeLoad(dirtyPercent: number, waiting: number): Finding {
  const found = `${dirtyPercent} % of the cache waits to be written, ${waiting} operations wait for a lock`;
  return dirtyPercent >= 20 || waiting > 50
    ? failed(
        'warning',
        `The server is busy: ${found}.`,
        'Run the migration at a quieter time, or with a throttle.',
      )
    : passed(`${found[0]?.toUpperCase()}${found.slice(1)}.`);
}

// Checks of the replica set: states of its members, lag, arbiters, and how far its oplog reaches.
import type { Document, MongoClient, Timestamp } from 'mongodb';
import type { Check, Finding } from './check';
import { bothWays, bytes, duration, failed, passed, skipped, sourceOf, upOnly } from './check';
import { estimateSeconds } from './estimate';

export interface Member {
  name: string;
  state: number;
  stateStr: string;
  health: number;
  optimeDate?: Date;
}

const primary = 1;
const secondary = 2;
const arbiter = 7;

function membersOf(status: Document): Member[] {
  return status['members'] as Member[];
}

/** P4, P6. */
export const membersCheck: Check = {
  id: 'members',
  title: 'Members of the replica set are healthy',
  directions: bothWays,
  applies: ({ connection }) => connection.server.topology === 'replica-set',
  async run({ facts }) {
    const status = await facts.replicaSetStatus();
    return status
      ? judgeMembers(membersOf(status))
      : skipped('The user may not read the state of the replica set.');
  },
};

export function judgeMembers(members: readonly Member[]): Finding {
  const bad = members.filter(
    ({ state, health }) => health !== 1 || ![primary, secondary, arbiter].includes(state),
  );
  const bearing = members.filter(({ state }) => state !== arbiter);
  const working = members.filter(
    ({ state, health }) => health === 1 && (state === primary || state === secondary),
  );
  const names = bad.map(({ name, stateStr }) => `${name} is ${stateStr}`).join(', ');
  if (working.length <= members.length / 2) {
    return failed(
      'error',
      `Only ${working.length} of ${members.length} members hold data and work${names ? ` (${names})` : ''}, which is no majority: writes would wait for ever.`,
      'Bring the other members up first.',
    );
  }
  if (bad.length > 0) {
    return failed(
      'warning',
      `${names}. If one more member goes, a majority is no longer there.`,
      'Wait until every member is PRIMARY or SECONDARY.',
    );
  }
  if (bearing.length < members.length && bearing.length === 2) {
    return failed(
      'warning',
      'The set has two members with data and an arbiter: if one of the two goes down, majority writes wait for it.',
      'Watch both members while the migration runs.',
    );
  }
  return passed(`${members.length === 1 ? 'The one member is' : `All ${members.length} members are`} up.`);
}

/** P5. */
export const lagCheck: Check = {
  id: 'replication-lag',
  title: 'Secondaries keep up',
  directions: bothWays,
  applies: ({ connection }) => (connection.server.members ?? []).length > 1,
  async run({ facts, limits }) {
    const status = await facts.replicaSetStatus();
    return status
      ? judgeLag(membersOf(status), limits.lagSeconds)
      : skipped('The user may not read the state of the replica set.');
  },
};

export function judgeLag(members: readonly Member[], limitSeconds: number): Finding {
  const newest = members.find(({ state }) => state === primary)?.optimeDate?.getTime();
  if (newest === undefined) return skipped('The set has no primary to compare with.');
  const lags = members
    .filter(({ state, optimeDate }) => state === secondary && optimeDate !== undefined)
    .map(({ name, optimeDate }) => ({
      name,
      seconds: Math.max(0, (newest - (optimeDate?.getTime() ?? 0)) / 1000),
    }))
    .sort((a, b) => b.seconds - a.seconds);
  const worst = lags[0];
  if (!worst) return skipped('The set has no secondaries.');
  return worst.seconds > limitSeconds
    ? failed(
        'warning',
        `${worst.name} is ${duration(worst.seconds)} behind the primary; a migration makes that worse.`,
        'Let it catch up first, or set throttle.maxLagSeconds.',
      )
    : passed(`The slowest secondary is ${duration(worst.seconds)} behind.`);
}

export interface OplogState {
  /** Bytes in it and bytes it may hold. */
  used: number;
  maximum: number;
  /** Seconds between its oldest and its newest entry. */
  seconds: number;
}

/** P7: a window that is too short loses secondaries and change streams that fall behind. */
export const oplogCheck: Check = {
  id: 'oplog-window',
  title: 'Oplog reaches far enough back',
  directions: upOnly,
  applies: (scope) => scope.connection.server.topology === 'replica-set' && sourceOf(scope) !== null,
  async run(scope) {
    const state = await readOplog(scope.connection.client, scope.limits.timeMs);
    if (!state) return skipped('The oplog cannot be read.');
    const { total, matching } = await scope.facts.counts();
    const size = await scope.facts.size(sourceOf(scope) ?? '');
    const expected = (matching ?? total) * size.avgObjSize * 2;
    return judgeOplog(state, (await estimateSeconds(scope)).high, expected);
  },
};

async function readOplog(client: MongoClient, timeMs: number): Promise<OplogState | null> {
  const local = client.db('local');
  const oplog = local.collection<{ ts: Timestamp }>('oplog.rs');
  const end = (direction: 1 | -1): Promise<{ ts: Timestamp } | null> =>
    oplog.findOne({}, { sort: { $natural: direction }, projection: { ts: 1 }, maxTimeMS: timeMs });
  const [first, last, stats] = await Promise.all([
    end(1),
    end(-1),
    local.command({ collStats: 'oplog.rs', maxTimeMS: timeMs }),
  ]);
  if (!first || !last || !stats['maxSize']) return null;
  return {
    used: Number(stats['size']),
    maximum: Number(stats['maxSize']),
    seconds: last.ts.getHighBitsUnsigned() - first.ts.getHighBitsUnsigned(),
  };
}

/**
 * Until the oplog has wrapped, its age says nothing: then the window is what it would be at the growth measured so
 * far. `writes` = bytes that the migration itself adds over `seconds`.
 */
export function judgeOplog(state: OplogState, seconds: number, writes: number): Finding {
  const wrapped = state.used > state.maximum * 0.9;
  const rate = state.seconds > 0 ? state.used / state.seconds : 0;
  const busy = rate + writes / Math.max(seconds, 1);
  const ahead = busy > 0 ? state.maximum / busy : Number.POSITIVE_INFINITY;
  // With little history the growth cannot be told; then only what the migration adds counts.
  const window =
    wrapped || state.seconds > 3600 ? ahead : state.maximum / Math.max(writes / Math.max(seconds, 1), 1);
  const needed = Math.max(3 * seconds, 60);
  if (window < needed) {
    return failed(
      'warning',
      `While the migration runs (about ${duration(seconds)}), the oplog of ${bytes(state.maximum)} reaches back ${duration(window)} only; a secondary that is away for longer has to be copied anew.`,
      'Enlarge the oplog (replSetResizeOplog), or set a throttle.',
    );
  }
  const reach = wrapped ? `It reaches back ${duration(state.seconds)} now` : 'It has not wrapped yet';
  return passed(
    `${reach}; ${bytes(state.maximum)} are enough for a migration of about ${duration(seconds)}.`,
  );
}

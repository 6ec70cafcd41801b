// Free disk against what the migration will write. Measured on the node that answers (on a sharded cluster: summed).
import type { Db, Document } from 'mongodb';
import type { Check, CheckScope, Finding } from './check';
import {
  bothWays,
  bytes,
  failed,
  filterOf,
  passed,
  skipped,
  sourceOf,
  targetOf,
  writesInPlace,
} from './check';

export interface Disk {
  total: number;
  used: number;
}

/**
 * What is written for every byte of the changed documents. Journal and oplog hold them once more each and the
 * documents themselves may move: 2.2 with the journal, 1.2 without.
 */
const journaled = 2.2;
const bare = 1.2;

/** Null when the server does not tell. Of a database that does not exist yet it tells zeros, so `admin` is asked too. */
export async function readDisk(db: Db, admin: Db, timeMs: number): Promise<Disk | null> {
  for (const asked of [db, admin]) {
    const disk = await askDisk(asked, timeMs);
    if (disk) return disk;
  }
  return null;
}

async function askDisk(db: Db, timeMs: number): Promise<Disk | null> {
  try {
    const stats = await db.command({ dbStats: 1, maxTimeMS: timeMs });
    const shards = Object.values((stats['raw'] as Record<string, Document> | undefined) ?? { only: stats });
    const sum = (field: string): number => shards.reduce((so, shard) => so + Number(shard[field] ?? 0), 0);
    const disk = { total: sum('fsTotalSize'), used: sum('fsUsedSize') };
    return disk.total > 0 ? disk : null;
  } catch {
    return null;
  }
}

/** P9. */
export const diskCheck: Check = {
  id: 'disk-space',
  title: 'Sufficient disk space',
  directions: bothWays,
  applies: () => true,
  async run(scope) {
    const { connection, limits } = scope;
    const disk = await readDisk(connection.db, connection.client.db('admin'), limits.timeMs);
    if (!disk) return skipped('The server does not tell how much disk is free.');
    return sourceOf(scope) === null
      ? judgeScript(disk, await databaseSize(connection.db, limits.timeMs))
      : judgeDisk(disk, await neededBytes(scope));
  },
};

async function databaseSize(db: Db, timeMs: number): Promise<number> {
  const stats = await db.command({ dbStats: 1, maxTimeMS: timeMs });
  return Number(stats['dataSize'] ?? 0);
}

async function neededBytes(scope: CheckScope): Promise<number> {
  const source = sourceOf(scope) ?? '';
  const measured = scope.direction === 'down' ? (targetOf(scope) ?? source) : source;
  if (!(await scope.facts.collection(measured))) return 0;
  const { size } = await scope.facts.size(measured);
  const backup = (scope.migration.definition as { backup?: string }).backup ?? scope.settings.backup;
  const factor = backup === 'none' && writesInPlace(scope) ? bare : journaled;
  const filtered = scope.direction === 'up' && Object.keys(filterOf(scope)).length > 0;
  if (!filtered) return size * factor;
  const { total, matching } = await scope.facts.counts();
  const share = matching === null || total === 0 ? 1 : Math.min(1, matching / total);
  return size * share * factor;
}

/** The disk must hold what is written and still have some room: a full disk takes the whole server down. */
export function judgeDisk(disk: Disk, needed: number): Finding {
  const free = disk.total - disk.used;
  const found = `${bytes(free)} of ${bytes(disk.total)} are free, the migration needs about ${bytes(needed)}`;
  if (free < needed || free < floorBytes) {
    return failed(
      'error',
      free < needed ? `${found}.` : `Only ${bytes(free)} of ${bytes(disk.total)} are free.`,
      'Free some disk space on the server, or narrow the filter and go in parts.',
    );
  }
  if ((free - needed) / disk.total < 0.05) {
    return failed(
      'warning',
      `${found}; less than 5 % would be left.`,
      'Free some disk space on the server first.',
    );
  }
  return passed(`${found}.`);
}

/** Below this WiredTiger has no room for its own work. */
const floorBytes = 64_000_000;

/** What a script writes nobody knows; it can hardly need more than everything once over with its journal. */
function judgeScript(disk: Disk, dataSize: number): Finding {
  const free = disk.total - disk.used;
  const found = `${bytes(free)} of ${bytes(disk.total)} are free, the database holds ${bytes(dataSize)}`;
  if (free < floorBytes) {
    return failed(
      'error',
      `Only ${bytes(free)} of ${bytes(disk.total)} are free.`,
      'Free some disk space on the server.',
    );
  }
  return free < dataSize * journaled
    ? failed(
        'warning',
        `${found}: a script that changes all of it could fill the disk.`,
        'Think over how much the script writes, or free some disk space first.',
      )
    : passed(`${found}.`);
}

// A server whose data lies on a small disk of its own, which tests can fill. It takes root on Linux.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MongodServers } from '../../tools/servers/mongod';
import { skip } from './skip';

export interface SmallDisk {
  servers: MongodServers;
  /** Leaves only so many bytes free. */
  fill: (left: number) => void;
  /** Takes away again what `fill` wrote. */
  clear: () => void;
}

/** @param context of the test, which is skipped where no disk can be mounted. */
export async function withSmallDisk(
  context: Mocha.Context,
  megabytes: number,
  start: () => Promise<MongodServers>,
  work: (disk: SmallDisk) => Promise<void>,
): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    skip(context, 'a small disk is mounted for it, which takes root on Linux');
  const folder = mkdtempSync(join(tmpdir(), 'migratory-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  try {
    const servers = await startedIn(folder, start);
    const filler = join(folder, 'filler');
    try {
      await work({
        servers,
        fill: (left) => fillUp(folder, filler, left),
        clear: () => rmSync(filler, { force: true }),
      });
    } finally {
      rmSync(filler, { force: true });
      await servers.stop();
    }
  } finally {
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  }
}

async function startedIn(folder: string, start: () => Promise<MongodServers>): Promise<MongodServers> {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  try {
    return await start();
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

/** The server writes too, so it is looked again and again. */
function fillUp(folder: string, filler: string, left: number): void {
  const free = (): number => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  };
  const file = openSync(filler, 'a');
  const block = Buffer.alloc(1024 * 1024);
  try {
    for (let room = free() - left; room > 0; room = free() - left)
      writeSync(file, block, 0, Math.min(room, block.length));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

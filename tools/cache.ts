// The user's cache folder for what the tools bring by themselves (servers, editor): filled once, used by every
// checkout, safe when two programs want the same thing at once. What to fetch and how is others' business.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** `$XDG_CACHE_HOME/migratory`, else `~/.cache/migratory`. */
export function cacheRoot(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'migratory');
}

/**
 * The folder `<cache>/<name>`, made by `fill` when it is not there yet. `fill` works in a folder of its own that
 * takes its name only when it is complete, so a killed download leaves nothing half-done behind. A second
 * process waits for the first one; if both fill after all, one result is kept.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const target = join(cacheRoot(), name);
  if (existsSync(target)) return target;
  await mkdir(cacheRoot(), { recursive: true });
  const lock = `${target}.lock`;
  while (!(await claim(lock))) {
    if (existsSync(target)) return target;
    await delay(500);
  }
  try {
    if (existsSync(target)) return target;
    const partial = `${target}.partial-${process.pid}`;
    await mkdir(partial, { recursive: true });
    try {
      await fill(partial);
      await rename(partial, target).catch((error: unknown) => {
        if (!existsSync(target)) throw error;
      });
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    return target;
  } finally {
    await rm(lock, { force: true });
  }
}

/** Takes the lock file, also from an owner that is no longer alive. */
async function claim(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const owner = Number(await readFile(lock, 'utf8').catch(() => '0'));
  if (owner !== 0 && !isAlive(owner)) await rm(lock, { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

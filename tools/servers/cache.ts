// The user's cache folder for what tools bring: entries that appear whole or not at all, also when two
// processes build the same one at once. Leaves to its callers what an entry holds.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const day = 24 * 60 * 60 * 1000;

/** `$XDG_CACHE_HOME/migratory`, or `~/.cache/migratory`. */
export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'migratory');
}

/**
 * The folder of the entry `name`, filled by `fill` when it is not there yet. `fill` works in a folder of its own,
 * which is then renamed: a crash leaves no half entry, and of two processes the first one wins.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const root = cacheFolder();
  const entry = join(root, name);
  if (existsSync(entry)) return entry;
  await mkdir(root, { recursive: true });
  await removeAbandoned(root);
  const work = join(root, `${name}.part-${process.pid}-${randomBytes(4).toString('hex')}`);
  await mkdir(work);
  try {
    await fill(work);
    await rename(work, entry).catch((error: unknown) => {
      if (!existsSync(entry)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return entry;
}

/** What was noted under `name` less than a day ago, e.g. that a download host cannot be reached. */
export async function notedToday(name: string): Promise<string | undefined> {
  const file = join(cacheFolder(), name);
  const info = await stat(file).catch(() => undefined);
  if (info === undefined || Date.now() - info.mtimeMs > day) return undefined;
  return readFile(file, 'utf8');
}

/** Writes `text` down under `name` for `notedToday`. */
export async function note(name: string, text: string): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  await writeFile(join(cacheFolder(), name), text);
}

/** Folders of processes that were killed while they filled them. */
async function removeAbandoned(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.includes('.part-')) continue;
    const info = await stat(join(root, name)).catch(() => undefined);
    if (info !== undefined && Date.now() - info.mtimeMs > day) {
      await rm(join(root, name), { recursive: true, force: true });
    }
  }
}

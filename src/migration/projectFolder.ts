// What a project's folders say about new files in them: its module system, and what is installed.
import { access, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What `.js` means in `dir`: the nearest package.json up to `root` says it. */
export async function moduleSystemOf(dir: string, root: string): Promise<'commonjs' | 'esm'> {
  for (const folder of upwards(dir, root)) {
    const type = await packageType(join(folder, 'package.json'));
    if (type !== undefined) return type;
  }
  return 'commonjs';
}

/** Whether code in `dir` finds a package. */
export async function isInstalled(name: string, dir: string): Promise<boolean> {
  for (const folder of upwards(dir)) {
    if (await isThere(join(folder, 'node_modules', name, 'package.json'))) return true;
  }
  return false;
}

/** Whether one of these files stands in `dir` or above it, up to `root`. */
export async function isAbove(names: readonly string[], dir: string, root: string): Promise<boolean> {
  for (const folder of upwards(dir, root)) {
    for (const name of names) if (await isThere(join(folder, name))) return true;
  }
  return false;
}

export function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function* upwards(dir: string, root?: string): Generator<string> {
  for (let folder = dir; ; folder = dirname(folder)) {
    yield folder;
    if (folder === root || folder === dirname(folder)) return;
  }
}

async function packageType(file: string): Promise<'commonjs' | 'esm' | undefined> {
  try {
    const { type } = JSON.parse(await readFile(file, 'utf8')) as { type?: unknown };
    return type === 'module' ? 'esm' : 'commonjs';
  } catch {
    return undefined;
  }
}

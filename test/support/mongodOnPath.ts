// A folder for PATH with a real mongod in it, whatever that one needs in its environment.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Answers the folder: one in `parent` with a starter of that name, or mongod's own where it needs nothing. */
export async function mongodFolder(
  parent: string,
  { path, env }: { path: string; env: Record<string, string> },
): Promise<string> {
  if (Object.keys(env).length === 0) return dirname(path);
  const folder = join(parent, 'bin');
  await mkdir(folder, { recursive: true });
  const variables = Object.entries(env).map(([name, value]) => `export ${name}='${value}'`);
  const lines = ['#!/bin/sh', ...variables, `exec '${path}' "$@"`, ''];
  await writeFile(join(folder, 'mongod'), lines.join('\n'), { mode: 0o755 });
  return folder;
}

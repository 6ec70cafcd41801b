// pymongo for tests: out of the Python package index into the user's cache folder, where nothing is installed for
// anybody else.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cached } from '../servers/cache';
import { progress, run } from '../servers/command';
import { pipDownload } from '../servers/pip';

const pymongo = '4.20.1';
const dnspython = '2.9.2';

/** A folder for PYTHONPATH that holds pymongo for the machine's `python3`. Throws with the reason. */
export async function pymongoFolder(version = pymongo): Promise<string> {
  const tag = 'import sys; print(sys.implementation.cache_tag)';
  const python = (await run('python3', ['-c', tag])).trim();
  return cached(`pymongo-${version}-${python}`, (folder) =>
    progress(`Fetching pymongo ${version} from the Python package index`, fetch(version, folder)),
  );
}

/** Gives pymongo to this process's children. */
export async function offerPymongo(): Promise<void> {
  const folder = await pymongoFolder();
  const given = (process.env['PYTHONPATH'] ?? '').split(delimiter).filter((path) => path !== '');
  if (!given.includes(folder)) process.env['PYTHONPATH'] = [folder, ...given].join(delimiter);
}

async function fetch(version: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'migratory-pymongo-'));
  try {
    await pipDownload([`pymongo==${version}`, `dnspython==${dnspython}`], work);
    for (const name of await readdir(work))
      await run('python3', ['-m', 'zipfile', '-e', join(work, name), folder]);
    // As pip does when it installs: without that every start compiles everything anew.
    await run('python3', ['-m', 'compileall', '-q', folder]);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

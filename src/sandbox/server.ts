// The sandbox server: one mongod as a replica set of its own on this machine, with a few documents to try migrations on.
// Its data stays in a folder from one start to the next; it ends with the process that has started it.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { UserError } from '../protocol/errors';
import { initiate, sandboxDatabase, seed } from './replicaSet';

/** mongod's exit code when its port is in use. */
const portInUse = 48;
const startPatienceMs = 60_000;
const stopPatienceMs = 5000;

export interface SandboxOptions {
  /** Data, log and notes of this server. */
  folder: string;
  /** Path of mongod. */
  mongod: string;
  /** It ended without having been asked to. */
  onEnd?: () => void;
}

export class SandboxServer {
  #stopping = false;

  private constructor(
    private readonly child: ChildProcess,
    /** For a client; it carries no credentials, since the server listens on this machine alone. */
    readonly uri: string,
    onEnd: () => void,
  ) {
    child.once('exit', () => {
      if (!this.#stopping) onEnd();
    });
  }

  /** @throws UserError when it does not start, or when another window uses its data. */
  static async start({ folder, mongod, onEnd = () => undefined }: SandboxOptions): Promise<SandboxServer> {
    await mkdir(join(folder, 'data'), { recursive: true });
    await freeFromOrphans(folder);
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      await writeFile(join(folder, 'owner'), String(process.pid));
      const child = spawnMongod(mongod, folder, port);
      try {
        await makeReady(child, port);
        return new SandboxServer(child, uriOf(port), onEnd);
      } catch (error) {
        await end(child);
        if (child.exitCode === portInUse && attempt < 5) continue;
        throw await startError(folder, error);
      }
    }
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await end(this.child);
  }
}

function spawnMongod(mongod: string, folder: string, port: number): ChildProcess {
  const args = [
    `--port=${port}`,
    '--bind_ip=127.0.0.1',
    `--dbpath=${join(folder, 'data')}`,
    `--logpath=${join(folder, 'mongod.log')}`,
    `--replSet=${sandboxDatabase}`,
    '--oplogSize=128',
    '--wiredTigerCacheSizeGB=0.25',
    ...(process.platform === 'win32' ? [] : ['--nounixsocket']),
  ];
  return spawn(mongod, args, { stdio: 'ignore', windowsHide: true });
}

/** Answers when it is the primary and holds its documents. */
async function makeReady(child: ChildProcess, port: number): Promise<void> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}`, {
    directConnection: true,
    appName: 'migratory sandbox',
    serverSelectionTimeoutMS: startPatienceMs,
  });
  const ended = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`mongod ended with ${code ?? signal}`)));
  });
  try {
    await Promise.race([initiate(client, `127.0.0.1:${port}`).then(() => seed(client)), ended]);
  } finally {
    ended.catch(() => undefined);
    await client.close();
  }
}

function uriOf(port: number): string {
  return `mongodb://127.0.0.1:${port}/${sandboxDatabase}?replicaSet=${sandboxDatabase}`;
}

async function startError(folder: string, cause: unknown): Promise<UserError> {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new UserError(
    `The sandbox server did not start (${why}). Its log is ${join(folder, 'mongod.log')}.`,
    { cause },
  );
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), stopPatienceMs);
  await gone;
  clearTimeout(late);
}

function hasEnded(child: ChildProcess): boolean {
  // Without a pid it has never been there.
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** A server whose starter was killed goes on alone and holds the data: it is ended. */
async function freeFromOrphans(folder: string): Promise<void> {
  const server = await pidIn(join(folder, 'data', 'mongod.lock'));
  if (server === undefined || !(await isMongod(server))) return;
  const owner = await pidIn(join(folder, 'owner'));
  if (owner !== undefined && owner !== process.pid && isAlive(owner)) {
    throw new UserError('The sandbox server is in use by another window. Close that window, or work there.');
  }
  process.kill(server, 'SIGTERM');
  for (const patience = Date.now() + stopPatienceMs; isAlive(server);) {
    if (Date.now() > patience) process.kill(server, 'SIGKILL');
    // Somebody else's child tells nobody when it ends; only asking again does.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function pidIn(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return pid > 0 ? pid : undefined;
}

/** A server that died may have left its pid to a stranger; Linux can tell. */
async function isMongod(pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('--dbpath=');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A port that nothing listens on at this moment. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

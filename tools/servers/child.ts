// Server processes in folders of their own that die with the process that started them, also when that is killed.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A started server process. */
export interface ServerChild {
  pid: number;
  /** The code it ended with, or the signal; undefined while it runs. */
  ended: () => number | string | undefined;
  /** Ends it at once, as a crash would, and waits until it is gone. */
  kill: () => Promise<void>;
}

/** A temporary folder for the files of servers. */
export interface ServerFolder {
  path: string;
  /** Starts a server whose command line names a file in this folder. It does not keep us running. */
  start: (command: string, args: string[], env: Record<string, string>) => Promise<ServerChild>;
  /** Kills what still runs in it and removes it. */
  remove: () => Promise<void>;
}

/** A new folder, which goes with this process at the latest. */
export async function serverFolder(): Promise<ServerFolder> {
  const path = await mkdtemp(join(tmpdir(), 'migratory-server-'));
  const children = new Map<number, ServerChild>();
  const tell = (): void => tellWatchdog({ keep: { folder: path, pids: [...children.keys()] } });
  tell();
  return {
    path,
    start: async (command, args, env) => {
      const child = await startChild(command, args, env, (pid) => {
        children.delete(pid);
        tell();
      });
      children.set(child.pid, child);
      tell();
      return child;
    },
    remove: async () => {
      await Promise.all([...children.values()].map((child) => child.kill()));
      await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
      tellWatchdog({ drop: path });
    },
  };
}

/** A port that nothing listens on at this moment; whoever starts a server on it must be ready to take another. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

function startChild(
  command: string,
  args: string[],
  env: Record<string, string>,
  whenGone: (pid: number) => void,
): Promise<ServerChild> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: 'ignore',
      // A group of its own, so that Ctrl-C reaches us alone and what we do then still has a server.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    child.on('error', reject);
    child.on('spawn', () => {
      child.unref();
      const pid = child.pid as number;
      child.on('exit', () => whenGone(pid));
      resolve({
        pid,
        ended: () => child.exitCode ?? child.signalCode ?? undefined,
        kill: () => killChild(child),
      });
    });
  });
}

/** The end of a server's log, for an error that has to say why it did not start. */
export async function endOfLog(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-5).join('\n');
}

async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

let watchdog: ChildProcess | undefined;

function tellWatchdog(order: { keep: { folder: string; pids: number[] } } | { drop: string }): void {
  if (watchdog === undefined) {
    const script = join(dirname(fileURLToPath(import.meta.url)), 'watchdog.mjs');
    watchdog = spawn(process.execPath, [script], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      windowsHide: true,
    });
    watchdog.unref();
    (watchdog.stdin as unknown as { unref: () => void }).unref();
  }
  watchdog.stdin?.write(`${JSON.stringify(order)}\n`);
}

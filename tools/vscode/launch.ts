// Starts what the editor's tests and the demo need beside them, a server process or a browser, and is sure to end
// it again with all its children.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { chromiumArgs, chromiumPath } from './chromium';

export interface Background {
  /** What `ready` matched in the output. */
  match: RegExpMatchArray;
  /** Ends the process and everything that it started; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface BackgroundOptions {
  command: string;
  args: string[];
  /** The process is up when its output matches this. */
  ready: RegExp;
  /** File that takes its whole output. */
  log: string;
  env?: Record<string, string>;
  /** How long it may take to come up; 60 s when left out. */
  timeoutMs?: number;
}

/** Our own environment without what belongs to an editor around us and without any server's address. */
export function cleanEnvironment(): Record<string, string> {
  const ours = /^(VSCODE_|ELECTRON_|MIGRATORY_)/;
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !ours.test(entry[0]),
    ),
  );
}

/** Starts a process and waits until it says that it is ready. */
export async function startBackground(options: BackgroundOptions): Promise<Background> {
  await mkdir(dirname(options.log), { recursive: true });
  const log = createWriteStream(options.log);
  // A process group of its own, so that one signal reaches the hosts and watchers that an editor starts.
  const grouped = process.platform !== 'win32';
  const child = spawn(options.command, options.args, {
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: grouped,
  });
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (grouped && child.pid !== undefined) process.kill(-child.pid, name);
      else child.kill(name);
    } catch {
      // Already gone.
    }
  };
  const killAtExit = (): void => signal('SIGKILL');
  process.once('exit', killAtExit);
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const stop = async (): Promise<void> => {
    signal('SIGTERM');
    const forced = setTimeout(() => signal('SIGKILL'), 5000);
    await gone;
    clearTimeout(forced);
    // The group may outlive its first member.
    signal('SIGKILL');
    process.removeListener('exit', killAtExit);
    log.end();
  };

  let output = '';
  try {
    const match = await new Promise<RegExpMatchArray>((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new Error(`${options.command} ${why}. Its output (${options.log}):\n${output.slice(-4000)}`));
      const timer = setTimeout(() => fail('did not come up in time'), options.timeoutMs ?? 60_000);
      const read = (chunk: Buffer): void => {
        log.write(chunk);
        if (output.length > 200_000) return;
        output += chunk.toString();
        const found = options.ready.exec(output);
        if (found !== null) {
          clearTimeout(timer);
          resolve(found);
        }
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('error', (error) => fail(`could not be started: ${error.message}`));
      child.once('close', (code) => {
        clearTimeout(timer);
        fail(`ended with code ${code}`);
      });
    });
    return { match, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A headless browser without anybody's profile. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await chromiumPath(), args: chromiumArgs, headless: true });
}

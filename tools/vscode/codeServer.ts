// A real VS Code where Microsoft's cannot be downloaded: the code-server build of Code-OSS from the npm registry,
// with the Node that it needs. Brings it into the user's cache once; starting it is for host.ts and workbench.ts.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../cache';

const version = '4.139.1';
/** code-server's `engines.node`. */
const nodeMajor = 24;

export interface CodeServer {
  /** The Node to start it with. */
  node: string;
  /** code-server itself: `--install-extension`, `--auth none --bind-addr …`. */
  entry: string;
  /** The bare server of VS Code, which can run tests in its extension host. */
  serverMain: string;
}

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Runs npm in `folder`; what it prints is shown only when it fails. */
export async function npm(folder: string, args: string[]): Promise<void> {
  const command = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const child = spawn(command, [...args, '--no-audit', '--no-fund', '--loglevel', 'error'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${output}`);
}

/** Says every 15 seconds that a long step still goes on. */
async function told<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = Date.now();
  say(`${what} ...`);
  const timer = setInterval(() => {
    say(`  still at it after ${Math.round((Date.now() - started) / 1000)} s`);
  }, 15_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

async function node(): Promise<string> {
  if (Number(process.versions.node.split('.')[0]) === nodeMajor) return process.execPath;
  const folder = await cached(`node-${nodeMajor}`, (partial) =>
    told(`Fetching Node ${nodeMajor} for VS Code`, async () => {
      await writeFile(join(partial, 'package.json'), '{ "private": true }\n');
      await npm(partial, ['install', `node@${nodeMajor}`]);
    }),
  );
  return join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** Resolves to the editor in the cache; fetches it (about 600 MB unpacked) when it is not there. */
export async function codeServer(): Promise<CodeServer> {
  const nodePath = await node();
  const folder = await cached(`code-server-${version}`, (partial) =>
    told(`Fetching VS Code (code-server ${version})`, async () => {
      await writeFile(join(partial, 'package.json'), '{ "private": true }\n');
      await npm(partial, ['install', `code-server@${version}`, '--ignore-scripts']);
      // Its own dependencies are left to its install script, which wants compilers; these installs do without.
      const vscode = join(partial, 'node_modules', 'code-server', 'lib', 'vscode');
      await npm(vscode, ['install', '--omit=dev', '--ignore-scripts']);
      await npm(join(vscode, 'extensions'), ['install', '--omit=dev', '--ignore-scripts']);
    }),
  );
  const home = join(folder, 'node_modules', 'code-server');
  return {
    node: nodePath,
    entry: join(home, 'out', 'node', 'entry.js'),
    serverMain: join(home, 'lib', 'vscode', 'out', 'server-main.js'),
  };
}

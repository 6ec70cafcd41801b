// A real VS Code where Microsoft's cannot be downloaded: the code-server build of Code-OSS from the npm registry,
// with the Node that it needs. Brings it into the user's cache once; starting it is for host.ts and workbench.ts.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../servers/cache';
import { progress, run } from '../servers/command';

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

function npm(folder: string, args: string[]): Promise<string> {
  return run('npm', [...args, '--no-audit', '--no-fund', '--loglevel', 'error'], { cwd: folder });
}

async function node(): Promise<string> {
  if (Number(process.versions.node.split('.')[0]) === nodeMajor) return process.execPath;
  const folder = await cached(`node-${nodeMajor}`, (partial) =>
    progress(`Fetching Node ${nodeMajor} for VS Code`, fetchNode(partial)),
  );
  return join(folder, 'node_modules', 'node', 'bin', 'node');
}

async function fetchNode(folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  await npm(folder, ['install', `node@${nodeMajor}`]);
}

async function fetchCodeServer(folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  await npm(folder, ['install', `code-server@${version}`, '--ignore-scripts']);
  // Its own dependencies are left to its install script, which wants compilers; these installs do without.
  const vscode = join(folder, 'node_modules', 'code-server', 'lib', 'vscode');
  await npm(vscode, ['install', '--omit=dev', '--ignore-scripts']);
  await npm(join(vscode, 'extensions'), ['install', '--omit=dev', '--ignore-scripts']);
}

/** Resolves to the editor in the cache; fetches it (about 600 MB unpacked) when it is not there. */
export async function codeServer(): Promise<CodeServer> {
  const nodePath = await node();
  const folder = await cached(`code-server-${version}`, (partial) =>
    progress(`Fetching VS Code (code-server ${version})`, fetchCodeServer(partial)),
  );
  const home = join(folder, 'node_modules', 'code-server');
  return {
    node: nodePath,
    entry: join(home, 'out', 'node', 'entry.js'),
    serverMain: join(home, 'lib', 'vscode', 'out', 'server-main.js'),
  };
}

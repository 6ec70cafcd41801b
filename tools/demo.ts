// `npm run demo`: a replica set of one with real documents and the sample workspace in VS Code, until Ctrl-C.
// `npm run demo -- --check` does the same without a display and tries the main job itself (demo/check.ts).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, root } from './build';
import { loadDemoData } from './data';
import { checkDemo } from './demo/check';
import { packageExtension } from './package';
import { startReplicaSet } from './servers/mongod';
import { onPath } from './vscode/chromium';
import { cleanEnvironment } from './vscode/launch';
import { startEditor } from './vscode/editor';
import { sampleWorkspace } from './workspace';

const database = 'shop';

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Ends when the person asks for it. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

/** VS Code itself, with a profile of its own, so that nothing of the person's is read or changed. */
async function openInCode(code: string, folder: string): Promise<void> {
  await build();
  const profile = await mkdtemp(join(tmpdir(), 'migratory-profile-'));
  const args = [
    '--wait',
    '--new-window',
    '--disable-workspace-trust',
    '--skip-welcome',
    '--user-data-dir',
    join(profile, 'user'),
    '--extensions-dir',
    join(profile, 'extensions'),
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    `--extensionDevelopmentPath=${root}`,
    folder,
  ];
  const windows = process.platform === 'win32';
  const child = spawn(windows ? `"${code}"` : code, args, {
    stdio: 'ignore',
    env: cleanEnvironment(),
    shell: windows,
  });
  say('The sample workspace opens in VS Code. Close its window or press Ctrl-C here to end the demo.');
  try {
    await Promise.race([once(child, 'close'), interrupted()]);
  } finally {
    child.kill();
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

async function openInBrowser(folder: string): Promise<void> {
  const editor = await startEditor({
    vsix: await packageExtension(),
    name: 'demo',
    settings: { 'security.workspace.trust.enabled': false },
  });
  try {
    say(`\nOpen  ${editor.address(folder)}\n\nCtrl-C ends the demo.`);
    await interrupted();
  } finally {
    say('Ending the demo ...');
    await editor.stop();
  }
}

async function demo(check: boolean): Promise<boolean> {
  const server = await startReplicaSet();
  try {
    await loadDemoData(server.uri, database);
    say(`MongoDB ${server.version} at ${server.uri}`);
    const workspace = await sampleWorkspace(server.uri);
    try {
      if (check) return await checkDemo({ uri: server.uri, database, folder: workspace.folder });
      const code = onPath('code');
      await (code === undefined ? openInBrowser(workspace.folder) : openInCode(code, workspace.folder));
      return true;
    } finally {
      await workspace.dispose();
    }
  } finally {
    await server.stop();
  }
}

process.exit((await demo(process.argv.includes('--check'))) ? 0 : 1);

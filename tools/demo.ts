// `npm run demo`: a replica set of one with real documents and the sample workspace in VS Code, until Ctrl-C.
// `npm run demo -- --check` does the same without a display and tries the main job itself (demo/check.ts).
import { build } from './build';
import { loadDemoData } from './data';
import { checkDemo } from './demo/check';
import { openInBrowser, openInCode } from './demo/open';
import { startReplicaSet } from './servers/mongod';
import { onPath } from './vscode/chromium';
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

async function open(folder: string): Promise<void> {
  const ended = interrupted();
  const code = onPath('code');
  if (code !== undefined) {
    await build();
    if (await openInCode(code, folder, say, ended)) return;
  }
  await openInBrowser(folder, say, ended);
}

async function demo(check: boolean): Promise<boolean> {
  const server = await startReplicaSet();
  try {
    await loadDemoData(server.uri, database);
    say(`MongoDB ${server.version} at ${server.uri}`);
    const workspace = await sampleWorkspace(server.uri);
    try {
      if (check) return await checkDemo({ uri: server.uri, database, folder: workspace.folder });
      await open(workspace.folder);
      return true;
    } finally {
      await workspace.dispose();
    }
  } finally {
    await server.stop();
  }
}

process.exit((await demo(process.argv.includes('--check'))) ? 0 : 1);

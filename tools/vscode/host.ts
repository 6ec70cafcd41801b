// The tier "host": mocha in the real extension host of the code-server build, which needs neither a display nor a
// download from Microsoft. electron.ts runs the same suite in VS Code itself.
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../build';
import type { TierResult } from '../tiers';
import { codeServer } from './codeServer';
import { launchBrowser, startBackground } from './launch';
import { prepareHostSuite, type HostSuite } from './suite';

/** Longer than every test's own timeout together would reasonably take. */
const patienceMs = 10 * 60_000;

/** Runs test/host in a real extension host. `grep` picks the tests whose full title contains it. */
export async function runHostTests(grep?: string): Promise<TierResult> {
  const [editor, suite] = await Promise.all([codeServer(), prepareHostSuite(grep)]);
  const data = await mkdtemp(join(tmpdir(), 'migratory-editor-'));
  try {
    const server = await startBackground({
      command: editor.node,
      args: [
        editor.serverMain,
        '--host',
        '127.0.0.1',
        '--port',
        '0',
        '--server-data-dir',
        join(data, 'server'),
        '--extensions-dir',
        join(data, 'extensions'),
        '--without-connection-token',
        '--accept-server-license-terms',
        '--enable-smoke-test-driver',
        '--disable-workspace-trust',
        '--telemetry-level',
        'off',
      ],
      ready: /Server bound to 127\.0\.0\.1:(\d+)/,
      log: join(root, 'out', 'host', 'server.log'),
    });
    try {
      await openAndWait(`127.0.0.1:${server.match[1]}`, suite);
    } finally {
      await server.stop();
    }
    return await suite.outcome();
  } finally {
    await suite.dispose();
    await rm(data, { recursive: true, force: true });
  }
}

/** Opens the workbench with our suite as its job and waits until it reports its end. */
async function openAndWait(authority: string, suite: HostSuite): Promise<void> {
  const remote = (path: string): string => `vscode-remote://${authority}${path}`;
  const payload = [
    ['extensionDevelopmentPath', remote(suite.extension)],
    ['extensionTestsPath', remote(suite.entry)],
    ['skipWelcome', 'true'],
  ];
  const query = new URLSearchParams({ folder: suite.workspace, payload: JSON.stringify(payload) });
  // Everything that the workbench and the suite say; most of it is about parts that code-server lacks here.
  const log = createWriteStream(join(root, 'out', 'host', 'workbench.log'));
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const ended = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the host suite did not end in time')), patienceMs);
      page.on('crash', () => reject(new Error('the page of the editor crashed')));
      const exit = (): void => {
        clearTimeout(timer);
        resolve();
      };
      Promise.all([
        page.exposeFunction('codeAutomationLog', (type: string, args: unknown[]) => {
          log.write(`${type}: ${args.map(String).join(' ')}\n`);
        }),
        page.exposeFunction('codeAutomationExit', exit),
      ])
        .then(() => page.goto(`http://${authority}/?${query.toString()}`))
        .catch(reject);
    });
    await ended;
  } finally {
    await browser.close();
    log.end();
  }
}

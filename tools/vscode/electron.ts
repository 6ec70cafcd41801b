// The suite of the extension host in VS Code itself, where it can be downloaded (`npm run test:electron`).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTests } from '@vscode/test-electron';
import type { TierResult } from '../tiers';
import { prepareHostSuite } from './suite';

/**
 * Runs test/host in a downloaded VS Code: the newest, or the version in VSCODE_VERSION (`1.101.0`, `insiders`).
 * On Linux it wants a display (xvfb-run).
 */
export async function runElectronTests(grep?: string): Promise<TierResult> {
  const suite = await prepareHostSuite(grep);
  const data = await mkdtemp(join(tmpdir(), 'migratory-editor-'));
  let trouble: unknown;
  try {
    await runTests({
      version: process.env['VSCODE_VERSION'],
      extensionDevelopmentPath: suite.extension,
      extensionTestsPath: suite.entry,
      launchArgs: [
        suite.workspace,
        '--user-data-dir',
        join(data, 'user'),
        '--extensions-dir',
        join(data, 'extensions'),
        '--disable-workspace-trust',
        '--skip-welcome',
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ],
    }).catch((error: unknown) => (trouble = error));
    // Failed tests end VS Code with an error too; what counts then is their report.
    return await suite.outcome().catch((error: unknown) => {
      throw trouble ?? error;
    });
  } finally {
    await suite.dispose();
    await rm(data, { recursive: true, force: true });
  }
}

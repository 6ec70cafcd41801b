// The suite for the extension host, the same for the code-server build (host.ts) and for a downloaded VS Code
// (electron.ts): bundled into out/host, with a fresh workspace, a real replica set and a file for the outcome.
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build as bundle } from 'esbuild';
import { build, root } from '../build';
import { sampleWorkspace } from '../workspace';
import { offerPymongo } from '../python/pymongo';
import { resolveMongod, startReplicaSet } from '../servers/mongod';
import type { TierResult } from '../tiers';
import { hostStateFile, type HostState } from './hostState';

export interface HostSuite {
  /** What VS Code loads as the extension under development. */
  extension: string;
  /** The module whose `run` VS Code calls. */
  entry: string;
  workspace: string;
  /** Reads the outcome; throws when the suite has not come to its end. */
  outcome(): Promise<TierResult>;
  dispose(): Promise<void>;
}

const folder = join(root, 'out', 'host');

async function testFiles(): Promise<string[]> {
  const tests = join(root, 'test', 'host');
  const entries = await readdir(tests, { recursive: true });
  const found = entries.filter((name) => name.endsWith('.test.ts')).sort();
  if (found.length === 0) throw new Error('There are no tests in test/host');
  return found.map((name) => join(tests, name));
}

async function bundleTests(): Promise<void> {
  const files = await testFiles();
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    sourcemap: 'linked',
    logLevel: 'warning',
    packages: 'external',
  } as const;
  await Promise.all([
    bundle({ ...common, entryPoints: ['test/host/index.ts'], outfile: join(folder, 'index.js') }),
    bundle({
      ...common,
      stdin: {
        contents: files.map((file) => `import './${relative(root, file).replaceAll('\\', '/')}';`).join('\n'),
        resolveDir: root,
        sourcefile: 'host-tests.ts',
      },
      outfile: join(folder, 'tests.js'),
    }),
  ]);
}

/** Builds the extension and its suite and brings up what the suite needs. */
export async function prepareHostSuite(grep?: string): Promise<HostSuite> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const [server] = await Promise.all([startReplicaSet(), build(), bundleTests(), offerPymongo()]);
  const workspace = await sampleWorkspace(server.uri);
  const results = join(folder, 'results.json');
  const { path, env } = await resolveMongod();
  const state: HostState = {
    uri: server.uri,
    workspace: workspace.folder,
    results,
    grep,
    mongod: { path, env },
  };
  await writeFile(join(folder, hostStateFile), JSON.stringify(state), { mode: 0o600 });
  return {
    extension: root,
    entry: join(folder, 'index.js'),
    workspace: workspace.folder,
    async outcome() {
      if (!existsSync(results)) {
        throw new Error(
          `The suite in the extension host did not come to its end (see ${relative(root, folder)})`,
        );
      }
      const result = JSON.parse(await readFile(results, 'utf8')) as TierResult;
      for (const { title, message } of result.failures)
        process.stdout.write(`FAILED  ${title}\n${message}\n\n`);
      return result;
    },
    async dispose() {
      await workspace.dispose();
      await server.stop();
    },
  };
}

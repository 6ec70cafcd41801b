// Builds the loader as the programs are built and runs it in a process of its own.
import { fork, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import type { HostAnswer, HostRequest } from './messages';

const checkout = join(__dirname, '..', '..', '..', '..');

export class LoaderProcess {
  /** The project that files are written into; outside the checkout, so that nothing of it is found by accident. */
  readonly root: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.root = join(folder, 'project');
  }

  static async start(): Promise<LoaderProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'migratory load '));
    const program = join(folder, 'host.js');
    await build({
      entryPoints: [join(__dirname, 'host.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20.19',
      logLevel: 'error',
      external: [
        'kerberos',
        'snappy',
        'socks',
        'gcp-metadata',
        'mongodb-client-encryption',
        '@mongodb-js/zstd',
        '@aws-sdk/credential-providers',
      ],
      plugins: [
        {
          name: 'jiti-beside',
          setup: (build) =>
            build.onResolve({ filter: /^jiti$/ }, () => ({
              path: join(checkout, 'node_modules', 'jiti', 'lib', 'jiti.cjs'),
              external: true,
            })),
        },
      ],
    });
    const env = { ...process.env, NODE_OPTIONS: '' };
    return new LoaderProcess(
      fork(program, { execArgv: [], env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
      folder,
    );
  }

  /** Writes files below the project. */
  async write(files: Record<string, string>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      const target = join(this.root, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text);
    }
  }

  /** Loads `path` of the project in `folder` below the root. */
  load(path: string, { folder = '', call }: { folder?: string; call?: string }): Promise<HostAnswer> {
    const root = join(this.root, folder);
    const request: HostRequest = { file: join(root, path), root, call };
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void =>
        reject(new Error(`the loader's process ended with ${code}`));
      this.#child.once('exit', ended);
      this.#child.once('message', (answer: HostAnswer) => {
        this.#child.off('exit', ended);
        resolve(answer);
      });
      this.#child.send(request);
    });
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

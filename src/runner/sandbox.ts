// The sandbox server of a runner process, which guards it: when the window goes, however it goes, the server goes too.
// What is needed for it is loaded only here, when somebody asks.
import type { DownloadProgress } from '../sandbox/binary';
import type { SandboxServer } from '../sandbox/server';
import { UserError } from '../protocol/errors';

export class Sandbox {
  #server: Promise<SandboxServer> | undefined;

  constructor(private readonly onProgress: (progress: DownloadProgress) => void) {}

  async find(folder: string): Promise<string | null> {
    const { findMongod } = await import('../sandbox/binary');
    return findMongod(folder);
  }

  async fetch(folder: string): Promise<string> {
    const { fetchMongod } = await import('../sandbox/binary');
    return fetchMongod(folder, this.onProgress);
  }

  async start({
    folder,
    mongod,
  }: {
    folder: string;
    mongod: string;
  }): Promise<{ uri: string; database: string }> {
    if (this.#server) throw new UserError('The sandbox server runs already.');
    const { SandboxServer } = await import('../sandbox/server');
    const { sandboxDatabase } = await import('../sandbox/replicaSet');
    // Without it this process has nothing more to do; its end tells the editor.
    this.#server = SandboxServer.start({ folder, mongod, onEnd: () => process.exit(0) });
    process.once('SIGTERM', () => void this.stop().finally(() => process.exit(0)));
    const { uri } = await this.#server;
    return { uri, database: sandboxDatabase };
  }

  /** Also one that is just starting: nobody else would end it. */
  async stop(): Promise<void> {
    const server = await this.#server?.catch(() => undefined);
    this.#server = undefined;
    await server?.stop();
  }
}

// The sandbox server from the editor's side: a process of its own brings it up (and ends with this window), and while it
// runs there is a connection to it among the others. Nothing of it is loaded before somebody starts it.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../protocol/errors';
import type { ConnectionInfo } from './connectionRecords';
import type { ConnectionStore, Memory } from './connections';
import type { Log } from './log';
import type { RunnerProcess } from './runnerProcess';

const t = vscode.l10n.t;

/** Id of the connection that was made for the server. */
const rememberedKey = 'migratory.sandboxConnection';
/** A window that closes waits no longer than this for the server's end, which comes all the same. */
const stopPatienceMs = 3000;

export interface SandboxParts {
  startRunner: () => RunnerProcess;
  connections: ConnectionStore;
  memory: Memory;
  log: Log;
  /** Downloads lie there, and the data of each workspace. */
  storage: string;
  /** What tells workspaces apart: no two windows may share the data. */
  workspace: string;
}

export class Sandbox {
  #process: RunnerProcess | undefined;
  #starting: Promise<ConnectionInfo> | undefined;

  constructor(private readonly parts: SandboxParts) {
    // The server of the last time has ended with its window.
    void this.#forget();
  }

  get running(): boolean {
    return this.#process?.alive ?? false;
  }

  /** Starts it, or selects its connection when it runs already. @throws vscode.CancellationError */
  async start(): Promise<ConnectionInfo> {
    if (this.running && !this.#starting) {
      const there = this.parts.connections.get(this.#remembered());
      if (there) {
        await this.parts.connections.select(there.id);
        return there;
      }
      await this.stop();
    }
    this.#starting ??= this.#bringUp().finally(() => (this.#starting = undefined));
    return this.#starting;
  }

  /** Ends it and takes its connection away; its data stays. */
  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    setRunning(false);
    await this.#forget();
    if (!process?.alive) return;
    const patience = new Promise<void>((resolve) => setTimeout(resolve, stopPatienceMs).unref());
    await Promise.race([process.call('stopSandbox', {}).catch(() => undefined), patience]);
    process.detach();
  }

  async #bringUp(): Promise<ConnectionInfo> {
    const process = this.parts.startRunner();
    try {
      const mongod =
        (await process.call('findMongod', { folder: this.#downloads })) ?? (await this.#fetch(process));
      const server = await withProgress(t('Starting the sandbox server…'), process, () =>
        process.call('startSandbox', { folder: this.#data, mongod }),
      );
      this.#process = process;
      void process.exited.then(() => this.#ended(process));
      setRunning(true);
      return await this.#connect(server);
    } catch (error) {
      // Without us it has nothing more to do; what it has started ends with it.
      process.detach();
      throw error;
    }
  }

  async #fetch(process: RunnerProcess): Promise<string> {
    const download = t('Download');
    const pressed = await vscode.window.showInformationMessage(
      t('Download MongoDB for the sandbox server?'),
      {
        modal: true,
        detail: t(
          'There is no mongod on the PATH of this machine. MongoDB Community Server (about 100 MB) can be fetched from where MongoDB offers it; its license is the SSPL. It is kept for this extension alone.',
        ),
      },
      download,
    );
    if (pressed !== download) throw new vscode.CancellationError();
    try {
      return await withProgress(t('Downloading MongoDB…'), process, () =>
        process.call('fetchMongod', { folder: this.#downloads }),
      );
    } catch (cause) {
      if (cause instanceof vscode.CancellationError) throw cause;
      throw cannotFetch(cause);
    }
  }

  async #connect({ uri, database }: { uri: string; database: string }): Promise<ConnectionInfo> {
    const { connections, memory } = this.parts;
    await this.#forget();
    const name = freeName(connections.list().map((connection) => connection.name));
    const connection = await connections.add({ name, uri, database, production: false, readOnly: false });
    await memory.update(rememberedKey, connection.id);
    await connections.select(connection.id);
    return connection;
  }

  /** It ended by itself, or somebody ended it from outside. */
  #ended(process: RunnerProcess): void {
    if (this.#process !== process) return;
    this.#process = undefined;
    setRunning(false);
    void this.#forget();
    this.parts.log.warn('The sandbox server has ended');
    void vscode.window.showWarningMessage(t('The sandbox server has ended.'));
  }

  #remembered(): string | undefined {
    const id = this.parts.memory.get(rememberedKey);
    return typeof id === 'string' ? id : undefined;
  }

  async #forget(): Promise<void> {
    const id = this.#remembered();
    if (id === undefined) return;
    await this.parts.memory.update(rememberedKey, undefined);
    await this.parts.connections.remove(id);
  }

  get #downloads(): string {
    return join(this.parts.storage, 'mongod');
  }

  get #data(): string {
    const key = createHash('sha256').update(this.parts.workspace).digest('hex').slice(0, 16);
    return join(this.parts.storage, 'sandbox', key);
  }
}

/** Says what is going on; whoever cancels does not wait any longer. */
function withProgress<T>(title: string, process: RunnerProcess, work: () => Promise<T>): Promise<T> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return new Promise<T>((resolve, reject) => {
    void vscode.window.withProgress(options, async (progress, token) => {
      let told = 0;
      const stop = process.on('download', ({ megabytes, totalMegabytes }) => {
        const share = totalMegabytes > 0 ? (100 * megabytes) / totalMegabytes : 0;
        const message =
          totalMegabytes > 0 ? t('{0} of {1} MB', megabytes, totalMegabytes) : t('{0} MB', megabytes);
        progress.report({ message, increment: Math.max(0, share - told) });
        told = Math.max(told, share);
      });
      const cancelled = new Promise<never>((_resolve, refuse) => {
        token.onCancellationRequested(() => refuse(new vscode.CancellationError()));
      });
      await Promise.race([work(), cancelled]).then(resolve, reject);
      stop();
    });
  });
}

/** One sentence, whatever the reason was, and what helps. */
function cannotFetch(cause: unknown): UserError {
  const why = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
  return new UserError(
    t(
      'MongoDB could not be downloaded ({0}): install MongoDB Community Server, so that mongod is on the PATH, and start the sandbox server again.',
      why.replace(/[.\s]+$/, ''),
    ),
    { cause },
  );
}

function freeName(taken: readonly string[]): string {
  for (let count = 1; ; count++) {
    const name = count === 1 ? 'sandbox' : `sandbox ${count}`;
    if (!taken.includes(name)) return name;
  }
}

function setRunning(running: boolean): void {
  void vscode.commands.executeCommand('setContext', 'migratory.sandbox', running);
}

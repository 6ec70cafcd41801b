// One forked runner process and the RPC with it. Knows how it is started, how it ends and how it is ended;
// what it is for (observing, running) is its owners' business. Nothing secret enters argv or environment.
import type { ChildProcess } from 'node:child_process';
import { execFile, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { UserError, type ErrorAction } from '../protocol/errors';
import { RpcClient } from '../protocol/rpc';
import { runnerFlags, type RunnerMethods, type RunnerNotifications } from '../protocol/runner';
import { Command } from './manifest';
import type { Translate } from './words';

export interface RunnerProcessOptions {
  /** Path of dist/runner.js. */
  program: string;
  /** The Node.js (or Electron) that runs it. */
  node: string;
  /** Goes on when this process ends: for runs, not for the observer. */
  detached: boolean;
  t: Translate;
  /** What user code prints, line by line. */
  onOutput(line: string, stream: 'stdout' | 'stderr'): void;
}

export interface RunnerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last lines it wrote to stderr. */
  stderr: string[];
  /** Why there is nothing more to expect. */
  error: Error;
}

const stderrKept = 8;
/** How long the end of a process may trail behind its first sign. */
const endGraceMs = 500;

export class RunnerProcess {
  readonly #child: ChildProcess;
  readonly #client: RpcClient<RunnerMethods, RunnerNotifications>;
  readonly #stderr: string[] = [];
  #ending = false;
  #exit: RunnerExit | undefined;
  /** Answers, never rejects, when the process is gone (or could not be started). */
  readonly exited: Promise<RunnerExit>;

  constructor(private readonly options: RunnerProcessOptions) {
    this.#child = fork(options.program, [], {
      execPath: options.node,
      // And not those of a debugged extension host.
      execArgv: [...runnerFlags],
      env: { ...runnerEnvironment(process.env), ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: options.detached,
      windowsHide: true,
    } as Parameters<typeof fork>[2]);
    this.#client = new RpcClient({
      send: (message) => {
        this.#child.send(message as object, (error) => {
          if (error) this.#client.close(error);
        });
      },
      onMessage: (listener) => void this.#child.on('message', listener),
    });
    this.#forward('stdout', this.#child.stdout);
    this.#forward('stderr', this.#child.stderr);
    this.exited = this.#watchEnd();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#exit === undefined && this.#child.connected;
  }

  call<K extends keyof RunnerMethods>(
    method: K,
    params: Parameters<RunnerMethods[K]>[0],
  ): Promise<Awaited<ReturnType<RunnerMethods[K]>>> {
    return this.#client.call(method, params);
  }

  on<K extends keyof RunnerNotifications>(
    name: K,
    listener: (params: RunnerNotifications[K]) => void,
  ): () => void {
    return this.#client.on(name, listener);
  }

  /** Lets it go on alone: the run is found again through its run document. */
  detach(): void {
    this.#ending = true;
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    if (this.#child.connected) this.#child.disconnect();
    this.#child.unref();
  }

  /** Ends it at once, with everything it started. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#exit) return;
    this.#ending = true;
    if (!this.options.detached) this.#child.kill('SIGKILL');
    else if (process.platform === 'win32') execFile('taskkill', ['/pid', String(pid), '/T', '/F'], () => {});
    else killGroup(pid, this.#child);
  }

  #forward(name: 'stdout' | 'stderr', stream: Readable | null): void {
    if (!stream) return;
    stream.on('error', () => {});
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
      if (name === 'stderr') {
        this.#stderr.push(line);
        if (this.#stderr.length > stderrKept) this.#stderr.shift();
      }
      this.options.onOutput(line, name);
    });
  }

  #watchEnd(): Promise<RunnerExit> {
    return new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null, cause?: Error): void => {
        if (this.#exit) return;
        const error = cause ? startError(this.options, cause) : this.#endError(code, signal);
        this.#exit = { code, signal, stderr: [...this.#stderr], error };
        this.#client.close(error);
        resolve(this.#exit);
      };
      this.#child.on('error', (error) => {
        // An error after the start (a message that could not be sent) is no end; one before it is.
        if (this.#child.pid === undefined) end(null, null, error);
      });
      // `close` comes after the last line of stderr, which belongs into the error; a grandchild that keeps the
      // pipe open must not hold it up.
      this.#child.on('exit', (code, signal) => {
        const late = setTimeout(() => end(code, signal), endGraceMs);
        this.#child.once('close', () => {
          clearTimeout(late);
          end(code, signal);
        });
      });
      // Mostly the first sign of an end, whose code and last words make the better error.
      this.#child.on('disconnect', () => {
        const closed = new UserError(
          this.options.t('The runner closed its connection to the editor.'),
          this.#showLog(),
        );
        const close = (): void => this.#client.close(closed);
        if (this.#ending) close();
        else setTimeout(close, endGraceMs).unref();
      });
    });
  }

  #endError(code: number | null, signal: NodeJS.Signals | null): Error {
    const { t } = this.options;
    const how = signal === null ? t('exit code {0}', code ?? '?') : t('signal {0}', signal);
    const last = this.#stderr.filter((line) => line.trim() !== '').slice(-3);
    const ended = t('The runner process ended ({0}).', how);
    const said = last.length === 0 || this.#ending ? '' : ` ${t('It last wrote: {0}', last.join(' | '))}`;
    return new UserError(ended + said, this.#showLog());
  }

  #showLog(): { action: ErrorAction } {
    return { action: { label: this.options.t('Show Log'), command: Command.showLog } };
  }
}

function startError({ node, t }: RunnerProcessOptions, cause: Error): UserError {
  return new UserError(t('Migrations cannot be run: "{0}" does not start ({1}).', node, cause.message), {
    action: { label: t('Open Settings'), command: 'workbench.action.openSettings' },
    cause,
  });
}

function killGroup(pid: number, child: ChildProcess): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

/**
 * The environment as the person's own shell has it (migrations and configs read it), without what the editor
 * and its debugger put there for themselves.
 */
export function runnerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ours = /^(VSCODE_|ELECTRON_|APPLICATION_INSIGHTS_|NODE_OPTIONS$|NODE_CHANNEL_|NODE_UNIQUE_ID$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.test(name)));
}

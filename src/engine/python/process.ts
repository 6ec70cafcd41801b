// One Python process for one request: it gets the request by its standard input and answers with lines of JSON. It
// ends when it is through, when the run is cancelled, and when this process ends (python/_migratory_runner).
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { MigrationLog } from '../../migration/kinds';
import type { Destination } from '../../wire/ownSockets';
import { type OutsideKind, unseen } from '../outsideCalls';
import { childEnvironment } from './environment';
import { type Python, pythonFolder } from './interpreter';

/** What the author's code is told about the run. */
export interface PythonContext {
  dryRun: boolean;
  args: Record<string, unknown>;
  run: { id: string; startedAt: Date };
}

/** The door that a process's clients go through. */
export interface PythonDoor {
  /** With credentials and token: goes by the pipe alone. */
  uri: string;
  database: string;
  /** Servers of the run's cluster: `host:port` in lower case, `localhost` for every loopback address. */
  cluster: string[];
}

export type PythonTask =
  { task: 'describe' } | { task: 'call'; index: number; function: string; transaction: boolean };

export interface PythonRequest {
  root: string;
  file: string;
  source: Buffer;
  work: PythonTask;
  door?: PythonDoor;
  context: PythonContext;
}

/** What is heard while the code runs. */
export interface PythonEars {
  log: MigrationLog;
  progress(done: number, total: number | undefined): void;
  /** Something that the runner shall do (`ctx.convert`); arguments as canonical Extended JSON. Rejects for nothing. */
  ask(question: PythonQuestion): Promise<PythonReply>;
  /** In a dry run: what the code does outside of the database. */
  outside(kind: OutsideKind, place: string): void;
  /** A client to another server; an error ends the process. */
  elsewhere(to: Destination): Error | undefined;
}

export interface PythonQuestion {
  number: number;
  name: string;
  args: string;
}

export type PythonReply = { result: unknown } | { error: string };

/** An exception, as python/_migratory_runner/errors.py tells it. */
export interface ToldError {
  name: string;
  message: string;
  code?: number | string;
  /** Innermost first. */
  places: { file: string; line: number; column?: number }[];
  stack: string;
  lost: boolean;
  /** The question whose answer was an error. */
  asked?: number;
  /** The argument of `sys.exit`. */
  exit?: string;
  /** What could not be imported. */
  module?: string;
  cause?: ToldError;
}

export type PythonAnswer =
  | { type: 'result'; value: unknown }
  /** The file holds no migration; the reason goes on after its path. */
  | { type: 'none'; reason: string }
  | { type: 'error'; error: ToldError }
  /** The process ended without an answer. */
  | { type: 'ended'; how: string; said: string[] };

type Message =
  | PythonAnswer
  | { type: 'log'; level: keyof MigrationLog; message: string }
  | { type: 'progress'; done: number; total: number | null }
  | ({ type: 'ask' } & PythonQuestion)
  | { type: 'outside'; kind: OutsideKind; place: string }
  | { type: 'elsewhere'; host: string; port: number };

/** After a cancel, the code has so long to come to its next command, which is refused. */
const graceMs = 2_000;
const keptLines = 5;
/** What its own children may hold open is not waited for longer. */
const endMs = 500;

/**
 * @param signal ends the process, with all that it has started.
 * @throws what `elsewhere` gives, and the signal's reason.
 */
export async function runPython(
  python: Python,
  request: PythonRequest,
  ears: PythonEars,
  signal?: AbortSignal,
): Promise<PythonAnswer> {
  signal?.throwIfAborted();
  const { env, secret } = childEnvironment(process.env);
  const child = unseen(() =>
    spawn(python.command, [join(pythonFolder(), '_migratory_runner', 'start.py')], {
      cwd: request.root,
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own can be ended whole, and hears no Ctrl-C.
      detached: process.platform !== 'win32',
      windowsHide: true,
    }),
  );
  const conversation = new Conversation(child, ears);
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => void (timer = setTimeout(() => endAll(child), graceMs));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    child.stdin.on('error', () => undefined);
    child.stdin.write(`${JSON.stringify(toldRequest(request, secret))}\n`);
    const answer = await conversation.answer;
    signal?.throwIfAborted();
    return answer;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    endAll(child);
  }
}

function toldRequest(
  { root, file, source, work, door, context }: PythonRequest,
  environment: Record<string, string>,
): object {
  const { dryRun, args, run } = context;
  return { root, file, source: source.toString('base64'), ...work, door, environment, dryRun, args, run };
}

class Conversation {
  readonly answer: Promise<PythonAnswer>;
  readonly #ears: PythonEars;
  readonly #said: string[] = [];
  readonly #child: ChildProcess;
  #answer: PythonAnswer | undefined;
  #refuse: (error: Error) => void = () => undefined;

  constructor(child: ChildProcess, ears: PythonEars) {
    this.#ears = ears;
    this.#child = child;
    const { stdout, stderr } = child as { stdout: Readable; stderr: Readable };
    createInterface({ input: stdout, crlfDelay: Infinity }).on('line', (line) => this.#hear(line));
    createInterface({ input: stderr, crlfDelay: Infinity }).on('line', (line) => this.#hearNoise(line));
    this.answer = new Promise((resolve, reject) => {
      this.#refuse = reject;
      child.on('error', reject);
      const end = (how: string): void => resolve(this.#answer ?? { type: 'ended', how, said: this.#said });
      child.on('exit', (code, signal) => {
        const how = signal === null ? `exit code ${code}` : signal;
        const late = setTimeout(() => end(how), endMs);
        child.once('close', () => {
          clearTimeout(late);
          end(how);
        });
      });
    });
  }

  #hear(line: string): void {
    const message = messageIn(line);
    if (!message) return this.#hearNoise(line);
    if (message.type === 'log') this.#ears.log[message.level](message.message);
    else if (message.type === 'progress') this.#ears.progress(message.done, message.total ?? undefined);
    else if (message.type === 'ask') void this.#ask(message);
    else if (message.type === 'outside') this.#ears.outside(message.kind, message.place);
    else if (message.type === 'elsewhere') this.#hearOfClient(message);
    else this.#answer = message;
  }

  async #ask({ number, name, args }: PythonQuestion): Promise<void> {
    const reply = await this.#ears.ask({ number, name, args });
    this.#child.stdin?.write(`${JSON.stringify({ number, ...reply })}\n`);
  }

  #hearOfClient(to: Destination): void {
    const error = this.#ears.elsewhere(to);
    if (error) this.#refuse(error);
  }

  /** From programs that the code starts, and from Python itself. */
  #hearNoise(line: string): void {
    if (line.trim() === '') return;
    this.#said.push(line);
    if (this.#said.length > keptLines) this.#said.shift();
    this.#ears.log.warn(line);
  }
}

function messageIn(line: string): Message | undefined {
  if (!line.startsWith('{"type":')) return undefined;
  try {
    return JSON.parse(line) as Message;
  } catch {
    return undefined;
  }
}

function endAll(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

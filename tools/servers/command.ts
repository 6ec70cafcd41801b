// Runs a program for the tools: its output as text, and a clear error that carries what it said when it fails.
import { spawn, type SpawnOptions } from 'node:child_process';

/** How a program is run; `onOutput` sees both streams while they come. */
export interface CommandOptions extends Pick<SpawnOptions, 'cwd' | 'env'> {
  onOutput?: (text: string) => void;
  /** Milliseconds after which the program is killed. */
  timeout?: number;
}

/** Standard output of `command`. Throws when it cannot be started or answers with anything but 0. */
export function run(command: string, args: string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeout,
      killSignal: 'SIGKILL',
    });
    let out = '';
    let all = '';
    const hear = (text: string): void => {
      all += text;
      options.onOutput?.(text);
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      hear(text);
    });
    child.stderr.setEncoding('utf8').on('data', hear);
    child.on('error', (error) => reject(new Error(`${command}: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(out);
      else
        reject(new Error(`${command} ${args[0] ?? ''}: ${lastLines(all) || `ended with ${code ?? signal}`}`));
    });
  });
}

function lastLines(text: string): string {
  return text.trim().split(/\r?\n/).slice(-3).join(' / ');
}

/** Says on stderr what takes long, that it still goes on, and how long it took. */
export async function progress<T>(what: string, work: Promise<T>): Promise<T> {
  const started = Date.now();
  const seconds = (): string => `${((Date.now() - started) / 1000).toFixed(0)} s`;
  process.stderr.write(`${what} ...\n`);
  const tick = setInterval(() => process.stderr.write(`${what}: still at it (${seconds()})\n`), 10_000);
  try {
    const result = await work;
    process.stderr.write(`${what}: done (${seconds()})\n`);
    return result;
  } finally {
    clearInterval(tick);
  }
}

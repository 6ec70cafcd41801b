// The Python of a project: what the config or a setting names, else a virtual environment in the project, else
// `python3`. What it is and whether it has pymongo is asked once per process.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ExitCode, UserError } from '../../protocol/errors';
import { childEnvironment } from './environment';

export interface PythonChoice {
  /** The project: where a virtual environment is looked for, and what relative paths mean. */
  root: string;
  /** As the config or a setting names it. */
  configured?: string;
}

export interface Python {
  /** What starts it: a path, or a name on PATH. */
  command: string;
  /** `3.11.2`. */
  version: string;
  /** Version of pymongo. */
  pymongo: string;
}

/** What the probe says (python/_migratory_runner/probe.py). */
interface Found {
  version: [number, number, number];
  executable: string;
  pymongo?: string;
  /** Why pymongo cannot be used. */
  problem?: string;
  /** The system looks after its packages: pip may not install there. */
  managed: boolean;
}

const oldestPython = [3, 8] as const;
const oldestPymongo = 4;
const patienceMs = 30_000;
const howToGet = 'Install Python 3.8 or newer, or name it with `python` in the config.';

const probed = new Map<string, Promise<Found>>();

/**
 * The Python that runs the migrations of a project.
 * @throws UserError (a failed check) when there is none, or it is too old or has no pymongo.
 */
export async function findPython(choice: PythonChoice): Promise<Python> {
  const tried: string[] = [];
  for (const command of candidates(choice)) {
    const found = await probe(command).catch((error: unknown) => void tried.push(reason(command, error)));
    if (found) return usable(command, found);
  }
  const named = choice.configured === undefined ? '' : ' that the config or the settings name';
  throw problem(`The Python${named} does not start: ${tried.join('; ')}. ${howToGet}`, {
    label: 'Install Python',
  });
}

/** Folder of what Python itself reads: `migratory` for authors, and the runner's other half. */
export function pythonFolder(): string {
  for (let dir = __dirname; ; dir = dirname(dir)) {
    const folder = join(dir, 'python');
    if (existsSync(join(folder, '_migratory_runner', 'start.py'))) return folder;
    if (dir === dirname(dir)) throw new Error('the folder "python" is missing from this installation');
  }
}

function candidates({ root, configured }: PythonChoice): string[] {
  if (configured !== undefined && configured !== '') {
    return [/[\\/]/.test(configured) && !isAbsolute(configured) ? resolve(root, configured) : configured];
  }
  const windows = process.platform === 'win32';
  const inside = windows ? join('Scripts', 'python.exe') : join('bin', 'python');
  const own = ['.venv', 'venv'].map((name) => join(root, name, inside)).filter((path) => existsSync(path));
  return [...own, ...(windows ? ['python', 'python3'] : ['python3', 'python'])];
}

function probe(command: string): Promise<Found> {
  let asking = probed.get(command);
  if (!asking) {
    asking = ask(command);
    probed.set(command, asking);
    // Somebody may install what is missing while this process lives on.
    asking.then(
      (found) => found.pymongo === undefined && probed.delete(command),
      () => probed.delete(command),
    );
  }
  return asking;
}

function ask(command: string): Promise<Found> {
  const script = join(pythonFolder(), '_migratory_runner', 'probe.py');
  const { env } = childEnvironment(process.env);
  return new Promise((resolve, reject) => {
    const options = { env, timeout: patienceMs, windowsHide: true };
    execFile(command, [script], options, (error, stdout, stderr) => {
      if (error) return reject(Object.assign(error, { said: stderr.trim().split('\n').at(-1) }));
      try {
        resolve(JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Found);
      } catch {
        reject(new Error('it does not answer as Python does'));
      }
    });
  });
}

function reason(command: string, error: unknown): string {
  const { code, said, message } = error as NodeJS.ErrnoException & { said?: string };
  if (code === 'ENOENT') return `there is no "${command}"`;
  if (code === 'EACCES') return `"${command}" may not be executed`;
  return `"${command}": ${said || message.split('\n')[0]}`;
}

function usable(command: string, found: Found): Python {
  const [major, minor] = found.version;
  const version = found.version.join('.');
  if (major < oldestPython[0] || (major === oldestPython[0] && minor < oldestPython[1])) {
    throw problem(`Python migrations need Python 3.8 or newer, and "${command}" is ${version}. ${howToGet}`, {
      label: 'Install Python',
    });
  }
  const install = found.managed
    ? 'python3 -m venv .venv && .venv/bin/python -m pip install pymongo'
    : `${shown(command)} -m pip install pymongo`;
  if (found.pymongo === undefined) {
    const missing = /No module named '?pymongo'?$/.test(found.problem ?? '');
    const why = missing ? 'has no pymongo' : `cannot use its pymongo (${found.problem})`;
    throw problem(`Python migrations need pymongo, and "${command}" (Python ${version}) ${why}.`, {
      label: 'Install pymongo',
      cli: install,
    });
  }
  if (Number.parseInt(found.pymongo, 10) < oldestPymongo) {
    throw problem(`Python migrations need pymongo 4 or newer, and "${command}" has ${found.pymongo}.`, {
      label: 'Install a newer pymongo',
      cli: `${install} --upgrade`,
    });
  }
  return { command, version, pymongo: found.pymongo };
}

function shown(command: string): string {
  return command.includes(' ') ? `"${command}"` : command;
}

function problem(message: string, action: { label: string; cli?: string }): UserError {
  return new UserError(message, { action, exitCode: ExitCode.checkFailed });
}

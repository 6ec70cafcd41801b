// Runs files of mocha tests in child processes and adds their outcomes up.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../build';
import { sumResults, type TierResult } from '../tiers';

export interface MochaOptions {
  /** Runs only tests whose full title contains this. */
  grep?: string;
  /** Milliseconds that a test may take where it does not say otherwise. */
  timeout: number;
  /**
   * Without it, all files run in one process whose output is seen as it comes. With it, each file has a process of
   * its own, this many at a time, and its output is printed when it ends.
   */
  processes?: number;
  /** Milliseconds in which a process has to end after its last test; 20 s without it. */
  patience?: number;
  /** Milliseconds after which a process is killed; 20 minutes without it. */
  limit?: number;
  /** Prints nothing. */
  quiet?: boolean;
}

/** Runs the `*.test.ts` below `folder` (relative to the project). Throws when there are none. */
export async function runMocha(folder: string, options: MochaOptions): Promise<TierResult> {
  const names = await readdir(join(root, folder), { recursive: true }).catch(() => []);
  const files = names.filter((name) => name.endsWith('.test.ts')).sort();
  if (files.length === 0) throw new Error(`There are no tests in ${folder}`);
  const paths = files.map((name) => join(folder, name));
  if (options.processes === undefined) return runProcess(paths, options, 'inherit');

  const results: TierResult[] = [];
  const queue = [...paths];
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      results.push(await runProcess([file], options, 'pipe'));
    }
  };
  await Promise.all(Array.from({ length: options.processes }, work));
  return sumResults(results);
}

let runs = 0;

async function runProcess(
  files: string[],
  options: MochaOptions,
  output: 'inherit' | 'pipe',
): Promise<TierResult> {
  const folder = join(root, 'out', 'tests');
  await mkdir(folder, { recursive: true });
  const resultFile = join(folder, `${process.pid}-${++runs}.json`);
  const title = files.length === 1 ? String(files[0]) : `a process of ${files.length} test files`;
  const started = Date.now();
  const { code, text } = await runNode(
    [
      '--import=tsx',
      join(root, 'node_modules', 'mocha', 'bin', '_mocha'),
      `--reporter=${join(root, 'tools', 'tests', 'reporter.cjs')}`,
      `--reporter-option=output=${resultFile}`,
      `--reporter-option=title=${title}`,
      `--reporter-option=patience=${options.patience ?? 20_000}`,
      `--timeout=${options.timeout}`,
      '--forbid-only',
      process.stdout.isTTY ? '--color' : '--no-color',
      ...(options.grep === undefined ? [] : [`--fgrep=${options.grep}`]),
      ...files,
    ],
    output,
    options.limit ?? 20 * 60_000,
  );
  if (output === 'pipe' && !options.quiet && !/^\s*0 passing \(\S+\)\s*$/.test(text)) {
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    process.stdout.write(`\n${files.join(' ')} (${seconds} s)\n${text}`);
  }
  const json = await readFile(resultFile, 'utf8').catch(() => undefined);
  await rm(resultFile, { force: true });
  if (json === undefined) {
    return failed(`${title} did not come to an end`, `mocha ended with ${code}\n${text.slice(-4000)}`);
  }
  const result = JSON.parse(json) as TierResult;
  if (typeof code === 'number') return result;
  return sumResults([result, failed(`${title} did not come to an end`, `mocha ended with ${code}`)]);
}

function failed(title: string, message: string): TierResult {
  return { passed: 0, failed: 1, skipped: 0, skips: [], failures: [{ title, message }] };
}

/** Runs node in a process group of its own, and ends what it leaves behind: children would hold our pipes open. */
function runNode(
  args: string[],
  output: 'inherit' | 'pipe',
  limit: number,
): Promise<{ code: number | string; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', output, output],
      detached: process.platform !== 'win32',
    });
    const endAll = (): void => endGroup(child);
    const timer = setTimeout(endAll, limit);
    process.on('exit', endAll);
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      endAll();
      clearTimeout(timer);
      process.off('exit', endAll);
      const finish = (): void => resolve({ code: code ?? signal ?? 'nothing', text });
      child.on('close', finish);
      // Where there are no process groups, a grandchild may hold the streams open for ever.
      setTimeout(finish, 5000).unref();
    });
  });
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

// `npm run check`: types, lint (which also holds the arrows between the folders of src/) and format, in parallel.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { emptyResult, type TierResult } from './tiers';

const bin = (name: string): string => join('node_modules', '.bin', name);
const checks: [name: string, command: string, args: string[]][] = [
  ['types', bin('tsc'), ['-p', '.']],
  ['lint and arrows', bin('oxlint'), ['--type-aware', '--quiet']],
  ['format', bin('prettier'), ['--check', '--log-level', 'warn', '.']],
];

/** Runs all checks and prints what they find; each counts as one test. */
export async function runChecks(): Promise<TierResult> {
  const result = emptyResult();
  await Promise.all(
    checks.map(async ([name, command, args]) => {
      const started = Date.now();
      const { ok, output } = await runCheck(command, args);
      if (ok) result.passed++;
      else {
        result.failed++;
        result.failures.push({ title: name, message: output });
        process.stdout.write(output);
      }
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${ok ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)\n`);
    }),
  );
  return result;
}

function runCheck(command: string, args: string[]): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    let output = '';
    const child = spawn(command, args, { shell: process.platform === 'win32' });
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { failed } = await runChecks();
  process.exit(failed === 0 ? 0 : 1);
}

// `npm run check`: types, lint (which also holds the arrows between the folders of src/) and format, in parallel.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const bin = (name: string): string => join('node_modules', '.bin', name);
const checks: [name: string, command: string, args: string[]][] = [
  ['types', bin('tsc'), ['-p', '.']],
  ['lint and arrows', bin('oxlint'), ['--type-aware', '--quiet']],
  ['format', bin('prettier'), ['--check', '--log-level', 'warn', '.']],
];

const results = await Promise.all(
  checks.map(
    ([name, command, args]) =>
      new Promise<boolean>((resolve) => {
        const started = Date.now();
        let output = '';
        const child = spawn(command, args, { shell: process.platform === 'win32' });
        child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
        child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
        child.on('close', (code) => {
          if (code !== 0) process.stdout.write(output);
          const seconds = ((Date.now() - started) / 1000).toFixed(1);
          process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)\n`);
          resolve(code === 0);
        });
      }),
  ),
);
process.exit(results.every(Boolean) ? 0 : 1);

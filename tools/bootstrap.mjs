// Starts one of the TypeScript tools beside this file; brings the dependencies first, so that a fresh
// clone needs nothing but Node. Usage: node tools/bootstrap.mjs <tool.ts> [arguments]
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [tool, ...args] = process.argv.slice(2);

function dependenciesAreCurrent() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  const wanted = join(root, 'package-lock.json');
  if (!existsSync(installed) || !existsSync(wanted)) return false;
  if (statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return true;
  // A fresh checkout renews the lock file's time; what counts is whether every package is there.
  const packages = JSON.parse(readFileSync(wanted, 'utf8')).packages;
  const there = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(packages).every(
    ([path, entry]) => path === '' || entry.optional === true || there[path]?.version === entry.version,
  );
}

if (!dependenciesAreCurrent()) {
  process.stderr.write('Installing dependencies (npm ci) ...\n');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

const run = spawnSync(process.execPath, ['--import', 'tsx', join(root, 'tools', tool), ...args], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(run.status ?? 1);

// What an engine's start costs: connect, lease, and the plan of 1,000 files that are all applied, beside loading the driver
// and nothing else. A process of its own each time, interleaved; whole processes are timed.
// Usage: npx tsx bench/start.ts (after npm run build -- --minify --clean, so that what people install is started)
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeServers, replicaSet } from '../test/support/server';

const rounds = Number(process.argv[2] ?? 11);
const files = 1000;
const root = join(__dirname, '..');
const driver = createRequire(__filename).resolve('mongodb');
const program = join(root, 'dist', 'cli.js');
const migration = `module.exports = {
  async up(db) { await db.collection('a').updateMany({ b: null }, { $set: { b: 1 } }); },
  async down(db) { await db.collection('a').updateMany({ b: 1 }, { $unset: { b: '' } }); },
};
`;

async function main(): Promise<void> {
  const project = await mkdtemp(join(tmpdir(), 'migratory-bench-start-'));
  const { uri } = await (await replicaSet()).database('start');
  const start = (args: string[]): number => {
    const started = performance.now();
    execFileSync(process.execPath, args, { cwd: project, env: { ...process.env, MIGRATORY_URI: uri } });
    return performance.now() - started;
  };
  try {
    await mkdir(join(project, 'migrations'));
    for (let n = 0; n < files; n++) {
      const name = `${20240101000000 + n}-step.js`;
      await writeFile(join(project, 'migrations', name), `// ${n}\n${migration}`);
    }
    start([program, 'baseline']);
    const taken = { driver: [] as number[], up: [] as number[], status: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      taken.driver.push(start(['-e', `require(${JSON.stringify(driver)})`]));
      taken.up.push(start([program, 'up', '--json']));
      taken.status.push(start([program, 'status', '--json']));
    }
    const median = (all: number[]): number =>
      Math.round(all.sort((a, b) => a - b)[all.length >> 1] as number);
    const base = median(taken.driver);
    console.log(`${files} applied files, medians of ${rounds} processes, in ms`);
    console.log(`loading the driver alone   ${base}`);
    console.log(`up, nothing pending        ${median(taken.up)}  (+${median(taken.up) - base})`);
    console.log(`status                     ${median(taken.status)}  (+${median(taken.status) - base})`);
  } finally {
    await rm(project, { recursive: true, force: true });
    await closeServers();
  }
}

void main();

// How quick the extension is where people wait for it: its start, lenses, outlines, rows. What `activate` takes in an
// editor is a matter of test/host/activation.test.ts.
// Usage: npx tsx bench/editor.ts (after npm run build -- --minify --clean, so that what people install is loaded)
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StatusResult } from '../src/protocol/runner';
import { lensesFor } from '../src/vscode/lensModel';
import type { OutlinedFile } from '../src/vscode/rows';
import { outlineRows, settledRows, withRuns } from '../src/vscode/rows';
import { english } from '../src/vscode/words';

const root = join(__dirname, '..');
const figures: [what: string, ms: number, aim: number][] = [];

/** Milliseconds that `work` takes, as the median of `times`. */
async function median(times: number, work: () => unknown): Promise<number> {
  const taken: number[] = [];
  for (let round = 0; round < times; round++) {
    const started = performance.now();
    await work();
    taken.push(performance.now() - started);
  }
  return taken.sort((a, b) => a - b)[times >> 1] as number;
}

/** Loading dist/extension.js in a fresh process, where `vscode` answers anything. */
async function load(): Promise<number> {
  const types = await readFile(join(root, 'node_modules', '@types', 'vscode', 'index.d.ts'), 'utf8');
  const found = [...types.matchAll(/export (?:class|enum|namespace) (\w+)/g)].map(([, name]) => name);
  const names = [...new Set(found)].join(' ');
  const program = `
    const anything = new Proxy(function () {}, {
      get: (_, name) => (name === Symbol.toPrimitive ? () => '' : anything),
      apply: () => anything, construct: () => anything });
    const Module = require('module');
    const load = Module._load;
    const vscode = Object.fromEntries(process.argv[2].split(' ').map((name) => [name, anything]));
    Module._load = (name, ...rest) => (name === 'vscode' ? vscode : load(name, ...rest));
    const started = performance.now();
    require(process.argv[1]);
    const ms = performance.now() - started;
    const loaded = Object.keys(require.cache).length;
    if (loaded !== 1) throw new Error(loaded + ' modules were loaded');
    process.stdout.write(String(ms));`;
  return Number(execFileSync(process.execPath, ['-e', program, join(root, 'dist', 'extension.js'), names]));
}

/** An array of migrations, ten lines each. */
function longFile(lines: number): string {
  const one = (index: number): string => `  {
    name: 'migration-${index}',
    description: 'changes documents of collection ${index}',
    async up(db) {
      await db.collection('orders_${index}').updateMany({ status: null }, { $set: { status: 'open' } });
    },
    async down(db) {
      await db.collection('orders_${index}').updateMany({ status: 'open' }, { $unset: { status: '' } });
    },
  },`;
  return `module.exports = [\n${Array.from({ length: lines / 10 }, (_none, index) => one(index)).join('\n')}\n];\n`;
}

async function lenses(): Promise<void> {
  const { OutlineKeeper } = await import('../src/migration/outlineKeeper');
  const text = longFile(5000);
  const file = join(root, 'long.js');
  const context = {
    file,
    connection: { id: 'x', words: 'shop on localhost:27017', production: false, readOnly: false },
    asking: false,
    trusted: true,
    now: Date.now(),
    t: english,
  };
  const keeper = new OutlineKeeper();
  let typed = 0;
  const once = (source: string): number => {
    const outline = keeper.outline('key', source, file);
    const rows = outlineRows({ file, outline }).map((row) => ({ ...row, state: 'pending' as const }));
    return lensesFor(outline.entries, { ...context, rows }).length;
  };
  // The parser is warm once somebody has typed a little.
  for (let round = 0; round < 5; round++) once(`// ${round}\n${text}`);
  figures.push([
    'lenses of 5,000 lines, a key typed at the top',
    await median(15, () => once(`// ${(typed += 1)}\n${text}`)),
    50,
  ]);
  // As most keys are: in the body of a function, here in the middle of the file.
  const middle = text.indexOf('await', text.length / 2);
  figures.push([
    'lenses of 5,000 lines, a key typed in a function',
    await median(15, () => once(`${text.slice(0, middle)}${(typed += 1)};${text.slice(middle)}`)),
    50,
  ]);
  figures.push(['lenses of 5,000 lines, nothing changed', await median(15, () => once(text)), 50]);
}

async function outlines(): Promise<void> {
  const { OutlineKeeper } = await import('../src/migration/outlineKeeper');
  const folder = await mkdtemp(join(tmpdir(), 'migratory-bench-'));
  try {
    const sample = longFile(50);
    const files = Array.from({ length: 1000 }, (_none, index) => join(folder, `${20_240_000 + index}-x.ts`));
    await Promise.all(files.map((file, index) => writeFile(file, `// ${index}\n${sample}`)));
    const keeper = new OutlineKeeper();
    const all = async (): Promise<void> => {
      for (const file of files) keeper.outline(file, await readFile(file, 'utf8'), file);
    };
    figures.push(['outlines of 1,000 files, cold', await median(1, all), 2000]);
    figures.push(['outlines of 1,000 files, nothing changed', await median(3, all), 2000]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function rows(): Promise<void> {
  const files: OutlinedFile[] = Array.from({ length: 10_000 }, (_none, index) => ({
    file: `/migrations/${index}.js`,
    outline: {
      entries: [{ name: `${index}.js`, kind: 'script', index: 0, start: 0, end: 10, hasDown: true }],
      complete: true,
    },
  }));
  const migrations = files.map(({ file, outline: { entries } }, index) => ({
    name: entries[0]?.name as string,
    state: index < 9000 ? ('applied' as const) : ('pending' as const),
    kind: 'script',
    file,
    index: 0,
    reversible: true,
    appliedAt: index < 9000 ? new Date(0).toISOString() : null,
    durationMs: index < 9000 ? 12 : null,
  }));
  const status: StatusResult = {
    server: { version: '8.0.0', topology: 'replica-set', transactions: true, summary: '' },
    target: 'shop on localhost:27017',
    migrations,
    runs: [],
    problems: [],
  };
  figures.push([
    'rows of 10,000 migrations',
    await median(9, () => withRuns(settledRows(files, status, english), [], new Map())),
    200,
  ]);
}

async function main(): Promise<void> {
  const loads: number[] = [];
  for (let round = 0; round < 9; round++) loads.push(await load());
  loads.sort((a, b) => a - b);
  figures.push(['loading dist/extension.js', loads[4] as number, 100]);
  await outlines();
  await lenses();
  await rows();
  for (const [what, ms, aim] of figures) {
    process.stdout.write(
      `| ${what.padEnd(48)} | ${ms.toFixed(1).padStart(8)} | ${String(aim).padStart(5)} |\n`,
    );
  }
}

void main();

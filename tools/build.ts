// `npm run build`: every program of src/ as one bundle each under dist/, the library's declarations, and the
// few files that are read beside the bundles (jiti, codicons). `--minify` is what tools/package.ts ships,
// `--watch` is for development. What goes into the .vsix is decided by .vscodeignore, not here.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build as bundle, context, type BuildOptions, type Plugin } from 'esbuild';
import { notices } from './notices';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const dist = join(root, 'dist');

export interface BuildChoice {
  /** Smaller and without source maps: what people install. */
  minify?: boolean;
  /** Empties dist/ first. A plain build does not, so that it can run beside programs that use dist/. */
  clean?: boolean;
}

/** What the driver loads only when somebody uses it; none of it can be bundled or is ours to ship. */
const optionalOfTheDriver = [
  'kerberos',
  'snappy',
  'socks',
  'gcp-metadata',
  'mongodb-client-encryption',
  '@mongodb-js/zstd',
  '@aws-sdk/credential-providers',
];

/**
 * jiti loads its compiler (1.5 MB) beside itself and only when a file needs it, which a bundle would undo: it
 * stays a folder of its own, dist/jiti, and every bundle asks for it there.
 */
const jitiBeside: Plugin = {
  name: 'jiti-beside',
  setup(build) {
    build.onResolve({ filter: /^jiti$/ }, () => ({ path: './jiti/lib/jiti.cjs', external: true }));
  },
};

function programs(choice: BuildChoice): BuildOptions[] {
  const common: BuildOptions = {
    absWorkingDir: root,
    bundle: true,
    metafile: true,
    minify: choice.minify === true,
    // Error names and stack frames are read by people, so names stay also in the minified form.
    keepNames: choice.minify === true,
    sourcemap: choice.minify === true ? false : 'linked',
    legalComments: 'none',
    logLevel: 'warning',
    tsconfig: 'tsconfig.json',
    define: { MIGRATORY_VERSION: JSON.stringify(packageVersion()) },
  };
  const node: BuildOptions = {
    ...common,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    external: optionalOfTheDriver,
    plugins: [jitiBeside],
  };
  return [
    {
      ...node,
      entryPoints: { extension: 'src/vscode/extension.ts' },
      outdir: 'dist',
      // The one bundle that may speak with the editor. In all others an import of `vscode` does not build.
      external: ['vscode', ...optionalOfTheDriver],
    },
    { ...node, entryPoints: { runner: 'src/runner/main.ts' }, outdir: 'dist' },
    {
      ...node,
      entryPoints: { cli: 'src/cli/main.ts', 'migrate-mongo': 'src/cli/migrateMongo.ts' },
      outdir: 'dist',
      banner: { js: '#!/usr/bin/env node' },
    },
    { ...node, entryPoints: { index: 'src/index.ts' }, outdir: 'dist', outExtension: { '.js': '.cjs' } },
    {
      ...common,
      platform: 'browser',
      format: 'iife',
      target: 'chrome134',
      entryPoints: { panel: 'src/webview/panel.ts' },
      outdir: 'dist',
    },
  ];
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/**
 * One copy of the library serves both module systems, so that state and classes are the same whoever loads
 * it; the names of the CommonJS bundle are found by Node's own lexer.
 */
async function writeModuleFaces(): Promise<void> {
  const types = join(dist, 'types');
  await mkdir(types, { recursive: true });
  const faces: [file: string, text: string][] = [
    [join(dist, 'index.mjs'), `export * from './index.cjs';\n`],
    [join(types, 'index.d.mts'), `export * from './index.js';\n`],
    ...migrateMongoFaces(types),
  ];
  await Promise.all(faces.map(([file, text]) => writeFile(file, text)));
}

/** `migratory/migrate-mongo`, which is the library's `migrateMongo` under the names that its users import. */
function migrateMongoFaces(types: string): [file: string, text: string][] {
  const names = 'config, create, database, down, init, status, up';
  const described = `export * from './migrateMongo/index.js';\nimport * as all from './migrateMongo/index.js';\nexport default all;\n`;
  return [
    [join(dist, 'migrate-mongo-api.cjs'), `module.exports = require('./index.cjs').migrateMongo;\n`],
    [
      join(dist, 'migrate-mongo-api.mjs'),
      `import { migrateMongo } from './index.cjs';\nexport const { ${names} } = migrateMongo;\nexport default migrateMongo;\n`,
    ],
    [join(types, 'migrate-mongo.d.mts'), described],
    [join(types, 'migrate-mongo.d.ts'), `export * from './migrateMongo/index.js';\n`],
  ];
}

async function copyBeside(): Promise<void> {
  const modules = join(root, 'node_modules');
  const copies: [from: string, to: string][] = [
    ['jiti/lib/jiti.cjs', 'jiti/lib/jiti.cjs'],
    ['jiti/dist/jiti.cjs', 'jiti/dist/jiti.cjs'],
    ['jiti/dist/babel.cjs', 'jiti/dist/babel.cjs'],
    ['@vscode/codicons/dist/codicon.css', 'codicons/codicon.css'],
    ['@vscode/codicons/dist/codicon.ttf', 'codicons/codicon.ttf'],
  ];
  await Promise.all(copies.map(([from, to]) => cp(join(modules, from), join(dist, to))));
}

function declarations(): Promise<void> {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [tsc, '-p', join(root, 'tools', 'declarations.tsconfig.json')], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`The declarations of src/index.ts could not be made:\n${output}`));
    });
  });
}

async function bundlePrograms(choice: BuildChoice): Promise<void> {
  const results = await Promise.all(programs(choice).map((options) => bundle(options)));
  const inputs = results.flatMap((result) => Object.keys(result.metafile?.inputs ?? {}));
  await writeFile(join(dist, 'licenses.txt'), await notices(root, inputs));
}

/** Builds everything into dist/. */
export async function build(choice: BuildChoice = {}): Promise<void> {
  if (choice.clean === true) await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  await Promise.all([bundlePrograms(choice), copyBeside(), declarations().then(writeModuleFaces)]);
}

async function watch(): Promise<void> {
  await mkdir(dist, { recursive: true });
  await copyBeside();
  for (const options of programs({})) await (await context(options)).watch();
  process.stderr.write('Watching src/ (Ctrl-C ends) ...\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (process.argv.includes('--watch')) {
    await watch();
  } else {
    const started = performance.now();
    try {
      await build({ minify: process.argv.includes('--minify'), clean: process.argv.includes('--clean') });
      process.stderr.write(`Built dist/ in ${Math.round(performance.now() - started)} ms\n`);
    } catch (error) {
      // esbuild has printed its own findings already.
      if (!(error instanceof Error && 'errors' in error)) process.stderr.write(`${String(error)}\n`);
      process.exitCode = 1;
    }
  }
}

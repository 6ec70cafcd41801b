// The command line as a program of its own for black-box tests: bundled once, run in a project of its own against a
// real database.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Collection, Db, Document } from 'mongodb';
import { replicaSet } from '../../support/server';

const here = fileURLToPath(new URL('../../..', import.meta.url));
const source = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
/** What the bundles of the build leave out as well. */
const external = [
  'jiti',
  'kerberos',
  'snappy',
  '@mongodb-js/zstd',
  'mongodb-client-encryption',
  'gcp-metadata',
  'socks',
  '@aws-sdk/*',
];

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

export interface EventLine extends Record<string, unknown> {
  type: string;
}

/** Bundles the command line into a folder that the caller removes. */
export async function bundleProgram(
  entry = source,
): Promise<{ program: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'migratory-program-'));
  const program = join(folder, 'cli.js');
  const options = { bundle: true, platform: 'node', format: 'cjs', logLevel: 'error' } as const;
  // jiti and what Python reads stay beside the program, as in the build.
  await symlink(join(here, 'node_modules'), join(folder, 'node_modules'));
  await symlink(join(here, 'python'), join(folder, 'python'));
  await build({ ...options, entryPoints: [entry], outfile: program, external });
  return { program, remove: () => rm(folder, { recursive: true }) };
}

/** The command line for the tests of a suite, and the place where one of them works at a time. */
export interface Bench {
  readonly program: string;
  /** Of the test at hand. */
  readonly place: Workplace;
  /** A new one, as `Workplace.create` makes it; closed after the test. */
  work(
    ...given: Parameters<typeof Workplace.create> extends [string, ...infer Rest] ? Rest : never
  ): Promise<Workplace>;
}

/** Bundles the program before the tests of a suite, and clears away after them. */
export function useProgram(): Bench {
  let bundle: { program: string; remove: () => Promise<void> } | undefined;
  let place: Workplace | undefined;
  before(async () => void (bundle = await bundleProgram()));
  after(() => bundle?.remove());
  afterEach(async () => {
    await place?.close();
    place = undefined;
  });
  return {
    get program() {
      return bundle?.program ?? '';
    },
    get place() {
      if (!place) throw new Error('this test has no place yet');
      return place;
    },
    work: async (...given) => (place = await Workplace.create(bundle?.program ?? '', ...given)),
  };
}

/** A folder with a config and migrations, in front of a database that nobody else uses. */
export class Workplace {
  private constructor(
    readonly root: string,
    readonly uri: string,
    readonly db: Db,
    private readonly program: string,
  ) {}

  /** @param files path in the project (or in its folder of migrations) → text; `DATABASE` stands for its name. */
  static async create(
    program: string,
    files: Record<string, string>,
    config: object | null = { connections: { test: { uri: '${env:TEST_URI}', database: 'DATABASE' } } },
  ): Promise<Workplace> {
    const { db, uri } = await (await replicaSet()).database('cli');
    const root = await mkdtemp(join(tmpdir(), 'migratory-cli-'));
    const place = new Workplace(root, uri, db, program);
    await mkdir(join(root, 'migrations'));
    if (config) await place.write({ './migratory.config.json': JSON.stringify(config) });
    await place.write(files);
    return place;
  }

  /** Names without a folder go among the migrations. */
  async write(files: Record<string, string>): Promise<void> {
    for (const [name, body] of Object.entries(files)) {
      const file = name.includes('/') ? join(this.root, name) : join(this.root, 'migrations', name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, body.replaceAll('DATABASE', this.db.databaseName));
    }
  }

  start(args: string[], env: Record<string, string> = {}): ChildProcess {
    return spawn(process.execPath, [this.program, ...args], {
      cwd: this.root,
      env: { ...process.env, TEST_URI: this.uri, MIGRATORY_URI: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  run(...args: string[]): Promise<Ended> {
    return ended(this.start(args));
  }

  rows(name: string): Collection<Document & { _id: string | number }> {
    return this.db.collection(name);
  }

  /** Names in the ledger, in the order of their application. */
  async applied(): Promise<unknown[]> {
    const rows = await this.db.collection('_migrations').find().sort({ appliedAt: 1 }).toArray();
    return rows.map((row): unknown => row['name']);
  }

  async close(): Promise<void> {
    await rm(this.root, { recursive: true });
  }
}

export async function ended(child: ChildProcess): Promise<Ended> {
  const [out, err] = [child.stdout, child.stderr].map((stream) => (stream ? text(stream) : ''));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, out: await (out ?? ''), err: await (err ?? '') };
}

/** The lines of `--json`; a line that is none fails the test. */
export function eventLines({ out }: Ended): EventLine[] {
  const lines = out.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as EventLine);
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

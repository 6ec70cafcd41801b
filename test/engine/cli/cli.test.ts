// The command line as a program of its own: exit codes, event lines, signals, kills.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Db } from 'mongodb';
import { guardedServer, replicaSet } from '../../support/server';

const source = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
let program = '';

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

class Project {
  private constructor(
    readonly root: string,
    readonly uri: string,
    readonly db: Db,
  ) {}

  static async create(files: Record<string, string>): Promise<Project> {
    const { db, name, uri } = await (await replicaSet()).database('cli');
    const root = await mkdtemp(join(tmpdir(), 'migratory-cli-'));
    await mkdir(join(root, 'migrations'));
    for (const [file, body] of Object.entries(files)) await writeFile(join(root, 'migrations', file), body);
    const config = { connections: { test: { uri: '${env:TEST_URI}', database: name } } };
    await writeFile(join(root, 'migratory.config.json'), JSON.stringify(config));
    return new Project(root, uri, db);
  }

  start(...args: string[]): ChildProcess {
    return spawn(process.execPath, [program, ...args], {
      cwd: this.root,
      env: { ...process.env, TEST_URI: this.uri, MIGRATORY_URI: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  run(...args: string[]): Promise<Ended> {
    return ended(this.start(...args));
  }

  async close(): Promise<void> {
    await rm(this.root, { recursive: true });
  }
}

async function ended(child: ChildProcess): Promise<Ended> {
  const [out, err] = [child.stdout, child.stderr].map((stream) => (stream ? text(stream) : ''));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out: await (out ?? ''), err: await (err ?? '') };
}

const increment = `module.exports = {
  source: 'numbers',
  batchSize: 100,
  transform: (doc) => ({ $set: { n: doc.n + 100 } }),
};`;
const incrementAfter = (ms: number): string => `module.exports = {
  source: 'numbers',
  batchSize: 50,
  transform: async (doc) => {
    await new Promise((resolve) => setTimeout(resolve, ${ms}));
    return { $set: { n: doc.n + 100 } };
  },
};`;
const slowIncrement = incrementAfter(1);
const good = `exports.up = (db) => db.collection('x').insertOne({ _id: 1 });
exports.down = (db) => db.collection('x').deleteOne({ _id: 1 });`;

async function numbers(db: Db, count: number): Promise<void> {
  await db
    .collection('numbers')
    .insertMany(Array.from({ length: count }, (_, n) => ({ _id: n as never, n })));
}

async function wrongNumbers(db: Db): Promise<number> {
  return db.collection('numbers').countDocuments({ $expr: { $ne: ['$n', { $add: ['$_id', 100] }] } });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('command line', function () {
  this.timeout(90_000);
  let project: Project;
  let bundle = '';

  before(async () => {
    bundle = await mkdtemp(join(tmpdir(), 'migratory-bundle-'));
    program = join(bundle, 'cli.js');
    await build({
      entryPoints: [source],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'error',
      external: [
        'jiti',
        'kerberos',
        'snappy',
        '@mongodb-js/zstd',
        'mongodb-client-encryption',
        'gcp-metadata',
        'socks',
        '@aws-sdk/*',
      ],
    });
  });
  after(() => rm(bundle, { recursive: true }));
  afterEach(() => project.close());

  it('goes up, shows the status and goes down, with exit codes and event lines', async () => {
    project = await Project.create({ '1-good.js': good, '2-numbers.js': increment });
    await numbers(project.db, 500);
    const before = await project.run('status', '--exit-code');
    assert.equal(before.code, 3, before.err);
    const up = await project.run('up', '--json');
    assert.equal(up.code, 0, up.err);
    const events = up.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; run: string; at: string });
    assert.equal(new Set(events.map(({ run }) => run)).size, 1);
    assert.ok(events.every(({ at }) => !Number.isNaN(Date.parse(at))));
    assert.equal(events[0]?.type, 'run.started');
    assert.equal(events.at(-1)?.type, 'run.finished');
    assert.equal(await wrongNumbers(project.db), 0);
    const status = await project.run('status', '--exit-code');
    assert.equal(status.code, 0);
    assert.match(status.out, /1-good\.js +applied/);
    const down = await project.run('down', '1-good.js');
    assert.equal(down.code, 0, down.err);
    assert.equal(await project.db.collection('x').countDocuments(), 0);
  });

  it('says one sentence for wrong calls, with exit code 2', async () => {
    project = await Project.create({ '1-good.js': good });
    const cases: [string[], RegExp][] = [
      [['fly'], /unknown command 'fly'/],
      [
        ['up', '--setps', '1'],
        /unknown option '--setps'\n\(Did you mean --steps\?\)\n {2}try: migratory help up/,
      ],
      [['up', 'nope'], /There is no migration "nope"/],
      [['up', '1-god.js'], /There is no migration "1-god\.js"\. Did you mean "1-good\.js"\?/],
      [['status', '--connection', 'tesd'], /no connection "tesd" \(it has: test\)\. Did you mean "test"\?/],
      [['status', '--connection', 'nope'], /The config has no connection "nope" \(it has: test\)/],
      [['up', '--steps', 'many'], /whole number above 0/],
      [['mark', 'x'], /--applied or --pending/],
    ];
    for (const [args, message] of cases) {
      const { code, err } = await project.run(...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(err, message);
      assert.ok(!err.includes('    at '), 'no stack for a wrong call');
    }
    const { code, out } = await project.run('--json', 'fly');
    assert.equal(code, 2);
    const line = JSON.parse(out) as { type: string; error: { message: string } };
    assert.equal(line.type, 'error');
    assert.match(line.error.message, /unknown command 'fly'/);
  });

  it('keeps standard output for events although a migration prints there', async () => {
    project = await Project.create({
      '1-chatty.js': `exports.up = async () => { console.log('hello'); process.stdout.write('world\\n'); };`,
    });
    const { code, out, err } = await project.run('up', '--json');
    assert.equal(code, 0, err);
    for (const line of out.trim().split('\n')) assert.doesNotThrow(() => JSON.parse(line));
    assert.match(err, /hello/);
    assert.match(err, /world/);
  });

  it('shows no credentials in the process list, in errors or in the run document', async () => {
    const server = await guardedServer();
    const secret = decodeURIComponent(new URL(server.uri).password);
    project = await Project.create({
      '1-wait.js': `exports.up = async (db) => {
      while (!(await db.collection('go').findOne({}))) await new Promise((r) => setTimeout(r, 20));
    };`,
    });
    const client = await server.client();
    const db = client.db('cli_secret');
    const running = project.start('up', '--uri', server.uri, '--database', 'cli_secret');
    const finished = ended(running);
    await until(async () => (await db.collection('_migratory_runs').countDocuments()) === 1);
    const commandLine = await readFile(`/proc/${running.pid}/cmdline`, 'utf8').catch(() => '');
    assert.ok(!commandLine.includes(secret));
    assert.ok(!JSON.stringify(await db.collection('_migratory_runs').findOne({})).includes(secret));
    await db.collection('go').insertOne({});
    assert.equal((await finished).code, 0);
    await db.dropDatabase();
    const wrong = await project.run(
      'status',
      '--uri',
      server.uri.replace(secret, 'wrong-secret'),
      '--database',
      'x',
    );
    assert.equal(wrong.code, 1);
    assert.ok(!(wrong.out + wrong.err).includes('wrong-secret'));
  });

  it('goes on at the checkpoint after a kill, each document exactly once', async () => {
    project = await Project.create({ '1-numbers.js': slowIncrement });
    const { db } = project;
    await numbers(db, 2000);
    const running = project.start('up');
    const finished = ended(running);
    await until(
      async () =>
        (await db.collection('numbers').countDocuments({ $expr: { $eq: ['$n', { $add: ['$_id', 100] }] } })) >
        0,
    );
    running.kill('SIGKILL');
    await finished;
    const left = await wrongNumbers(db);
    assert.ok(left > 0 && left < 2000, `${2000 - left} of 2000 were done at the kill`);
    assert.match((await project.run('status')).out, /1-numbers\.js +interrupted/);
    const again = await project.run('up');
    assert.equal(again.code, 0, again.err);
    assert.equal(await wrongNumbers(db), 0);
    const runs = await db.collection('_migratory_runs').find().toArray();
    assert.deepEqual(
      runs.map(({ state }) => state as string),
      ['applied'],
      'the interrupted run was finished under its own id',
    );
  });

  it('cancels within a batch at the first signal, and resumes by the id of the run', async () => {
    project = await Project.create({ '1-numbers.js': slowIncrement });
    const { db } = project;
    await numbers(db, 2000);
    const running = project.start('up');
    const finished = ended(running);
    await until(async () => (await wrongNumbers(db)) < 2000);
    running.kill('SIGINT');
    const { code, out } = await finished;
    assert.equal(code, 130);
    assert.ok((await wrongNumbers(db)) > 0);
    const [run] = await db.collection('_migratory_runs').find().toArray();
    assert.match(out, new RegExp(`To go on: migratory resume ${String(run?.['_id'])}\n`));
    assert.match(out, /To take it back: migratory down 1-numbers\.js\n/);
    assert.equal(run?.['state'], 'cancelled');
    assert.equal((await project.run('resume', 'no-such-run')).code, 2);
    const resumed = await project.run('resume', String(run['_id']));
    assert.equal(resumed.code, 0, resumed.err);
    assert.equal(await wrongNumbers(db), 0);
    assert.equal((await project.run('resume', String(run['_id']))).code, 2);
  });

  it('undoes a half-done transform from its journal', async () => {
    project = await Project.create({ '1-numbers.js': slowIncrement });
    const { db } = project;
    await numbers(db, 2000);
    const running = project.start('up');
    const finished = ended(running);
    await until(async () => (await wrongNumbers(db)) < 2000);
    running.kill('SIGKILL');
    await finished;
    const down = await project.run('down', '1-numbers.js');
    assert.equal(down.code, 0, down.err);
    assert.equal(await wrongNumbers(db), 2000);
  });

  it('can be paused, continued and cancelled from another terminal', async () => {
    // It has to outlast the start of four processes: at four batches of 50 in flight, 30,000 take 30 s.
    project = await Project.create({ '1-numbers.js': incrementAfter(200) });
    const { db } = project;
    await numbers(db, 30_000);
    const finished = ended(project.start('up'));
    await until(async () => (await wrongNumbers(db)) < 30_000);
    const id = String((await db.collection('_migratory_runs').findOne({}))?.['_id']);
    const state = async (): Promise<unknown> =>
      (await db.collection('_migratory_runs').findOne({}))?.['state'];
    assert.equal((await project.run('pause', id)).code, 0);
    await until(async () => (await state()) === 'paused');
    assert.equal((await project.run('up')).code, 4, 'a paused run keeps its lease');
    assert.equal((await project.run('continue', id)).code, 0);
    await until(async () => (await state()) === 'running');
    assert.equal((await project.run('cancel', id)).code, 0);
    assert.equal((await finished).code, 130);
  });

  it('marks, unlocks and repairs', async () => {
    project = await Project.create({ '1-good.js': good });
    const { db } = project;
    assert.equal((await project.run('mark', '1-good.js', '--applied')).code, 0);
    assert.equal((await project.run('status', '--exit-code')).code, 0);
    assert.equal(await db.collection('x').countDocuments(), 0);
    assert.equal((await project.run('mark', '1-good.js', '--pending')).code, 0);
    assert.equal((await project.run('status', '--exit-code')).code, 3);

    const dead = { host: 'elsewhere', machine: 'other', pid: 1, run: 'r', owner: 'o', epoch: 99 };
    const expiresAt = new Date(Date.now() + 3_600_000);
    await db
      .collection<{ _id: string }>('_migratory_lease')
      .updateOne({ _id: 'lease' }, { $set: { ...dead, expiresAt } }, { upsert: true });
    assert.equal((await project.run('up')).code, 4);
    assert.equal((await project.run('unlock')).code, 4, 'an owner that may live is not thrown out silently');
    assert.equal((await project.run('unlock', '--yes')).code, 0);
    assert.equal((await project.run('up')).code, 0);

    const scratch = db.client.db(`${db.databaseName}_migratory_dry_0123abcd`);
    await scratch.collection('people').insertOne({});
    const repaired = await project.run('repair');
    assert.equal(repaired.code, 0, repaired.err);
    assert.match(repaired.out, /The scratch database .*_migratory_dry_0123abcd is dropped/);
    assert.match((await project.run('repair')).out, /nothing to repair/);
  });

  it('refuses production without a terminal and without --yes', async () => {
    project = await Project.create({ '1-good.js': good });
    const config = {
      connections: { test: { uri: '${env:TEST_URI}', database: project.db.databaseName, production: true } },
    };
    await writeFile(join(project.root, 'migratory.config.json'), JSON.stringify(config));
    const refused = await project.run('up');
    assert.equal(refused.code, 2);
    assert.match(refused.err, /production connection/);
    assert.equal((await project.run('up', '--yes')).code, 0);
  });

  it('writes a config and a migration without connecting', async () => {
    project = await Project.create({});
    await rm(join(project.root, 'migratory.config.json'));
    assert.equal((await project.run('init')).code, 0);
    assert.equal((await project.run('init')).code, 2);
    const created = await project.run('create', 'first', 'one');
    assert.equal(created.code, 0, created.err);
    assert.match(created.out, /Created migrations[\\/]\d{14}-first_one\.js/);
  });

  it('writes every template in its language, and types where the package is not installed', async () => {
    project = await Project.create({});
    await rm(join(project.root, 'migratory.config.json'));
    await writeFile(join(project.root, 'package.json'), '{ "type": "module" }');
    assert.equal((await project.run('init', '--ts')).code, 0);
    const read = (name: string): Promise<string> => readFile(join(project.root, name), 'utf8');
    const reference = /^\/\/\/ <reference path="\.\/(migrations\/)?migratory-env\.d\.ts" \/>\n/;
    assert.match(await read('migratory.config.ts'), reference);
    assert.match(await read('migrations/migratory-env.d.ts'), /declare module 'migratory'/);
    const create = async (...args: string[]): Promise<[name: string, text: string]> => {
      const { out, err, code } = await project.run('create', ...args);
      assert.equal(code, 0, err);
      const name = /Created (migrations[\\/].*)/.exec(out)?.[1] ?? '';
      return [name, await read(name)];
    };
    // This bundle cannot load TypeScript.
    await rm(join(project.root, 'migratory.config.ts'));
    const [index, typed] = await create('one', '-t', 'index', '-l', 'typescript');
    assert.match(index, /\.ts$/);
    assert.match(typed, reference);
    assert.match(typed, /createIndex/);
    assert.match((await create('two', '--language', 'javascript'))[1], /export default/);
    assert.match(
      (await create('three', '-l', 'Python', '-t', 'split')).join(),
      /\.py,"""three"""[^]*def down/,
    );
    assert.match((await create('three', '--template', 'python')).join(), /\.py,"""three"""[^]*def up\(db\)/);
    const wrong = await project.run('create', 'four', '-l', 'python', '-t', 'transform');
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /There is no template "transform" for Python\. There are: script, pipeline/);
    assert.equal((await project.run('create', 'five', '-l', 'perl')).code, 2);
    const types = await project.run('types');
    assert.equal(types.code, 0, types.err);
    assert.match(types.out, /Wrote migrations[\\/]migratory-env\.d\.ts, so that/);
  });
});

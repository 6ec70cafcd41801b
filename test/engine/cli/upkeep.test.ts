// The commands for what is left when runs are over: changed files, conflicts, journals, throttle.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Project } from '../helpers/project';

const source = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const external = [
  'jiti',
  'kerberos',
  'snappy',
  '@mongodb-js/zstd',
  'mongodb-client-encryption',
  'gcp-metadata',
];
let program = '';

interface Ended {
  code: number | null;
  out: string;
  err: string;
  lists: { of: string; items: Record<string, unknown>[] }[];
}

async function run(project: Project, ...args: string[]): Promise<Ended> {
  const { uri, database } = project.connection.target;
  const child = spawn(process.execPath, [program, '--database', database, ...args], {
    cwd: project.root,
    env: { ...process.env, MIGRATORY_URI: uri },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err] = [text(child.stdout), text(child.stderr)];
  const [code] = (await once(child, 'close')) as [number | null];
  const lines = (await out).split('\n').filter((line) => line.startsWith('{'));
  const events = lines.map((line) => JSON.parse(line) as { type: string; of: string; items: never[] });
  return { code, out: await out, err: await err, lists: events.filter(({ type }) => type === 'list') };
}

const flag = (field: string): string =>
  `module.exports = { source: 'people', transform: () => ({ $set: { ${field}: true } }) };`;

describe('upkeep from the terminal', function () {
  this.timeout(120_000);
  let project: Project;
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'migratory-upkeep-'));
    program = join(folder, 'cli.js');
    const options = { bundle: true, platform: 'node', format: 'cjs', logLevel: 'error' } as const;
    await build({
      ...options,
      entryPoints: [source],
      outfile: program,
      external: [...external, 'socks', '@aws-sdk/*'],
    });
  });
  after(() => rm(folder, { recursive: true }));
  afterEach(() => project.close());

  it('accepts a changed file, or runs it anew', async () => {
    project = await Project.create({ '1-a.js': flag('a') });
    await project.rows('people').insertMany([{ _id: 1 }, { _id: 2 }]);
    assert.equal((await run(project, 'up')).code, 0);
    await project.write({ '1-a.js': flag('b') });
    const refused = await run(project, 'up', '1-a.js');
    assert.equal(refused.code, 2);
    assert.match(refused.err, /mark 1-a.js --applied.*rerun 1-a.js/);
    const again = await run(project, 'rerun', '1-a.js');
    assert.equal(again.code, 0, again.err);
    assert.match(again.out, /version that was applied is rolled back/);
    assert.deepEqual(await project.rows('people').findOne({ _id: 1 }), { _id: 1, b: true });
    await project.write({ '1-a.js': flag('c') });
    const accepted = await run(project, 'mark', '1-a.js', '--applied');
    assert.equal(accepted.code, 0, accepted.err);
    assert.match(accepted.out, /accepted as the version that was applied/);
    assert.deepEqual(await project.states(), { '1-a.js': 'applied' });
  });

  it('retries and discards single documents out of quarantine', async () => {
    const picky = (limit: number): string => `module.exports = {
      source: 'people',
      onError: 'quarantine',
      transform: ({ _id }) => {
        if (_id > ${limit}) throw new Error('too high');
        return { $set: { a: true } };
      },
    };`;
    project = await Project.create({ '1-a.js': picky(1) });
    await project.rows('people').insertMany([1, 2, 3, 4].map((_id) => ({ _id })));
    assert.equal((await run(project, 'up')).code, 0);
    await project.write({ '1-a.js': picky(9) });
    const retried = await run(project, 'quarantine', 'retry', '1-a.js', '--id', '2', '--id', '3');
    assert.equal(retried.code, 0, retried.err);
    assert.equal(await project.rows('people').countDocuments({ a: true }), 3);
    const listed = await run(project, '--json', 'quarantine', 'list');
    assert.deepEqual(
      listed.lists[0]?.items.map(({ id, line }) => [id, line]),
      [[{ $numberInt: '4' }, 5]],
    );
    const again = await run(project, 'quarantine', 'retry', '--id', '2');
    assert.equal(again.code, 2);
    assert.match(again.err, /Nothing with the _id .*2.* is in quarantine/);
    assert.equal((await run(project, 'quarantine', 'discard', '--id', 'five')).code, 2);
    assert.equal((await run(project, 'quarantine', 'discard', '1-a.js', '--id', '4')).code, 0);
    assert.match((await run(project, 'quarantine', 'list')).out, /Nothing is in quarantine/);
  });

  it('settles conflicts, and drops journals', async () => {
    project = await Project.create({ '1-a.js': flag('a') });
    await project.rows('people').insertMany([{ _id: 1 }, { _id: 2 }]);
    assert.equal((await run(project, 'up')).code, 0);
    await project.rows('people').updateMany({}, { $set: { a: 'mine' } });
    assert.equal((await run(project, 'down')).code, 6);
    const listed = await run(project, '--json', 'conflicts', 'list', '1-a.js');
    assert.equal(listed.code, 0, listed.err);
    assert.deepEqual(
      listed.lists.map(({ of, items }) => [of, items.map(({ id, before }) => ({ id, before }))]),
      [
        [
          'conflicts',
          [1, 2].map((id) => ({
            id: { $numberInt: `${id}` },
            before: { _id: { $numberInt: `${id}` } },
          })),
        ],
      ],
    );
    const journals = await run(project, '--json', 'journals', 'clean', '--days', '0');
    assert.equal(journals.code, 0, journals.err);
    const kept = await run(project, '--json', 'journals', 'list');
    assert.ok(kept.lists[0]?.items.some(({ needed }) => needed === 'conflicts'));
    assert.equal((await run(project, 'conflicts', 'keep', '1-a.js', '3')).code, 2);
    assert.equal((await run(project, 'conflicts', 'forget', '1-a.js')).code, 2);
    assert.equal((await run(project, 'conflicts', 'keep', '1-a.js', '1')).code, 0);
    const last = await run(project, 'conflicts', 'restore', '1-a.js');
    assert.equal(last.code, 0, last.err);
    assert.match(last.out, /"1-a.js" is rolled back/);
    assert.deepEqual(await project.rows('people').find({}).toArray(), [{ _id: 1, a: 'mine' }, { _id: 2 }]);
    assert.equal((await run(project, 'journals', 'clean')).code, 2);
    assert.equal((await run(project, 'throttle', 'nope', '--off')).code, 1);
    assert.equal((await run(project, 'throttle', 'nope', '--off', '--max-lag', '3')).code, 2);
    assert.equal((await run(project, 'throttle', 'nope', '--docs-per-second', '-3')).code, 2);
  });
});

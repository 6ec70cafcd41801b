// What people get wrong: each time one clear sentence, the right exit code, and nothing lost.
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventLines, useProgram } from './program';

const script = `module.exports = { async up(db) { await db.collection('ran').insertOne({}); }, async down() {} };`;

describe('bad input on the command line', function () {
  this.timeout(60_000);
  const bench = useProgram();

  const configs: [what: string, files: Record<string, string>, sentence: RegExp][] = [
    [
      'throws',
      { './migratory.config.js': `throw new Error('boom');` },
      /does not load: boom.*config\.js:1:7/,
    ],
    ['is empty', { './migratory.config.js': '' }, /migratory\.config\.js is empty/],
    [
      'has a typing error',
      { './migratory.config.json': '{"migrationDir":"x"}' },
      /"migrationDir"; did you mean "migrationsDir"/,
    ],
    [
      'stands beside another',
      { './migratory.config.js': 'module.exports = {};', './migratory.config.json': '{}' },
      /two config files/,
    ],
    [
      'has an extension without a dot',
      {
        './migrate-mongo-config.js': `module.exports = { mongodb: { url: 'mongodb://h/d' }, changelogCollectionName: 'c', migrationFileExtension: 'ts' };`,
      },
      /"migrationFileExtension" that does not start with a dot/,
    ],
  ];
  for (const [what, files, expected] of configs) {
    it(`a config that ${what}`, async () => {
      await bench.work(files, null);
      const { code, err } = await bench.place.run('status');
      assert.equal(code, 2, err);
      assert.match(err, expected);
      assert.equal(err.split('\n').filter((line) => line.startsWith('error:')).length, 1, err);
    });
  }

  it('a folder of migrations that is missing, or a file', async () => {
    await bench.work({});
    await rm(join(bench.place.root, 'migrations'), { recursive: true });
    const missing = await bench.place.run('up');
    assert.equal(missing.code, 2);
    assert.match(missing.err, /There is no migrations folder at /);
    await bench.place.write({ './migrations': '' });
    assert.match((await bench.place.run('up')).err, /it is a file, not a folder/);
  });

  it('a folder and a declaration file among the migrations, which are none', async () => {
    await bench.work({ '1-a.js': script, '5.d.ts': 'export declare const up: () => void;' });
    await mkdir(join(bench.place.root, 'migrations', '2-folder.js'));
    const up = await bench.place.run('up');
    assert.equal(up.code, 0, up.err);
    assert.deepEqual(await bench.place.applied(), ['1-a.js']);
  });

  it('two migrations of one name in two folders', async () => {
    const config = {
      connections: { test: { uri: '${env:TEST_URI}', database: 'DATABASE' } },
      migrationsDir: ['migrations', 'more'],
      recursive: true,
    };
    await bench.work({ '2-b.js': script, './more/1-a.js': script, './more/deep/3-c.js': script }, config);
    const up = await bench.place.run('up');
    assert.equal(up.code, 0, up.err);
    assert.deepEqual(await bench.place.applied(), ['1-a.js', '2-b.js', '3-c.js']);
    await bench.place.write({ './more/deep/2-b.js': script });
    const status = await bench.place.run('status');
    assert.match(status.out, /problem: 2-b\.js: Two migrations are called "2-b\.js"/);
    const created = await bench.place.run('create', 'four');
    assert.match(created.out, /Created migrations\/\d{14}-four\.js/);
  });

  it('names with spaces, quotes and other scripts', async () => {
    const names = [`1 it's "quoted" $(touch x) .js`, '2 übergrößen 移行 🚀.js', '3-<b>&amp;.js'];
    await bench.work(Object.fromEntries(names.map((name) => [name, script])));
    const up = await bench.place.run('up', ...names);
    assert.equal(up.code, 0, up.err);
    assert.deepEqual(await bench.place.applied(), names);
    const down = await bench.place.run('down', names[1] ?? '');
    assert.equal(down.code, 0, down.err);
    assert.deepEqual(await bench.place.applied(), [names[0], names[2]]);
  });

  it('a file of ten megabytes', async () => {
    await bench.work({ '1-large.js': `${script}\n// ${'x'.repeat(10 * 1024 * 1024)}\n` });
    const up = await bench.place.run('up');
    assert.equal(up.code, 0, up.err);
    await rm(join(bench.place.root, 'migrations', '1-large.js'));
    const down = await bench.place.run('down');
    assert.equal(down.code, 0, down.err);
    assert.deepEqual(await bench.place.applied(), []);
  });

  it('a ledger whose dates are text, or nothing', async () => {
    await bench.work({ '1-a.js': script, '2-b.js': script, '3-c.js': script });
    await bench.place.rows('_migrations').insertMany([
      { _id: 1, name: '1-a.js', appliedAt: '2024-01-01T00:00:00Z' },
      { _id: 2, name: '2-b.js', appliedAt: { not: 'a date' } },
    ]);
    const [status] = eventLines(await bench.place.run('status', '--json'));
    const migrations = status?.['migrations'] as { name: string; state: string; appliedAt: string | null }[];
    assert.deepEqual(
      migrations.map(({ name, state, appliedAt }) => [name, state, appliedAt]),
      [
        ['1-a.js', 'applied', '2024-01-01T00:00:00.000Z'],
        ['2-b.js', 'applied', null],
        ['3-c.js', 'pending', null],
      ],
    );
    assert.equal((await bench.place.run('up')).code, 0);
    assert.equal(await bench.place.rows('ran').countDocuments(), 1);
  });

  it('a name that nothing has, near to one that is there', async () => {
    await bench.work({ '1-a.js': script });
    for (const command of ['up', 'down', 'dry-run', 'validate']) {
      const { code, err } = await bench.place.run(command, '1-b.js');
      assert.equal(code, 2, `${command}: ${err}`);
      assert.match(err, /There is no migration "1-b\.js"/);
    }
    assert.deepEqual(await bench.place.applied(), []);
  });
});

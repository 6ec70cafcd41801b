// What people get wrong: each time one clear sentence, the right exit code, and nothing lost.
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleProgram, eventLines, Workplace } from './program';

const script = `module.exports = { async up(db) { await db.collection('ran').insertOne({}); }, async down() {} };`;

describe('bad input on the command line', function () {
  this.timeout(60_000);
  let program = '';
  let remove: () => Promise<void>;
  let place: Workplace;
  before(async () => void ({ program, remove } = await bundleProgram()));
  after(() => remove());
  afterEach(() => place.close());
  const work = async (files: Record<string, string>, config?: object | null): Promise<Workplace> =>
    (place = await Workplace.create(program, files, ...(config === undefined ? [] : [config])));

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
      await work(files, null);
      const { code, err } = await place.run('status');
      assert.equal(code, 2, err);
      assert.match(err, expected);
      assert.equal(err.split('\n').filter((line) => line.startsWith('error:')).length, 1, err);
    });
  }

  it('a folder of migrations that is missing, or a file', async () => {
    await work({});
    await rm(join(place.root, 'migrations'), { recursive: true });
    const missing = await place.run('up');
    assert.equal(missing.code, 2);
    assert.match(missing.err, /There is no migrations folder at /);
    await place.write({ './migrations': '' });
    assert.match((await place.run('up')).err, /it is a file, not a folder/);
  });

  it('a folder and a declaration file among the migrations, which are none', async () => {
    await work({ '1-a.js': script, '5.d.ts': 'export declare const up: () => void;' });
    await mkdir(join(place.root, 'migrations', '2-folder.js'));
    const up = await place.run('up');
    assert.equal(up.code, 0, up.err);
    assert.deepEqual(await place.applied(), ['1-a.js']);
  });

  it('two migrations of one name in two folders', async () => {
    const config = {
      connections: { test: { uri: '${env:TEST_URI}', database: 'DATABASE' } },
      migrationsDir: ['migrations', 'more'],
      recursive: true,
    };
    await work({ '2-b.js': script, './more/1-a.js': script, './more/deep/3-c.js': script }, config);
    const up = await place.run('up');
    assert.equal(up.code, 0, up.err);
    assert.deepEqual(await place.applied(), ['1-a.js', '2-b.js', '3-c.js']);
    await place.write({ './more/deep/2-b.js': script });
    const status = await place.run('status');
    assert.match(status.out, /problem: 2-b\.js: Two migrations are called "2-b\.js"/);
    const created = await place.run('create', 'four');
    assert.match(created.out, /Created migrations\/\d{14}-four\.js/);
  });

  it('names with spaces, quotes and other scripts', async () => {
    const names = [`1 it's "quoted" $(touch x) .js`, '2 übergrößen 移行 🚀.js', '3-<b>&amp;.js'];
    await work(Object.fromEntries(names.map((name) => [name, script])));
    const up = await place.run('up', ...names);
    assert.equal(up.code, 0, up.err);
    assert.deepEqual(await place.applied(), names);
    const down = await place.run('down', names[1] ?? '');
    assert.equal(down.code, 0, down.err);
    assert.deepEqual(await place.applied(), [names[0], names[2]]);
  });

  it('a file of ten megabytes', async () => {
    await work({ '1-large.js': `${script}\n// ${'x'.repeat(10 * 1024 * 1024)}\n` });
    const up = await place.run('up');
    assert.equal(up.code, 0, up.err);
    await rm(join(place.root, 'migrations', '1-large.js'));
    const down = await place.run('down');
    assert.equal(down.code, 0, down.err);
    assert.deepEqual(await place.applied(), []);
  });

  it('a ledger whose dates are text, or nothing', async () => {
    await work({ '1-a.js': script, '2-b.js': script, '3-c.js': script });
    await place.rows('_migrations').insertMany([
      { _id: 1, name: '1-a.js', appliedAt: '2024-01-01T00:00:00Z' },
      { _id: 2, name: '2-b.js', appliedAt: { not: 'a date' } },
    ]);
    const [status] = eventLines(await place.run('status', '--json'));
    const migrations = status?.['migrations'] as { name: string; state: string; appliedAt: string | null }[];
    assert.deepEqual(
      migrations.map(({ name, state, appliedAt }) => [name, state, appliedAt]),
      [
        ['1-a.js', 'applied', '2024-01-01T00:00:00.000Z'],
        ['2-b.js', 'applied', null],
        ['3-c.js', 'pending', null],
      ],
    );
    assert.equal((await place.run('up')).code, 0);
    assert.equal(await place.rows('ran').countDocuments(), 1);
  });

  it('a name that nothing has, near to one that is there', async () => {
    await work({ '1-a.js': script });
    for (const command of ['up', 'down', 'dry-run', 'validate']) {
      const { code, err } = await place.run(command, '1-b.js');
      assert.equal(code, 2, `${command}: ${err}`);
      assert.match(err, /There is no migration "1-b\.js"/);
    }
    assert.deepEqual(await place.applied(), []);
  });
});

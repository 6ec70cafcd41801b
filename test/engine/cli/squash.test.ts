// `squash`: many applied migrations become one file that makes the same of an empty database; what that means for databases
// that know all, none or some of the old ones.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Db, Document } from 'mongodb';
import { offerPymongo } from '../../../tools/python/pymongo';
import { replicaSet } from '../../support/server';
import { eventLines, useProgram, type Ended } from './program';

/** Everything that a migration can make, in all the kinds that there are. */
const files: Record<string, string> = {
  'lib/names.js': `exports.customers = 'customers';\n`,
  '001-customers.js': `const { customers } = require('../lib/names');
const { Long, Decimal128, Double, ObjectId } = require('mongodb');
module.exports = {
  async up(db) {
    await db.createCollection(customers, { validator: { age: { $gte: 0 } }, validationLevel: 'moderate' });
    await db.collection(customers).insertMany([
      { _id: 1, name: 'Ann O\\'Hara "x"', age: 1, big: Long.fromString('9007199254740993'), price: Decimal128.fromString('1.10'), one: new Double(1), half: 0.5, nothing: null },
      { _id: new ObjectId('65f000000000000000000001'), name: 'Bob', age: 2, at: new Date(0), deep: { list: [1, [2, { 'a-b': true }]] } },
    ]);
    await db.collection(customers).createIndex({ name: 1, age: -1 }, { unique: true });
  },
};`,
  '002-upper.js': `module.exports = { source: 'customers', transform: (doc) => ({ $set: { name: doc.name.toUpperCase() } }) };`,
  '003-orders.mjs': `import { readFile } from 'node:fs/promises';
export const up = async (db) => {
  await db.collection('orders').createIndexes([{ key: { at: 1 }, expireAfterSeconds: 1e9 }, { key: { note: 'text' }, default_language: 'german' }]);
  await db.createCollection('open', { viewOn: 'orders', pipeline: [{ $match: { open: { $gt: 0 } } }] });
  await db.createCollection('log', { capped: true, size: 4096 });
};`,
  '004-summary.js': `module.exports = { source: 'customers', pipeline: [{ $project: { name: 1 } }], into: 'names' };`,
};
const later = `module.exports = { requires: ['002-upper.js'], async up(db) { await db.collection('later').insertOne({ _id: 1 }); }, async down(db) { await db.collection('later').deleteOne({ _id: 1 }); } };`;

async function fingerprint(db: Db): Promise<Document[]> {
  const found = await db.listCollections().toArray();
  const data = found.filter(({ name }) => !/^(?:_migrat|system\.)/.test(name));
  const all = await Promise.all(
    data.map(async (info) => {
      const { name, type } = info;
      const { options } = info as { options?: Document };
      if (type === 'view') return { name, type, options };
      const indexes = await db.collection(name).listIndexes().toArray();
      const hash = createHash('sha256');
      for await (const raw of db.collection(name).find({}, { raw: true, sort: { _id: 1 } }))
        hash.update(raw as never);
      return { name, type, options, indexes, documents: hash.digest('hex') };
    }),
  );
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

describe('squash', function () {
  this.timeout(120_000);
  const bench = useProgram();
  const databases: Db[] = [];
  afterEach(async () => {
    for (const db of databases.splice(0)) await db.dropDatabase();
  });

  const migrations = (): Promise<string[]> => readdir(join(bench.place.root, 'migrations'));
  const done = ({ code, out, err }: Ended): string => {
    assert.equal(code, 0, `${err}\n${out}`);
    return out;
  };
  const states = async (...more: string[]): Promise<Record<string, unknown>> => {
    const [status] = eventLines(await bench.place.run('status', '--json', ...more));
    const rows = status?.['migrations'] as { name: string; state: string }[];
    return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
  };
  const scratches = async (): Promise<string[]> => {
    const { databases: all } = await bench.place.db.admin().listDatabases({ nameOnly: true });
    return all
      .map(({ name }) => name)
      .filter((name) => name.startsWith(bench.place.db.databaseName.slice(0, 20)) && name.includes('_dry_'));
  };
  /** Another database on the same server, with the same folder. */
  async function another(): Promise<Db> {
    const { db } = await (await replicaSet()).database('cli');
    databases.push(db);
    return db;
  }

  it('writes one file that makes the same, keeps the old ones, and counts as applied in their place', async () => {
    await bench.work({ ...files, '005-later.js': later });
    done(await bench.place.run('up'));
    const before = await fingerprint(bench.place.db);
    const ledger = await bench.place.rows('_migrations').find().toArray();
    const out = done(await bench.place.run('squash', '--to', '004-summary.js', '--name', 'the schema'));
    assert.match(out, /Both come to the same: 5 collections, 3 indexes, 4 documents\./);
    assert.deepEqual((await migrations()).sort(), ['.squashed', '004-the_schema.js', '005-later.js']);
    const kept = join(bench.place.root, 'migrations', '.squashed', '004-the_schema');
    assert.deepEqual((await readdir(kept)).sort(), Object.keys(files).slice(1));
    for (const name of Object.keys(files).slice(1))
      assert.equal(await readFile(join(kept, name), 'utf8'), files[name]);
    assert.deepEqual(await states(), { '004-the_schema.js': 'applied', '005-later.js': 'applied' });
    const rows = await bench.place.rows('_migrations').find().toArray();
    assert.deepEqual(rows.slice(0, ledger.length), ledger, 'the old rows stay');
    assert.equal(rows.length, ledger.length + 1);
    assert.deepEqual(rows.at(-1)?.['replaces'], Object.keys(files).slice(1));
    assert.deepEqual(await fingerprint(bench.place.db), before, 'the data is not touched');
    assert.deepEqual(await scratches(), []);
    // The last applied one is still the last; the squashed one says that it cannot go back.
    done(await bench.place.run('down'));
    assert.deepEqual(await states(), { '004-the_schema.js': 'applied', '005-later.js': 'pending' });
    done(await bench.place.run('up'));
    const down = await bench.place.run('down', '004-the_schema.js');
    assert.notEqual(down.code, 0);
    assert.match(down.err, /stands for 4 migrations/);
    assert.match(
      (await bench.place.run('up', '002-upper.js')).err,
      /was squashed: "004-the_schema\.js" stands for it now/,
    );

    const fresh = await another();
    const found = done(
      await bench.place.run('validate', '004-the_schema.js', '--database', fresh.databaseName),
    );
    assert.doesNotMatch(found, / L\d/, 'lint has nothing to say');
    done(await bench.place.run('up', '--database', fresh.databaseName));
    assert.deepEqual(await fingerprint(fresh), before);
  });

  it('counts as applied where all of them are, and is refused where only some are until the rest came back', async () => {
    await bench.work(files);
    done(await bench.place.run('up'));
    const [all, some] = [await another(), await another()];
    done(await bench.place.run('up', '--database', all.databaseName));
    done(await bench.place.run('up', '--to', '002-upper.js', '--database', some.databaseName));
    done(await bench.place.run('squash'));
    await bench.place.write({ '005-later.js': later });

    assert.deepEqual(await states('--database', all.databaseName), {
      '004-squashed.js': 'applied',
      '005-later.js': 'pending',
    });
    assert.equal(await all.collection('_migrations').countDocuments(), 4, 'looking writes nothing');
    done(await bench.place.run('up', '--database', all.databaseName));
    const row = await all.collection('_migrations').findOne({ name: '004-squashed.js' });
    const last = await all.collection('_migrations').findOne({ name: '004-summary.js' });
    assert.deepEqual(row?.['appliedAt'], last?.['appliedAt']);
    assert.equal(await all.collection('later').countDocuments(), 1);

    const before = await fingerprint(some);
    const refused = await bench.place.run('up', '--database', some.databaseName);
    assert.equal(refused.code, 5);
    assert.match(
      `${refused.out}${refused.err}`,
      /"004-squashed\.js" stands for 4 migrations, of which 2 are applied here and 2 are not: "003-orders\.mjs", "004-summary\.js"\. Bring the files/,
    );
    assert.deepEqual(await fingerprint(some), before);
    assert.match(
      done(await bench.place.run('status', '--database', some.databaseName)),
      /failed: 004-squashed\.js: .*stands for 4 migrations, of which 2 are applied/,
    );
    const kept = join(bench.place.root, 'migrations', '.squashed', '004-squashed');
    for (const name of ['003-orders.mjs', '004-summary.js'])
      await writeFile(join(bench.place.root, 'migrations', name), await readFile(join(kept, name)));
    done(await bench.place.run('up', '--database', some.databaseName));
    for (const name of ['003-orders.mjs', '004-summary.js'])
      await rm(join(bench.place.root, 'migrations', name));
    assert.deepEqual(await states('--database', some.databaseName), {
      '004-squashed.js': 'applied',
      '005-later.js': 'applied',
    });
    assert.deepEqual(await fingerprint(some), await fingerprint(all));
  });

  it('runs nothing twice for whoever still has the old files, alone or beside the new one', async () => {
    await bench.work(files);
    done(await bench.place.run('up'));
    done(await bench.place.run('squash'));
    const folder = join(bench.place.root, 'migrations');
    for (const name of await readdir(join(folder, '.squashed', '004-squashed')))
      await rename(join(folder, '.squashed', '004-squashed', name), join(folder, name));
    assert.deepEqual(await states(), { '004-squashed.js': 'applied' });
    assert.match(done(await bench.place.run('up')), /Nothing is pending/);
    const fresh = await another();
    done(await bench.place.run('up', '--database', fresh.databaseName));
    assert.deepEqual(await states('--database', fresh.databaseName), { '004-squashed.js': 'applied' });
    await rm(join(folder, '004-squashed.js'));
    assert.match(done(await bench.place.run('up')), /Nothing is pending/);
  });

  it('squashes a squashed one once more, for databases of every age', async () => {
    await bench.work({ ...files, '005-later.js': later });
    const old = await another();
    done(await bench.place.run('up'));
    done(await bench.place.run('up', '--database', old.databaseName));
    done(await bench.place.run('squash', '--to', '004-summary.js'));
    const young = await another();
    done(await bench.place.run('up', '--database', young.databaseName));
    done(await bench.place.run('squash', '--name', 'again'));
    assert.deepEqual((await migrations()).sort(), ['.squashed', '005-again.js']);
    for (const db of [old, young, bench.place.db])
      assert.deepEqual(await states('--database', db.databaseName), { '005-again.js': 'applied' });
    const row = await bench.place.rows('_migrations').findOne({ name: '005-again.js' });
    assert.deepEqual(row?.['replaces'], [...Object.keys(files).slice(1), '005-later.js']);
  });

  it('shows what it would write with --dry-run, and writes nothing', async () => {
    await bench.work(files);
    done(await bench.place.run('up'));
    const rows = await bench.place.rows('_migrations').find().toArray();
    const out = done(await bench.place.run('squash', '--dry-run'));
    assert.match(out, /Would write migrations\/004-squashed\.js in the place of 4 migrations:/);
    assert.match(out, /viewOn: 'orders'/);
    const [, list] = eventLines(await bench.place.run('squash', '--dry-run', '--json')).filter(
      ({ type }) => type === 'list' || type === 'run.finished',
    );
    assert.equal(list?.['of'], 'squash');
    assert.deepEqual(await migrations(), Object.keys(files).slice(1));
    assert.deepEqual(await bench.place.rows('_migrations').find().toArray(), rows);
    assert.deepEqual(await scratches(), []);
  });

  it('fixes ids and times that are made anew, and tells them; refuses what else comes out different', async () => {
    const seeds = `module.exports = { async up(db) { await db.collection('settings').insertMany([{ key: 'a', createdAt: new Date() }, { key: 'b' }]); } };`;
    await bench.work({ '1-a.js': seeds, '2-b.js': `exports.up = async () => {};` });
    done(await bench.place.run('up'));
    const out = done(await bench.place.run('squash'));
    assert.match(out, /Made anew at every run.*: settings\._id, settings\.createdAt\./);
    const [one, two] = [await another(), await another()];
    for (const db of [one, two]) done(await bench.place.run('up', '--database', db.databaseName));
    assert.deepEqual(await fingerprint(one), await fingerprint(two));

    await bench.place.close();
    const token = `exports.up = async (db) => db.collection('keys').insertOne({ _id: 1, token: String(Math.random()) });`;
    await bench.work({ '1-a.js': token, '2-b.js': `exports.up = async () => {};` });
    done(await bench.place.run('up'));
    const refused = await bench.place.run('squash');
    assert.equal(refused.code, 1);
    assert.match(refused.err, /do not come to the same at every run: keys\.token came out different/);
    assert.deepEqual(await migrations(), ['1-a.js', '2-b.js']);
  });

  const noop = `exports.up = async () => {};`;
  const refusals: [string, Record<string, string>, string[], RegExp, number][] = [
    ['an unknown name', { '1-a.js': noop, '2-b.js': noop }, ['3-c.js'], /There is no migration "3-c\.js"/, 2],
    [
      'a gap',
      { '1-a.js': noop, '2-b.js': noop, '3-c.js': noop },
      ['1-a.js', '3-c.js'],
      /"2-b\.js" comes before/,
      2,
    ],
    ['one alone', { '1-a.js': noop }, [], /"1-a\.js" alone is one file already/, 2],
    [
      'a repeatable one',
      { '1-a.js': noop, '2-b.js': `module.exports = { repeatable: true, async up() {} };` },
      [],
      /"2-b\.js" is repeatable/,
      2,
    ],
    [
      'a part of a file',
      {
        '1-a.js': noop,
        '2-b.js': `module.exports = [{ name: 'x', async up() {} }, { name: 'y', async up() {} }];`,
      },
      ['--to', 'x'],
      /holds "y" too/,
      2,
    ],
    [
      'one that needs data',
      {
        '1-a.js': noop,
        '2-b.js': `exports.up = async (db) => { if (await db.collection('given').findOne() === null) throw new Error('no data'); };`,
      },
      [],
      /"2-b\.js" does not run on an empty database: no data\. Nothing was squashed/,
      1,
    ],
    [
      'two databases',
      {
        '1-a.js': noop,
        '2-b.js': `exports.up = async (db, client) => { await client.db('elsewhere_DATABASE').collection('x').insertOne({ _id: 1 }); };`,
      },
      [],
      /write into the database "elsewhere_/,
      1,
    ],
    [
      'one that others import',
      { '1-a.js': noop, '2-b.js': noop, '3-c.js': `require('./1-a.js'); exports.up = async () => {};` },
      ['--to', '2-b.js'],
      /"3-c\.js" uses 1-a\.js, which would go away/,
      1,
    ],
  ];
  for (const [what, given, args, message, code] of refusals) {
    it(`refuses ${what}, and leaves everything as it was`, async () => {
      await bench.work(given);
      if (what === 'one that needs data') await bench.place.rows('given').insertOne({ _id: 1 });
      done(await bench.place.run('up'));
      const rows = await bench.place.rows('_migrations').find().toArray();
      const refused = await bench.place.run('squash', ...args);
      assert.equal(refused.code, code, refused.err);
      assert.match(refused.err, message);
      assert.deepEqual(await migrations(), Object.keys(given));
      assert.deepEqual(await bench.place.rows('_migrations').find().toArray(), rows);
      assert.deepEqual(await scratches(), []);
      const { databases: all } = await bench.place.db.admin().listDatabases({ nameOnly: true });
      const elsewhere = all.filter(({ name }) => name === `elsewhere_${bench.place.db.databaseName}`);
      // The first `up` made it; the replay has written into none.
      for (const { name } of elsewhere) {
        assert.equal(await bench.place.db.client.db(name).collection('x').countDocuments(), 1);
        await bench.place.db.client.db(name).dropDatabase();
      }
    });
  }

  it('refuses a file that has changed since it was applied, and one that is not applied', async () => {
    await bench.work({ '1-a.js': noop, '2-b.js': noop, '3-c.js': noop });
    done(await bench.place.run('up', '--to', '2-b.js'));
    const pending = await bench.place.run('squash', '--to', '3-c.js');
    assert.match(pending.err, /"3-c\.js" is pending; only what is applied can be squashed/);
    await bench.place.write({ '1-a.js': `${noop}\n// edited` });
    const changed = await bench.place.run('squash', '--to', '2-b.js');
    assert.equal(changed.code, 2);
    assert.match(changed.err, /"1-a\.js" has changed since it was applied/);
    assert.match(changed.err, /try: migratory mark 1-a\.js --applied/);
  });

  it('does not run on a database that holds data which none of them has made', async () => {
    await bench.work(files);
    done(await bench.place.run('up'));
    done(await bench.place.run('squash'));
    const foreign = await another();
    await foreign.collection('customers').insertOne({ name: 'here before' });
    const refused = await bench.place.run('up', '--database', foreign.databaseName);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /makes a new database, and this one holds customers already/);
    assert.equal(await foreign.collection('customers').countDocuments(), 1);
    done(await bench.place.run('mark', '004-squashed.js', '--applied', '--database', foreign.databaseName));
  });

  it('puts everything back when a file cannot be moved', async () => {
    await bench.work({ '1-a.js': noop, '2-b.js': noop });
    done(await bench.place.run('up'));
    // A file where the folder has to be.
    await writeFile(join(bench.place.root, 'migrations', '.squashed'), 'in the way');
    const refused = await bench.place.run('squash');
    assert.notEqual(refused.code, 0);
    assert.deepEqual((await migrations()).sort(), ['.squashed', '1-a.js', '2-b.js']);
    assert.equal(await bench.place.rows('_migrations').countDocuments(), 2);
    assert.deepEqual(await states(), { '1-a.js': 'applied', '2-b.js': 'applied' });
  });

  it('asks before it writes the ledger of a production database, and keeps away from a read-only one', async () => {
    const config = (marks: object): object => ({
      connections: { test: { uri: '${env:TEST_URI}', database: 'DATABASE', ...marks } },
    });
    await bench.work({ '1-a.js': noop, '2-b.js': noop }, config({ production: true }));
    done(await bench.place.run('up', '--yes'));
    const asked = await bench.place.run('squash');
    assert.equal(asked.code, 2);
    assert.match(asked.err, /--yes/);
    await bench.place.write({ './migratory.config.json': JSON.stringify(config({ readOnly: true })) });
    const refused = await bench.place.run('squash');
    assert.match(refused.err, /read-only/);
    assert.deepEqual(await migrations(), ['1-a.js', '2-b.js']);
    await bench.place.write({ './migratory.config.json': JSON.stringify(config({ production: true })) });
    done(await bench.place.run('squash', '--yes'));
  });

  it("works on migrate-mongo's ledger, which migrate-mongo reads as before", async () => {
    const config = `module.exports = { mongodb: { url: process.env.TEST_URI, databaseName: 'DATABASE' }, migrationsDir: 'migrations',
      changelogCollectionName: 'changelog', lockCollectionName: 'changelog_lock', lockTtl: 0, migrationFileExtension: '.js' };`;
    const own = {
      '1-a.js': files['001-customers.js']!,
      '2-b.js': `exports.up = async () => {};`,
      '3-c.js': later.replace('002-upper.js', '1-a.js'),
    };
    await bench.work(
      { './migrate-mongo-config.js': config, 'lib/names.js': files['lib/names.js']!, ...own },
      null,
    );
    done(await bench.place.run('up'));
    done(await bench.place.run('squash', '--to', '2-b.js'));
    assert.deepEqual(await states(), { '2-squashed.js': 'applied', '3-c.js': 'applied' });
    const theirs = join(import.meta.dirname, '../../../node_modules/migrate-mongo/bin/migrate-mongo.js');
    const { stdout } = await promisify(execFile)(process.execPath, [theirs, 'status'], {
      cwd: bench.place.root,
      env: { ...process.env, TEST_URI: bench.place.uri },
    });
    assert.match(stdout, /2-squashed\.js/);
    assert.doesNotMatch(stdout, /PENDING|1-a\.js/);
    const fresh = await another();
    await bench.place.write({ './migrate-mongo-config.js': config.replace('DATABASE', fresh.databaseName) });
    done(await bench.place.run('up'));
    assert.equal(await fresh.collection('customers').countDocuments(), 2);
    assert.equal(await fresh.collection('later').countDocuments(), 1);
  });

  it('writes TypeScript beside TypeScript, ES modules where the project has them, and takes Python along', async () => {
    await offerPymongo();
    await bench.work({
      './package.json': '{ "type": "module" }',
      '1-a.py': `def up(db):\n    db['seeds'].insert_one({'_id': 1, 'n': 2.0})\n`,
      '2-b.ts': `import type { Db } from 'mongodb';\nexport const up = async (db: Db): Promise<void> => { await db.collection('seeds').createIndex({ n: 1 }); };\n`,
      '3-c.js': `export const up = async (db) => { await db.collection('seeds').updateMany({}, { $set: { m: 1 } }); };`,
    });
    done(await bench.place.run('up'));
    const before = await fingerprint(bench.place.db);
    done(await bench.place.run('squash', '--to', '2-b.ts'));
    assert.match(
      await readFile(join(bench.place.root, 'migrations', '2-squashed.ts'), 'utf8'),
      /^import \{ type Db, type Document, Double \} from 'mongodb';$/m,
    );
    const fresh = await another();
    done(await bench.place.run('up', '--database', fresh.databaseName));
    assert.deepEqual(await fingerprint(fresh), before);
    done(await bench.place.run('squash', '--name', 'all'));
    assert.match(
      await readFile(join(bench.place.root, 'migrations', '3-all.js'), 'utf8'),
      /^export default \{$/m,
    );
  });
});

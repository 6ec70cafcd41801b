// The command line as its contract describes it, tried from outside: which migrations a command takes, what it answers
// and with which exit code.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { guardedServer } from '../../support/server';
import { skip } from '../../support/skip';
import { bundleProgram, ended, eventLines, Workplace } from './program';

/** A script that can be told apart from others by what it inserts; `valid` is what its validate answers. */
const script = (id: string, valid = true): string => `
exports.up = (db) => db.collection('x').insertOne({ _id: '${id}' });
exports.down = (db) => db.collection('x').deleteOne({ _id: '${id}' });
exports.validate = () => ${valid};`;
const needsIndex = `module.exports = {
  source: 'x', requiredIndexes: [{ q: 1 }], transform: () => ({ $set: { q: 1 } }),
};`;
const doesNotParse = 'exports.up = async () => {';

describe('the contract of the command line', function () {
  this.timeout(60_000);
  let bundle: Awaited<ReturnType<typeof bundleProgram>>;
  let place: Workplace;
  before(async () => (bundle = await bundleProgram()));
  after(() => bundle.remove());
  afterEach(() => place.close());

  it('verifies every applied migration when none is named, and goes on after one that fails', async () => {
    place = await Workplace.create(bundle.program, { 'a.js': script('a'), 'b.js': script('b') });
    assert.equal((await place.run('up')).code, 0);
    const good = await place.run('verify', '--json');
    assert.equal(good.code, 0, good.err);
    const steps = eventLines(good).filter(({ type }) => type === 'step.finished');
    assert.deepEqual(
      steps.map(({ step }) => step),
      ['a.js', 'b.js'],
    );
    await place.write({ 'a.js': script('a', false) });
    await place.run('mark', 'a.js', '--applied');
    const bad = await place.run('verify', '--json');
    assert.equal(bad.code, 5, bad.err);
    const states = eventLines(bad).filter(({ type }) => type === 'step.finished');
    assert.deepEqual(
      states.map(({ state }) => state),
      ['failed', 'applied'],
    );
    assert.match((await place.run('verify', 'b.js')).out, /^✓ b\.js: verified \(/m);
  });

  for (const [who, login] of [
    ['a user without rights', 'nobody:p@'],
    ['nobody logged in', ''],
  ] as const) {
    it(`says in a sentence what ${who} lacks to look`, async () => {
      const server = await guardedServer();
      const { db, name } = await server.database('looker');
      await db.command({ createUser: 'nobody', pwd: 'p', roles: [] });
      place = await Workplace.create(bundle.program, { 'a.js': script('a') });
      const uri = `mongodb://${login}127.0.0.1:${server.servers.ports[0]}/${name}`;
      for (const command of [['status'], ['runs'], ['unlock'], ['quarantine', 'list']]) {
        const { code, out, err } = await place.run(...command, '--uri', uri);
        assert.equal(code, 1, `${command.join(' ')}: ${out}`);
        assert.match(
          err,
          /The user (has no rights on|may not do \w+ on \S+ in) the database ".*"\. Give the user/,
        );
        assert.doesNotMatch(err, /not authorized|requires authentication/);
      }
    });
  }

  it('validates every pending migration although one fails its checks', async () => {
    place = await Workplace.create(bundle.program, { 'a.js': needsIndex, 'b.js': script('b') });
    const found = await place.run('validate', '--json');
    assert.equal(found.code, 5, found.err);
    const steps = eventLines(found).filter(({ type }) => type === 'step.finished');
    assert.equal(steps.length, 2);
    // People are not told that something is applied when nothing was.
    assert.match((await place.run('validate', 'b.js')).out, /^✓ b\.js: checked \(/m);
    assert.match((await place.run('dry-run', 'b.js')).out, /^✓ b\.js: rehearsed \(/m);
    assert.equal(await place.db.collection('_migratory_runs').countDocuments(), 0);
  });

  it('passes over no file that it cannot read, unless others are named', async () => {
    place = await Workplace.create(bundle.program, { 'a.js': script('a'), 'b.js': doesNotParse });
    for (const args of [['up'], ['dry-run'], ['validate']]) {
      const refused = await place.run(...args);
      assert.equal(refused.code, 1, args.join(' '));
      assert.match(refused.err, /migrations\/b\.js does not parse: .* Nothing was run\./);
    }
    assert.deepEqual(await place.applied(), []);
    assert.equal((await place.run('up', '--to', 'a.js')).code, 0);
    assert.equal((await place.run('baseline')).code, 2);
    await place.write({ 'c.js': script('c') });
    assert.equal((await place.run('up', 'c.js')).code, 0);
    assert.deepEqual(await place.applied(), ['a.js', 'c.js']);
  });

  it('says what it passes over where a file cannot be read of which something is applied', async () => {
    const named = `module.exports = ['x', 'y'].map((name) => ({ name, up() {} }));`;
    place = await Workplace.create(bundle.program, { 'a.js': named, 'b.js': script('b') });
    assert.equal((await place.run('up', 'x')).code, 0);
    await place.write({ 'a.js': `require('rotten');\n${named}` });
    const missing = await place.run('up', 'y');
    assert.equal(missing.code, 1);
    assert.match(
      missing.err,
      /There is no migration "y" in the files that can be read\. .*"rotten".* Nothing was run\./,
    );
    const up = await place.run('up');
    assert.equal(up.code, 0, up.err);
    assert.match(up.out, /a\.js: .*"rotten".* the rest was passed over/);
    assert.deepEqual(await place.applied(), ['x', 'b.js']);
  });

  it('rolls back a block, or what one run has applied', async () => {
    const files = { 'a.js': script('a'), 'b.js': script('b'), 'c.js': script('c') };
    place = await Workplace.create(bundle.program, files);
    await place.run('up', 'a.js');
    await place.run('up');
    const block = await place.run('down', '--json', '-b');
    assert.equal(block.code, 0, block.err);
    const steps = eventLines(block).filter(({ type }) => type === 'step.finished');
    assert.deepEqual(
      steps.map(({ step }) => step),
      ['c.js', 'b.js'],
    );
    assert.deepEqual(await place.applied(), ['a.js']);
    const row = await place.db.collection('_migrations').findOne({ name: 'a.js' });
    assert.equal((await place.run('up')).code, 0);
    const one = await place.run('down', '--run', String(row?.['run']));
    assert.equal(one.code, 0, one.err);
    assert.deepEqual(await place.applied(), ['b.js', 'c.js']);
    assert.equal((await place.run('down', '--run', 'no-such-run')).code, 2);
  });

  it('rehearses the way back of what is applied, and writes nothing', async () => {
    const journaled = `module.exports = { source: 'y', transform: () => ({ $set: { seen: true } }) };`;
    const failing = `exports.up = () => undefined; exports.down = () => { throw new Error('no way back'); };`;
    const reverting = `module.exports = {
      source: 'y', filter: { b: { $exists: false } },
      transform: () => ({ $set: { b: 1 } }), revert: () => ({ $unset: { b: '' } }),
    };`;
    const files = { 'a.js': script('a'), 'b.js': journaled, 'c.js': failing, 'd.js': reverting };
    place = await Workplace.create(bundle.program, files);
    await place.rows('y').insertMany([{ _id: 1 }, { _id: 2 }]);
    assert.equal((await place.run('up')).code, 0);
    const kept = await place.rows('y').find().toArray();
    const reportOf = async (name: string, code: number): Promise<Record<string, unknown>> => {
      const done = await place.run('dry-run', '--down', name, '--json');
      assert.equal(done.code, code, done.err);
      return eventLines(done).find(({ type }) => type === 'report')?.['report'] as Record<string, unknown>;
    };
    const [gone] = (await reportOf('a.js', 0))['collections'] as { collection: string; deleted: number }[];
    assert.deepEqual([gone?.collection, gone?.deleted], ['x', 1]);
    const [undone] = (await reportOf('b.js', 0))['collections'] as { collection: string; changed: number }[];
    assert.deepEqual([undone?.collection, undone?.changed], ['y', 2], 'by its journal');
    assert.equal((await reportOf('c.js', 1))['succeeded'], false);
    const [back] = (await reportOf('d.js', 0))['collections'] as { changed: number }[];
    assert.equal(back?.changed, 2);
    assert.deepEqual(await place.applied(), ['a.js', 'b.js', 'c.js', 'd.js']);
    assert.deepEqual(await place.rows('y').find().toArray(), kept);
    assert.equal(await place.rows('x').countDocuments(), 1);
    const { databases } = await place.db.admin().listDatabases({ nameOnly: true });
    const own = databases.filter(({ name }) => name.startsWith(place.db.databaseName));
    assert.equal(own.length, 1, 'no scratch database is left');
  });

  it('takes everything as applied with baseline, which production has to confirm', async () => {
    const config = {
      connections: { test: { uri: '${env:TEST_URI}', database: 'DATABASE', production: true } },
    };
    place = await Workplace.create(bundle.program, { 'a.js': script('a'), 'b.js': needsIndex }, config);
    const refused = await place.run('baseline');
    assert.equal(refused.code, 2);
    assert.match(refused.err, /production connection/);
    assert.deepEqual(await place.applied(), []);
    const done = await place.run('baseline', '--yes', '--json');
    assert.equal(done.code, 0, done.err);
    assert.deepEqual(eventLines(done)[0]?.['items'], ['a.js', 'b.js']);
    assert.equal((await place.run('status', '--exit-code')).code, 0);
    assert.equal(await place.rows('x').countDocuments(), 0);
    const again = await place.run('baseline', '--yes');
    assert.match(again.out, /applied already/);
  });

  it('changes nothing on a connection that is marked read-only', async () => {
    const config = {
      connections: { test: { uri: '${env:TEST_URI}', database: 'DATABASE', readOnly: true } },
    };
    place = await Workplace.create(bundle.program, { 'a.js': script('a') }, config);
    for (const args of [
      ['up'],
      ['mark', 'a.js', '--applied'],
      ['baseline'],
      ['repair'],
      ['unlock', '--yes'],
    ]) {
      const refused = await place.run(...args);
      assert.equal(refused.code, 2, `${args.join(' ')}: ${refused.err}`);
    }
    assert.equal((await place.run('status')).code, 0);
    assert.deepEqual(await place.db.listCollections().toArray(), []);
  });

  it('keeps production marked for a connection string that the config knows', async () => {
    const config = {
      connections: { test: { uri: '${env:TEST_URI}', database: 'DATABASE', production: true } },
    };
    place = await Workplace.create(bundle.program, { 'a.js': script('a') }, config);
    for (const more of [[], ['--database', 'elsewhere']]) {
      const refused = await ended(place.start(['up', ...more], { MIGRATORY_URI: place.uri }));
      assert.equal(refused.code, 2, refused.err);
      assert.match(refused.err, /production connection/);
    }
  });

  it('hands its own connection string to nothing that a migration starts', async function () {
    if (process.platform === 'win32') skip(this, 'the environment is read with env');
    place = await Workplace.create(bundle.program, {
      'a.js': `exports.up = () => require('node:fs').writeFileSync('seen', require('node:child_process').execSync('env'));`,
    });
    const up = await ended(place.start(['up'], { MIGRATORY_URI: place.uri, TEST_URI: '' }));
    assert.equal(up.code, 0, up.err);
    const seen = await readFile(join(place.root, 'seen'), 'utf8');
    assert.match(seen, /^PATH=/m);
    assert.ok(!seen.includes(place.uri));
  });

  it('takes the database of the config where the connection string names none', async () => {
    place = await Workplace.create(bundle.program, { 'a.js': script('a') });
    const uri = new URL(place.uri);
    uri.pathname = '/';
    const up = await ended(place.start(['up'], { MIGRATORY_URI: uri.toString() }));
    assert.equal(up.code, 0, up.err);
    assert.deepEqual(await place.applied(), ['a.js']);
  });

  it('gives a wrong call exit code 2, whatever is wrong', async () => {
    place = await Workplace.create(bundle.program, { 'a.js': script('a') });
    await place.run('up');
    const run = String((await place.db.collection('_migratory_runs').findOne({}))?.['_id']);
    for (const args of [
      ['up', 'a.js'],
      ['down', 'nope'],
      ['pause', 'no-such-run'],
      ['continue', run],
      ['status', '--uri', 'http://127.0.0.1/x'],
      ['status', '--uri', place.uri, '--database', 'a b'],
    ]) {
      const { code, err } = await place.run(...args);
      assert.equal(code, 2, `${args.join(' ')}: ${err}`);
    }
    await place.write({ './migratory.config.json': '{"connections":{"a":{"url":"x","database":"x"}}}' });
    assert.match((await place.run('status')).err, /unknown key "connections\.a\.url"; did you mean "uri"/);
  });

  it('answers every command with an event line', async () => {
    place = await Workplace.create(bundle.program, { 'a.js': script('a') });
    const retry = ['quarantine', 'retry'];
    for (const args of [
      ['mark', 'a.js', '--applied'],
      ['unlock'],
      ['repair'],
      ['up'],
      retry,
      ['create', 'one more'],
    ]) {
      const done = await place.run(...args, '--json');
      assert.equal(done.code, 0, done.err);
      assert.deepEqual(
        eventLines(done).map(({ type }) => type),
        ['log'],
        args.join(' '),
      );
    }
  });

  it('shows the progress of a script by what it has written, although it read everything before', async () => {
    const loop = `exports.up = async (db) => {
      for (const doc of await db.collection('x').find().toArray()) {
        await db.collection('x').updateOne({ _id: doc._id }, { $set: { n: doc._id + 1 } });
      }
    };`;
    place = await Workplace.create(bundle.program, { 'a.js': loop });
    await place.rows('x').insertMany(Array.from({ length: 4000 }, (_, id) => ({ _id: id })));
    const up = await place.run('up', '--json');
    assert.equal(up.code, 0, up.err);
    const progress = eventLines(up).filter(({ type }) => type === 'progress');
    const seen = progress.map(({ processed }) => Number(processed));
    assert.ok(
      seen.some((processed) => processed > 101 && processed < 4000),
      `progress on the way: ${seen.join(', ')}`,
    );
    assert.ok(seen.every((processed, index) => processed >= (seen[index - 1] ?? 0)));
    assert.deepEqual([progress.at(-1)?.['processed'], progress.at(-1)?.['percentage']], [4000, 100]);
    assert.ok(progress.every(({ total }) => total === 4000 || total === null));
  });

  it('warns of what went to quarantine, and ends well', async () => {
    const choosy = `module.exports = {
      source: 'x', onError: 'quarantine',
      transform: (doc) => { if (doc.n === 2) throw new Error('two'); return { $set: { n: 10 } }; },
    };`;
    place = await Workplace.create(bundle.program, { 'a.js': choosy });
    await place.rows('x').insertMany([1, 2, 3].map((n) => ({ _id: n, n })));
    const up = await place.run('up', '--json');
    assert.equal(up.code, 0, up.err);
    const warnings = eventLines(up).filter(({ type, level }) => type === 'log' && level === 'warn');
    assert.match(String(warnings.at(-1)?.['message']), /^1 document is in quarantine/);
  });

  it('loads a list of migrations that is a promise', async () => {
    const late = `exports.migrations = Promise.resolve([
      { name: 'one', up: (db) => db.collection('x').insertOne({ _id: 'one' }) },
    ]);`;
    place = await Workplace.create(bundle.program, { 'a.js': late });
    const up = await place.run('up');
    assert.equal(up.code, 0, up.err);
    assert.deepEqual(await place.applied(), ['one']);
  });

  it('asks for a decision where an older one would run late, and says what a named one passes over', async () => {
    place = await Workplace.create(bundle.program, {
      'a.js': script('a'),
      'b.js': script('b'),
      'c.js': script('c'),
    });
    const named = await place.run('up', 'c.js');
    assert.equal(named.code, 0, named.err);
    assert.match(named.out, /^Stays pending although it comes earlier: "a\.js", "b\.js"\.$/m);
    const refused = await place.run('up');
    assert.equal(refused.code, 2);
    assert.equal(
      refused.err,
      'error: "a.js", "b.js" would run out of order: "c.js", which comes later, is applied already. ' +
        'Run them by name, or allow it with --allow-out-of-order.\n  try: migratory up --allow-out-of-order\n',
    );
    assert.deepEqual(await place.applied(), ['c.js']);
    assert.equal((await place.run('up', '--allow-out-of-order')).code, 0);
    assert.deepEqual(await place.applied(), ['c.js', 'a.js', 'b.js']);
  });

  it('tells an error of many lines in one with its place, and the others indented', async () => {
    place = await Workplace.create(bundle.program, {
      'a.js': `exports.up = () => { throw new Error('first\\n\\nsecond\\r\\n  third'); };`,
    });
    const { code, err } = await place.run('up');
    assert.equal(code, 1);
    const lines = err.split('\n');
    assert.match(lines[0] ?? '', /^error: first \(.*a\.js:1:28\)$/);
    assert.deepEqual(lines.slice(1, 3), ['  second', '    third']);
  });
});

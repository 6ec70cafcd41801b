// Ending a run from its terminal, whatever the migration does: it yields, it ignores the cancel, or it never yields.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { bundleProgram, ended, eventLines, until, Workplace, type Ended } from './program';

const begun = `await db.collection('x').insertOne({ _id: 'begun' });`;
/** Yields, but asks neither the signal nor the database. */
const deaf = `exports.up = async (db) => { ${begun} for (;;) await new Promise((r) => setTimeout(r, 10)); };`;
const blocked = `exports.up = async (db) => { ${begun} for (;;); };`;

describe('signals during a run', function () {
  this.timeout(60_000);
  let bundle: Awaited<ReturnType<typeof bundleProgram>>;
  let place: Workplace;
  before(async () => (bundle = await bundleProgram()));
  after(() => bundle.remove());
  afterEach(() => place.close());

  async function start(body: string): Promise<{ child: ChildProcess; finished: Promise<Ended> }> {
    place = await Workplace.create(bundle.program, { 'a.js': body });
    const child = place.start(['up', '--json']);
    const finished = ended(child);
    await until(async () => (await place.rows('x').countDocuments()) === 1);
    return { child, finished };
  }

  async function state(): Promise<unknown> {
    return (await place.db.collection('_migratory_runs').findOne({}))?.['state'];
  }

  it('ends a migration that ignores the cancel, as cancelled', async () => {
    const { child, finished } = await start(deaf);
    child.kill('SIGINT');
    const { code, ...rest } = await finished;
    assert.equal(code, 130, rest.err);
    assert.equal(eventLines({ code, ...rest }).at(-1)?.['state'], 'cancelled');
    assert.equal(await state(), 'cancelled');
    const down = await place.run('down', 'a.js');
    assert.equal(down.code, 0, down.err);
    assert.equal(await place.rows('x').countDocuments(), 0);
  });

  const slow = `module.exports = { source: 'items', batchSize: 5,
    transform: async (doc) => { await new Promise((r) => setTimeout(r, 10)); return { $set: { n: doc._id } }; } };`;
  const items = Array.from({ length: 400 }, (_, n) => ({ _id: n }));

  /** Cancels a transform that has changed some documents, not all. */
  async function cancelHalfway(config: object, ...args: string[]): Promise<Ended> {
    place = await Workplace.create(
      bundle.program,
      {
        'a.js': slow,
        '0.js': `exports.up = async (db) => { await db.collection('x').insertOne({ _id: 'kept' }); };`,
      },
      { connections: { test: { uri: '${env:TEST_URI}', database: 'DATABASE' } }, ...config },
    );
    await place.rows('items').insertMany(items);
    const child = place.start(['up', '--json', ...args]);
    const finished = ended(child);
    await until(async () => (await place.rows('items').countDocuments({ n: { $exists: true } })) > 0);
    child.kill('SIGINT');
    return finished;
  }
  const changed = (): Promise<number> => place.rows('items').countDocuments({ n: { $exists: true } });

  it('rolls back what it cancels where the config says so, and runs it anew afterwards', async () => {
    const result = await cancelHalfway({ onCancel: 'rollback' });
    assert.equal(result.code, 130, result.err);
    const lines = eventLines(result);
    assert.match(JSON.stringify(lines), /and rolling back\. Once more ends it/);
    assert.equal(lines.at(-1)?.['state'], 'rolled-back');
    assert.equal(lines.at(-1)?.['exitCode'], 130);
    assert.deepEqual(await place.rows('items').find().sort({ _id: 1 }).toArray(), items);
    assert.equal(await place.rows('x').countDocuments(), 1, 'what was applied before stays');
    assert.match((await place.run('status')).out, /a\.js +pending/);
    const up = await place.run('up');
    assert.equal(up.code, 0, up.err);
    assert.equal(await changed(), items.length);
  });

  it('keeps what it cancels, to be resumed, unless it is told otherwise', async () => {
    const { code, err } = await cancelHalfway({});
    assert.equal(code, 130, err);
    const kept = await changed();
    assert.ok(kept > 0 && kept < items.length, String(kept));
    assert.match((await place.run('status')).out, /a\.js +interrupted/);
    await place.close();
    const told = await cancelHalfway({ onCancel: 'rollback' }, '--on-cancel', 'keep');
    assert.equal(told.code, 130, told.err);
    assert.ok((await changed()) > 0);
    assert.equal((await place.run('up')).code, 0);
    assert.equal(await changed(), items.length);
  });

  it('rolls back a script that ignores the cancel', async () => {
    place = await Workplace.create(bundle.program, { 'a.js': deaf });
    const child = place.start(['up', '--on-cancel', 'rollback']);
    const finished = ended(child);
    await until(async () => (await place.rows('x').countDocuments()) === 1);
    child.kill('SIGINT');
    const { code, err } = await finished;
    assert.equal(code, 130, err);
    assert.equal(await place.rows('x').countDocuments(), 0);
    assert.match((await place.run('status')).out, /a\.js +pending/);
  });

  it('keeps what fails where it is told to', async () => {
    place = await Workplace.create(bundle.program, {
      'a.js': `exports.up = async (db) => { ${begun} throw new Error('no'); };`,
    });
    assert.equal((await place.run('up', '--on-failure', 'keep')).code, 1);
    assert.equal(await place.rows('x').countDocuments(), 1);
    const wrong = await place.run('up', '--on-failure', 'stop');
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /rollback, keep/);
  });

  it('ends at once at the second signal', async () => {
    const { child, finished } = await start(deaf);
    child.kill('SIGINT');
    // Two signals at once may reach a process as one.
    let told = '';
    child.stdout?.on('data', (chunk: Buffer) => (told += chunk.toString()));
    await until(() => Promise.resolve(told.includes('Once more')));
    child.kill('SIGINT');
    assert.equal((await finished).code, 130);
    assert.equal(await state(), 'running', 'nobody was left to write an end');
    assert.match((await place.run('status')).out, /a\.js +interrupted/);
  });

  it('ends a loop that never yields at the second signal, and can undo what it did', async () => {
    const { child, finished } = await start(blocked);
    child.kill('SIGINT');
    let told = '';
    child.stderr?.on('data', (chunk: Buffer) => (told += chunk.toString()));
    await until(() => Promise.resolve(told.includes('Once more')));
    child.kill('SIGINT');
    const { code, out, err } = await finished;
    assert.equal(code, 130, err);
    assert.doesNotMatch(err, /debugger/);
    for (const line of out.trim().split('\n')) assert.doesNotThrow(() => JSON.parse(line));
    assert.match((await place.run('status')).out, /a\.js +interrupted/);
    const down = await place.run('down', 'a.js');
    assert.equal(down.code, 0, down.err);
    assert.equal(await place.rows('x').countDocuments(), 0);
  });

  it('fails a migration by an error that nobody awaits, with its place, and takes it back', async () => {
    const careless: Record<string, string> = {
      rejected: `exports.up = async (db) => {
  await db.collection('x').insertOne({ _id: 'begun' });
  Promise.reject(new Error('stray'));
  for (;;) await new Promise((resolve) => setTimeout(resolve, 20));
};`,
      thrown: `exports.up = async (db) => {
  await db.collection('x').insertOne({ _id: 'begun' });
  setTimeout(() => { throw new Error('stray'); }, 1);
  for (;;) await db.collection('x').findOne({});
};`,
      last: `exports.up = async (db) => {
  await db.collection('x').insertOne({ _id: 'begun' });
  Promise.reject(new Error('stray'));
};`,
      transform: `module.exports = { source: 'x', transform: async (doc) => {
  if (doc._id !== 30) return { $set: { n: 1 } };
  Promise.reject(new Error('stray'));
}, batchSize: 10 };`,
    };
    for (const [name, body] of Object.entries(careless)) {
      if (name !== 'rejected') await place.close();
      place = await Workplace.create(bundle.program, { 'a.js': body });
      if (name === 'transform')
        await place.rows('x').insertMany(Array.from({ length: 60 }, (_, n) => ({ _id: n })));
      const result = await place.run('up', '--json');
      assert.equal(result.code, 1, `${name}: ${result.err}`);
      const { error } = eventLines(result).at(-1) as unknown as { error: Record<string, unknown> };
      assert.match(String(error['message']), name === 'last' ? /^What .* failed: stray\./ : /^stray$/, name);
      assert.match(String(error['file']), /a\.js$/, name);
      assert.equal(error['line'], 3, name);
      assert.equal(await state(), 'rolled-back', name);
      assert.equal(await place.rows('x').countDocuments({ _id: { $not: { $type: 'int' } } }), 0, name);
      assert.equal(await place.rows('x').countDocuments({ n: 1 }), 0, name);
    }
  });

  it('fails one whose write was cut off, since nobody waited for it', async () => {
    place = await Workplace.create(bundle.program, {
      'a.js': `exports.up = async (db) => {
        (async () => { for (let n = 0; ; n++) await db.collection('x').insertOne({ _id: n }); })();
        while (await db.collection('x').countDocuments() < 3);
      };`,
    });
    const { code, err } = await place.run('up');
    assert.equal(code, 1);
    assert.match(err, /What the migration did not wait for has failed: .* Await everything that it does/);
    assert.equal(await state(), 'rolled-back');
    assert.equal(await place.rows('x').countDocuments(), 0);
  });
});

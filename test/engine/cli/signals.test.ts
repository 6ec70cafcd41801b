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
    const { signal, out } = await finished;
    assert.equal(signal, 'SIGKILL');
    for (const line of out.trim().split('\n')) assert.doesNotThrow(() => JSON.parse(line));
    assert.match((await place.run('status')).out, /a\.js +interrupted/);
    const down = await place.run('down', 'a.js');
    assert.equal(down.code, 0, down.err);
    assert.equal(await place.rows('x').countDocuments(), 0);
  });

  it('tells of errors that nobody awaits, and goes on', async () => {
    const careless = `exports.up = async (db) => {
      Promise.reject(new Error('stray'));
      setTimeout(() => { throw new Error('late'); }, 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await db.collection('x').insertOne({ _id: 'begun' });
    };`;
    const { finished } = await start(careless);
    const result = await finished;
    assert.equal(result.code, 0, result.err);
    const messages = eventLines(result).filter(({ type, level }) => type === 'log' && level === 'error');
    assert.match(String(messages[0]?.['message']), /not awaited by the migration: stray/);
    assert.match(String(messages[1]?.['message']), /not awaited by the migration: late/);
  });
});

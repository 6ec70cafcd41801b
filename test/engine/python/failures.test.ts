// What goes wrong in Python migrations: each failure is told with its place, and undone; nothing that the code does
// can hold the run or take it down.
import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { offerPymongo } from '../../../tools/python/pymongo';
import { RunSwitch } from '../../../src/engine/scope';
import type { ErrorInfo } from '../../../src/protocol/errors';
import { Project } from '../helpers/project';

describe('Python migrations that fail', function () {
  this.timeout(120_000);
  let project: Project;
  before(offerPymongo);
  afterEach(() => project.close());

  const start = async (text: string, file = '1-bad.py'): Promise<void> => {
    project = await Project.create({ [file]: text });
    await project.rows('items').insertMany(Array.from({ length: 10 }, (_, n) => ({ _id: n, n })));
  };
  const fail = async (text: string): Promise<{ error: ErrorInfo; state: string; exitCode: number }> => {
    await start(text);
    const before = await project.content('items');
    const { run, exitCode } = await project.run({ mode: 'up' });
    const [step = assert.fail('no step')] = run.steps;
    assert.ok(step.error, JSON.stringify(step));
    assert.equal(await project.content('items'), before);
    assert.equal(await project.db.collection('_migrations').countDocuments(), 0);
    return { error: step.error, state: step.state, exitCode };
  };

  it('tell the line of their own that raised, and are undone', async () => {
    const { error, state, exitCode } = await fail(`
def helper(doc):
    return doc['missing']

def up(db):
    db.items.update_many({}, {'$set': {'seen': True}})
    helper(db.items.find_one())
`);
    assert.deepEqual(
      [error.message, error.name, error.line, state, exitCode],
      ["KeyError: 'missing'", 'KeyError', 3, 'rolled-back', 1],
    );
    assert.equal(error.file, join(project.root, 'migrations', '1-bad.py'));
    assert.match(error.stack ?? '', /in up\n {4}helper\(db\.items\.find_one\(\)\)/);
    assert.doesNotMatch(error.stack ?? '', /_migratory_runner/);
  });

  it('tell what the server said', async () => {
    const { error } = await fail(`
def up(db):
    db.items.insert_one({'_id': 'new'})
    db.items.insert_one({'_id': 3})
`);
    assert.deepEqual([error.name, error.code, error.line], ['DuplicateKeyError', 11000, 4]);
    assert.match(error.message, /^E11000 duplicate key/);
    assert.doesNotMatch(error.message, /full error/);
  });

  it('may not end the process by sys.exit', async () => {
    const { error } = await fail(`
import sys

def up(db):
    db.items.delete_many({})
    sys.exit(3)
`);
    assert.deepEqual([error.message, error.line], ['up of migrations/1-bad.py called sys.exit(3).', 6]);
  });

  it('are told when their process goes without a word', async () => {
    const { error, state } = await fail(`
import os

def up(db):
    db.items.delete_many({})
    os.write(2, b'last words\\n')
    os._exit(4)
`);
    assert.match(
      error.message,
      /^up of migrations\/1-bad\.py ended its Python process \(exit code 4\) .* last words$/,
    );
    assert.equal(state, 'rolled-back');
  });

  it('end with what follows from an exception', async () => {
    const { error } = await fail(`
def up(db):
    try:
        db.items.insert_one({'_id': 3})
    except Exception as error:
        raise RuntimeError('größer als erlaubt') from error
`);
    assert.deepEqual([error.message, error.line], ['größer als erlaubt', 6]);
    assert.equal(error.cause?.name, 'DuplicateKeyError');
  });

  it('are told that they ask for more than there is', async () => {
    const { error } = await fail('def up(db, client, ctx, more): pass\n');
    assert.equal(error.message, 'up takes more than (db, client, ctx), and there is no more to give');
  });

  it('are named with what is wrong with their file, whatever is asked of it', async () => {
    project = await Project.create({ '1-bad.py': 'def up(db:\n', '2-good.py': 'def up(db): pass\n' });
    for (const mode of ['up', 'dry-run', 'validate'] as const) {
      const asked = project.run({ mode, names: ['1-bad.py'] });
      await assert.rejects(asked, /^UserError: migrations\/1-bad\.py does not parse: .* Nothing was run\.$/);
    }
    assert.equal((await project.run({ mode: 'up', names: ['2-good.py'] })).exitCode, 0);
  });

  for (const [what, text, message, line] of [
    ['does not parse', 'def up(db:\n    pass\n', /^migrations\/1-bad\.py does not parse: .*\(line 1\)\.$/, 1],
    [
      'raises at its top',
      '\nraise ValueError("no such thing")\n',
      /^migrations\/1-bad\.py does not load: no such thing \(line 2\)\.$/,
      2,
    ],
    [
      'needs what is not installed',
      'import not_there_at_all\ndef up(db): pass\n',
      /^migrations\/1-bad\.py needs the module "not_there_at_all", which Python \(python3\) has not\.$/,
      1,
    ],
    [
      'holds nothing',
      'x = 1\n',
      /^migrations\/1-bad\.py has neither a list `migrations` nor a function `up`\.$/,
      undefined,
    ],
    [
      'has another type than a function',
      "migrations = [{'name': 'a', 'up': 3}]\n",
      /^migrations\/1-bad\.py has a field "up" that is an int; it must be a function\.$/,
      undefined,
    ],
    [
      'has names only when it runs',
      "migrations = [{'name': n, 'up': print} for n in ['a', 'a']]\n",
      /^Two migrations are called "a"/,
      undefined,
    ],
  ] as const) {
    it(`are refused with their place when the file ${what}`, async () => {
      await start(text);
      const { problems } = await project.set.read();
      const found = problems[0]?.error;
      if (found === undefined) {
        // The outline was sure of it: the run finds out.
        const { run } = await project.run({ mode: 'up' });
        const error = run.steps[0]?.error;
        assert.match(error?.message ?? '', message);
        assert.equal(error?.line, line);
        return;
      }
      assert.match(found.message, message);
      assert.equal(found.line, line);
    });
  }

  it('end on a cancel, also in an endless loop, and give back what they changed', async () => {
    await start(`
def up(db):
    db.items.update_many({}, {'$set': {'seen': True}})
    print('looping')
    while True:
        pass
`);
    const before = await project.content('items');
    const running = project.run({ mode: 'up' });
    while (!project.ofType('log').some(({ message }) => message === 'looping'))
      await new Promise((resolve) => setTimeout(resolve, 20));
    const asked = Date.now();
    project.switch.cancel();
    const { run, exitCode } = await running;
    assert.ok(Date.now() - asked < 5_000, `it took ${Date.now() - asked} ms`);
    assert.deepEqual([run.state, exitCode], ['cancelled', 130]);
    project.switch = new RunSwitch();
    // What it changed can be taken back from its journal.
    const down = await project.run({ mode: 'down', names: ['1-bad.py'] });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.steps));
    assert.equal(await project.content('items'), before);
  });

  it('stand still while they are paused', async () => {
    await start(`
import time

def up(db):
    for n in range(10_000):
        db.ticks.insert_one({'_id': n})
        if db.items.count_documents({'stop': True}):
            return
        time.sleep(0.005)
`);
    const running = project.run({ mode: 'up' });
    const ticks = (): Promise<number> => project.rows('ticks').countDocuments();
    while ((await ticks()) < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    project.switch.pause();
    // The command that was on its way may still end.
    let seen = await ticks();
    for (let still = 0; still < 10; still++) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      const now = await ticks();
      if (now !== seen) still = 0;
      seen = now;
    }
    await project.rows('items').updateOne({ _id: 0 }, { $set: { stop: true } });
    project.switch.resume();
    const { exitCode, run } = await running;
    assert.equal(exitCode, 0, JSON.stringify(run.steps));
    assert.ok((await ticks()) >= seen);
  });

  it('are told before anything else that there is no Python', async () => {
    await start('def up(db): pass\n');
    project.python = './no-such-python';
    const { run, exitCode } = await project.run({ mode: 'up' });
    const [step] = run.steps;
    assert.deepEqual([step?.state, exitCode], ['failed', 5]);
    assert.deepEqual(
      step?.checks.map(({ id, outcome }) => [id, outcome]),
      [['python', 'failed']],
    );
    assert.match(
      step?.error?.message ?? '',
      /^A check failed: Python: The Python that the config or the settings name does not start: there is no ".*no-such-python"/,
    );
  });

  it('are told how to get pymongo where there is none', async function () {
    await start('def up(db): pass\n');
    project.python = join(project.root, 'bare-python');
    await writeFile(project.python, '#!/bin/sh\nexec python3 -I -S "$@"\n');
    await chmod(project.python, 0o755);
    const { run, exitCode } = await project.run({ mode: 'validate' });
    const [step] = run.steps;
    assert.equal(exitCode, 5);
    const check = step?.checks.find(({ id }) => id === 'python');
    assert.match(
      check?.details ?? '',
      /^Python migrations need pymongo, and ".*bare-python" \(Python 3\.[\d.]+\) has no pymongo\.$/,
    );
    assert.match(check?.action ?? '', /^Install pymongo: .* -m pip install pymongo$/);
  });
});

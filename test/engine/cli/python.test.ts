// Python migrations from the terminal: beside JavaScript in one `up`, stopped by Ctrl-C, and gone with their runner.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { offerPymongo } from '../../../tools/python/pymongo';
import { skip } from '../../support/skip';
import { bundleProgram, ended, eventLines, until, Workplace } from './program';

const endless = `
import os
from pathlib import Path

def up(db):
    db.items.insert_one({'_id': 'half'})
    Path('pid').write_text(str(os.getpid()))
    while True:
        pass
`;

describe('Python migrations from the terminal', function () {
  this.timeout(120_000);
  let program = '';
  let remove: () => Promise<void>;
  let place: Workplace;
  before(async () => {
    await offerPymongo();
    ({ program, remove } = await bundleProgram());
  });
  after(() => remove());
  afterEach(() => place.close());

  const pidOf = async (): Promise<number> => {
    const file = join(place.root, 'pid');
    await until(async () => existsSync(file) && (await readFile(file, 'utf8')) !== '');
    return Number(await readFile(file, 'utf8'));
  };
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  it('run beside JavaScript, in its order, with names that only a run knows', async () => {
    place = await Workplace.create(program, {
      '1.js': `exports.up = (db) => db.collection('items').insertOne({ _id: 'js' });`,
      '2.py': `
import sys

def make(n):
    def up(db):
        print('making', n, db.items.count_documents({}))
        db.items.insert_one({'_id': n})
    return {'name': 'made-%d' % n, 'up': up}

migrations = [make(n) for n in (1, 2)]

if __name__ == '__main__':
    sys.exit('not as a program')
`,
    });
    const status = await place.run('status', '--json');
    assert.equal(status.code, 0, status.err);
    const dry = await place.run('dry-run', '--json');
    assert.equal(dry.code, 0, dry.out);
    assert.equal(await place.rows('items').countDocuments(), 0);

    const up = await place.run('up', '--json');
    assert.equal(up.code, 0, up.out);
    assert.deepEqual(await place.applied(), ['1.js', 'made-1', 'made-2']);
    const said = eventLines(up)
      .filter(({ type }) => type === 'log')
      .map((event) => event['message']);
    assert.deepEqual(said, ['making 1 1', 'making 2 2']);

    const down = await place.run('down', '--steps', '2');
    assert.equal(down.code, 0, down.err);
    assert.deepEqual(await place.rows('items').find().toArray(), [{ _id: 'js' }]);
  });

  it('end at once on Ctrl-C, also in an endless loop', async () => {
    place = await Workplace.create(program, { '1.py': endless });
    const child = place.start(['up']);
    const end = ended(child);
    const pid = await pidOf();
    const asked = Date.now();
    child.kill('SIGINT');
    const { code } = await end;
    assert.equal(code, 130);
    assert.ok(Date.now() - asked < 8_000, `it took ${Date.now() - asked} ms`);
    assert.equal(isAlive(pid), false);
    assert.deepEqual(await place.applied(), []);
    const down = await place.run('down', '1.py');
    assert.equal(down.code, 0, down.err);
    assert.equal(await place.rows('items').countDocuments(), 0);
  });

  it('go with their runner when that is killed, and are undone before they run again', async () => {
    place = await Workplace.create(program, { '1.py': endless });
    const child = place.start(['up']);
    const end = ended(child);
    const pid = await pidOf();
    child.kill('SIGKILL');
    await end;
    await until(async () => !isAlive(pid));
    await place.write({ '1.py': `def up(db): db.items.insert_one({'_id': 'half', 'now': 'whole'})` });
    const up = await place.run('up');
    assert.equal(up.code, 0, up.err);
    assert.deepEqual(await place.rows('items').find().toArray(), [{ _id: 'half', now: 'whole' }]);
  });

  it('say in one sentence that there is no pymongo, and how to get it', async function () {
    if (process.platform === 'win32') skip(this, 'the Python without packages is a shell script');
    place = await Workplace.create(
      program,
      {
        '1.py': 'def up(db): pass\n',
        './bare': '#!/bin/sh\nexec python3 -I -S "$@"\n',
      },
      { python: './bare', connections: { test: { uri: '${env:TEST_URI}', database: 'DATABASE' } } },
    );
    await chmod(join(place.root, 'bare'), 0o755);
    const up = await place.run('up');
    assert.equal(up.code, 5);
    assert.match(
      up.err,
      /A check failed: Python: Python migrations need pymongo, and "\S*bare" \(Python 3\S+\) has no pymongo\.\n/,
    );
    assert.match(up.err, /try: \S*bare -m pip install pymongo\n/);
    await writeFile(join(place.root, 'bare'), '#!/bin/sh\necho 2.7 >&2\nexit 1\n');
    const validate = await place.run('validate');
    assert.equal(validate.code, 5);
    assert.match(validate.err, /does not start: "\S*bare": 2\.7\./);
  });
});

// A project that is just being started: the editor asks for its state before there is a migrations folder.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Observer } from '../../../src/runner/observer';
import { replicaSet } from '../../support/server';

describe('the state of a project without a migrations folder', function () {
  this.timeout(20_000);
  const observer = new Observer(() => undefined);
  let root: string;
  let target: { name: string; uri: string; database: string };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'migratory-new-'));
    const server = await replicaSet();
    target = { name: 'local', uri: server.uri, database: (await server.database('new')).name };
  });
  afterEach(async () => {
    await (await observer.connection(target)).client.close();
    await rm(root, { recursive: true, force: true });
  });

  it('is that nothing is there yet, and the database has answered', async () => {
    const before = await observer.status({ root }, target);
    assert.deepEqual([before.migrations, before.problems], [[], []]);
    assert.match(before.server.summary, /^MongoDB /);
    await mkdir(join(root, 'migrations'));
    await writeFile(join(root, 'migrations', '1-a.js'), 'exports.up = async () => {};\n');
    const { migrations } = await observer.status({ root }, target);
    assert.deepEqual(
      migrations.map(({ name, state }) => [name, state]),
      [['1-a.js', 'pending']],
    );
  });

  it('names the one of several folders that is missing', async () => {
    await mkdir(join(root, 'migrations'));
    await writeFile(
      join(root, 'migratory.config.json'),
      JSON.stringify({ migrationsDir: ['migrations', 'more'] }),
    );
    await assert.rejects(observer.status({ root }, target), /There is no migrations folder at .*more\.$/);
  });
});

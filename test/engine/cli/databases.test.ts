// `--databases`: one command on many databases of a server.
import assert from 'node:assert/strict';
import type { Db } from 'mongodb';
import { replicaSet } from '../../support/server';
import { bundleProgram, eventLines, Workplace } from './program';

const good = `let calls = 0;
module.exports = { async up(db) { await db.collection('done').insertOne({ calls: ++calls }); }, async down(db) { await db.collection('done').drop(); } };`;
const picky = `module.exports = { async up(db) { if (await db.collection('poison').findOne()) throw new Error('poisoned'); }, async down() {} };`;

describe('--databases', function () {
  this.timeout(120_000);
  let program = '';
  let remove: () => Promise<void>;
  let place: Workplace;
  let tenants: Db[];
  let pattern: string;
  before(async () => void ({ program, remove } = await bundleProgram()));
  after(() => remove());
  beforeEach(async () => {
    place = await Workplace.create(program, { '1-good.js': good, '2-picky.js': picky });
    const client = await (await replicaSet()).client();
    const name = place.db.databaseName;
    pattern = `${name}_t*`;
    tenants = ['t1', 't2', 't3'].map((tenant) => client.db(`${name}_${tenant}`));
    for (const db of [...tenants, client.db(`${name}_other`)]) await db.collection('tenant').insertOne({});
  });
  afterEach(async () => {
    for (const db of tenants) await db.dropDatabase();
    await place.close();
  });

  const applied = (db: Db): Promise<number> => db.collection('_migrations').countDocuments();

  for (const parallel of ['1', '3']) {
    it(`runs on each, ${parallel} at once, and on no other`, async () => {
      const up = await place.run('up', '--databases', pattern, '--parallel', parallel);
      assert.equal(up.code, 0, up.err);
      for (const db of tenants) {
        assert.equal(await applied(db), 2);
        const done = await db
          .collection('done')
          .find({}, { projection: { _id: 0 } })
          .toArray();
        assert.deepEqual(done, [{ calls: 1 }], 'modules are loaded for each database');
        assert.match(up.out, new RegExp(`${db.databaseName} +done, 2 of 2 steps`));
      }
      assert.equal(await applied(place.db), 0);
      const status = await place.run('status', '--databases', pattern, '--exit-code');
      assert.equal(status.code, 0, status.err);
      assert.match(status.out, /1-good\.js +applied +applied +applied/);
      const down = await place.run('down', '--databases', pattern, '--steps', '2');
      assert.equal(down.code, 0, down.err);
      for (const db of tenants) assert.equal(await applied(db), 0);
    });
  }

  it('stops at the first failure, or goes on with the others', async () => {
    await tenants[1]?.collection('poison').insertOne({});
    const stopped = await place.run('up', '--databases', pattern);
    assert.equal(stopped.code, 1);
    assert.match(stopped.out, /_t1 +done/);
    assert.match(stopped.out, /_t2 +failed, 1 of 2 steps/);
    assert.match(stopped.out, /_t3 +not begun/);
    assert.equal((await place.run('status', '--databases', pattern, '--exit-code')).code, 3);
    const lines = eventLines(
      await place.run('up', '--databases', pattern, '--continue-on-failure', '--json'),
    );
    const list = lines.find((line) => line['of'] === 'databases');
    const items = list?.['items'] as { database: string; exitCode: number }[];
    assert.deepEqual(
      items.map(({ exitCode }) => exitCode),
      [0, 1, 0],
    );
    assert.equal(await applied(tenants[2]!), 2);
  });

  it('refuses a pattern that means nothing, and commands that are for one', async () => {
    const none = await place.run('up', '--databases', 'nobody_*');
    assert.equal(none.code, 2);
    assert.match(none.err, /No database is called like "nobody_\*"/);
    const one = await place.run('unlock', '--databases', pattern);
    assert.equal(one.code, 2);
    assert.match(one.err, /--databases is for up, down/);
  });
});

// `--databases`: one command on many databases of a server.
import assert from 'node:assert/strict';
import type { Db } from 'mongodb';
import { replicaSet } from '../../support/server';
import { eventLines, useProgram } from './program';

const good = `let calls = 0;
module.exports = { async up(db) { await db.collection('done').insertOne({ calls: ++calls }); }, async down(db) { await db.collection('done').drop(); } };`;
const picky = `module.exports = { async up(db) { if (await db.collection('poison').findOne()) throw new Error('poisoned'); }, async down() {} };`;

describe('--databases', function () {
  this.timeout(120_000);
  const bench = useProgram();
  let tenants: Db[];
  let pattern: string;
  beforeEach(async () => {
    await bench.work({ '1-good.js': good, '2-picky.js': picky });
    const client = await (await replicaSet()).client();
    const name = bench.place.db.databaseName;
    pattern = `${name}_t*`;
    tenants = ['t1', 't2', 't3'].map((tenant) => client.db(`${name}_${tenant}`));
    for (const db of [...tenants, client.db(`${name}_other`)]) await db.collection('tenant').insertOne({});
  });
  afterEach(async () => {
    for (const db of tenants) await db.dropDatabase();
  });

  const applied = (db: Db): Promise<number> => db.collection('_migrations').countDocuments();

  for (const parallel of ['1', '3']) {
    it(`runs on each, ${parallel} at once, and on no other`, async () => {
      const up = await bench.place.run('up', '--databases', pattern, '--parallel', parallel);
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
      assert.equal(await applied(bench.place.db), 0);
      const status = await bench.place.run('status', '--databases', pattern, '--exit-code');
      assert.equal(status.code, 0, status.err);
      assert.match(status.out, /1-good\.js +applied +applied +applied/);
      const down = await bench.place.run('down', '--databases', pattern, '--steps', '2');
      assert.equal(down.code, 0, down.err);
      for (const db of tenants) assert.equal(await applied(db), 0);
    });
  }

  it('stops at the first failure, or goes on with the others', async () => {
    await tenants[1]?.collection('poison').insertOne({});
    const stopped = await bench.place.run('up', '--databases', pattern);
    assert.equal(stopped.code, 1);
    assert.match(stopped.out, /_t1 +done/);
    assert.match(stopped.out, /_t2 +failed, 1 of 2 steps/);
    assert.match(stopped.out, /_t3 +not begun/);
    assert.equal((await bench.place.run('status', '--databases', pattern, '--exit-code')).code, 3);
    const lines = eventLines(
      await bench.place.run('up', '--databases', pattern, '--continue-on-failure', '--json'),
    );
    const list = lines.find((line) => line['of'] === 'databases');
    const items = list?.['items'] as { database: string; exitCode: number }[];
    assert.deepEqual(
      items.map(({ exitCode }) => exitCode),
      [0, 1, 0],
    );
    assert.equal(await applied(tenants[2]!), 2);
  });

  it('rehearses on each, on as many documents as were asked for', async () => {
    for (const db of tenants)
      await db.collection('poison').insertMany(Array.from({ length: 20 }, () => ({})));
    await bench.place.write({
      '3-poison.js': `module.exports = { source: 'poison', transform: () => ({ $set: { seen: true } }) };`,
    });
    const call = ['dry-run', '3-poison.js', '--databases', pattern, '--sample', '5', '--json'];
    const lines = eventLines(await bench.place.run(...call));
    const reports = lines.flatMap((line) => (line.type === 'report' ? [line['report']] : []));
    assert.deepEqual(
      reports.map((report) => (report as { sampled: { documents: number } }).sampled.documents),
      [5, 5, 5],
    );
  });

  it('refuses a pattern that means nothing, and commands that are for one', async () => {
    const none = await bench.place.run('up', '--databases', 'nobody_*');
    assert.equal(none.code, 2);
    assert.match(none.err, /No database is called like "nobody_\*"/);
    const one = await bench.place.run('unlock', '--databases', pattern);
    assert.equal(one.code, 2);
    assert.match(one.err, /--databases is for up, down/);
  });
});

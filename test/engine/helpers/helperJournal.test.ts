// With `backup: 'none'` in the config: calls of `ctx` that keep a journal of their own, and what leads back by it.
import assert from 'node:assert/strict';
import { findRun } from '../../../src/engine/runs';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { Project } from './project';

const servers: [string, () => Promise<TestServer>][] = [
  ['replica set', () => replicaSet()],
  ['standalone', () => standalone()],
];
const increment = `ctx.batch('people', {}, () => ({ $inc: { n: 1 } }), { backup: 'journal' })`;
const ownWrite = `db.collection('log').insertOne({ _id: 1 })`;

for (const [kind, server] of servers) {
  describe(`a journal of calls alone on a ${kind}`, function () {
    this.timeout(60_000);
    let project: Project;
    let before: string;
    afterEach(() => project.close());

    async function begin(body: string): Promise<void> {
      project = await Project.create(
        { '1-n.js': `exports.up = async (db, client, ctx) => { ${body} };` },
        server(),
      );
      project.settings.backup = 'none';
      await project.rows('people').insertMany(Array.from({ length: 50 }, (_, n) => ({ _id: n, n: 1 })));
      before = await project.content('people');
    }

    it('undoes a script that failed and has changed nothing else, whole', async () => {
      await begin(`await ${increment}; throw new Error('halfway');`);
      const { run, exitCode } = await project.run({ mode: 'up' });
      assert.deepEqual([exitCode, run.state], [1, 'rolled-back']);
      assert.equal(await project.content('people'), before);
    });

    it('rolls such a script back without a down, and the dry run knows it', async () => {
      await begin(`await ${increment};`);
      const rehearsed = await project.run({ mode: 'dry-run' });
      assert.equal(rehearsed.exitCode, 0, JSON.stringify(rehearsed.run.error));
      assert.equal(project.ofType('report')[0]?.report.reversible.answer, 'yes');
      assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
      assert.notEqual(await project.content('people'), before);
      const down = await project.run({ mode: 'down' });
      assert.equal(down.exitCode, 0, JSON.stringify(down.run.error));
      assert.equal(await project.content('people'), before);
    });

    for (const [order, body] of Object.entries({
      before: `await ${ownWrite}; await ${increment};`,
      after: `await ${increment}; await ${ownWrite};`,
    })) {
      it(`takes back the calls alone after a failure where the script has written by itself ${order}`, async () => {
        await begin(`${body} throw new Error('halfway');`);
        const { run, exitCode } = await project.run({ mode: 'up' });
        assert.deepEqual([exitCode, run.state], [1, 'failed']);
        assert.equal(await project.content('people'), before);
        assert.equal(await project.rows('log').countDocuments(), 1);
        const told = project.ofType('log').map(({ message }) => message);
        assert.ok(
          told.some((message) => /only what its calls of ctx.*insert on "log"/.test(message)),
          told.join('\n'),
        );
        assert.equal((await findRun(project.db, run._id))?.steps[0]?.unkept, 'insert on "log"');
        assert.deepEqual(await project.states(), { '1-n.js': 'failed' });
      });

      it(`refuses a rollback without a down where the script has written by itself ${order}`, async () => {
        await begin(body);
        await project.run({ mode: 'dry-run' });
        const { reversible } = project.ofType('report')[0]?.report ?? {};
        assert.match(reversible?.details ?? '', /no journal holds what it changes by itself/);
        assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
        const done = await project.content('people', 'log');
        const { run, exitCode } = await project.run({ mode: 'down' });
        assert.equal(exitCode, 1);
        assert.match(
          run.error?.message ?? '',
          /not what it has changed by itself \(first: insert on "log"\)/,
        );
        assert.equal(await project.content('people', 'log'), done);
      });
    }
  });
}

// Conflicts after a rollback: listed later with both versions, settled one by one, and gone with the last.
import assert from 'node:assert/strict';
import { listConflicts, resolveConflicts } from '../../../src/engine/conflicts/conflicts';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { Project } from './project';

const transform =
  "module.exports = { source: 'people', transform: (doc) => ({ $set: { n: doc.n + 100 } }) };";
const script = `exports.up = async (db, client, ctx) => {
  await db.collection('people').updateMany({}, { $inc: { n: 50 } });
  await ctx.batch('people', {}, (doc) => ({ $set: { n: doc.n + 50 } }));
  await db.collection('people').insertOne({ _id: 'new', n: 0 });
};`;

const servers: [string, () => Promise<TestServer>][] = [
  ['replica set', () => replicaSet()],
  ['standalone', () => standalone()],
];

for (const [server, start] of servers) {
  for (const [kind, source] of [
    ['transform', transform],
    ['script', script],
  ] as const) {
    describe(`conflicts of a ${kind} on a ${server}`, function () {
      this.timeout(60_000);
      let project: Project;
      afterEach(() => project.close());
      const name = '1-n.js';
      const list = () => listConflicts(project.connection, project.settings, name);
      const resolve = (decision: 'keep' | 'restore', id?: string) =>
        resolveConflicts(project.connection, project.settings, name, decision, id);

      beforeEach(async () => {
        project = await Project.create({ [name]: source }, start());
        const people = project.rows('people');
        await people.insertMany(Array.from({ length: 60 }, (_, n) => ({ _id: n, n, other: 'kept' })));
        assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
        assert.equal((await people.findOne({ _id: 5 }))?.['n'], 105);
        await people.updateOne({ _id: 5 }, { $set: { n: -5 } });
        await people.deleteOne({ _id: 6 });
        await people.updateOne({ _id: 7 }, { $set: { other: 'changed' } });
        const { run, exitCode } = await project.run({ mode: 'down' });
        assert.equal(exitCode, 6, JSON.stringify(run.error));
        assert.deepEqual(await project.states(), { [name]: 'conflicts' });
        // What goes on afterwards is no conflict.
        await people.updateOne({ _id: 8 }, { $set: { n: -8 } });
      });

      it('are listed with both versions and settled one by one', async () => {
        const found = await list();
        assert.deepEqual(
          found
            .map(({ id, before, current, collection }) => ({ id, before, current, collection }))
            .toSorted((a, b) => (JSON.stringify(a.id) < JSON.stringify(b.id) ? -1 : 1)),
          [
            {
              collection: 'people',
              id: { $numberInt: '5' },
              before: { _id: { $numberInt: '5' }, n: { $numberInt: '5' }, other: 'kept' },
              current: { _id: { $numberInt: '5' }, n: { $numberInt: '-5' }, other: 'kept' },
            },
            {
              collection: 'people',
              id: { $numberInt: '6' },
              before: { _id: { $numberInt: '6' }, n: { $numberInt: '6' }, other: 'kept' },
              current: null,
            },
          ],
        );
        await assert.rejects(resolve('keep', '8'), /no conflict with the _id 8/);
        assert.deepEqual(await resolve('keep', '{"$numberInt":"5"}'), { settled: 1, left: 1, done: false });
        assert.equal((await list()).length, 1);
        assert.deepEqual(await project.states(), { [name]: 'conflicts' });
        assert.deepEqual(await resolve('restore', '6'), { settled: 1, left: 0, done: true });
        assert.deepEqual(await project.states(), { [name]: 'pending' });
        const people = project.rows('people');
        assert.deepEqual(await people.findOne({ _id: 5 }), { _id: 5, n: -5, other: 'kept' });
        assert.deepEqual(await people.findOne({ _id: 6 }), { _id: 6, n: 6, other: 'kept' });
        assert.deepEqual(await people.findOne({ _id: 7 }), { _id: 7, n: 7, other: 'changed' });
        assert.deepEqual(await people.findOne({ _id: 8 }), { _id: 8, n: -8, other: 'kept' });
        assert.deepEqual(await list(), []);
        await assert.rejects(resolve('keep'), /has no conflicts/);
        const again = await project.run({ mode: 'up' });
        assert.equal(again.exitCode, 0, JSON.stringify(again.run.error));
        assert.equal((await people.findOne({ _id: 6 }))?.['n'], 106);
      });

      it('are put back all at once', async () => {
        assert.deepEqual(await resolve('restore'), { settled: 2, left: 0, done: true });
        const people = project.rows('people');
        assert.deepEqual(await people.findOne({ _id: 5 }), { _id: 5, n: 5, other: 'kept' });
        assert.deepEqual(await people.findOne({ _id: 6 }), { _id: 6, n: 6, other: 'kept' });
        const left = await project.db.listCollections({ name: /^_migratory_journal/ }).toArray();
        assert.deepEqual(left, []);
      });
    });
  }
}

describe('conflicts of a failed run', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  it('are kept after the automatic rollback', async () => {
    const failing = `exports.up = async (db, client, ctx) => {
      await ctx.batch('people', {}, (doc) => ({ $set: { n: doc.n + 100 } }));
      await db.collection('go').insertOne({ _id: 'done' });
      while (!(await db.collection('go').findOne({ _id: 'on' }))) await new Promise((r) => setTimeout(r, 20));
      throw new Error('too late');
    };`;
    project = await Project.create({ '1-n.js': failing });
    const people = project.rows('people');
    await people.insertMany([
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ]);
    const running = project.run({ mode: 'up' });
    while (!(await project.rows('go').findOne({ _id: 'done' }))) await new Promise((r) => setTimeout(r, 20));
    await people.updateOne({ _id: 2 }, { $set: { n: 0 } });
    await project.rows('go').insertOne({ _id: 'on' });
    const { run, exitCode } = await running;
    assert.equal(exitCode, 6, JSON.stringify(run.error));
    assert.equal((await people.findOne({ _id: 1 }))?.['n'], 1);
    const { connection, settings } = project;
    const found = await listConflicts(connection, settings, '1-n.js');
    assert.deepEqual(
      found.filter(({ id }) => id !== null).map(({ id }) => id),
      [{ $numberInt: '2' }],
    );
    const { done } = await resolveConflicts(connection, settings, '1-n.js', 'keep');
    assert.equal(done, true);
    assert.deepEqual(await listConflicts(connection, settings, '1-n.js'), []);
  });
});

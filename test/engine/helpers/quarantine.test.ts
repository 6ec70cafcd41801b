// Documents that the helpers of `ctx` have set aside, tried again: with the script as it is now where it only reads
// before the call, else as it was called in its run; never with anything written twice.
import assert from 'node:assert/strict';
import { Long } from 'mongodb';
import { countQuarantine } from '../../../src/engine/quarantine';
import type { RunResult } from '../../../src/protocol/runner';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { Project } from './project';

const servers: [string, () => Promise<TestServer>][] = [
  ['replica set', () => replicaSet()],
  ['standalone', () => standalone()],
];

const slugs = (rule: string): string => `exports.up = async (db, client, ctx) => {
  const known = await db.collection('people').countDocuments();
  const first = await ctx.batch('people', {}, () => ({ $inc: { visits: 1 } }));
  const { errors } = await ctx.batch('people', { slug: { $exists: false } }, (person) => {
    ${rule}
    return { $set: { slug: person.name.toLowerCase(), of: known + first.processed } };
  }, { onError: 'quarantine' });
  await db.collection('results').insertOne({ _id: 1, errors });
};`;
const strict = slugs(`if (person.name.includes(' ')) throw new Error('a space in ' + person.name);`);

function retry(project: Project): Promise<RunResult> {
  return project.run({ mode: 'up', retryQuarantine: true });
}

async function applied(files: Record<string, string>, server: () => Promise<TestServer>): Promise<Project> {
  const project = await Project.create(files, server());
  await project.rows('people').insertMany([
    { _id: 1, name: 'Ada', visits: Long.fromNumber(1) },
    { _id: 2, name: 'Grace Hopper', visits: Long.fromNumber(1) },
    { _id: 3, name: 'Mary Jackson', visits: Long.fromNumber(1) },
  ]);
  return project;
}

for (const [kind, server] of servers) {
  describe(`quarantine of helpers on a ${kind}`, function () {
    this.timeout(90_000);
    let project: Project;
    afterEach(() => project.close());

    it('is tried again with the mended script, nothing else is done twice, and all of it is undone', async () => {
      project = await applied({ '1-slugs.js': strict }, server);
      const before = await project.content('people');
      assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
      assert.deepEqual([...(await countQuarantine(project.db))], [['1-slugs.js', 2]]);

      await project.write({ '1-slugs.js': slugs(`if (person._id === 3) throw new Error('not Mary');`) });
      const again = await retry(project);
      assert.equal(again.exitCode, 0, JSON.stringify(again.run.error));
      assert.equal(again.run.steps[0]?.quarantined, 1);
      assert.deepEqual(
        await project.db
          .collection('people')
          .find({}, { sort: { _id: 1 } })
          .toArray(),
        [
          { _id: 1, name: 'Ada', visits: 2, slug: 'ada', of: 6 },
          { _id: 2, name: 'Grace Hopper', visits: 2, slug: 'grace hopper', of: 6 },
          { _id: 3, name: 'Mary Jackson', visits: 2 },
        ],
      );
      assert.deepEqual(await project.db.collection('results').find().toArray(), [{ _id: 1, errors: 2 }]);
      const held = await project.db.collection('_migratory_quarantine').find().toArray();
      assert.deepEqual(
        held.map(({ step, id, reason }) => ({ step, id, reason })),
        [{ step: '1-slugs.js#batch-2', id: 3, reason: 'not Mary' }],
      );

      // And once more, in the same journal.
      await project.write({ '1-slugs.js': slugs('') });
      assert.equal((await retry(project)).run.steps[0]?.quarantined, 0);
      assert.equal(await project.db.collection('people').countDocuments({ slug: { $exists: true } }), 3);

      const down = await project.run({ mode: 'down' });
      assert.equal(down.exitCode, 0, JSON.stringify(down.run.error));
      assert.equal(await project.content('people'), before);
      assert.equal(await project.db.collection('_migratory_quarantine').countDocuments(), 0);
    });

    it('says which documents it cannot try since the script writes before their function', async () => {
      const script = `exports.up = async (db, client, ctx) => {
        await db.collection('people').updateOne({ _id: 1 }, { $inc: { visits: 1 } });
        await ctx.batch('people', { _id: 2 }, () => { throw new Error('no') }, { onError: 'quarantine' });
      };`;
      project = await applied({ '1-one.js': script }, server);
      assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
      const before = await project.content('people');
      const again = await retry(project);
      assert.equal(again.exitCode, 1);
      assert.match(
        again.run.error?.message ?? '',
        /cannot be tried again: 1 of ctx\.batch \(call 1\) in "people".*writes by itself \(update on "people"\)/,
      );
      assert.equal(await project.content('people'), before);
      assert.equal(await project.db.collection('_migratory_quarantine').countDocuments(), 1);
      assert.deepEqual(await project.states(), { '1-one.js': 'applied' });
    });

    it('is tried again as it was called where the script writes before, once the documents are mended', async () => {
      const script = `exports.up = async (db, client, ctx) => {
        await db.collection('people').updateMany({}, { $inc: { visits: 1 } });
        await ctx.convert('people', { born: 'date' }, { filter: { visits: { $gt: 1 } }, onError: 'quarantine' });
      };`;
      project = await applied({ '1-born.js': script }, server);
      await project.rows('people').updateOne({ _id: 1 }, { $set: { born: '1815-12-10' } });
      await project.rows('people').updateOne({ _id: 2 }, { $set: { born: 'December 1906' } });
      assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
      await project.rows('people').updateOne({ _id: 2 }, { $set: { born: '1906-12-09' } });
      const again = await retry(project);
      assert.equal(again.exitCode, 0, JSON.stringify(again.run.error));
      const [, grace] = await project.db
        .collection('people')
        .find({}, { sort: { _id: 1 } })
        .toArray();
      assert.deepEqual(grace, { _id: 2, name: 'Grace Hopper', visits: 2, born: new Date('1906-12-09') });
      assert.equal(await project.db.collection('_migratory_quarantine').countDocuments(), 0);
      const told = project.ofType('log').map(({ message }) => message);
      assert.ok(
        told.some((message) => /ctx\.convert \(call 1\) is tried again as it was called/.test(message)),
      );
    });

    it('extracts parents once they are mended, and leaves those that cannot be where they are', async () => {
      const script = `exports.up = async (db, client, ctx) => {
        await ctx.extract('orders', 'items', { into: 'items', foreignKey: 'order', onError: 'quarantine' });
      };`;
      project = await Project.create({ '1-items.js': script }, server());
      const orders = project.rows('orders');
      await orders.insertMany([
        { _id: 1, items: [{ _id: 10, sku: 'a' }] },
        { _id: 2, items: ['loose', { _id: 20, sku: 'b' }] },
        { _id: 3, items: ['loose'] },
        { _id: 4, items: ['loose'] },
      ]);
      assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
      await orders.updateOne({ _id: 2 }, { $set: { items: [{ _id: 20, sku: 'b' }] } });
      // Its element's place is taken.
      await orders.updateOne({ _id: 3 }, { $set: { items: [{ _id: 10, sku: 'other' }] } });
      const mended = await project.content('orders', 'items');
      const again = await retry(project);
      assert.equal(again.exitCode, 0, JSON.stringify(again.run.error));
      assert.equal(again.run.steps[0]?.quarantined, 2);
      assert.deepEqual(await orders.find({}, { sort: { _id: 1 } }).toArray(), [
        { _id: 1, items: [10] },
        { _id: 2, items: [20] },
        { _id: 3, items: [{ _id: 10, sku: 'other' }] },
        { _id: 4, items: ['loose'] },
      ]);
      assert.deepEqual(
        await project
          .rows('items')
          .find({}, { sort: { _id: 1 } })
          .toArray(),
        [
          { _id: 10, sku: 'a', order: 1 },
          { _id: 20, sku: 'b', order: 2 },
        ],
      );
      const held = await project.db
        .collection('_migratory_quarantine')
        .find({}, { sort: { id: 1 } })
        .toArray();
      assert.deepEqual(
        held.map(({ id }) => id as unknown),
        [3, 4],
      );
      assert.match(String(held[0]?.['reason']), /"items" holds other documents/);
      assert.notEqual(await project.content('orders', 'items'), mended);
      const down = await project.run({ mode: 'down' });
      assert.equal(down.exitCode, 0, JSON.stringify(down.run.error));
      assert.equal(await project.db.collection('items').countDocuments(), 0);
      assert.deepEqual(await orders.findOne({ _id: 2 }), { _id: 2, items: [{ _id: 20, sku: 'b' }] });
    });
  });
}

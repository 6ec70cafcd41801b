// The main job as a person does it, by mouse and keyboard on the packaged extension; what came of it is asked of
// MongoDB with a client of the test's own.
import assert from 'node:assert/strict';
import { applied, scene } from './support/scene';

const orders = [
  { _id: 1, total: 10 },
  { _id: 2, total: 20 },
  { _id: 3, total: 30 },
];

const script = `module.exports = {
  async up(db) {
    await db.collection('orders').updateMany({}, { $set: { status: 'open' } });
    await db.collection('orders').createIndex({ status: 1 });
  },
  async down(db) {
    await db.collection('orders').dropIndex('status_1');
    await db.collection('orders').updateMany({}, { $unset: { status: '' } });
  },
};
`;

describe('the main job', () => {
  it('runs a migration from its lens and rolls it back', () =>
    scene(
      'main',
      { files: { 'migrations/20240101000000-status.js': script }, documents: { orders } },
      async ({ window, db }) => {
        const name = '20240101000000-status.js';
        await window.openFile(name);
        await window.waitForLenses([
          [
            'Run',
            'Dry run',
            'Validate',
            'pending',
            new RegExp(`^${db.databaseName} on 127\\.0\\.0\\.1:\\d+$`),
          ],
        ]);

        await window.clickLens('Run');
        const dialog = await window.dialog();
        assert.match(
          dialog.message,
          new RegExp(`^Run "${name}" on ${db.databaseName} \\(127\\.0\\.0\\.1:\\d+\\)\\?$`),
        );
        assert.match(dialog.detail, /up \(apply\)/);
        await window.confirmDialog();
        await window.waitForWebview('Applied');
        assert.deepEqual(await applied(db), [name]);
        assert.equal(await db.collection('orders').countDocuments({ status: 'open' }), 3);
        assert.ok(await db.collection('orders').indexExists('status_1'));

        await window.openContainer();
        await window.waitForRow('Migrations', name, /^applied/);

        await window.openFile(name);
        await window.waitForLens('Roll back');
        await window.clickLens('Roll back');
        assert.match((await window.dialog()).detail, /down \(undo\)/);
        await window.confirmDialog();
        await window.waitForRow('Migrations', name, /^pending/);
        assert.deepEqual(await applied(db), []);
        assert.deepEqual(
          await db.collection<{ _id: number }>('orders').find().sort({ _id: 1 }).toArray(),
          orders,
        );
        assert.equal(await db.collection('orders').indexExists('status_1'), false);
      },
    ));

  it('rehearses without asking and without a trace', () =>
    scene(
      'dry-run',
      { files: { 'migrations/20240101000000-status.js': script }, documents: { orders } },
      async ({ window, db }) => {
        await window.openFile('20240101000000-status.js');
        await window.waitForLens('pending');
        await window.clickLens('Dry run');
        const text = await window.waitForWebview('Dry run Succeeded');
        assert.match(text, /Reversible/);
        assert.equal(await window.isDialogOpen(), false);
        assert.deepEqual(
          await db.collection<{ _id: number }>('orders').find().sort({ _id: 1 }).toArray(),
          orders,
        );
        const collections = (await db.listCollections().toArray()).map((each) => each.name);
        assert.deepEqual(collections, ['orders']);
        const scratch = (await db.admin().listDatabases()).databases.filter((each) =>
          each.name.startsWith(`${db.databaseName}_migratory`),
        );
        assert.deepEqual(scratch, []);
      },
    ));

  it('runs exactly the one of three in an array whose lens was clicked', () =>
    scene(
      'array',
      {
        files: {
          'migrations/20240101000000-three.js': `module.exports = [
  {
    name: 'first',
    async up(db) { await db.collection('log').insertOne({ by: 'first' }); },
    async down(db) { await db.collection('log').deleteOne({ by: 'first' }); },
  },
  {
    name: 'second',
    async up(db) { await db.collection('log').insertOne({ by: 'second' }); },
    async down(db) { await db.collection('log').deleteOne({ by: 'second' }); },
  },
  {
    name: 'third',
    async up(db) { await db.collection('log').insertOne({ by: 'third' }); },
    async down(db) { await db.collection('log').deleteOne({ by: 'third' }); },
  },
];
`,
        },
      },
      async ({ window, db }) => {
        await window.openFile('20240101000000-three.js');
        const each = ['Run', 'Dry run', 'Validate', 'pending', new RegExp(`^${db.databaseName} on `)];
        await window.waitForLenses([each, each, each]);
        await window.clickLens('Run', 1);
        assert.match((await window.dialog()).message, /"second"/);
        await window.confirmDialog();
        await window.waitForWebview('Applied');
        assert.deepEqual(await applied(db), ['second']);
        assert.deepEqual(await db.collection('log').distinct('by'), ['second']);
        await window.openContainer();
        await window.waitForRow('Migrations', 'second', /^applied/);
        await window.waitForRow('Migrations', 'first', /^(pending|out of order)/);
      },
    ));

  it('runs a migration in TypeScript', () =>
    scene(
      'typescript',
      {
        files: {
          'migrations/20240101000000-typed.ts': `import { defineMigration } from 'migratory';

enum Status {
  Open = 'open',
}

export default defineMigration({
  source: 'orders',
  filter: { status: { $exists: false } },
  transform(order: { total: number }) {
    return { $set: { status: Status.Open, cents: order.total * 100 } };
  },
});
`,
        },
        documents: { orders },
      },
      async ({ window, db }) => {
        const name = '20240101000000-typed.ts';
        await window.openFile(name);
        await window.waitForLens('pending');
        await window.clickLens('Run');
        await window.dialog();
        await window.confirmDialog();
        const text = await window.waitForWebview('Applied');
        assert.match(text, /\b3\b/);
        assert.deepEqual(await applied(db), [name]);
        assert.equal(
          await db.collection('orders').countDocuments({ status: 'open', cents: { $gte: 1000 } }),
          3,
        );
      },
    ));
});

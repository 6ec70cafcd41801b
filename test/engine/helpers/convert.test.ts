// `ctx.convert`, `ctx.extract` and `ctx.embed` in whole runs: what they make, what they refuse, and that a rollback
// gives every byte back.
import assert from 'node:assert/strict';
import { Decimal128, Double, Int32, Long, ObjectId } from 'mongodb';
import { findRun } from '../../../src/engine/runs';
import { standalone, replicaSet, type TestServer } from '../../support/server';
import { Project, type Row } from './project';

const servers: [string, () => Promise<TestServer>][] = [
  ['replica set', () => replicaSet()],
  ['standalone', () => standalone()],
];

function movies(count: number): Row[] {
  return Array.from({ length: count }, (_, n) => ({
    _id: n,
    title: `Movie ${n}`,
    released: `${1950 + (n % 70)}-03-0${1 + (n % 9)}`,
    gross: n % 2 === 0 ? `${n}.10` : new Double(n + 0.25),
    votes: n % 3 === 0 ? new Int32(n) : Long.fromNumber(n),
    cast: [{ actor: '65f000000000000000000001', fee: '10.00' }, { actor: null }],
    kept: Long.fromNumber(7),
  }));
}

const convert = `exports.up = async (db, client, ctx) => {
  const result = await ctx.convert('movies', {
    released: 'date', gross: 'decimal', votes: 'long', 'cast.actor': 'objectId', 'cast.fee': 'decimal',
  });
  await db.collection('results').insertOne({ _id: 1, ...result });
};`;

for (const [kind, server] of servers) {
  describe(`helpers on a ${kind}`, function () {
    this.timeout(90_000);
    let project: Project;
    afterEach(() => project.close());

    it('convert exactly, and everything is taken back without a down', async () => {
      project = await Project.create({ '1-types.js': convert }, server());
      await project.rows('movies').insertMany(movies(700));
      const before = await project.content('movies');
      const { run, exitCode } = await project.run({ mode: 'up' });
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      const [first, second] = await project.exactly('movies', { _id: { $in: [2, 3] } });
      assert.deepEqual(first?.['released'], new Date('1952-03-03'));
      assert.deepEqual(first['gross'], Decimal128.fromString('2.10'));
      assert.deepEqual(second?.['gross'], Decimal128.fromString('3.25'));
      assert.deepEqual(second['votes'], Long.fromNumber(3));
      assert.deepEqual(second['cast'], [
        { actor: new ObjectId('65f000000000000000000001'), fee: Decimal128.fromString('10.00') },
        { actor: null },
      ]);
      assert.deepEqual(second['kept'], Long.fromNumber(7));
      assert.deepEqual(await project.db.collection('results').findOne(), {
        _id: 1,
        processed: 700,
        errors: 0,
        total: 700,
      });
      const stored = await findRun(project.db, run._id);
      // And the document that the script inserted by itself.
      assert.deepEqual([stored?.steps[0]?.processed, stored?.steps[0]?.total], [701, 700]);

      const down = await project.run({ mode: 'down' });
      assert.equal(down.exitCode, 0, JSON.stringify(down.run.error));
      assert.equal(await project.content('movies'), before);
      assert.equal(await project.db.collection('results').countDocuments(), 0);
    });

    it('stop at the first value that cannot be converted, and take back what was', async () => {
      project = await Project.create({ '1-types.js': convert }, server());
      await project.rows('movies').insertMany([...movies(50), { _id: 99, released: 'soon' }]);
      const before = await project.content('movies');
      const { run, exitCode } = await project.run({ mode: 'up' });
      assert.equal(exitCode, 1);
      assert.equal(run.state, 'rolled-back');
      assert.match(
        run.error?.message ?? '',
        /document 99 of "movies".*"released": "soon" is no ISO 8601 date/,
      );
      assert.equal(await project.content('movies'), before);
    });

    it('set aside what cannot be converted when they are told to', async () => {
      const quarantining = `exports.up = (db, client, ctx) =>
        ctx.convert('movies', { released: 'date' }, { onError: 'quarantine', format: ['%Y-%m-%d', '%b %d %Y'] });`;
      project = await Project.create({ '1-types.js': quarantining }, server());
      await project
        .rows('movies')
        .insertMany([
          { _id: 1, released: 'Jun 12 1998' },
          { _id: 2, released: 'soon' },
          { _id: 3, released: null },
          { _id: 4 },
          { _id: 5, released: '2001-02-03' },
        ]);
      const { run, exitCode } = await project.run({ mode: 'up' });
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      assert.deepEqual(
        await project.db
          .collection('movies')
          .find({}, { sort: { _id: 1 } })
          .toArray(),
        [
          { _id: 1, released: new Date('1998-06-12') },
          { _id: 2, released: 'soon' },
          { _id: 3, released: null },
          { _id: 4 },
          { _id: 5, released: new Date('2001-02-03') },
        ],
      );
      const [held] = await project.db.collection('_migratory_quarantine').find().toArray();
      assert.equal(held?.['step'], '1-types.js#convert-1');
      assert.match(String(held['reason']), /"released": "soon" is no date of the form/);
    });

    it('extract elements into documents and embed them again, both undone byte for byte', async () => {
      const extract = `exports.up = async (db, client, ctx) => {
        const options = { into: 'items', foreignKey: 'orderId', idsField: 'itemIds' };
        const result = await ctx.extract('orders', 'items', options);
        await db.collection('results').insertOne({ _id: 1, ...result });
      };`;
      const embed = `exports.up = async (db, client, ctx) => {
        await ctx.embed('orders', 'items', { from: 'items', foreignKey: 'orderId', idsField: 'itemIds' });
        await db.collection('items').drop();
      };`;
      project = await Project.create({ '1-extract.js': extract, '2-embed.js': embed }, server());
      const orders = project.rows('orders');
      await orders.insertMany([
        {
          _id: 'a',
          items: [
            { sku: 'x', price: new Double(1) },
            { _id: 7, sku: 'y', price: new Int32(1) },
          ],
          last: 1,
        },
        { _id: 'b', items: [] },
        { _id: 'c', items: null },
        { _id: 'd' },
        ...Array.from({ length: 300 }, (_, n) => ({ _id: n, items: [{ n }, { n: -n }] })),
      ]);
      const before = await project.content('orders');
      const first = await project.run({ mode: 'up', steps: 1 });
      assert.equal(first.exitCode, 0, JSON.stringify(first.run.error));
      const [a] = await project.exactly('orders', { _id: 'a' });
      assert.ok(a);
      const [generated, seven] = a['itemIds'] as [ObjectId, Int32];
      assert.deepEqual(Object.keys(a), ['_id', 'last', 'itemIds']);
      assert.deepEqual(seven, new Int32(7));
      const [x] = await project.exactly('items', { sku: 'x' });
      assert.deepEqual(x, { _id: generated, sku: 'x', price: new Double(1), orderId: 'a' });
      assert.deepEqual((await orders.findOne({ _id: 'b' }))?.['itemIds'], []);
      assert.deepEqual(await orders.findOne({ _id: 'c' }), { _id: 'c', items: null });
      assert.equal(await project.db.collection('items').countDocuments(), 602);
      assert.equal((await project.db.collection('results').findOne())?.['processed'], 302);
      const extracted = await project.content('orders', 'items');

      const second = await project.run({ mode: 'up' });
      assert.equal(second.exitCode, 0, JSON.stringify(second.run.error));
      const [whole] = await project.exactly('orders', { _id: 'a' });
      assert.deepEqual(whole?.['items'], [
        { _id: generated, sku: 'x', price: new Double(1) },
        { _id: new Int32(7), sku: 'y', price: new Int32(1) },
      ]);
      assert.equal(whole['itemIds'], undefined);
      assert.equal((await project.db.listCollections({ name: 'items' }).toArray()).length, 0);

      const embedBack = await project.run({ mode: 'down' });
      assert.equal(embedBack.exitCode, 0, JSON.stringify(embedBack.run.error));
      assert.equal(await project.content('orders', 'items'), extracted);
      const back = await project.run({ mode: 'down' });
      assert.equal(back.exitCode, 0, JSON.stringify(back.run.error));
      assert.equal(await project.content('orders'), before);
      assert.equal(await project.db.collection('items').countDocuments(), 0);
    });
  });
}

describe('helpers', function () {
  this.timeout(90_000);
  let project: Project;
  afterEach(() => project.close());

  it('embed by a foreign key', async () => {
    const embed = `exports.up = (db, client, ctx) =>
      ctx.embed('orders', 'items', { from: 'items', foreignKey: 'orderId' });`;
    project = await Project.create({ '1-embed.js': embed });
    await project.rows('orders').insertMany([{ _id: 1 }, { _id: 2 }]);
    await project.rows('items').insertMany([
      { _id: 11, orderId: 1 },
      { _id: 10, orderId: 1 },
    ]);
    const { run, exitCode } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.deepEqual(
      await project.db
        .collection('orders')
        .find({}, { sort: { _id: 1 } })
        .toArray(),
      [
        { _id: 1, items: [{ _id: 10 }, { _id: 11 }] },
        { _id: 2, items: [] },
      ],
    );
  });

  it('refuse what would lose something, before it is changed', async () => {
    const cases: [call: string, message: RegExp][] = [
      [
        "ctx.embed('orders', 'items', { from: 'parts', idsField: 'ids' })",
        /document 1 .*names documents that/,
      ],
      ["ctx.embed('orders', 'note', { from: 'parts', foreignKey: 'o' })", /"note" is there already/],
      ["ctx.embed('orders', 'x', { from: 'parts' })", /needs `foreignKey` or `idsField`/],
      ["ctx.extract('orders', 'note', { into: 'notes' })", /"note" is no array/],
      ["ctx.extract('orders', 'ids', { into: 'notes' })", /element 0 of "ids" is no sub-document/],
      ["ctx.extract('orders', 'lines', { into: 'parts' })", /already holds a document with this key/],
      ["ctx.extract('orders', 'lines', { into: 'orders' })", /another collection/],
      ["ctx.convert('orders', { note: 'number' })", /to "number"; it knows date, decimal/],
      ["ctx.convert('orders', { _id: 'string' })", /cannot convert _id/],
      ["ctx.convert('orders', { note: 'date' }, { format: '%Q' })", /unknown "%Q"/],
      ["ctx.convert('orders', { lines: 'int' })", /"lines.0": a sub-document cannot be an int/],
    ];
    project = await Project.create({});
    await project.rows('orders').insertOne({ _id: 1, ids: [5], note: 'n', lines: [{ _id: 1 }] });
    await project.rows('parts').insertOne({ _id: 1, own: true });
    const before = await project.content('orders', 'parts', 'notes');
    for (const [call, message] of cases) {
      await project.write({ '1-case.js': `exports.up = (db, client, ctx) => ${call};` });
      const { run, exitCode } = await project.run({ mode: 'up' });
      assert.equal(exitCode, 1, call);
      assert.match(run.error?.message ?? '', message, call);
      assert.equal(await project.content('orders', 'parts', 'notes'), before, call);
    }
  });

  it('copy once more what others wrote while an array was extracted', async () => {
    const extract = `exports.up = (db, client, ctx) =>
      ctx.extract('orders', 'items', { into: 'items', foreignKey: 'orderId', idsField: 'itemIds', batchSize: 50 });`;
    project = await Project.create({ '1-extract.js': extract });
    const orders = project.rows('orders');
    const count = 2000;
    await orders.insertMany(Array.from({ length: count }, (_, n) => ({ _id: n, items: [{ n }] })));
    const writing = new AbortController();
    const pushed: number[] = [];
    const writer = (async () => {
      for (let n = count - 1; n >= 0 && !writing.signal.aborted; n -= 7) {
        const { modifiedCount } = await orders.updateOne(
          { _id: n, items: { $exists: true } },
          { $push: { items: { late: n } } as never },
        );
        if (modifiedCount === 1) pushed.push(n);
      }
    })();
    const { run, exitCode } = await project.run({ mode: 'up' });
    writing.abort();
    await writer;
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.ok(pushed.length > 0);
    assert.equal(await orders.countDocuments({ items: { $exists: true } }), 0);
    const items = project.rows('items');
    assert.equal(await items.countDocuments({ late: { $exists: true } }), pushed.length);
    assert.equal(await items.countDocuments(), count + pushed.length);
    for (const n of pushed) {
      const order = await orders.findOne({ _id: n });
      assert.ok(order);
      assert.equal((order['itemIds'] as unknown[]).length, 2);
    }
  });

  it('are rehearsed on scratch copies, and the real collections stay as they are', async () => {
    const all = `exports.up = async (db, client, ctx) => {
      await ctx.convert('movies', { released: 'date' });
      await ctx.extract('movies', 'cast', { into: 'roles', foreignKey: 'movie', idsField: 'roles' });
      await ctx.batch('movies', {}, () => ({ $set: { seen: true } }));
    };`;
    project = await Project.create({ '1-all.js': all });
    await project.rows('movies').insertMany(movies(40));
    const before = await project.content('movies');
    const { run, exitCode } = await project.run({ mode: 'dry-run' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    const [{ report } = { report: undefined }] = project.ofType('report');
    assert.deepEqual(
      report?.collections.map(({ collection, changed, inserted }) => ({ collection, changed, inserted })),
      [
        { collection: 'movies', changed: 40, inserted: 0 },
        { collection: 'roles', changed: 0, inserted: 80 },
      ],
    );
    assert.equal(await project.content('movies'), before);
    const names = (await project.db.listCollections({}, { nameOnly: true }).toArray()).map(
      ({ name }) => name,
    );
    assert.deepEqual(names, ['movies']);
  });
});

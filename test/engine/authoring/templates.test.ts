// Every template as it stands, on a real database with such orders: it passes its dry run, runs, and comes back.
import assert from 'node:assert/strict';
import { offerPymongo } from '../../../tools/python/pymongo';
import { BSON, Decimal128, type Document } from 'mongodb';
import {
  newMigrationFileName,
  renderTemplate,
  type TemplateKind,
  templateKinds,
} from '../../../src/migration/templates';
import type { DryRunReport } from '../../../src/protocol/events';
import { Project } from '../helpers/project';

const nasty = `it's "quoted" \`\${x}\` \\ */ // \u2028 ä😀`;

function orders(): (Document & { _id: number })[] {
  return [
    {
      _id: 1,
      status: 'closed',
      customerId: 7,
      placedAt: '2024-01-31',
      lines: [
        { sku: 'a', price: '1.50' },
        { sku: 'b', price: '2' },
      ],
    },
    { _id: 2, customerId: 8, placedAt: '2024-02-01T12:00:00Z', lines: [{ sku: 'a', price: '1.50' }] },
    { _id: 3, status: 'closed', customerId: 7, placedAt: '2024-02-02', lines: [] },
  ];
}

/** What must be there after `up`. */
const outcomes: Record<TemplateKind, (project: Project) => Promise<void>> = {
  async script({ db }) {
    assert.equal(await db.collection('orders').countDocuments({ status: 'open' }), 1);
  },
  async transform({ db }) {
    assert.equal(await db.collection('orders').countDocuments({ placedAt: { $type: 'date' } }), 3);
  },
  async update({ db }) {
    assert.equal(await db.collection('orders').countDocuments({ total: { $exists: true } }), 3);
  },
  async pipeline({ db }) {
    const lines = await db.collection('orderLines').find().sort({ _id: 1 }).toArray();
    assert.deepEqual(
      lines.map(({ _id }) => String(_id)),
      ['1-a', '1-b', '2-a'],
    );
  },
  async index({ db }) {
    assert.ok(await db.collection('orders').indexExists('customerId_placedAt'));
  },
  async convert({ db }) {
    const order = await db.collection<{ _id: number }>('orders').findOne({ _id: 2 });
    assert.deepEqual(order, {
      ...orders()[1],
      placedAt: new Date('2024-02-01T12:00:00Z'),
      lines: [{ sku: 'a', price: new Decimal128('1.50') }],
    });
  },
  async extract({ db }) {
    assert.equal(await db.collection('orderLines').countDocuments({ orderId: 1 }), 2);
    assert.equal(
      await db
        .collection('orders')
        .countDocuments({ 'lineIds.1': { $exists: true }, lines: { $exists: false } }),
      1,
    );
  },
  async split({ db }) {
    assert.deepEqual(await db.collection('closedOrders').distinct('_id'), [1, 3]);
    assert.deepEqual(await db.collection('orders').distinct('_id'), [2]);
  },
};

const withoutDown = new Set<TemplateKind>(['convert', 'extract']);

async function contents({ db }: Project): Promise<string> {
  const names = (await db.listCollections().toArray())
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('_'));
  const found = await Promise.all(
    names
      .sort()
      .map(async (name) => [
        name,
        await db.collection(name).find().sort({ _id: 1 }).toArray(),
        (await db.collection(name).indexes()).map((index) => index.name),
      ]),
  );
  return BSON.EJSON.stringify(found, { relaxed: false });
}

describe('templates', function () {
  this.timeout(60_000);
  let project: Project;
  before(offerPymongo);
  afterEach(() => project.close());

  for (const [language, moduleSystem, extension] of [
    ['javascript', 'commonjs', '.js'],
    ['typescript', 'esm', '.ts'],
    ['python', 'esm', '.py'],
  ] as const) {
    for (const kind of templateKinds(language)) {
      it(`${kind} in ${language} passes its dry run, runs and is rolled back`, async () => {
        const name = newMigrationFileName(nasty, extension);
        project = await Project.create({
          [name]: renderTemplate(kind, { language, moduleSystem, description: nasty }),
        });
        await project.db.collection<Document & { _id: number }>('orders').insertMany(orders());
        const before = await contents(project);
        assert.equal((await project.run({ mode: 'dry-run' })).exitCode, 0);
        const report = reportOf(project);
        assert.deepEqual([report.succeeded, report.error, report.warnings], [true, null, []]);
        assert.equal(report.repeatable.answer, 'yes', report.repeatable.details);
        assert.notEqual(report.reversible.answer, 'no', report.reversible.details);
        if (withoutDown.has(kind)) assert.match(report.reversible.details, /taken back from its journal/);
        assert.equal(await contents(project), before);
        assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
        await outcomes[kind](project);
        assert.equal((await project.run({ mode: 'down' })).exitCode, 0);
        assert.equal(await contents(project), before);
      });
    }
  }
});

function reportOf({ events }: Project): DryRunReport {
  const found = events.findLast((event) => event.type === 'report');
  assert.ok(found);
  return found.report;
}

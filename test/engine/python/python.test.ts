// Python migrations in whole runs: both forms of a file, with the same ledger, journal, dry run and progress as any
// other script.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Long } from 'mongodb';
import { offerPymongo } from '../../../tools/python/pymongo';
import { standalone } from '../../support/server';
import { Project } from '../helpers/project';
import { everything, expectChanges, expectReport, seed } from '../ownClients/project';

/** What test/engine/ownClients/project.ts does in JavaScript. */
const changes = `
    from pymongo import DeleteOne, InsertOne
    people = db.people
    people.insert_many([{'_id': 100}, {'_id': 101}])
    people.update_many({'_id': {'$lt': 10}}, {'$set': {'seen': True}})
    people.update_one({'_id': 11}, {'$inc': {'n': 1}})
    people.delete_one({'_id': 12})
    people.replace_one({'_id': 13}, {'other': 1})
    people.find_one_and_update({'_id': 14}, {'$unset': {'n': ''}})
    people.bulk_write([DeleteOne({'_id': 15}), InsertOne({'_id': 15, 'again': 1})])
    people.create_index('n')
    db.made.insert_one({'_id': 1})
    db.dropped.drop()
`;

const list = `
def double(db):
    db.items.update_many({}, [{'$set': {'n': {'$multiply': ['$n', 2]}}}])

def halve(db):
    db.items.update_many({}, [{'$set': {'n': {'$divide': ['$n', 2]}}}])

migrations = [
    {'name': 'double', 'up': double, 'down': halve},
    {'name': 'mark', 'up': lambda db: db.items.update_many({}, {'$set': {'marked': True}}), 'down': None},
    dict(name='größe', up=lambda db: db.items.insert_one({'_id': 'ß', 'n': 1})),
]
`;

describe('Python migrations', function () {
  this.timeout(120_000);
  let project: Project;
  before(offerPymongo);
  afterEach(() => project.close());

  const start = async (files: Record<string, string>, server?: Parameters<typeof Project.create>[1]) => {
    project = await Project.create(files, server);
    return project;
  };
  const seedItems = (): Promise<unknown> =>
    project.rows('items').insertMany([
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ]);

  it('of a list run in its order, and go back by down or by the journal', async () => {
    await start({ '1-list.py': list });
    await seedItems();
    const before = await project.content('items');
    assert.deepEqual(await project.states(), { double: 'pending', mark: 'pending', größe: 'pending' });

    const up = await project.run({ mode: 'up' });
    assert.equal(up.exitCode, 0, JSON.stringify(up.run.steps));
    assert.deepEqual(
      await project.rows('items').find().sort({ _id: 1 }).toArray(),
      [
        { _id: 1, n: 2, marked: true },
        { _id: 2, n: 4, marked: true },
        { _id: 'ß', n: 1, marked: undefined },
      ].map(({ marked, ...rest }) => (marked === undefined ? rest : { ...rest, marked })),
    );
    const rows = await project.db.collection('_migrations').find().sort({ appliedAt: 1 }).toArray();
    assert.deepEqual(
      rows.map(({ name, kind, file }) => [name, kind, file]),
      ['double', 'mark', 'größe'].map((name) => [name, 'script', '1-list.py']),
    );

    const down = await project.run({ mode: 'down', steps: 3 });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.steps));
    assert.equal(await project.db.collection('_migrations').countDocuments(), 0);
    // Dividing gives doubles where there were ints; everything else came back from the journal.
    assert.deepEqual(await project.rows('items').find().sort({ _id: 1 }).toArray(), [
      { _id: 1, n: 1 },
      { _id: 2, n: 2 },
    ]);
    assert.notEqual(before, '');
  });

  it('of a module have the name of their file, and stay out of their main part', async () => {
    await start({
      '1-module.py': `
def up(db, client, ctx):
    ctx.log.info('from', db.name, ctx.args['who'], ctx.dry_run)
    print('printed ß')
    client[db.name].items.insert_one({'_id': 1, 'name': __name__})

def down(db):
    db.items.delete_one({'_id': 1})

if __name__ == '__main__':
    raise SystemExit('this must not run')
`,
    });
    const up = await project.run({ mode: 'up', args: { who: 'me' } });
    assert.equal(up.exitCode, 0, JSON.stringify(up.run.steps));
    assert.deepEqual(await project.rows('items').find().toArray(), [{ _id: 1, name: '__migration__' }]);
    const log = project.ofType('log').map(({ level, message }) => [level, message]);
    assert.deepEqual(log, [
      ['info', `from ${project.db.databaseName} me False`],
      ['info', 'printed ß'],
    ]);
    assert.deepEqual(await project.states(), { '1-module.py': 'applied' });
    const down = await project.run({ mode: 'down' });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.steps));
    assert.equal(await project.rows('items').countDocuments(), 0);
  });

  for (const [kind, server] of [
    ['a replica set', undefined],
    ['a standalone server', standalone],
  ] as const) {
    it(`rehearse, change and go back from the journal to the last byte, on ${kind}`, async () => {
      await start({ '1-changes.py': `def up(db):${changes}` }, server?.());
      await seed(project);
      const before = await everything(project.db);
      const dry = await project.run({ mode: 'dry-run' });
      assert.equal(dry.exitCode, 0, JSON.stringify(dry.run.steps));
      assert.equal(await everything(project.db), before);
      expectReport(project);
      const up = await project.run({ mode: 'up' });
      assert.equal(up.exitCode, 0, JSON.stringify(up.run.steps));
      await expectChanges(project);
      const down = await project.run({ mode: 'down' });
      assert.equal(down.exitCode, 0, JSON.stringify(down.run.steps));
      assert.equal(await everything(project.db), before);
    });
  }

  it('that change nothing by a second up and go back are found repeatable and reversible', async () => {
    await start({
      '1-verdicts.py': `
def up(db):
    db.items.update_many({'m': {'$exists': False}}, {'$set': {'m': 1}})

def down(db):
    db.items.update_many({}, {'$unset': {'m': ''}})
`,
    });
    await seedItems();
    const dry = await project.run({ mode: 'dry-run' });
    assert.equal(dry.exitCode, 0, JSON.stringify(dry.run.steps));
    const [{ report } = assert.fail('no report')] = project.ofType('report');
    assert.deepEqual([report.repeatable.answer, report.reversible.answer], ['yes', 'yes']);
    assert.equal(await project.rows('items').countDocuments({ m: 1 }), 0);
  });

  it('show their progress without reporting any', async () => {
    await start({
      '1-loop.py': `
from migratory import batch_update

def up(db):
    result = batch_update(db.items, {'n': {'$lt': 900}}, lambda doc: {'$set': {'m': doc['n'] + 1}}, batch_size=100)
    assert result == {'processed': 900, 'errors': 0, 'total': 900}, result
`,
    });
    await project.rows('items').insertMany(Array.from({ length: 1000 }, (_, n) => ({ _id: n, n })));
    const up = await project.run({ mode: 'up' });
    assert.equal(up.exitCode, 0, JSON.stringify(up.run.steps));
    const [step] = up.run.steps;
    assert.deepEqual([step?.processed, step?.total], [900, 900]);
    assert.equal(
      await project.rows('items').countDocuments({ $expr: { $eq: ['$m', { $add: ['$n', 1] }] } }),
      900,
    );
  });

  it('and JavaScript of one folder run in one order', async () => {
    const js = (n: number): string =>
      `exports.up = (db) => db.collection('order').insertOne({ _id: ${n} });
       exports.down = (db) => db.collection('order').deleteOne({ _id: ${n} });`;
    const py = (n: number): string =>
      `def up(db): db.order.insert_one({'_id': ${n}, 'after': db.order.count_documents({})})`;
    await start({ '1.js': js(1), '2.py': py(2), '3.js': js(3), '4.py': py(4) });
    const up = await project.run({ mode: 'up' });
    assert.equal(up.exitCode, 0, JSON.stringify(up.run.steps));
    assert.deepEqual(
      up.run.steps.map(({ name, state }) => [name, state]),
      ['1.js', '2.py', '3.js', '4.py'].map((name) => [name, 'applied']),
    );
    assert.deepEqual(
      await project
        .rows('order')
        .find({ after: { $exists: true } })
        .toArray(),
      [
        { _id: 2, after: 1 },
        { _id: 4, after: 3 },
      ],
    );
    const down = await project.run({ mode: 'down', steps: 4 });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.steps));
    assert.equal(await project.rows('order').countDocuments(), 0);
  });

  it('have transactions of their own, whose journal goes with them', async () => {
    await start({
      '1-transaction.py': `
def up(db, client):
    def move(session):
        db.items.update_one({'_id': 1}, {'$inc': {'n': -1}}, session=session)
        db.items.update_one({'_id': 2}, {'$inc': {'n': 1}}, session=session)
    with client.start_session() as session:
        session.with_transaction(move)
        with session.start_transaction():
            db.items.delete_many({}, session=session)
            session.abort_transaction()
`,
    });
    await seedItems();
    const before = await project.content('items');
    const up = await project.run({ mode: 'up' });
    assert.equal(up.exitCode, 0, JSON.stringify(up.run.steps));
    assert.deepEqual(await project.rows('items').find().sort({ _id: 1 }).toArray(), [
      { _id: 1, n: 0 },
      { _id: 2, n: 3 },
    ]);
    const down = await project.run({ mode: 'down' });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.steps));
    assert.equal(await project.content('items'), before);
  });

  it('with transaction: True leave all or nothing, together with the row of the ledger', async () => {
    await start({
      '1-list.py': `
def move(db, client, ctx):
    assert db.items.find_one({'_id': 1})['n'] == 1
    db.items.update_one({'_id': 1}, {'$inc': {'n': -1}}, session=ctx.session)
    db.items.update_one({'_id': 2}, {'$inc': {'n': 1}})
    assert ctx.session.in_transaction

migrations = [
    {'name': 'move', 'up': move, 'transaction': True},
    {'name': 'nothing', 'up': lambda db: None, 'transaction': True},
]
`,
      '2-module.py': `
transaction = True

def up(db):
    db.items.delete_many({})
    raise ValueError('half-way')
`,
    });
    await seedItems();
    const before = await project.content('items');
    const { run, exitCode } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 1);
    assert.deepEqual(
      run.steps.map(({ name, state, error }) => [name, state, error?.message]),
      [
        ['move', 'applied', undefined],
        ['nothing', 'applied', undefined],
        ['2-module.py', 'failed', 'ValueError: half-way'],
      ],
    );
    assert.deepEqual(await project.rows('items').find().sort({ _id: 1 }).toArray(), [
      { _id: 1, n: 0 },
      { _id: 2, n: 3 },
    ]);
    assert.deepEqual(await project.states(), {
      move: 'applied',
      nothing: 'applied',
      '2-module.py': 'failed',
    });
    assert.equal((await project.run({ mode: 'down', names: ['move'] })).exitCode, 0);
    assert.equal(await project.content('items'), before);
  });

  it('in one transaction are refused what would be outside of it', async () => {
    await start({
      '1-outside.py': `
import threading

transaction = True

def up(db):
    def work():
        try:
            db.items.insert_one({'_id': 'outside'})
        except Exception as error:
            failed.append(error)
    failed = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise failed[0]
`,
    });
    const { run } = await project.run({ mode: 'up' });
    assert.match(
      run.steps[0]?.error?.message ?? '',
      /is outside of it\. Pass .* \(in Python session=ctx\.session\)/,
    );
    assert.equal(await project.rows('items').countDocuments(), 0);
  });

  it('have the helpers of ctx, with their journal', async () => {
    await start({
      '1-helpers.py': `
from bson import Decimal128, Int64
from migratory import Context

def up(db, client, ctx: Context):
    done = {'processed': 2, 'errors': 0, 'total': 2}
    assert ctx.convert('items', {'at': 'date', 'lines.price': 'decimal'}, batch_size=1) == done
    assert ctx.extract('items', 'lines', into='lines', foreign_key='item', ids_field='lineIds') == done
    assert ctx.batch('items', {'big': 2 ** 60}, [{'$set': {'one': 1.0}}])['processed'] == 1
    assert db.items.find_one({'_id': 1})['one'] == 1.0
    assert db.lines.find_one({'item': 2})['price'] == Decimal128('1.50')
`,
    });
    const line = { price: '1.50' };
    await project.rows('items').insertMany([
      { _id: 1, at: '2024-01-31', big: Long.fromNumber(2 ** 60), lines: [line, line] },
      { _id: 2, at: '2024-02-01T12:00:00Z', big: 0, lines: [line] },
    ]);
    const before = await everything(project.db);
    const up = await project.run({ mode: 'up' });
    assert.equal(up.exitCode, 0, JSON.stringify(up.run.steps));
    assert.equal(await project.rows('items').countDocuments({ one: { $type: 'double' } }), 1);
    const down = await project.run({ mode: 'down' });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.steps));
    assert.equal(await everything(project.db), before);
  });

  it('are told by the helpers of ctx what is wrong, and go on when they can', async () => {
    await start({
      '1-wrong.py': `
def wrong(db, client, ctx):
    try:
        ctx.convert('items', {})
    except Exception as error:
        print(error)
    ctx.convert('items', {'n': 'objectId'})

migrations = [{'name': 'wrong', 'up': wrong}]
`,
    });
    await seedItems();
    const { run, exitCode } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 1);
    assert.match(run.steps[0]?.error?.message ?? '', /^document 1 of "items" could not be changed: "n": /);
    assert.ok(
      project.ofType('log').some(({ message }) => message === 'ctx.convert needs at least one field.'),
    );
  });

  it('tell what they require and that they cannot go back, as the outline of their file does', async () => {
    await start({
      '1-first.py': `irreversible = 'the data is gone'\ndef up(db): db.items.drop()\n`,
      '2-second.py': `migrations = [{'name': 'second', 'up': print, 'requires': ['third'], 'description': 'why'}]\n`,
      '3-third.py': `migrations = [dict(name='third', up=print, irreversible=True)]\n`,
    });
    const { entries } = await project.set.read();
    for (const entry of entries) {
      const { definition } = await project.set.load(entry);
      const { name = '1-first.py', description, irreversible, requires = [] } = definition;
      assert.deepEqual(
        { name, description, irreversible, requires },
        {
          name: entry.name,
          description: entry.description,
          irreversible: entry.irreversible,
          requires: entry.requires,
        },
      );
    }
    const up = await project.run({ mode: 'up', names: ['second'] });
    assert.equal(up.exitCode, 5);
    assert.match(up.run.steps[0]?.error?.message ?? '', /Not applied yet: third/);
    assert.equal((await project.run({ mode: 'up', names: ['1-first.py'] })).exitCode, 0);
    const down = await project.run({ mode: 'down', names: ['1-first.py'] });
    assert.match(down.run.steps[0]?.error?.message ?? '', /is marked irreversible: the data is gone/);
  });

  it('are rolled back with the version that was applied when their file is gone', async () => {
    const text = (n: number): string => `
def up(db): db.items.insert_one({'_id': 'it', 'n': ${n}})
def down(db): db.down.insert_one({'_id': ${n}})
`;
    await start({ '1-gone.py': text(1) });
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    await project.write({ '1-gone.py': text(2) });
    const down = await project.run({ mode: 'down' });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.steps));
    assert.deepEqual(await project.rows('down').find().toArray(), [{ _id: 1 }]);
  });

  it('whose names only Python knows are asked for once', async () => {
    const file = (n: number): string => `
with open('loads', 'a') as loads:
    loads.write('.')
migrations = [{'name': 'm%d' % ${n}, 'up': print}]
`;
    await start(Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`${n}.py`, file(n)])));
    const loads = async (): Promise<number> => (await readFile(join(project.root, 'loads'), 'utf8')).length;
    const pending = {
      m1: 'pending',
      m2: 'pending',
      m3: 'pending',
      m4: 'pending',
      m5: 'pending',
      m6: 'pending',
    };
    assert.deepEqual(await project.states(), pending);
    assert.deepEqual(await project.states(), pending);
    assert.equal(await loads(), 6);
    await project.write({ '6.py': file(7) });
    assert.deepEqual(Object.keys(await project.states()).at(-1), 'm7');
    assert.equal(await loads(), 7);
  });

  it('validate what they have done', async () => {
    await start({
      '1-validated.py': `
def up(db, ctx):
    db.items.insert_one({'_id': 1})

def validate(db):
    return [{'check': 'one item', 'passed': db.items.count_documents({}) == 1, 'details': 'counted'}]
`,
      '2-wrong.py': `
def up(db):
    db.items.insert_one({'_id': 2})

def validate(db):
    db.items.insert_one({'_id': 3})
`,
    });
    const up = await project.run({ mode: 'up' });
    assert.equal(up.exitCode, 5, JSON.stringify(up.run.steps));
    const [first, second] = up.run.steps;
    assert.deepEqual(
      first?.verification
        .filter(({ check }) => check === 'one item')
        .map(({ outcome, details }) => [outcome, details]),
      [['passed', 'counted']],
    );
    assert.match(second?.error?.message ?? '', /"insert" came from a client of the migration's own/);
    assert.deepEqual(await project.rows('items').find().toArray(), [{ _id: 1 }]);
  });
});

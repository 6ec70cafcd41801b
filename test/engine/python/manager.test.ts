// `from migratory import MigrationManager, batch_update` in programs of their own, side by side with our own ledger
// and lease.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { offerPymongo } from '../../../tools/python/pymongo';
import { acquireLease, readLease } from '../../../src/engine/lease';
import { Project } from '../helpers/project';

const helper = join(import.meta.dirname, '..', '..', '..', 'python');

const migrations = `
def first(db):
    db.items.insert_one({'_id': 1})

migrations = [
    {'name': 'first', 'up': first, 'down': lambda db: db.items.delete_one({'_id': 1})},
    {'name': 'second', 'up': lambda db: db.items.insert_one({'_id': 2}), 'down': None},
]
`;

describe('the helper module for Python', function () {
  this.timeout(120_000);
  let project: Project;
  before(offerPymongo);
  beforeEach(async () => (project = await Project.create({})));
  afterEach(() => project.close());

  /** Runs a program whose `manager` manages the project's database; what it gives to `answer` comes back. */
  const python = async (code: string): Promise<unknown> => {
    const { uri, database } = project.connection.target;
    const program = `
import json, sys
from migratory import MigrationManager, MigrationError, batch_update
def answer(value): print(json.dumps(value, default=str))
manager = MigrationManager(${JSON.stringify(uri)}, ${JSON.stringify(database)})
db = manager.db
${code}
`;
    const PYTHONPATH = [helper, process.env['PYTHONPATH']].join(delimiter);
    const env = { ...process.env, PYTHONPATH, PYTHONDONTWRITEBYTECODE: '1' };
    const { stdout } = await promisify(execFile)('python3', ['-c', program], { env });
    return JSON.parse(stdout);
  };

  it('applies and rolls back over the ledger that we read', async () => {
    await project.write({ '1-both.py': migrations });
    const answer = await python(`${migrations}
ran = manager.run_all(migrations)
again = manager.run_all(migrations)
answer([ran, again, manager.get_applied_migrations(), db['_migrations'].count_documents({'duration_ms': {'$gte': 0}})])
`);
    assert.deepEqual(answer, [['first', 'second'], [], ['first', 'second'], 2]);
    assert.deepEqual(await project.states(), { first: 'applied', second: 'applied' });
    const row = await project.db.collection('_migrations').findOne({ name: 'first' });
    assert.deepEqual(Object.keys(row ?? {}), ['_id', 'name', 'applied_at', 'duration_ms']);
    assert.ok(row?.['applied_at'] instanceof Date);

    const down = await project.run({ mode: 'down', names: ['first'] });
    assert.equal(down.exitCode, 0, JSON.stringify(down.run.steps));
    assert.deepEqual(await python('answer(manager.get_applied_migrations())'), ['second']);
  });

  it('reads what we have applied, and rolls it back', async () => {
    await project.write({ '1-both.py': migrations });
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    const answer = await python(`${migrations}
applied = manager.get_applied_migrations()
before = [list(applied), applied[0].applied_at.year > 2000, applied[0].duration_ms >= 0, manager.run_all(migrations)]
try:
    manager.rollback_migration(migrations[1])
except MigrationError as error:
    refused = str(error)
answer([*before, refused, manager.rollback_migration(migrations[0]), manager.rollback_migration(migrations[0])])
`);
    assert.deepEqual(answer, [
      ['first', 'second'],
      true,
      true,
      [],
      '"second" has no down, so it cannot be rolled back.',
      true,
      false,
    ]);
    assert.deepEqual(await project.states(), { first: 'out-of-order', second: 'applied' });
    assert.deepEqual(await project.rows('items').find().toArray(), [{ _id: 2 }]);
  });

  it('records nothing of what raises', async () => {
    const answer = await python(`
def bad(db):
    raise ValueError('no')
try:
    manager.apply_migration('bad', bad)
except ValueError as error:
    answer([str(error), manager.get_applied_migrations(), manager.apply_migration('good', lambda db: None)])
`);
    assert.deepEqual(answer, ['no', [], true]);
    assert.equal(await readLease(project.db), null);
  });

  it('says what is wrong with a migration before it runs any', async () => {
    const answer = await python(`
good = {'name': 'good', 'up': lambda db: db.items.insert_one({})}
said = []
for bad in {'up': print}, {'name': '', 'up': print}, {'name': 'n', 'up': 3}, dict(good):
    try:
        manager.run_all([good, bad])
    except MigrationError as error:
        said.append(str(error))
answer([*said, db.items.count_documents({})])
`);
    assert.deepEqual(answer, [
      'A migration needs a name.',
      'A migration needs a name.',
      '"n" has a field "up" that is no function.',
      'Two migrations are called "good".',
      0,
    ]);
  });

  it('waits for no run of ours, and keeps ours away', async () => {
    const lease = await acquireLease(project.db, 'ours');
    try {
      const answer = await python(`
try:
    manager.apply_migration('late', lambda db: db.items.insert_one({}))
except MigrationError as error:
    answer(str(error))
`);
      assert.match(
        String(answer),
        /^Another run is at work on database "\w+": run ours on \S+ \(process \d+\)\.$/,
      );
    } finally {
      await lease.release();
    }
    assert.equal(await project.rows('items').countDocuments(), 0);
    const held = await python(`
def look(db):
    answer([db['_migratory_lease'].count_documents({'$expr': {'$gt': ['$expiresAt', '$$NOW']}})])
manager.apply_migration('early', look)
`);
    assert.deepEqual(held, [1]);
    assert.equal(await readLease(project.db), null);
  });

  it('updates in batches, counts what fails, and tells how far it is', async () => {
    await project
      .rows('items')
      .insertMany(Array.from({ length: 25 }, (_, n) => ({ _id: n, n, deep: { in: [] } })));
    const answer = await python(`
seen, failed = [], []
def fn(doc):
    n = doc['n']
    if n == 3: raise ValueError('three')
    if n == 4: return {'no': 'operators'}
    if n == 5: return None
    if n == 6: return {'_id': n, 'replaced': True}
    if n == 7: return [{'$set': {'twice': {'$multiply': ['$n', 2]}}}]
    if n == 9: doc['deep']['in'].append(n); return doc
    if n == 8: db.items.update_one({'_id': 8}, {'$set': {'by': 'somebody'}}); return {'_id': 8}
    return {'$set': {'seen': True}}
result = batch_update(db.items, {'n': {'$lt': 22}}, fn, batch_size=10, on_progress=seen.append,
                      on_error=lambda error, doc: failed.append([doc['_id'], str(error)]))
answer([result, seen, failed])
`);
    assert.deepEqual(answer, [
      { processed: 18, errors: 3, total: 22 },
      [
        { processed: 6, errors: 3, total: 22, percentage: 45 },
        { processed: 16, errors: 3, total: 22, percentage: 91 },
        { processed: 18, errors: 3, total: 22, percentage: 100 },
      ],
      [
        [3, 'three'],
        [4, 'fn gave neither an update with operators nor a document with its _id'],
      ],
    ]);
    const rows = await project
      .rows('items')
      .find({ _id: { $in: [3, 4, 5, 6, 7, 8, 9, 10, 22] } })
      .toArray();
    const deep = { in: [] };
    assert.deepEqual(rows, [
      { _id: 3, n: 3, deep },
      { _id: 4, n: 4, deep },
      { _id: 5, n: 5, deep },
      { _id: 6, replaced: true },
      { _id: 7, n: 7, deep, twice: 14 },
      { _id: 8, n: 8, deep, by: 'somebody' },
      // A document that fn has changed inside and given back is no change by somebody else.
      { _id: 9, n: 9, deep: { in: [9] } },
      { _id: 10, n: 10, deep, seen: true },
      { _id: 22, n: 22, deep },
    ]);
  });
});

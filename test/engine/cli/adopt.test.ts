// Taking over from other tools: their ledgers, in the form in which each of them writes its rows.
import assert from 'node:assert/strict';
import { type Document, Long, ObjectId } from 'mongodb';
import { eventLines, useProgram } from './program';

const script = `module.exports = { async up(db) { await db.collection('ran').insertOne({}); }, async down() {} };`;
const at = (day: number): Date => new Date(Date.UTC(2024, 0, day));

interface Case {
  tool: string;
  collection: string;
  rows: Document[];
  files: string[];
  /** What counts as applied afterwards, in that order. */
  applied: string[];
}

const cases: Case[] = [
  {
    tool: 'migrate-mongo',
    collection: 'changelog',
    rows: [
      { fileName: '2-b.js', appliedAt: at(2), migrationBlock: 2 },
      { fileName: '1-a.js', appliedAt: at(1), migrationBlock: 1 },
    ],
    files: ['1-a.js', '2-b.js', '3-c.js'],
    applied: ['1-a.js', '2-b.js'],
  },
  {
    tool: 'mongo-migrate-ts',
    collection: 'migrations_changelog',
    rows: [
      {
        file: 'migrations/1704067200000_Users.ts',
        className: 'Users1704067200000',
        timestamp: at(1).getTime(),
      },
      {
        file: 'src\\migrations\\1704153600000_Posts.ts',
        className: 'Posts1704153600000',
        timestamp: Long.fromNumber(at(2).getTime()),
      },
    ],
    files: ['1704067200000_Users.js', '1704153600000_Posts.js', '1704240000000_New.js'],
    applied: ['1704067200000_Users.js', '1704153600000_Posts.js'],
  },
  {
    tool: 'ts-migrate-mongoose',
    collection: 'migrations',
    rows: [
      { name: 'add-users', state: 'up', createdAt: at(1), updatedAt: at(3), __v: 0 },
      { name: 'add-posts', state: 'down', createdAt: at(2), updatedAt: at(3), __v: 0 },
    ],
    files: [`${at(1).getTime()}-add-users.js`, `${at(2).getTime()}-add-posts.js`],
    applied: [`${at(1).getTime()}-add-users.js`],
  },
  {
    tool: 'east',
    collection: '_migrations',
    rows: [{ _id: '1_first' }, { _id: '2_second' }],
    files: ['1_first.js', '2_second.js', '3_third.js'],
    applied: ['1_first.js', '2_second.js'],
  },
  {
    tool: 'a ledger of {name, appliedAt}',
    collection: 'old_migrations',
    rows: [
      { name: '1-a', appliedAt: at(1), durationMs: 5 },
      { name: '2-b.js', applied_at: '2024-01-02T00:00:00.000Z', duration_ms: 5 },
    ],
    files: ['1-a.js', '2-b.js'],
    applied: ['1-a.js', '2-b.js'],
  },
];

describe('adopt', function () {
  this.timeout(60_000);
  const bench = useProgram();

  for (const { tool, collection, rows, files, applied } of cases) {
    it(`takes what ${tool} has applied as applied, with its date, and runs nothing`, async () => {
      await bench.work(Object.fromEntries(files.map((name) => [name, script])));
      await bench.place
        .rows(collection)
        .insertMany(rows.map((row) => ({ _id: new ObjectId(), ...row })) as never[]);
      const from = collection === 'old_migrations' ? ['--from', collection] : [];
      const looked = await bench.place.run('adopt', '--dry-run', ...from);
      assert.equal(looked.code, 0, looked.err);
      assert.match(looked.out, new RegExp(`${applied.length} would be marked as applied`));
      assert.equal(await bench.place.rows('_migrations').countDocuments({ checksum: { $exists: true } }), 0);
      const [list] = eventLines(await bench.place.run('adopt', '--json', ...from));
      assert.equal(list?.type, 'list');
      assert.equal(list['of'], 'adopted');
      const ledger = await bench.place
        .rows('_migrations')
        .find({ name: { $exists: true } })
        .sort({ appliedAt: 1 })
        .toArray();
      assert.deepEqual(
        ledger.map((row): unknown => row['name']),
        applied,
      );
      const first: unknown = ledger[0]?.['appliedAt'];
      assert.ok(first instanceof Date);
      if (tool !== 'east') assert.equal(first.getUTCFullYear(), 2024);
      assert.equal(await bench.place.rows('ran').countDocuments(), 0);
      const again = await bench.place.run('adopt', ...from);
      assert.match(again.out, /Marked 0 as applied/);
      assert.equal((await bench.place.run('up')).code, 0);
      assert.equal(await bench.place.rows('ran').countDocuments(), files.length - applied.length);
    });
  }

  it('marks nothing when no file fits, and says so', async () => {
    await bench.work({ '1-a.js': script });
    await bench.place.rows('changelog').insertOne({ _id: 1, fileName: '0-gone.js', appliedAt: at(1) });
    const adopted = await bench.place.run('adopt');
    assert.match(adopted.out, /0-gone\.js +2024-01-01T00:00:00\.000Z +no file/);
    assert.deepEqual(await bench.place.applied(), []);
  });

  it('asks which one is meant when several tools were here, and refuses when none was', async () => {
    await bench.work({ '1-a.js': script });
    const none = await bench.place.run('adopt');
    assert.equal(none.code, 2);
    assert.match(none.err, /no ledger of another tool/);
    await bench.place.rows('changelog').insertOne({ _id: 1, fileName: '1-a.js', appliedAt: at(1) });
    await bench.place.rows('migrations').insertOne({ _id: 1, name: 'a', state: 'up', createdAt: at(1) });
    const several = await bench.place.run('adopt');
    assert.equal(several.code, 2);
    assert.match(several.err, /--from/);
    assert.equal((await bench.place.run('adopt', '--from', 'changelog')).code, 0);
    assert.deepEqual(await bench.place.applied(), ['1-a.js']);
  });
});

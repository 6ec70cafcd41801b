// How long journals are kept: listed with size and age, dropped when they are old and nobody needs them.
import assert from 'node:assert/strict';
import { cleanJournals, listJournals } from '../../../src/engine/journals';
import { repair } from '../../../src/engine/recovery';
import { Project } from './project';

const flag = (field: string): string =>
  `module.exports = { source: 'people', transform: () => ({ $set: { ${field}: true } }) };`;
const script = `exports.up = async (db) => {
  await db.collection('people').updateMany({}, { $set: { scripted: true } });
  await db.collection('old').drop();
};`;

describe('journals', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  async function age(run: string, days: number): Promise<void> {
    const endedAt = new Date(Date.now() - days * 86_400_000);
    await project.rows('_migratory_runs').updateOne({ _id: run }, { $set: { startedAt: endedAt, endedAt } });
  }
  const clean = (days: number) => cleanJournals(project.connection, project.settings, days);
  const list = () => listJournals(project.connection, project.settings);
  const collections = async (): Promise<string[]> =>
    (await project.db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).toSorted();

  async function start(files: Record<string, string>): Promise<void> {
    project = await Project.create(files);
    await project.rows('people').insertMany(Array.from({ length: 30 }, (_, n) => ({ _id: n, n })));
    await project.rows('old').insertOne({ _id: 1 });
  }

  it('are listed, and dropped with what belongs to them when they are old', async () => {
    await start({ '1-a.js': flag('a'), '2-b.js': script, '3-c.js': flag('c') });
    const runs: string[] = [];
    for (let n = 0; n < 3; n++) runs.push((await project.run({ mode: 'up', steps: 1 })).run._id);
    const [a = '', b = '', c = ''] = runs;
    await age(a, 40);
    await age(b, 40);
    const items = await list();
    const byRun = new Map(items.map(({ run, ...facts }) => [run, facts]));
    const facts = (run: string): unknown[] => {
      const item = byRun.get(run);
      return [item?.steps, item?.ageDays, item?.needed];
    };
    assert.equal(byRun.size, 3);
    assert.deepEqual(facts(a), [['1-a.js'], 40, null]);
    assert.deepEqual(facts(b), [['2-b.js'], 40, null]);
    assert.deepEqual(facts(c), [['3-c.js'], 0, null]);
    assert.equal(items[0]?.run, c);
    assert.ok(items.every(({ bytes }) => bytes > 0));
    assert.deepEqual((await clean(50)).length, 0);
    const dropped = await clean(30);
    assert.deepEqual(dropped.map(({ run }) => run).toSorted(), [a, b].toSorted());
    assert.deepEqual(
      (await collections()).filter((name) => !/^_migratory_(?:runs|lease|checkpoints)$/.test(name)),
      ['_migrations', `_migratory_journal_${c}`, 'people'],
      'what the script had dropped, and was put aside, is gone too',
    );
    assert.equal(await project.db.collection('_migratory_checkpoints').countDocuments({ '_id.run': a }), 0);
    for (const name of ['1-a.js', '2-b.js']) {
      const { run, exitCode } = await project.run({ mode: 'down', names: [name] });
      assert.equal(exitCode, 1, name);
      assert.match(run.error?.message ?? '', /journal/);
      assert.equal((await project.states())[name], 'applied');
    }
    assert.equal((await project.run({ mode: 'down', names: ['3-c.js'] })).exitCode, 0);
  });

  it('go with what they have put aside or kept in other databases, and repair tells of what has no journal', async () => {
    await start({
      '1-out.js': `exports.up = async (db) => {
        await db.collection('people').aggregate([{ $out: { db: db.databaseName + '_other', coll: 'copy' } }]).toArray();
        await db.collection('old').drop();
      };`,
    });
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    const other = project.db.client.db(`${project.db.databaseName}_other`);
    const elsewhere = async (): Promise<string[]> =>
      (await other.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).toSorted();
    assert.ok((await elsewhere()).includes(`_migratory_journal_${run._id}`));
    assert.equal((await collections()).filter((name) => name.startsWith('_migratory_undo_')).length, 1);
    assert.deepEqual(await repair(project.connection), []);
    await age(run._id, 40);
    assert.equal((await clean(30)).length, 1);
    const kept = /^_migratory_(?!runs|lease|checkpoints)/;
    assert.deepEqual(
      [...(await collections()), ...(await elsewhere())].filter((name) => kept.test(name)),
      [],
    );
    assert.equal(await other.collection('_migratory_checkpoints').countDocuments(), 0);
    assert.equal(await other.collection('copy').countDocuments(), 30);
    await other.dropDatabase();

    await project.rows(`_migratory_undo_${run._id}_7`).insertOne({ _id: 1 });
    assert.deepEqual(await repair(project.connection), [
      `The collection _migratory_undo_${run._id}_7 was put aside by a run whose journal is gone. Look at it, then drop it.`,
    ]);
    assert.equal(await project.rows(`_migratory_undo_${run._id}_7`).countDocuments(), 1);
  });

  it('are never dropped while a run can be resumed or has conflicts', async () => {
    const failing = `module.exports = { source: 'people', batchSize: 10, transform: (doc, ctx) => {
      // The checks before the run try a sample of the documents.
      if (doc.n === 25 && !ctx.dryRun) throw new Error('odd');
      return { $set: { a: true } };
    } };`;
    await start({ '1-a.js': failing, '2-b.js': flag('b') });
    project.settings.onFailure = 'keep';
    const first = await project.run({ mode: 'up', steps: 1 });
    assert.equal(first.run.state, 'failed');
    const second = await project.run({ mode: 'up', names: ['2-b.js'] });
    assert.equal(second.exitCode, 0, JSON.stringify(second.run.error));
    await project.rows('people').updateOne({ _id: 3 }, { $set: { b: 'mine' } });
    const back = await project.run({ mode: 'down', names: ['2-b.js'] });
    assert.equal(back.exitCode, 6);
    for (const { run } of [first, second, back]) await age(run._id, 400);
    assert.deepEqual(await clean(0), []);
    const needed = Object.fromEntries((await list()).map((item) => [item.run, item.needed]));
    assert.equal(needed[first.run._id], 'resumable');
    assert.equal(needed[second.run._id], 'conflicts');
  });

  it('are dropped by the next run when the config says so', async () => {
    await start({ '1-a.js': flag('a') });
    const { run } = await project.run({ mode: 'up' });
    await age(run._id, 8);
    project.settings.journalDays = 7;
    await project.write({ '2-b.js': flag('b') });
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    assert.ok(!(await collections()).includes(`_migratory_journal_${run._id}`));
    assert.match(JSON.stringify(project.ofType('log')), /One journal is older/);
    assert.equal((await list()).length, 1);
  });

  it('that were never written are not taken for empty ones', async () => {
    await start({ '1-a.js': flag('a').replace('{ source', "{ backup: 'none', source") });
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    const { run, exitCode } = await project.run({ mode: 'down' });
    assert.equal(exitCode, 1);
    assert.match(run.error?.message ?? '', /applied without a journal/);
    assert.deepEqual(await project.states(), { '1-a.js': 'applied' });
  });

  it('that turned out to have nothing to keep are no missing ones', async () => {
    const keeps = `module.exports = { source: 'people', pipeline: [{ $project: { n: 1 } }], into: 'copy',
      whenMatched: 'keepExisting', whenNotMatched: 'discard' };`;
    await start({ '1-a.js': keeps });
    assert.equal((await project.run({ mode: 'up' })).exitCode, 0);
    const { run, exitCode } = await project.run({ mode: 'down' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    assert.deepEqual(await project.states(), { '1-a.js': 'pending' });
  });
});

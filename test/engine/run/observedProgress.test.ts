// How far a script is that reports nothing, told from the commands that pass the door.
import assert from 'node:assert/strict';
import { Project } from '../helpers/project';

describe('observed progress', function () {
  this.timeout(60_000);
  let project: Project;
  afterEach(() => project.close());

  /** `[processed, total]` at the end. */
  async function figures(up: string, backup: 'journal' | 'none' = 'journal'): Promise<unknown[]> {
    await project.write({ 'a.js': `exports.up = async (db) => {\n${up}\n};` });
    project.settings.backup = backup;
    const { exitCode, run } = await project.run({ mode: 'up' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    const [step] = run.steps;
    return [step?.processed, step?.total];
  }

  async function people(count: number): Promise<void> {
    project = await Project.create({});
    await project.rows('people').insertMany(Array.from({ length: count }, (_, n) => ({ _id: n, n })));
  }

  for (const backup of ['journal', 'none'] as const) {
    it(`counts what a cursor brings and a loop writes, backup ${backup}`, async () => {
      await people(500);
      const loop = `
        let batch = [];
        const send = async () => { if (batch.length > 0) await db.collection('people').bulkWrite(batch.splice(0)); };
        for await (const { _id } of db.collection('people').find({ n: { $lt: 450 } }, { batchSize: 100 })) {
          batch.push({ updateOne: { filter: { _id }, update: { $set: { seen: true } } } });
          if (batch.length === 50) await send();
        }
        await send();`;
      assert.deepEqual(await figures(loop, backup), [450, 450]);
    });

    it(`takes the total of an update by filter that is soon through from its reply, backup ${backup}`, async () => {
      await people(300);
      const update = `await db.collection('people').updateMany({ n: { $lt: 200 } }, { $set: { n: 1000 } });`;
      assert.deepEqual(await figures(update, backup), [200, 200]);
    });

    it(`counts the documents of a slow one as they were before it, backup ${backup}`, async () => {
      await people(300);
      // Each look at a document takes some milliseconds, so that the count begins and ends while it is at work.
      const slowly = `{ n: { $lt: 200 }, $expr: { $function: {
        body: 'function () { sleep(5); return true; }', args: [], lang: 'js' } } }`;
      const update = `await db.collection('people').updateMany(${slowly}, { $set: { n: 1000 } });`;
      assert.deepEqual(await figures(update, backup), [200, 200]);
    });
  }

  it('has no total where nothing tells it, and shows what was written', async () => {
    await people(10);
    const loop = `for (let _id = 0; _id < 10; _id++) await db.collection('people').updateOne({ _id }, { $inc: { n: 1 } });`;
    assert.deepEqual(await figures(loop), [10, null]);
  });

  it('forgets the count of an update that the server refuses', async () => {
    await people(300);
    const update = `
      await db.collection('people').updateMany({ n: { $lt: 200 } }, { $set: { _id: 1 } }).catch(() => undefined);
      await db.collection('people').updateMany({ n: { $gte: 200 } }, { $set: { n: 1 } });`;
    assert.deepEqual(await figures(update), [100, 100]);
  });
});

// A throttle holds back what a script sends by itself: single writes, bulk writes, updates by filter, with a journal
// and without; and lets go when it is lifted.
import assert from 'node:assert/strict';
import { setThrottle } from '../../../src/engine/throttle';
import { listRuns } from '../../../src/engine/runs';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { Project } from './project';

const servers: [string, () => Promise<TestServer>][] = [
  ['replica set', () => replicaSet()],
  ['standalone', () => standalone()],
];

/** Ten documents each, so that at 20 a second three of them take more than a second. */
const ways: Record<string, string> = {
  'single writes': `for (let n = 0; n < 30; n++) await rows.updateOne({ _id: n }, { $set: { seen: true } });`,
  'bulk writes': `for (let n = 0; n < 30; n += 10) await rows.bulkWrite(
    Array.from({ length: 10 }, (_, k) => ({ updateOne: { filter: { _id: n + k }, update: { $set: { seen: true } } } })),
  );`,
  'updates by filter': `for (let n = 0; n < 30; n += 10)
    await rows.updateMany({ _id: { $gte: n, $lt: n + 10 } }, { $set: { seen: true } });`,
};

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

for (const [kind, server] of servers) {
  describe(`throttle of scripts on a ${kind}`, function () {
    this.timeout(60_000);
    let project: Project;
    afterEach(() => project.close());

    const withRows = async (count: number, work: string): Promise<void> => {
      const script = `exports.up = async (db) => { const rows = db.collection('numbers'); ${work} };`;
      project = await Project.create({ '1-flag.js': script }, server());
      await project.rows('numbers').insertMany(Array.from({ length: count }, (_, n) => ({ _id: n })));
    };

    for (const backup of ['journal', 'none'] as const)
      for (const [way, work] of Object.entries(ways))
        it(`holds back ${way}, ${backup === 'journal' ? 'with a journal' : 'without a journal'}`, async () => {
          await withRows(30, work);
          project.settings.backup = backup;
          project.settings.throttle = { docsPerSecond: 20 };
          const started = performance.now();
          const { run, exitCode } = await project.run({ mode: 'up' });
          const ms = performance.now() - started;
          assert.equal(exitCode, 0, JSON.stringify(run.error));
          assert.equal(await project.rows('numbers').countDocuments({ seen: true }), 30);
          // The last ten are sent when the twenty before them are paid for.
          assert.ok(ms > 950, `30 documents at 20 a second took ${Math.round(ms)} ms`);
        });

    it('holds back one large update between its parts, and lets go when it is lifted', async () => {
      await withRows(3000, `await rows.updateMany({}, { $set: { seen: true } });`);
      project.settings.throttle = { docsPerSecond: 40 };
      const running = project.run({ mode: 'up' });
      const id = await until(async () => {
        const [run] = await listRuns(project.db, 1);
        return run?.state === 'running' && (run.steps[0]?.processed ?? 0) > 0 ? run._id : undefined;
      });
      assert.ok((await project.rows('numbers').countDocuments({ seen: true })) < 2500);
      await setThrottle(project.db, id, null);
      const lifted = performance.now();
      const { run, exitCode } = await running;
      assert.equal(exitCode, 0, JSON.stringify(run.error));
      // At 40 a second the rest would take more than twelve seconds.
      assert.ok(performance.now() - lifted < 10_000);
      assert.equal(run.steps[0]?.processed, 3000);
    });

    it('is no obstacle to a cancel', async () => {
      await withRows(
        100,
        `for (let n = 0; n < 100; n++) await rows.updateOne({ _id: n }, { $set: { seen: true } });`,
      );
      project.settings.throttle = { docsPerSecond: 0.5 };
      const running = project.run({ mode: 'up' });
      await until(async () =>
        (await project.rows('numbers').countDocuments({ seen: true })) > 0 ? true : undefined,
      );
      project.switch.cancel();
      const asked = performance.now();
      const { run, exitCode } = await running;
      assert.deepEqual([exitCode, run.state], [130, 'cancelled']);
      assert.ok(performance.now() - asked < 4000);
    });
  });
}

// The sign of life of a run: it comes about once a second whatever the migration does, and without it a run that says
// that it is at work is shown as interrupted.
import assert from 'node:assert/strict';
import { findRun, listRuns } from '../../../src/engine/runs';
import { Project } from '../helpers/project';

describe('the heartbeat of a run', function () {
  this.timeout(30_000);
  let project: Project;
  afterEach(() => project.close());

  it('beats while a migration does nothing, and tells who is alive once it stops', async () => {
    project = await Project.create({
      '1-idle.js': `exports.up = async (db) => {
        while (!(await db.collection('go').findOne({}))) await new Promise((r) => setTimeout(r, 500));
      };`,
    });
    const running = project.run({ mode: 'up' });
    const beats: Date[] = [];
    while (beats.length < 4) {
      const run = await project.rows('_migratory_runs').findOne({ state: 'running' });
      const beat = run?.['heartbeatAt'] as Date | undefined;
      if (beat !== undefined && beat.getTime() !== beats.at(-1)?.getTime()) beats.push(beat);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await project.rows('go').insertOne({ _id: 1 });
    const { run, exitCode } = await running;
    assert.equal(exitCode, 0);
    const gaps = beats.slice(1).map((beat, place) => beat.getTime() - (beats[place]?.getTime() ?? 0));
    assert.ok(
      gaps.every((gap) => gap > 0 && gap < 10_000),
      gaps.join(),
    );

    // The same document as a runner leaves it that is killed: at work, and silent.
    const silent = { state: 'running', endedAt: null, heartbeatAt: new Date(Date.now() - 60_000) };
    await project.rows('_migratory_runs').updateOne({ _id: run._id }, { $set: silent });
    assert.equal((await findRun(project.db, run._id))?.state, 'interrupted');
    assert.equal((await listRuns(project.db, 1))[0]?.state, 'interrupted');
    await project
      .rows('_migratory_runs')
      .updateOne({ _id: run._id }, { $currentDate: { heartbeatAt: true } });
    assert.equal((await findRun(project.db, run._id))?.state, 'running');
  });
});

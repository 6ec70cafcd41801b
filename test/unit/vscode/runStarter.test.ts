import assert from 'node:assert/strict';
import { english } from '../../../src/vscode/words';
import { join } from 'node:path';
import type { RunMode } from '../../../src/protocol/run';
import type { RunRequest } from '../../../src/protocol/runner';
import { RunnerProcess } from '../../../src/vscode/runnerProcess';
import { RunStarter } from '../../../src/vscode/runStarter';
import { RunStore } from '../../../src/vscode/runs';

const request = (mode: RunMode): RunRequest => ({
  project: { root: '/' },
  target: { name: 'x', uri: 'mongodb://h/db', database: 'db' },
  mode,
  names: ['a'],
});

describe('starting runs', () => {
  const processes: RunnerProcess[] = [];
  let store: RunStore;
  let starter: RunStarter;
  beforeEach(() => {
    store = new RunStore();
    starter = new RunStarter(() => {
      const runner = new RunnerProcess({
        program: join(__dirname, 'fakeRunner.mjs'),
        node: process.execPath,
        detached: true,
        t: english,
        onOutput: () => undefined,
      });
      processes.push(runner);
      return runner;
    }, store);
  });
  afterEach(() => {
    for (const { pid } of processes.splice(0)) {
      try {
        process.kill(pid ?? 0, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    store.dispose();
  });

  it('feeds the store while the run goes on', async () => {
    const { first } = starter.start(request('up'));
    assert.equal((await first)?.run._id, 'r1');
    assert.equal(store.get('r1')?.run.state, 'running');
    assert.equal(starter.isOwn('r1'), true);
  });

  it('answers with the end of the run', async () => {
    const { run } = await starter.start(request('down')).finished;
    assert.equal(run.state, 'rolled-back');
  });

  it('says at once that a run is interrupted when its process is ended', async () => {
    const { first, finished } = starter.start(request('up'));
    await first;
    starter.kill('r1');
    await assert.rejects(finished, /SIGKILL|closed its connection/);
    await processes[0]?.exited;
    assert.equal(store.get('r1')?.run.state, 'interrupted');
    assert.equal(starter.isOwn('r1'), false);
  });

  it('lets runs go on without the window, and cancels rehearsals', async () => {
    const going = starter.start(request('up'));
    await going.first;
    starter.start(request('dry-run'));
    await starter.detachAll();
    const [run, rehearsal] = processes;
    assert.equal((await rehearsal?.exited)?.code, 0);
    assert.equal(process.kill(run?.pid ?? 0, 0), true);
    await assert.rejects(going.finished);
  });
});

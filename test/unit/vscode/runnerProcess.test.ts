import assert from 'node:assert/strict';
import { english } from '../../../src/vscode/words';
import { join } from 'node:path';
import type { ConnectionTarget } from '../../../src/protocol/runner';
import { UserError } from '../../../src/protocol/errors';
import { Observer } from '../../../src/vscode/observer';
import { RunnerProcess, runnerEnvironment } from '../../../src/vscode/runnerProcess';

const program = join(__dirname, 'fakeRunner.mjs');
const target: ConnectionTarget = { name: 'x', uri: 'mongodb://u:secret@h/db', database: 'db' };
const project = { root: '/' };

describe('a runner process', () => {
  const running: RunnerProcess[] = [];
  const start = (options: { detached?: boolean; node?: string; lines?: string[] } = {}): RunnerProcess => {
    const runner = new RunnerProcess({
      program,
      node: options.node ?? process.execPath,
      detached: options.detached ?? true,
      t: english,
      onOutput: (line) => options.lines?.push(line),
    });
    running.push(runner);
    return runner;
  };
  afterEach(() => {
    for (const runner of running.splice(0)) runner.kill();
  });

  it('gets nothing in its arguments and nothing of the editor in its environment', async () => {
    process.env['VSCODE_TEST_MARK'] = 'x';
    const seen = (await start().call('config', { project })) as unknown as {
      argv: string[];
      env: Record<string, string>;
    };
    delete process.env['VSCODE_TEST_MARK'];
    assert.deepEqual(seen.argv, []);
    assert.equal(seen.env['VSCODE_TEST_MARK'], undefined);
    assert.equal(seen.env['ELECTRON_RUN_AS_NODE'], '1');
    assert.equal(seen.env['PATH'], process.env['PATH']);
    assert.ok(!JSON.stringify(seen.env).includes('secret'));
  });

  it('hands the error of an answer on with its action', async () => {
    await assert.rejects(start().call('status', { project, target }), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.message, 'no server');
      assert.equal(error.action?.label, 'Retry');
      return true;
    });
  });

  it('rejects what is pending with the exit code and the last words of a process that dies', async () => {
    const runner = start();
    await assert.rejects(runner.call('snapshot', { target, run: 'r' }), /exit code 7.*heap is full/);
    const exit = await runner.exited;
    assert.equal(exit.code, 7);
    assert.deepEqual(exit.stderr, ['first line', 'heap is full']);
    await assert.rejects(runner.call('config', { project }), /exit code 7/);
    assert.equal(runner.alive, false);
  });

  it('rejects what is pending when the process is killed', async () => {
    const runner = start();
    const pending = runner.call('start', { project, target, mode: 'up', names: [] });
    await new Promise<void>((resolve) => void runner.on('snapshot', () => resolve()));
    process.kill(runner.pid ?? 0, 'SIGKILL');
    await assert.rejects(pending, /SIGKILL|closed its connection/);
    assert.equal((await runner.exited).signal, 'SIGKILL');
  });

  it('rejects what is pending when the process closes its channel', async () => {
    const runner = start();
    const pending = runner.call('start', { project, target, mode: 'up', names: [] });
    await assert.rejects(
      Promise.all([pending, runner.call('cancel', { force: true })]),
      /closed its connection/,
    );
  });

  it('says so when the program named in the settings does not start', async () => {
    const runner = start({ node: '/nowhere/node' });
    await assert.rejects(runner.call('config', { project }), /"\/nowhere\/node" does not start/);
    assert.equal((await runner.exited).code, null);
  });

  it('forwards what is printed, line by line', async () => {
    const lines: string[] = [];
    await start({ lines }).call('config', { project });
    assert.deepEqual(lines, ['ready']);
  });

  it('goes on alone when it is let go', async () => {
    const runner = start();
    await runner.call('config', { project });
    const pid = runner.pid ?? 0;
    runner.detach();
    await assert.rejects(runner.call('config', { project }));
    assert.equal(process.kill(pid, 0), true);
    process.kill(pid, 'SIGKILL');
    assert.equal((await runner.exited).signal, 'SIGKILL');
  });
});

describe('the environment of a runner', () => {
  it('is the person’s own, without the editor’s', () => {
    const env = {
      PATH: '/bin',
      SHOP_URI: 'x',
      VSCODE_IPC: '1',
      ELECTRON_X: '1',
      NODE_OPTIONS: '--inspect',
      NODE_CHANNEL_FD: '3',
    };
    assert.deepEqual(runnerEnvironment(env), { PATH: '/bin', SHOP_URI: 'x' });
  });
});

describe('the observer', () => {
  it('is started again when it has died, and watches again what was watched', async () => {
    const started: RunnerProcess[] = [];
    const reported: string[] = [];
    const observer = new Observer(
      () => {
        const runner = new RunnerProcess({
          program,
          node: process.execPath,
          detached: false,
          t: english,
          onOutput: () => undefined,
        });
        started.push(runner);
        return runner;
      },
      (error) => reported.push(error.message),
    );
    try {
      const seen: number[] = [];
      observer.onDidReadRuns((params) => seen.push((params as unknown as { pid: number }).pid));
      await observer.watch('k', { target, project });
      await assert.rejects(observer.call('snapshot', { target, run: 'r' }), /exit code 7/);
      await started[0]?.exited;
      await observer.call('config', { project });
      assert.equal(started.length, 2);
      assert.deepEqual(seen, [started[0]?.pid, started[1]?.pid]);
      assert.equal(reported.length, 1);
    } finally {
      observer.dispose();
    }
  });
});

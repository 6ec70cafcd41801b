import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import {
  acquireLease,
  breakLease,
  leaseCollection,
  LeaseLostError,
  readLease,
} from '../../../src/engine/lease';
import { UserError } from '../../../src/protocol/errors';
import { replicaSet } from '../../support/server';

const contender = join(__dirname, 'leaseContender.ts');

function start(uri: string, database: string): ChildProcess {
  const child = fork(contender, [], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.send({ uri, database });
  return child;
}

async function answer(child: ChildProcess): Promise<{ outcome: string; epoch?: number }> {
  const [message] = (await once(child, 'message')) as [{ outcome: string; epoch?: number }];
  return message;
}

describe('lease', function () {
  this.timeout(60_000);

  it('is held by one run at a time, and its epoch grows with every owner', async () => {
    const { db } = await (await replicaSet()).database('lease');
    const first = await acquireLease(db, 'run-1');
    await assert.rejects(acquireLease(db, 'run-2'), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.exitCode, 4);
      assert.match(error.message, /Another run is at work on database .*: run run-1 on /);
      return true;
    });
    assert.equal((await readLease(db))?.run, 'run-1');
    await first.release();
    assert.equal(await readLease(db), null);
    const second = await acquireLease(db, 'run-2');
    assert.ok(second.epoch > first.epoch);
    await second.release();
  });

  it('lets exactly one of two runners through, a hundred times', async () => {
    const server = await replicaSet();
    const { name, uri } = await server.database('lease');
    const runners = [start(uri, name), start(uri, name)];
    await Promise.all(runners.map(answer));
    for (let round = 0; round < 100; round++) {
      const answers = runners.map(answer);
      for (const runner of runners) runner.send('acquire');
      const outcomes = (await Promise.all(answers)).map(({ outcome }) => outcome).toSorted();
      assert.deepEqual(outcomes, ['acquired', 'refused'], `round ${round}`);
      const released = runners.map(answer);
      for (const runner of runners) runner.send('release');
      await Promise.all(released);
    }
    for (const runner of runners) runner.kill();
  });

  it('is free at once when its owner was killed on this machine', async () => {
    const server = await replicaSet();
    const { db, name, uri } = await server.database('lease');
    const owner = start(uri, name);
    await answer(owner);
    owner.send('acquire');
    const { epoch } = await answer(owner);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    const lease = await acquireLease(db, 'successor');
    assert.ok(lease.epoch > (epoch ?? 0));
    await lease.release();
  });

  it('judges by the clock of the server alone', async () => {
    const { db } = await (await replicaSet()).database('lease');
    const realNow = Date.now;
    Date.now = () => realNow() + 3_600_000;
    try {
      const ahead = await acquireLease(db, 'clock-ahead');
      Date.now = () => realNow() - 3_600_000;
      await assert.rejects(acquireLease(db, 'clock-behind'), UserError);
      Date.now = realNow;
      await ahead.release();
    } finally {
      Date.now = realNow;
    }
  });

  it('is noticed as lost when another took it, and writes nothing on release', async () => {
    const { db } = await (await replicaSet()).database('lease');
    const first = await acquireLease(db, 'run-1');
    assert.equal((await breakLease(db))?.run, 'run-1');
    const second = await acquireLease(db, 'run-2');
    await once(first.signal, 'abort');
    assert.throws(() => first.check(), LeaseLostError);
    await first.release();
    assert.equal((await readLease(db))?.run, 'run-2');
    await second.release();
    assert.equal(await db.collection(leaseCollection).countDocuments(), 1);
  });
});

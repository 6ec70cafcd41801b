// A runner that is killed in the middle of a script: the next one undoes what was done and runs the script again, and
// the end is that of a run that nobody killed; or the script is taken back, and everything is as it was.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { replicaSet, standalone, type TestServer } from '../../support/server';
import { longScript, seed, steps } from './longScript';
import { Bench } from './support';

/** @returns how many steps had been reported when it was killed. */
async function runAndKill(bench: Bench, uri: string, at: number): Promise<number> {
  const child = fork(join(__dirname, 'child.ts'), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let done = 0;
  child.on('message', (message: { done?: number }) => {
    done = message.done ?? done;
    if (done >= at) child.kill('SIGKILL');
  });
  child.send({ uri, database: bench.db.databaseName, root: bench.root });
  const [, signal] = (await once(child, 'exit')) as [number, string];
  assert.equal(signal, 'SIGKILL');
  return done;
}

for (const [kind, server] of [
  ['a replica set', replicaSet],
  ['a standalone', standalone],
] as [string, () => Promise<TestServer>][]) {
  describe(`a script that is killed on ${kind}`, function () {
    this.timeout(120_000);
    let bench: Bench;
    let uri: string;
    beforeEach(async () => {
      const from = await server();
      uri = from.uri;
      bench = await Bench.open(from);
      await seed(bench.db);
    });
    afterEach(() => bench.close());

    for (const at of [3, 33, 59, 95]) {
      it(`is undone and run again after step ${at}`, async () => {
        const done = await runAndKill(bench, uri, at);
        assert.ok(done > 0 && done < steps, `killed after ${done} of ${steps}`);
        const { run, exitCode } = await bench.up(longScript(() => undefined));
        assert.equal(exitCode, 0, JSON.stringify([run.error, bench.conflicts]));
        const other = await Bench.open(await server());
        await seed(other.db);
        await other.up(longScript(() => undefined));
        assert.deepEqual(await bench.state(), await other.state());
        await other.close();
      });
    }

    it('is taken back by a rollback', async () => {
      const before = await bench.state();
      const done = await runAndKill(bench, uri, 70);
      assert.ok(done > 0 && done < steps);
      const { run, exitCode } = await bench.down();
      assert.equal(exitCode, 0, JSON.stringify([run.error, bench.conflicts]));
      assert.deepEqual(await bench.state(), before);
    });
  });
}

// Two runners that start at the same moment: exactly one runs, the other is told who does, and the work is done once.
// The sample is in together.test.ts, the hundred in test/long.
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Stage } from '../harness/stage';
import { replicaSet } from '../../support/server';
import type { Answer } from './togetherChild';
import { migrations, total } from './togetherJob';

function start(uri: string): ChildProcess {
  const child = fork(fileURLToPath(new URL('./togetherChild.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.send(uri);
  return child;
}

async function answerOf(child: ChildProcess): Promise<Answer> {
  const [answer] = (await once(child, 'message')) as [Answer];
  return answer;
}

/** Two processes start an `up` of the same migration at once, so many times. */
export async function startTogether(rounds: number): Promise<void> {
  const { uri } = await (await replicaSet()).database('together');
  const stage = await Stage.at(uri, migrations());
  const rows = stage.db.collection<{ _id: number; x: number }>('rows');
  const runners = [start(uri), start(uri)];
  try {
    await rows.insertMany(Array.from({ length: total }, (_, _id) => ({ _id, x: _id })));
    for (const { outcome } of await Promise.all(runners.map(answerOf))) assert.equal(outcome, 'ready');
    for (let round = 0; round < rounds; round++) {
      const answers = runners.map(answerOf);
      for (const runner of runners) runner.send('up');
      const outcomes = await Promise.all(answers);
      // One that comes when the other has finished finds nothing to do.
      const ran = outcomes.filter(({ outcome }) => outcome === 'ran').length;
      const others = outcomes.filter(({ outcome }) => outcome === 'locked' || outcome === 'nothing').length;
      assert.deepEqual([ran, others], [1, 1], `round ${round}: ${JSON.stringify(outcomes)}`);
      const once = await rows.countDocuments({ $expr: { $eq: ['$x', { $add: ['$_id', 100] }] } });
      assert.equal(once, total, `round ${round}: it was not done exactly once`);
      assert.deepEqual(await stage.ledger(), stage.names);
      await stage.down();
    }
  } finally {
    for (const runner of runners) runner.kill();
    await stage.close();
  }
}

// A process that runs one transfer, or one way back, and is killed at a named point: started by crash.ts.
import { MongoClient } from 'mongodb';
import { revertFromJournal } from '../../../src/transfer/revert';
import type { CrashPoint, TransferContext } from '../../../src/transfer/types';
import { runJob, type JobName } from './crashJobs';

export interface Order {
  uri: string;
  database: string;
  job: JobName;
  direction: 'up' | 'down';
  transactions: boolean;
  point: CrashPoint;
  /** Documents that this process has to be done with before the point kills it. */
  done: number;
}

async function run(order: Order): Promise<void> {
  const client = await MongoClient.connect(order.uri);
  const context: TransferContext = {
    client,
    db: client.db(order.database),
    runId: 'run1',
    step: 'step',
    epoch: 1,
    transactions: order.transactions,
    batchSize: 50,
    crashPoint(point, done) {
      if (point === order.point && done >= order.done) process.kill(process.pid, 'SIGKILL');
    },
  };
  if (order.direction === 'up') await runJob(order.job, context);
  else await revertFromJournal(context);
  await client.close();
  process.send?.('finished');
  process.disconnect();
}

process.once('message', (order: Order) => {
  run(order).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});

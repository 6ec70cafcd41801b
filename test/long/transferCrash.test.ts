// The whole crash matrix of the kernel: every named point, every kind of change, both directions, both kinds of
// deployments. The sample of it in test/engine/transfer/crash.test.ts runs with every `npm test`.
import { allPoints, crash, total } from '../engine/transfer/crash';
import { jobNames } from '../engine/transfer/crashJobs';
import { deployments } from '../engine/transfer/setup';

/** Whether a job, a deployment and a direction pass the point. */
function isPassed(job: string, point: string, direction: string, transactions: boolean): boolean {
  if (point === 'after-images') return job === 'kept' && direction === 'up' && transactions;
  if (direction === 'down')
    return (
      point !== 'before-sweep' && point !== 'after-journal' && (transactions || point !== 'before-commit')
    );
  return transactions || point !== 'before-commit';
}

for (const deployment of deployments) {
  describe(`the crash matrix, ${deployment.name}`, function () {
    this.timeout(180_000);
    for (const job of jobNames) {
      for (const direction of ['up', 'down'] as const) {
        for (const point of allPoints) {
          if (!isPassed(job, point, direction, deployment.transactions)) continue;
          it(`${job} ${direction} at ${point}`, async () => {
            const done = await crash({ deployment, job, direction, point });
            console.log(`      ${done} of ${total} documents were done at the kill`);
          });
        }
      }
    }
  });
}

// An aggregation that cannot be run in ranges: as a whole on the server, into a collection of our own, from where its
// results are merged like any other source, with checkpoints and journal.
import { createHash } from 'node:crypto';
import { UserError } from '../protocol/errors';
import { Checkpoints } from './checkpoints';
import { stagePrefix } from './evaluate';
import { steadily } from './transaction';
import type { PipelineTransferOptions, TransferResult } from './types';

export interface Staged {
  /** The step has been done before. */
  finished?: TransferResult;
  /** What is left to do: a merge out of the staged results. */
  options: PipelineTransferOptions;
  drop: () => Promise<void>;
}

/** Runs the aggregation unless its results are staged already. */
export async function stageWhole(options: PipelineTransferOptions): Promise<Staged> {
  const { db, runId, step, epoch, pipeline } = options;
  if (pipeline.some((stage) => '$out' in stage || '$merge' in stage)) {
    throw new UserError(
      'The pipeline of a migration ends without $out and $merge: `into` says where its results go.',
    );
  }
  const name = `${stagePrefix}${runId}_${createHash('sha256').update(step).digest('hex').slice(0, 12)}`;
  const staging = new Checkpoints(db, runId, `${step}:stage`, epoch, 0);
  const drop = async () => {
    await db.dropCollection(name);
    await staging.forget();
  };
  const left: PipelineTransferOptions = {
    ...options,
    collection: name,
    // A result may have no _id of its own, which a stored document cannot.
    pipeline: [{ $replaceWith: '$result' }],
  };
  const { finished } = await steadily(
    () => new Checkpoints(db, runId, step, epoch, 0).load(undefined),
    options.signal,
  );
  if (finished) return { finished: finished as TransferResult, options: left, drop };
  await staging.claim([]);
  if (!(await staging.load(undefined)).finished) {
    options.monitor?.log?.('info', 'running the pipeline as a whole');
    const stages = [...pipeline, { $project: { _id: 0, result: '$$ROOT' } }, { $out: name }];
    const writeConcern = { w: 'majority' as const };
    await db
      .collection(options.collection)
      .aggregate(stages, { allowDiskUse: true, writeConcern, signal: options.signal })
      .toArray();
    await staging.finish({});
  }
  return { options: left, drop };
}

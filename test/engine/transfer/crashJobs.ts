// The changes that the crash tests interrupt; none may be applied twice.
import { transfer, transferPipeline } from '../../../src/transfer/transfer';
import type { TransferContext, TransferOptions, TransferResult } from '../../../src/transfer/types';
import { byFunction, byPipeline } from './setup';

type JobOptions = Pick<TransferOptions, 'collection' | 'change' | 'filter' | 'into' | 'onError'>;

const transfers = {
  function: {
    collection: 't',
    change: byFunction((doc) => ({ $set: { x: doc.x + 100, name: `${doc.name}!` } })),
  },
  replacement: {
    collection: 't',
    change: byFunction((doc) => ({ ...doc, x: doc.x + 100, added: { at: doc.n } })),
  },
  operators: { collection: 't', change: byFunction(() => ({ $inc: { x: 100 }, $push: { log: 'up' } })) },
  pipeline: { collection: 't', change: byPipeline({ $set: { x: { $add: ['$x', 100] } } }) },
  /** Over `_id`s of one kind, so that the server keeps the documents. */
  kept: { collection: 't', change: byPipeline({ $set: { x: { $add: ['$x', 100] } } }) },
  filtered: {
    collection: 't',
    filter: { odd: true },
    change: byPipeline({ $set: { x: { $add: ['$x', 100] }, odd: false } }),
  },
  into: { collection: 't', into: 'copy', change: byFunction((doc) => ({ $set: { x: doc.x + 100 } })) },
  quarantine: {
    collection: 't',
    onError: 'quarantine' as const,
    change: byFunction((doc) => {
      if (doc.n % 37 === 0) throw new Error('every 37th fails');
      return { $inc: { x: 100 } };
    }),
  },
} satisfies Record<string, JobOptions>;

/** Counts up documents that many others are merged into. */
const merge = {
  collection: 't',
  into: 'copy',
  pipeline: [{ $project: { _id: { $mod: ['$n', 40] }, n: 1 } }],
  whenMatched: [{ $set: { n: { $add: ['$n', '$$new.n'] } } }],
};

export type JobName = keyof typeof transfers | 'merge';
export const jobNames = [...Object.keys(transfers), 'merge'] as JobName[];

/** Whether the job writes into the collection `copy`. */
export function copies(job: JobName): boolean {
  return job === 'into' || job === 'merge';
}

export function runJob(job: JobName, context: TransferContext): Promise<TransferResult> {
  return job === 'merge'
    ? transferPipeline({ ...context, ...merge })
    : transfer({ ...context, ...transfers[job] });
}

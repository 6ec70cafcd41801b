// The changes that the crash tests interrupt; none may be applied twice.
import type { TransferOptions } from '../../../src/transfer/types';
import { byFunction, byPipeline } from './setup';

type JobOptions = Pick<TransferOptions, 'collection' | 'change' | 'filter' | 'into' | 'onError'>;

export const jobs = {
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

export type JobName = keyof typeof jobs;

// What the tests of the kernel share: the options of a transfer on a test server, and both kinds of deployments.
import type { Db, Document } from 'mongodb';
import type { MigrationContext, TransformFunction } from '../../../src/migration/kinds';
import type { Change, Conflict, TransferContext } from '../../../src/transfer/types';
import { replicaSet, standalone } from '../../support/server';

export interface Deployment {
  name: string;
  transactions: boolean;
  database(): Promise<Db>;
}

export const replicated: Deployment = {
  name: 'with transactions',
  transactions: true,
  database: async () => (await (await replicaSet()).database('transfer')).db,
};

export const single: Deployment = {
  name: 'without transactions',
  transactions: false,
  database: async () => (await (await standalone()).database('transfer')).db,
};

export const deployments = [replicated, single];

export interface Heard {
  conflicts: Conflict[];
  quarantined: { id: unknown; reason: string }[];
  batches: number;
  totals: [number, number][];
}

/** Options of a transfer on this database; what its monitor hears is kept in `heard`. */
export function contextOf(
  deployment: Deployment,
  db: Db,
  more: Partial<TransferContext> = {},
): TransferContext & { heard: Heard } {
  const heard: Heard = { conflicts: [], quarantined: [], batches: 0, totals: [] };
  return {
    client: db.client,
    db,
    runId: 'run1',
    step: 'step',
    epoch: 1,
    transactions: deployment.transactions,
    heard,
    monitor: {
      conflict: (conflict) => heard.conflicts.push(conflict),
      quarantined: (item) => heard.quarantined.push(item),
      batch: () => (heard.batches += 1),
      total: (total, done) => heard.totals.push([total, done]),
    },
    ...more,
  };
}

export const noContext = {} as MigrationContext;

export function byFunction(transform: (doc: any) => unknown): Change {
  return { kind: 'function', transform: transform as TransformFunction, ctx: noContext };
}

export function byPipeline(...update: Document[]): Change {
  return { kind: 'pipeline', update };
}

/** Names of our own collections that are left in a database. */
export async function stateLeft(db: Db): Promise<string[]> {
  const found = await db.listCollections({}, { nameOnly: true }).toArray();
  return found
    .map((item) => item.name)
    .filter((name) => name.startsWith('_migratory_'))
    .sort();
}

// One call of a helper of `ctx` (`batch`, `convert`, `extract`, `embed`): its transfers inside the step, under names of
// their own, so that they are resumed, told and taken back as parts of the step.
import type { Collection, Document } from 'mongodb';
import type { BatchOptions, MigrationContext, TransformFunction } from '../../migration/kinds';
import { UserError } from '../../protocol/errors';
import type { RunStep } from '../../protocol/run';
import { checkpointCollection } from '../../transfer/checkpoints';
import { transfer, transferPipeline } from '../../transfer/transfer';
import type {
  Change,
  PipelineTransferOptions,
  TransferContext,
  TransferMonitor,
  TransferResult,
} from '../../transfer/types';
import type { RunScope } from '../scope';

export interface HelperParts {
  scope: RunScope;
  step: RunStep;
  ctx: MigrationContext;
  /** As the kernel needs it for the step as a whole. */
  context: TransferContext;
  /** `<step>#convert-1`: the call by its position among its like. */
  name: string;
  options: BatchOptions;
  /** Hears of each journaled transfer before it begins. */
  beforeTransfer: ((name: string) => Promise<void> | undefined) | undefined;
}

export class HelperCall {
  constructor(protected readonly parts: HelperParts) {}

  collection(name: string): Collection {
    return this.parts.context.db.collection(name);
  }

  get signal(): AbortSignal {
    return this.parts.scope.signal;
  }

  warn(message: string): void {
    this.parts.ctx.log.warn(message);
  }

  /** In a dry run brings the collections into the scratch database; to be called before anything is read. */
  async touch(collections: string[], filter?: Document): Promise<void> {
    for (const collection of collections) await this.parts.scope.touch?.(collection, filter);
  }

  /** @param part distinguishes the transfers of one call; empty if there is only one. */
  async transform(
    part: string,
    collection: string,
    filter: Document | undefined,
    transform: TransformFunction | Document[],
  ): Promise<TransferResult> {
    const { options, scope } = this.parts;
    const change = this.changeOf(transform);
    const { onError, maxErrors = scope.settings.maxErrors } = options;
    return transfer({
      ...(await this.begin(this.nameOf(part))),
      collection,
      filter,
      change,
      onError,
      maxErrors,
    });
  }

  protected changeOf(transform: TransformFunction | Document[]): Change {
    const { ctx } = this.parts;
    return Array.isArray(transform)
      ? { kind: 'pipeline', update: transform }
      : { kind: 'function', transform, ctx };
  }

  async pipeline(
    part: string,
    pipeline: Pick<
      PipelineTransferOptions,
      'collection' | 'pipeline' | 'into' | 'whenMatched' | 'whenNotMatched'
    >,
  ): Promise<TransferResult> {
    return transferPipeline({ ...(await this.begin(this.nameOf(part))), ...pipeline });
  }

  /** Whether a part was begun before, by a runner that did not come to its end. */
  async begun(part: string): Promise<boolean> {
    const { context } = this.parts;
    const state = { run: context.runId, step: this.nameOf(part), kind: 'state' };
    const found = await context.db.collection(checkpointCollection).findOne({ _id: state } as Document);
    return found !== null;
  }

  protected nameOf(part: string): string {
    return part === '' ? this.parts.name : `${this.parts.name}.${part}`;
  }

  protected async begin(step: string): Promise<TransferContext & { journal: 'journal' | 'none' }> {
    const { context, options, scope, beforeTransfer } = this.parts;
    const journal = options.backup ?? scope.settings.backup;
    if (journal === 'journal') await beforeTransfer?.(step);
    const batchSize = options.batchSize ?? context.batchSize;
    return { ...context, step, batchSize, journal, monitor: this.#monitor(step) };
  }

  /** The totals of all transfers of the step add up. */
  #monitor(name: string): TransferMonitor {
    const { context, scope, step } = this.parts;
    return {
      ...context.monitor,
      total: (total) => scope.recorder.setTotal(step, total, name),
    };
  }
}

/** @throws UserError unless it is the name of a field that a pipeline can speak of. */
export function checkField(what: string, field: unknown): asserts field is string {
  const fine = typeof field === 'string' && field !== '' && field.split('.').every(isPlainName);
  if (!fine) throw new UserError(`${what} has to be the name of a field, not ${JSON.stringify(field)}.`);
}

function isPlainName(name: string): boolean {
  return name !== '' && !name.startsWith('$') && !name.includes('\0');
}

/** @throws UserError unless it is the name of a collection. */
export function checkCollection(what: string, name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '')
    throw new UserError(`${what} has to be the name of a collection, not ${JSON.stringify(name)}.`);
}

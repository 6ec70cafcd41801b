// A call of a helper of `ctx`, made once more for its documents in quarantine alone.
import type { Document } from 'mongodb';
import type { TransformFunction } from '../../migration/kinds';
import { UserError } from '../../protocol/errors';
import type { RawValue } from '../../transfer/raw';
import { decoded } from '../../transfer/shownId';
import { retryQuarantine, transferPipeline } from '../../transfer/transfer';
import type {
  PipelineTransferOptions,
  TransferContext,
  TransferMonitor,
  TransferResult,
} from '../../transfer/types';
import { HelperCall, type HelperParts } from './helperCall';

/** The transfers of a call that have documents in quarantine, with the collection that these are in. */
export type HeldTransfers = ReadonlyMap<string, string>;

export class RetriedCall extends HelperCall {
  constructor(
    parts: HelperParts,
    private readonly held: HeldTransfers,
    /** The retry's own run: its pipelines are other ones than those of earlier retries. */
    private readonly run: string,
  ) {
    super(parts);
  }

  /** The transfers of the call that have something to retry. */
  get transfers(): string[] {
    return [...this.held.keys()];
  }

  get db() {
    return this.parts.context.db;
  }

  /** The run that the documents were quarantined in. */
  get runId(): string {
    return this.parts.context.runId;
  }

  /** Retries write to the real collections alone. */
  override async touch(): Promise<void> {}

  override transform(
    part: string,
    collection: string,
    filter: Document | undefined,
    transform: TransformFunction | Document[],
  ): Promise<TransferResult> {
    return this.retry(this.nameOf(part), { collection, filter, transform });
  }

  /** @param hold keeps them all in quarantine. */
  async retry(
    transfer: string,
    wanted: {
      collection: string;
      filter?: Document;
      transform: TransformFunction | Document[];
      hold?: boolean;
      quarantined?: TransferMonitor['quarantined'];
    },
  ): Promise<TransferResult> {
    const { collection, filter, transform, hold, quarantined } = wanted;
    const before = this.held.get(transfer);
    if (before !== collection)
      throw new UserError(
        `The call that has quarantined documents of "${before ?? ''}" now means "${collection}": give the script the ` +
          'order of its calls back, or mend the documents by hand and discard them from quarantine.',
      );
    // The same for every retry: without transactions one that was cut off is settled by the next.
    const begun = await this.begin(`${transfer}:retry`);
    const monitor: TransferMonitor = {
      ...begun.monitor,
      quarantined(item) {
        begun.monitor?.quarantined?.(item);
        quarantined?.(item);
      },
    };
    const change = this.changeOf(transform);
    return retryQuarantine({ ...begun, monitor, quarantine: transfer, hold, collection, filter, change });
  }

  /** Documents that passed the transform and still have to stay in quarantine. */
  tellHeld(collection: string, ids: readonly RawValue[], reason: string): void {
    const { context, step } = this.parts;
    step.quarantined += ids.length;
    for (const id of ids) context.monitor?.quarantined?.({ collection, id: decoded(id), reason });
  }

  /** A pipeline over these documents alone. */
  async pipelineOver(
    ids: readonly RawValue[],
    part: string,
    pipeline: Omit<PipelineTransferOptions, keyof TransferContext | 'journal' | 'only'>,
  ): Promise<void> {
    const begun = await this.begin(`${this.nameOf(part)}:retry-${this.run}`);
    await transferPipeline({ ...begun, ...pipeline, only: ids });
  }
}

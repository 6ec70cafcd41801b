// A second try of what a script's calls of `ctx` have put into quarantine. Their functions are in the script alone, so
// it is run once more as far as it only reads: calls that have nothing in quarantine answer what they have answered in
// their run, and the first command that would change something ends it. What it never comes to is tried with what was
// kept of the call, which a function is not part of.
import type { Document } from 'mongodb';
import type {
  BatchOptions,
  BatchResult,
  ConvertTarget,
  ExtractOptions,
  MigrationContext,
  TransformFunction,
} from '../../migration/kinds';
import { UserError } from '../../protocol/errors';
import type { RunStep } from '../../protocol/run';
import { quarantineCollection } from '../../transfer/quarantine';
import { DoorRefusal, type DoorCommand } from '../../wire/door';
import { transferContext } from '../context';
import type { RunScope } from '../scope';
import { batch } from './batch';
import { callOf, CallNames, readCall, type Helper } from './calls';
import { convert } from './convert';
import { retryExtract } from './extractRetry';
import { RetriedCall } from './retriedCall';

export interface RetryParts {
  scope: RunScope;
  step: RunStep;
  /** Hears of each journaled transfer before it begins; undefined when no journal of the script is kept. */
  noteTransfer: ((name: string) => Promise<void>) | undefined;
}

export class HelperRetry {
  /** Documents that failed again. */
  quarantined = 0;
  /** The command that ended the script's second run. */
  #refused: string | undefined;

  private constructor(
    private readonly parts: RetryParts,
    private readonly run: string,
    /** By the name of the call: what is still to be retried of it, and how many documents that are. */
    private readonly open: Map<string, { transfers: Map<string, string>; documents: number }>,
  ) {}

  static async of(parts: RetryParts): Promise<HelperRetry> {
    const { scope, step } = parts;
    const { runId } = transferContext(scope, step);
    const held = await scope.db
      .collection(quarantineCollection)
      .aggregate<{ _id: { step: string; collection: string }; documents: number }>([
        { $match: { run: runId, step: { $gte: `${step.name}#`, $lt: `${step.name}$` } } },
        { $group: { _id: { step: '$step', collection: '$collection' }, documents: { $sum: 1 } } },
        { $sort: { _id: 1 } },
      ])
      .toArray();
    const open = new Map<string, { transfers: Map<string, string>; documents: number }>();
    for (const { _id, documents } of held) {
      const call = callOf(_id.step);
      if (call?.step !== step.name) continue;
      const known = open.get(call.name) ?? { transfers: new Map<string, string>(), documents: 0 };
      known.transfers.set(_id.step, _id.collection);
      known.documents += documents;
      open.set(call.name, known);
    }
    return new HelperRetry(parts, runId, open);
  }

  /** Whether everything has been retried. */
  get over(): boolean {
    return this.open.size === 0;
  }

  /** Whether the script was ended on purpose. */
  get ended(): boolean {
    return this.over || this.#refused !== undefined;
  }

  before({ kind, name, collection }: DoorCommand): void {
    if (this.#refused === undefined && !this.over && kind !== 'write' && kind !== 'catalogue') return;
    if (!this.over) this.#refused ??= collection === undefined ? name : `${name} on "${collection}"`;
    throw new DoorRefusal('Documents in quarantine are tried again: the migration only reads for that.', {
      code: 20,
      codeName: 'IllegalOperation',
    });
  }

  /** For the script's second run. */
  context(ctx: MigrationContext): MigrationContext {
    const names = new CallNames(this.parts.step.name);
    const again =
      (helper: Helper) =>
      async (...args: unknown[]): Promise<BatchResult> =>
        this.#again(ctx, names.next(helper), helper, args);
    return {
      ...ctx,
      progress: () => undefined,
      batch: again('batch'),
      convert: again('convert'),
      extract: again('extract'),
      embed: again('embed'),
    };
  }

  /** What the script did not come to. @throws UserError naming what nobody can retry. */
  async rest(scope: RunScope, ctx: MigrationContext): Promise<void> {
    const left: string[] = [];
    for (const [name, { transfers, documents }] of this.open) {
      const { helper = 'batch', position = 1 } = callOf(name) ?? {};
      const record = await readCall(scope.db, this.run, name);
      const call = `ctx.${helper} (call ${position})`;
      if (record?.args) {
        ctx.log.info(`${call} is tried again as it was called in its run: ${this.#why()}.`);
        await this.#retry(scope, ctx, name, helper, record.args);
      } else {
        const where = [...new Set(transfers.values())].map((each) => `"${each}"`).join(', ');
        left.push(`${documents} of ${call} in ${where}`);
      }
    }
    if (left.length === 0) return;
    throw new UserError(
      `These documents in quarantine cannot be tried again: ${left.join('; ')}. Their function is in the script, and ` +
        `${this.#why()}. Mend them by hand and discard them from quarantine, or change them in a new migration.`,
    );
  }

  #why(): string {
    return this.#refused === undefined
      ? 'the script as it is now does not come to it'
      : `before it comes to it the script writes by itself (${this.#refused}), which a retry does not do again`;
  }

  async #again(ctx: MigrationContext, name: string, helper: Helper, args: unknown[]): Promise<BatchResult> {
    if (this.ended) throw new UserError('The retry is over; the migration goes no further.');
    const { scope } = this.parts;
    if (this.open.has(name)) return this.#retry(scope, ctx, name, helper, args);
    const record = await readCall(scope.db, this.run, name);
    if (record) return record.result;
    throw new UserError(
      `The script now calls ctx.${helper} more often than in its run, so it cannot be told which call has quarantined ` +
        'what. Give it the order of its calls back, or discard its documents from quarantine.',
    );
  }

  async #retry(
    scope: RunScope,
    ctx: MigrationContext,
    name: string,
    helper: Helper,
    args: unknown[],
  ): Promise<BatchResult> {
    const { step, noteTransfer } = this.parts;
    const { transfers } = this.open.get(name)!;
    const options = { ...(args.at(helper === 'batch' ? 3 : 2) as BatchOptions | undefined) };
    // Where nothing is kept of the run a journal of its last documents would lead nobody back.
    options.backup = noteTransfer ? (options.backup ?? 'journal') : 'none';
    const context = transferContext(scope, step);
    const beforeTransfer = (transfer: string): Promise<void> | undefined => noteTransfer?.(transfer);
    const call = new RetriedCall(
      { scope, step, ctx, context, name, options, beforeTransfer },
      transfers,
      scope.recorder.id,
    );
    const result = await callAgain(call, helper, args);
    this.open.delete(name);
    this.quarantined += result.errors;
    return result;
  }
}

function callAgain(call: RetriedCall, helper: Helper, args: unknown[]): Promise<BatchResult> {
  const [collection, what, third] = args;
  if (helper === 'convert')
    return convert(call, collection as string, what as Record<string, ConvertTarget>, third ?? {});
  if (helper === 'extract')
    return retryExtract(call, collection as string, what as string, third as ExtractOptions);
  return batch(call, collection as string, what as Document, third as TransformFunction | Document[]);
}

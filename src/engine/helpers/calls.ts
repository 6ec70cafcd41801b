// The calls of `ctx.batch`, `ctx.convert`, `ctx.extract` and `ctx.embed` in a script: the names that they go by, and what
// is kept of each for a retry of its quarantine.
import { BSON, Binary, type Db, type Document } from 'mongodb';
import type { BatchResult } from '../../migration/kinds';
import { checkpointCollection } from '../../transfer/checkpoints';

export type Helper = 'batch' | 'convert' | 'extract' | 'embed';

/** Names calls by their position among their like: `<step>#convert-1`. */
export class CallNames {
  readonly #positions = new Map<Helper, number>();
  constructor(private readonly step: string) {}

  next(helper: Helper): string {
    const position = (this.#positions.get(helper) ?? 0) + 1;
    this.#positions.set(helper, position);
    return `${this.step}#${helper}-${position}`;
  }
}

const callName = /^(.*)#(batch|convert|extract|embed)-(\d+)(?:\..*)?$/s;

/** The call that a transfer belongs to; undefined for the transfer of a step itself. */
export function callOf(
  transfer: string,
): { step: string; name: string; helper: Helper; position: number } | undefined {
  const [, step, helper, position] = callName.exec(transfer) ?? [];
  if (step === undefined || helper === undefined || position === undefined) return undefined;
  return {
    step,
    name: `${step}#${helper}-${position}`,
    helper: helper as Helper,
    position: Number(position),
  };
}

export interface CallRecord {
  /** What it was called with; undefined where a function was among it, which only the script has. */
  args: unknown[] | undefined;
  result: BatchResult;
}

/** Keeps what a call was made with and what it answered. */
export async function recordCall(
  db: Db,
  run: string,
  name: string,
  args: readonly unknown[],
  result: BatchResult,
): Promise<void> {
  const kept = args.some((arg) => typeof arg === 'function') ? undefined : bytesOf(args);
  await db
    .collection(checkpointCollection)
    .updateOne(
      { _id: idOf(run, name) },
      { $set: { result, ...(kept && { args: kept }) } },
      { upsert: true, writeConcern: { w: 'majority' } },
    );
}

export async function readCall(db: Db, run: string, name: string): Promise<CallRecord | undefined> {
  const row = await db.collection(checkpointCollection).findOne({ _id: idOf(run, name) } as Document);
  if (!row) return undefined;
  const kept = row['args'] as Binary | undefined;
  const { processed, errors, total } = row['result'] as BatchResult;
  return { args: kept && argsOf(kept), result: { processed, errors, total } };
}

function idOf(run: string, name: string): Document {
  return { run, step: name, kind: 'call' };
}

/** As bytes: a filter has names of operators, which servers before 5.0 do not store. */
function bytesOf(args: readonly unknown[]): Binary {
  return new Binary(BSON.serialize({ args }, { ignoreUndefined: true }));
}

function argsOf(kept: Binary): unknown[] {
  // Numbers keep their types: a long beyond 2^53 in a filter would be another one.
  return BSON.deserialize(kept.buffer, { promoteValues: false })['args'] as unknown[];
}

// A few real documents and what the migration would make of them. The author's transform runs here, on copies;
// nothing is written. Checks on size, validators, types and unique indexes judge these before and after images.
import type { Document, Filter } from 'mongodb';
import type { MigrationContext, TransformFunction } from '../../migration/kinds';
import { UserError } from '../../protocol/errors';
import { Shown } from '../../transfer/shown';
import { runUserCode } from '../userCode';
import { decodeExact } from '../documents';
import { afterImage } from './afterImage';
import type { CheckLimits, ChecksContext } from './check';
import { codeOf, filterOf, messageOf, pipelineOf, sourceOf, timeExceeded, transformOf } from './check';

export interface SampledDocument {
  /** `_id` as it decodes exactly (BSON types kept). */
  id: unknown;
  /** The document's bytes. */
  raw: Uint8Array;
  /** Decoded with all BSON types kept; null when it cannot be decoded. */
  before: Document | null;
  /** `unknown` = changed, but the result cannot be told without writing it. */
  outcome: 'changed' | 'skipped' | 'failed' | 'unknown';
  /** What it becomes, BSON types kept; null unless `changed`. A pipeline may make several documents of one. */
  after: Document[] | null;
  /** Why it failed. */
  reason?: string;
}

export interface Sample {
  documents: SampledDocument[];
  /** Finding the documents took too long, so that there may be more than these. */
  incomplete: boolean;
  /** Milliseconds in the author's transform, for all documents. */
  transformMs: number;
  /** The transform did not come back for a document in time; the ones after it were not tried. */
  hung: boolean;
}

export async function takeSample(context: ChecksContext, limits: CheckLimits): Promise<Sample> {
  const { raws, incomplete } = await readSample(context, limits);
  const sample: Sample = { documents: [], incomplete, transformMs: 0, hung: false };
  for (const raw of raws) {
    context.signal.throwIfAborted();
    const started = performance.now();
    const { document, hung } = await tryDocument(raw, context, limits);
    sample.transformMs += performance.now() - started;
    sample.documents.push(document);
    if (hung) {
      sample.hung = true;
      break;
    }
  }
  return sample;
}

/** The first, the last and some from anywhere: the oldest documents tend to be the odd ones. */
async function readSample(
  context: ChecksContext,
  limits: CheckLimits,
): Promise<{ raws: Uint8Array[]; incomplete: boolean }> {
  const source = context.connection.db.collection(sourceOf(context) ?? '');
  const filter = filterOf(context) as Filter<Document>;
  const options = { raw: true, maxTimeMS: limits.timeMs, signal: context.signal } as const;
  const share = Math.max(1, Math.floor(limits.sampleSize / 3));
  const reads = [
    () => source.find(filter, options).sort({ _id: 1 }).limit(limits.sampleSize),
    () => source.find(filter, options).sort({ _id: -1 }).limit(share),
    () => source.aggregate([{ $sample: { size: 100 } }, { $match: filter }, { $limit: share }], options),
  ];
  const found: Uint8Array[][] = [];
  let incomplete = false;
  for (const read of reads) {
    try {
      // With `raw` the driver hands out views of a buffer that it uses again.
      found.push((await read().toArray()).map((raw) => Uint8Array.from(raw as unknown as Uint8Array)));
    } catch (error) {
      if (codeOf(error) !== timeExceeded) throw error;
      incomplete = true;
    }
    // Fewer than asked for: these are all there are.
    if (found.length === 1 && (found[0]?.length ?? 0) < limits.sampleSize) break;
  }
  const [first = [], ...others] = found;
  // Some of the three overlap; more of the first ones make up for it.
  const raws = distinct([...others.flat(), ...first.slice(share)], first.slice(0, share));
  return { raws: raws.slice(0, limits.sampleSize), incomplete };
}

/** `start` and then those of `more` that are not the same documents byte for byte. */
function distinct(more: Uint8Array[], start: Uint8Array[]): Uint8Array[] {
  const result = [...start];
  const seen = new Set(start.map((raw) => Buffer.from(raw).toString('base64')));
  for (const raw of more) {
    const key = Buffer.from(raw).toString('base64');
    if (seen.has(key)) continue;
    seen.add(key);
    result.push(raw);
  }
  return result;
}

async function tryDocument(
  raw: Uint8Array,
  context: ChecksContext,
  limits: CheckLimits,
): Promise<{ document: SampledDocument; hung: boolean }> {
  let before: Document | null = null;
  const fail = (reason: string): SampledDocument => ({
    id: before?.['_id'] ?? null,
    raw,
    before,
    outcome: 'failed',
    after: null,
    reason,
  });
  try {
    before = decodeExact(raw);
  } catch (error) {
    return { document: fail(`cannot be decoded: ${messageOf(error)}`), hung: false };
  }
  const timeout = AbortSignal.timeout(limits.transformMs);
  const refused = context.ownClients?.refusedWrites;
  try {
    const shown = new Shown(Buffer.from(raw));
    const transform = transformOf(context)?.transform;
    const output = transform
      ? await callTransform(transform, shown, context, AbortSignal.any([context.signal, timeout]))
      : undefined;
    const image = await afterImage({ shown, before, output, context, timeMs: limits.timeMs });
    return { document: { id: before['_id'], raw, before, ...image }, hung: false };
  } catch (error) {
    context.signal.throwIfAborted();
    if (timeout.aborted) {
      return { document: fail(`did not end within ${limits.transformMs / 1000} s`), hung: true };
    }
    // It writes beside its document, which a check cannot let it do.
    if (context.ownClients?.refusedWrites !== refused)
      return { document: { ...fail(''), outcome: 'unknown' }, hung: false };
    return { document: fail(messageOf(error)), hung: false };
  }
}

/** The author gets what a run would hand over, and a copy: whatever is done to it stays here. */
async function callTransform(
  transform: TransformFunction,
  shown: Shown,
  context: ChecksContext,
  signal: AbortSignal,
): Promise<unknown> {
  const work = (): Promise<unknown> =>
    runUserCode<unknown>(context.migration.name, signal, () =>
      transform(shown.promoted, sampleContext(context, signal)),
    );
  return context.ownClients ? context.ownClients.run(work) : work();
}

/** The `ctx` of a rehearsal: logging and progress go nowhere, and helpers that write refuse. */
export function sampleContext(
  context: ChecksContext,
  signal: AbortSignal = context.signal,
): MigrationContext {
  const nowhere = (): void => undefined;
  return {
    log: { info: nowhere, warn: nowhere, error: nowhere },
    signal,
    dryRun: true,
    args: context.args ?? {},
    run: { id: 'check', startedAt: new Date() },
    progress: nowhere,
    batch: () => refusedHelper('batch'),
    convert: () => refusedHelper('convert'),
    extract: () => refusedHelper('extract'),
    embed: () => refusedHelper('embed'),
  };
}

function refusedHelper(name: string): Promise<never> {
  const message = `ctx.${name} cannot be used for a single document. Use it in a script.`;
  return Promise.reject(new UserError(message));
}

/** True for a migration whose documents are changed by an aggregation on the server. */
export function changesOnServer(context: ChecksContext): boolean {
  return transformOf(context)?.update !== undefined || pipelineOf(context) !== null;
}

/** All after images that the sample could tell. */
export function afterImages(sample: Sample): { document: SampledDocument; after: Document }[] {
  return sample.documents.flatMap((document) => (document.after ?? []).map((after) => ({ document, after })));
}

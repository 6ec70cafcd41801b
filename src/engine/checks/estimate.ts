// How long the migration will take, from the sample and the counts. A range, because nobody knows the load.
import type { Check, CheckScope } from './check';
import { count, documents, duration, passed, skipped, sourceOf, transformOf, upOnly } from './check';
import { changesOnServer } from './sample';

/** Documents of about 600 bytes per second that one runner changes with journal, measured on two cores: slow and fast. */
const rates = { function: [4_000, 25_000], server: [10_000, 60_000] } as const;
const measuredBytes = 600;

export interface Estimate {
  low: number;
  high: number;
}

/** Seconds for all matching documents. */
export async function estimateSeconds(scope: CheckScope): Promise<Estimate> {
  const [{ total, matching }, { avgObjSize }, sample] = await Promise.all([
    scope.facts.counts(),
    scope.facts.size(sourceOf(scope) ?? ''),
    scope.facts.sample(),
  ]);
  const expected = matching ?? total;
  const [slow, fast] = changesOnServer(scope) ? rates.server : rates.function;
  const weight = Math.max(0.2, avgObjSize / measuredBytes);
  // The first calls of a function run cold, so the sample is an upper bound for what the transform costs.
  const perDocument = sample.documents.length > 0 ? sample.transformMs / 1000 / sample.documents.length : 0;
  const own = transformOf(scope)?.transform ? perDocument * expected : 0;
  return { low: (expected * weight) / fast, high: (expected * weight) / slow + own };
}

/** P34. */
export const estimateCheck: Check = {
  id: 'estimate',
  title: 'Estimated duration',
  directions: upOnly,
  applies: (scope) => sourceOf(scope) !== null,
  async run(scope) {
    if (!(await scope.facts.collection(sourceOf(scope) ?? '')))
      return skipped('There is no source to estimate from.');
    const { total, matching } = await scope.facts.counts();
    const { low, high } = await estimateSeconds(scope);
    if ((matching ?? total) === 0) return passed('There is nothing to do.');
    const range = duration(low) === duration(high) ? duration(high) : `${duration(low)} to ${duration(high)}`;
    const about = matching === null ? `up to ${count(total)} documents` : documents(matching);
    return passed(`About ${range} for ${about}, if the server is not busy.`);
  },
};

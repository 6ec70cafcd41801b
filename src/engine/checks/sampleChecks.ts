// Checks on the sampled documents: whether the transform gets through and how large its results are. What their
// validators, types and indexes say is judged in validatorChecks.ts, typeChecks.ts and indexedFieldChecks.ts.
import { BSON } from 'mongodb';
import type { Check, CheckScope, Finding } from './check';
import {
  bytes,
  documents,
  failed,
  filterOf,
  passed,
  skipped,
  sourceOf,
  transformOf,
  upOnly,
  writesInPlace,
} from './check';
import { afterImages } from './sample';
import type { Sample, SampledDocument } from './sample';

export function hasSample(scope: CheckScope): boolean {
  return sourceOf(scope) !== null;
}

export function idText(id: unknown): string {
  const text = BSON.EJSON.stringify(id, { relaxed: true }) ?? 'unknown';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** One result for each sampled document that fails; one for all when none does. */
export const transformSampleCheck: Check = {
  id: 'transform-sample',
  title: 'Transform works on sampled documents',
  directions: upOnly,
  applies: hasSample,
  async run(scope) {
    const sample = await scope.facts.sample();
    const bad = sample.documents.filter(({ outcome }) => outcome === 'failed');
    if (bad.length === 0) return summary(sample);
    return bad.map((document) => failedSample(scope, sample, document));
  },
};

/** One result for each sampled document, whatever came of it. */
export const eachSampleCheck: Check = {
  ...transformSampleCheck,
  async run(scope) {
    const sample = await scope.facts.sample();
    if (sample.documents.length === 0) return summary(sample);
    return sample.documents.map((document) => {
      if (document.outcome === 'failed') return failedSample(scope, sample, document);
      const details = document.outcome === 'skipped' ? 'It is left as it is.' : 'It is changed.';
      return passed(details, `Transform sample ${idText(document.id)}`);
    });
  },
};

function failedSample(scope: CheckScope, sample: Sample, document: SampledDocument): Finding {
  const failing = stops(scope);
  return failed(
    failing || sample.hung ? 'error' : 'warning',
    `${reasonText(document)}.`,
    failing
      ? "Mend the transform or the document, or let failing documents go to quarantine (onError: 'quarantine')."
      : 'Such documents will go to quarantine. Mend the transform if that is not what you want.',
    `Transform sample ${idText(document.id)}`,
  );
}

/** Whether a document that fails ends the run. */
function stops(scope: CheckScope): boolean {
  return (transformOf(scope)?.onError ?? 'stop') === 'stop';
}

function reasonText({ reason = '' }: SampledDocument): string {
  const text = reason.replace(/\.$/, '');
  return text.startsWith('the transform') ? `T${text.slice(1)}` : `The transform failed: ${text}`;
}

function summary(sample: Sample): Finding {
  const number = (outcome: SampledDocument['outcome']): number =>
    sample.documents.filter((document) => document.outcome === outcome).length;
  const changed = number('changed') + number('unknown');
  if (sample.documents.length === 0) {
    return sample.incomplete
      ? failed(
          'warning',
          'No document could be found in time to try the transform on.',
          'Create an index for the filter, or try the migration with a dry run.',
        )
      : skipped('There is no document to try the transform on.');
  }
  const ids = sample.documents.map(({ id }) => idText(id));
  const shown = ids.length > 3 ? `${ids.slice(0, 3).join(', ')}, …` : ids.join(', ');
  const left = number('skipped') > 0 ? `, ${number('skipped')} left as they are` : '';
  return passed(
    `${documents(sample.documents.length)} tried (${shown}): ${changed} changed${left}.`,
    `Transform sample ${sample.documents.length === 1 ? (ids[0] ?? '') : `(${sample.documents.length} documents)`}`,
  );
}

const warnBytes = 15 * 1024 * 1024;

/** P22: documents near the limit of 16 MB are refused one by one in the middle of a run. */
export const sizeCheck: Check = {
  id: 'document-size',
  title: 'Documents stay below 15 MB',
  directions: upOnly,
  applies: hasSample,
  async run(scope) {
    const sample = await scope.facts.sample();
    const limit = scope.connection.server.maxBsonObjectSize;
    const sizes = afterImages(sample).map(({ document, after }) => ({
      id: idText(document.id),
      size: BSON.calculateObjectSize(after),
    }));
    const largest = sizes.sort((a, b) => b.size - a.size)[0];
    if (largest && largest.size > warnBytes) {
      return failed(
        largest.size > limit && stops(scope) ? 'error' : 'warning',
        `${largest.id} will have ${bytes(largest.size)}; the limit is ${bytes(limit)}.`,
        'Make the result smaller, or let such documents go to quarantine.',
      );
    }
    const big = await largestNow(scope);
    const growth = Math.max(0, ...sample.documents.map(growthOf));
    if (big && big.size + growth > warnBytes) {
      // Whether this one grows at all is not known.
      return failed(
        'warning',
        `${idText(big.id)} has ${bytes(big.size)} now, and sampled documents grow by up to ${bytes(growth)}; the limit is ${bytes(limit)}.`,
        'Look at the largest documents first, or let such documents go to quarantine.',
      );
    }
    return largest
      ? passed(`The largest of the sampled results has ${bytes(largest.size)}.`)
      : skipped('No sampled document changes.');
  },
};

function growthOf({ raw, after }: SampledDocument): number {
  return Math.max(0, ...(after ?? []).map((document) => BSON.calculateObjectSize(document) - raw.length));
}

/** The largest document of all, read only where that does not take long; `$bsonSize` came with 4.4. */
async function largestNow(scope: CheckScope): Promise<{ id: unknown; size: number } | null> {
  if (!writesInPlace(scope)) return null;
  const { connection, limits } = scope;
  try {
    const [row] = await connection.db
      .collection(sourceOf(scope) ?? '')
      .aggregate<{ _id: unknown; size: number }>(
        [
          { $match: filterOf(scope) },
          { $project: { size: { $bsonSize: '$$ROOT' } } },
          { $sort: { size: -1 } },
          { $limit: 1 },
        ],
        { maxTimeMS: Math.min(limits.timeMs, 3000) },
      )
      .toArray();
    return row ? { id: row._id, size: row.size } : null;
  } catch {
    return null;
  }
}

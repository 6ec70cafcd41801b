// What the validator of the written collection says about the results and about the documents of today (P21). The
// server itself judges: it matches the validator against copies that it never stores.
import type { Db, Document } from 'mongodb';
import { BSON } from 'mongodb';
import type { Check, CheckScope } from './check';
import {
  documents,
  failed,
  filterOf,
  passed,
  skipped,
  sourceOf,
  targetOf,
  transformOf,
  upOnly,
  writesInPlace,
} from './check';
import type { CollectionInfo } from './facts';
import { afterImages } from './sample';
import { hasSample, idText } from './sampleChecks';

export interface Validation {
  validator: Document;
  level: string;
  action: string;
}

/** Null when nothing is validated. */
export function validationOf(info: CollectionInfo | null): Validation | null {
  const validator = info?.options['validator'] as Document | undefined;
  const level = String(info?.options['validationLevel'] ?? 'strict');
  if (!validator || Object.keys(validator).length === 0 || level === 'off') return null;
  return { validator, level, action: String(info?.options['validationAction'] ?? 'error') };
}

export const validatorCheck: Check = {
  id: 'validator',
  title: 'Validator accepts the documents',
  directions: upOnly,
  applies: hasSample,
  async run(scope) {
    const target = targetOf(scope) ?? '';
    const validation = validationOf(await scope.facts.collection(target));
    if (!validation) return passed(`${target} has no validator.`);
    const images = afterImages(await scope.facts.sample());
    const refused = await refusedResults(
      scope,
      validation.validator,
      images.map(({ after }) => after),
    );
    const first = images.find((_image, position) => refused.has(position));
    if (first) {
      const stops = (transformOf(scope)?.onError ?? 'stop') === 'stop';
      return failed(
        validation.action === 'error' && stops ? 'error' : 'warning',
        `The validator of ${target} refuses ${refused.size} of ${images.length} sampled results, for example ${idText(first.document.id)}.`,
        'Mend the transform, or change the validator in a migration before this one.',
      );
    }
    if (images.length > 0)
      return passed(`The validator of ${target} accepts all ${images.length} sampled results.`);
    return judgeToday(scope, target, validation);
  },
};

/** Without results to judge (the update is known to the server alone), the documents of today have to do. */
async function judgeToday(
  scope: CheckScope,
  target: string,
  { validator, level }: Validation,
): ReturnType<Check['run']> {
  if (!writesInPlace(scope)) return skipped('There are no sampled results to judge.');
  const number = await countViolations(
    scope.connection.db,
    target,
    validator,
    filterOf(scope),
    scope.limits.timeMs,
  );
  if (number === 0) return passed(`The validator of ${target} refuses none of the matching documents today.`);
  const many = number >= violationsCounted ? `At least ${violationsCounted} documents` : documents(number);
  const verb = number === 1 ? 'does' : 'do';
  return failed(
    'warning',
    level === 'moderate'
      ? `${many} that the filter matches ${verb} not satisfy the validator of ${target} today; it lets them be changed nevertheless.`
      : `${many} that the filter matches ${verb} not satisfy the validator of ${target} today; the server refuses a change that does not mend them.`,
    "Mend them in the same migration, or let them go to quarantine (onError: 'quarantine').",
  );
}

export const violationsCounted = 1000;

/** How many of the stored documents the validator refuses; counting ends at 1000. */
export async function countViolations(
  db: Db,
  collection: string,
  validator: Document,
  filter: Document,
  timeMs: number,
): Promise<number> {
  return db
    .collection(collection)
    .countDocuments(
      { $and: [filter, { $nor: [validator] }] },
      { limit: violationsCounted, maxTimeMS: timeMs },
    );
}

/** One command can carry 16 MB; larger results are judged in several. */
const bytesAtOnce = 8_000_000;

async function refusedResults(
  scope: CheckScope,
  validator: Document,
  images: Document[],
): Promise<Set<number>> {
  const refused = new Set<number>();
  let batch: { position: number; document: Document }[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (batch.length > 0) for (const position of await judge(scope, validator, batch)) refused.add(position);
    batch = [];
    size = 0;
  };
  for (const [position, document] of images.entries()) {
    const own = BSON.calculateObjectSize(document);
    if (own > bytesAtOnce) continue;
    if (size + own > bytesAtOnce) await flush();
    batch.push({ position, document });
    size += own;
  }
  await flush();
  return refused;
}

/** Any existing document serves as the carrier of the copies: `$documents` came with 5.1 only. */
async function judge(
  scope: CheckScope,
  validator: Document,
  batch: { position: number; document: Document }[],
): Promise<number[]> {
  const { connection, limits } = scope;
  const carriers = connection.db.collection(sourceOf(scope) ?? '');
  const results: number[] = [];
  // `$match` sees the document alone, so each is judged by its own small aggregation of one command.
  const facets = Object.fromEntries(
    batch.map(({ position, document }) => [
      `p${position}`,
      [
        { $replaceRoot: { newRoot: { $literal: document } } },
        { $match: { $nor: [validator] } },
        { $count: 'refused' },
      ],
    ]),
  );
  const [answer] = await carriers
    .aggregate([{ $limit: 1 }, { $facet: facets }], { maxTimeMS: limits.timeMs })
    .toArray();
  for (const { position } of batch) {
    const rows = (answer?.[`p${position}`] ?? []) as unknown[];
    if (rows.length > 0) results.push(position);
  }
  return results;
}

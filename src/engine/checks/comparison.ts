// A sampled comparison after a run: what the checks before it foretold of a few documents against what they are now.
// A field that was to be left alone must have its very bytes still; one that was to be changed, the type it was to have.
import type { Document } from 'mongodb';
import { decodeExact, keyOfValue } from '../documents';
import { isForeignValue } from './afterImage';
import type { Check, CheckScope, Finding } from './check';
import { documents, failed, passed, skipped, targetOf, transformOf, upOnly } from './check';
import type { Sample } from './sample';
import { idText } from './sampleChecks';

/** A document before the run, and what it was to become. */
export interface Foretold {
  id: unknown;
  before: Document;
  after: Document;
}

/** They are kept for the whole run, so large ones are not. */
const largest = 64 * 1024;

/** What a sample foretells; of documents that stay as they are, that. */
export function foretell(sample: Sample): Foretold[] {
  return sample.documents.flatMap(({ id, raw, before, outcome, after }) => {
    if (!before || raw.length > largest) return [];
    if (outcome === 'skipped') return [{ id, before, after: before }];
    const [only, ...others] = after ?? [];
    return only && others.length === 0 ? [{ id, before, after: only }] : [];
  });
}

export function comparisonCheck(foretold: readonly Foretold[]): Check {
  return {
    id: 'sample-comparison',
    title: 'Sampled documents became what was foretold',
    directions: upOnly,
    applies: (scope) => transformOf(scope) !== null && foretold.length > 0,
    run: (scope) => compare(scope, foretold),
  };
}

async function compare(scope: CheckScope, foretold: readonly Foretold[]): Promise<Finding> {
  const target = targetOf(scope) ?? '';
  // What stays as it is does not go to another collection.
  const inPlace = target === transformOf(scope)?.source;
  const expected = inPlace ? foretold : foretold.filter(({ before, after }) => before !== after);
  if (expected.length === 0) return skipped('No sampled document was to be changed.');
  let now: Map<string, Document>;
  try {
    now = await readNow(scope, target, expected);
  } catch (error) {
    if (isForeignValue(error)) return skipped('The values of this driver cannot be compared.');
    throw error;
  }
  const wrong = expected.flatMap((one) => {
    const why = difference(one, now.get(keyOfValue(one.id)));
    return why === null ? [] : [`${idText(one.id)} (${why})`];
  });
  if (wrong.length === 0)
    return passed(`${documents(expected.length)} of ${target} compared with what was foretold.`);
  const shown = `${wrong.slice(0, 3).join(', ')}${wrong.length > 3 ? ', …' : ''}`;
  return failed(
    'warning',
    `${wrong.length} of ${documents(expected.length)} in ${target} are not what was foretold before the run: ${shown}.`,
    'Others may have written them meanwhile; if nobody has, the transform does not answer the same twice: look at them.',
  );
}

async function readNow(
  { connection, limits }: CheckScope,
  target: string,
  expected: readonly Foretold[],
): Promise<Map<string, Document>> {
  const raws = (await connection.db
    .collection(target)
    .find({ _id: { $in: expected.map(({ id }) => id) } } as Document, { raw: true, maxTimeMS: limits.timeMs })
    .toArray()) as unknown as Uint8Array[];
  return new Map(
    raws.map((raw) => {
      const document = decodeExact(raw);
      return [keyOfValue(document['_id']), document];
    }),
  );
}

/** In words, or null. */
function difference({ before, after }: Foretold, now: Document | undefined): string | null {
  if (!now) return 'it is gone';
  for (const name of new Set([...Object.keys(before), ...Object.keys(after), ...Object.keys(now)])) {
    const [was, foretold, is] = [before, after, now].map((document) =>
      name in document ? keyOfValue(document[name]) : undefined,
    );
    if (was === foretold) {
      if (is !== foretold) return `"${name}" was not to be touched`;
    } else if (is === undefined || foretold === undefined) {
      if (is !== foretold) return `"${name}" ${is === undefined ? 'is missing' : 'was to go'}`;
    } else if (typeIn(is) !== typeIn(foretold)) {
      return `"${name}" is of another type`;
    }
  }
  return null;
}

/** The type stands behind the length of the document. */
function typeIn(bytes: string): string | undefined {
  return bytes[4];
}

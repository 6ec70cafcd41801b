// Which fields a migration touches, as far as the sample and the update itself tell.
import type { Document } from 'mongodb';
import { BSON } from 'mongodb';
import type { CheckScope } from './check';
import { transformOf } from './check';
import type { Sample } from './sample';

/** Dotted paths, arrays as a whole, shortest first. */
export async function touchedFields(scope: CheckScope): Promise<string[]> {
  const sample = await scope.facts.sample();
  const paths = new Set<string>(namedByUpdate(transformOf(scope)?.update));
  for (const path of touchedInSample(sample)) paths.add(path);
  paths.delete('_id');
  return [...paths].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

function touchedInSample(sample: Sample): Set<string> {
  const paths = new Set<string>();
  for (const { before, after } of sample.documents) {
    if (!before || after?.length !== 1) continue;
    collect(before, after[0] ?? {}, '', paths);
  }
  return paths;
}

function collect(before: Document, after: Document, prefix: string, paths: Set<string>): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const path = `${prefix}${name}`;
    const [one, other] = [before[name] as unknown, after[name] as unknown];
    if (one === other) continue;
    if (isObject(one) && isObject(other)) collect(one, other, `${path}.`, paths);
    else if (!(name in before) || !(name in after) || !sameBytes(one, other)) paths.add(path);
  }
}

function isObject(value: unknown): value is Document {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !('_bsontype' in value) &&
    !(value instanceof Date)
  );
}

function sameBytes(one: unknown, other: unknown): boolean {
  try {
    return Buffer.compare(BSON.serialize({ v: one }), BSON.serialize({ v: other })) === 0;
  } catch {
    // Larger than a document can be.
    return false;
  }
}

/** `$set`, `$addFields` and `$unset` name their fields; what replaces the root does not. */
function namedByUpdate(update: Document[] | undefined): string[] {
  return (update ?? []).flatMap((stage) => {
    const fields = (stage['$set'] ?? stage['$addFields']) as Document | undefined;
    const removed = stage['$unset'] as string | string[] | undefined;
    return [...Object.keys(fields ?? {}), ...[removed ?? []].flat()];
  });
}

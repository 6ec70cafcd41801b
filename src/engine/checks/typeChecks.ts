// Which BSON types the touched fields have, and which documents do not survive decoding and encoding (P23).
import type { Document } from 'mongodb';
import { BSON } from 'mongodb';
import type { Check, CheckScope } from './check';
import { failed, passed, skipped, sourceOf, transformOf, upOnly } from './check';
import { hasSample, idText } from './sampleChecks';
import { touchedFields } from './touched';

const sampleForTypes = 1000;
const fieldsAtMost = 8;
/** Deprecated types: JavaScript has no value for them, or makes null of them. */
const odd = new Set(['undefined', 'symbol', 'dbPointer']);

export const typesCheck: Check = {
  id: 'types',
  title: 'Types of the touched fields',
  directions: upOnly,
  applies: hasSample,
  async run(scope) {
    const fields = (await touchedFields(scope))
      .filter((path) => !/(^|\.)\$|^$|\.\.|\0/.test(path))
      .slice(0, fieldsAtMost);
    if (fields.length === 0) return skipped('The sample touches no field.');
    const census = await takeCensus(scope, fields);
    const words = [...census].map(([field, types]) => {
      const parts = [...types].sort((a, b) => b[1] - a[1]).map(([type, number]) => `${number} ${type}`);
      return `${field}: ${parts.join(', ')}`;
    });
    const bad = [...census].filter(([, types]) => [...types.keys()].some((type) => odd.has(type)));
    const text = `Of up to ${sampleForTypes} documents, ${words.join('; ')}.`;
    if (bad.length === 0) return passed(text);
    const runsHere = transformOf(scope)?.transform !== undefined;
    return failed(
      'warning',
      `${bad.map(([field]) => field).join(', ')} holds values of deprecated types, which JavaScript cannot tell from null or a string. ${text}`,
      runsHere
        ? 'Change such documents with an update pipeline (`update`), which keeps their types, or convert these values first.'
        : 'Convert these values first.',
    );
  },
};

async function takeCensus(
  scope: CheckScope,
  fields: readonly string[],
): Promise<Map<string, Map<string, number>>> {
  const { connection, limits } = scope;
  const group = Object.fromEntries(
    fields.map((field, position) => [
      `f${position}`,
      [{ $group: { _id: { $type: `$${field}` }, n: { $sum: 1 } } }],
    ]),
  );
  const [row] = await connection.db
    .collection(sourceOf(scope) ?? '')
    .aggregate<Record<string, { _id: string; n: number }[]>>(
      [{ $sample: { size: sampleForTypes } }, { $facet: group }],
      {
        maxTimeMS: limits.timeMs,
      },
    )
    .toArray();
  return new Map(
    fields.map((field, position) => [
      field,
      new Map((row?.[`f${position}`] ?? []).map(({ _id, n }) => [_id, n])),
    ]),
  );
}

/** Traps 4 to 10: duplicate or integer-like names, invalid UTF-8, undefined, DBRef-like sub-documents. */
export const fidelityCheck: Check = {
  id: 'fidelity',
  title: 'Documents survive decoding and encoding',
  directions: upOnly,
  applies: (scope) => hasSample(scope) && transformOf(scope)?.transform !== undefined,
  async run({ facts }) {
    const { documents: sampled } = await facts.sample();
    const broken = sampled.filter(({ raw, before }) => before === null || !sameAsRaw(before, raw));
    const first = broken[0];
    return first
      ? failed(
          'warning',
          `${broken.length} of ${sampled.length} sampled documents do not come back the same after decoding, for example ${idText(first.id)} (duplicate or number-like field names, undefined, or invalid text).`,
          'Change such documents with an update pipeline (`update`) or with update operators, never by replacing them.',
        )
      : passed(`All ${sampled.length} sampled documents come back byte for byte.`);
  },
};

function sameAsRaw(before: Document, raw: Uint8Array): boolean {
  try {
    return Buffer.compare(BSON.serialize(before), raw) === 0;
  } catch {
    return false;
  }
}

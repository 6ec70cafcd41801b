// When an index serves as a required one. Rules: https://www.mongodb.com/docs/manual/core/indexes/index-types/index-compound/
import type { IndexInfo } from './facts';

type Key = Record<string, unknown>;

/** `{"status":1,"at":-1}` */
export function indexText(key: Key): string {
  return JSON.stringify(key);
}

/**
 * A compound index serves its prefixes, and may be walked backwards, when all directions are turned round. Hashed,
 * text and 2dsphere keys count only as a whole.
 */
export function isPrefix(required: Key, present: Key): boolean {
  const wanted = Object.entries(required);
  const there = Object.entries(present);
  if (wanted.length === 0 || wanted.length > there.length) return false;
  const names = wanted.every(([name], position) => there[position]?.[0] === name);
  if (!names) return false;
  const pairs = wanted.map(([, value], position) => [value, there[position]?.[1]] as const);
  const ordered = (value: unknown): value is number => typeof value === 'number';
  if (!pairs.every(([one, other]) => ordered(one) && ordered(other))) {
    return wanted.length === there.length && pairs.every(([one, other]) => one === other);
  }
  const same = pairs.every(([one, other]) => Math.sign(one as number) === Math.sign(other as number));
  const turned = pairs.every(([one, other]) => Math.sign(one as number) === -Math.sign(other as number));
  return same || turned;
}

/** Why an index with the right key does not count; undefined if it does. */
function unusable(index: IndexInfo, locale: string): string | undefined {
  if (index.hidden === true) return 'hidden';
  if (index.partialFilterExpression) return 'partial';
  if (index.sparse === true) return 'sparse';
  if (String(index.collation?.['locale'] ?? 'simple') !== locale) return 'of another collation';
  return undefined;
}

/** Text indexes show their fields as weights, not in their key. */
function keyOf(index: IndexInfo & { weights?: Key }): Key {
  if (!index.weights || !('_fts' in index.key)) return index.key;
  return Object.fromEntries(
    Object.entries(index.key).flatMap(([name, value]): [string, unknown][] => {
      if (name === '_fts') return Object.keys(index.weights ?? {}).map((field) => [field, 'text']);
      return name === '_ftsx' ? [] : [[name, value]];
    }),
  );
}

export interface Serving {
  index: IndexInfo | null;
  /** An index with this key that does not count. */
  unusable: { name: string; why: string } | null;
}

/** `locale` = of the collection's default collation, which its queries use. */
export function servingIndex(required: Key, present: readonly IndexInfo[], locale = 'simple'): Serving {
  const candidates = present.filter((index) => isPrefix(required, keyOf(index)));
  const index = candidates.find((candidate) => unusable(candidate, locale) === undefined) ?? null;
  const refused = candidates[0];
  return {
    index,
    unusable: !index && refused ? { name: refused.name, why: unusable(refused, locale) ?? '' } : null,
  };
}

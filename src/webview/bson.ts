// Canonical Extended JSON as people read it: every value with its BSON type, and the comparison of two
// documents field by field. Pure; the drawing is in diff.ts.

import { tooLarge } from '../protocol/panel';

/** One value: its type's name, how it is written beside that name, and the children of objects and arrays. */
export interface BsonValue {
  type: string;
  text: string;
  fields?: [name: string, value: BsonValue][];
  items?: BsonValue[];
}

export interface FieldChange {
  /** Dotted, with positions of arrays: `address.city`, `tags.0`. */
  path: string;
  change: 'added' | 'removed' | 'changed' | 'same';
  before?: BsonValue;
  after?: BsonValue;
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The page is drawn again each second while a run goes on, with the same documents. */
const known = new WeakMap<object, BsonValue>();

/** Reads Extended JSON, parsed or as text; null and undefined at the top mean "there is no document". */
export function readDocument(value: unknown): BsonValue | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return readValue(parsed(value));
  if (typeof value !== 'object') return readValue(value);
  const read = known.get(value) ?? readValue(value);
  known.set(value, read);
  return read;
}

/** True for what the host sends in the place of a document that would be too much for a page. */
export function isTooLarge(value: unknown): boolean {
  return isObject(value) && Object.keys(value).join() === Object.keys(tooLarge).join();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function readValue(value: unknown): BsonValue {
  if (value === null || value === undefined) return { type: 'Null', text: 'null' };
  if (typeof value === 'string') return { type: 'String', text: JSON.stringify(value) };
  if (typeof value === 'boolean') return { type: 'Boolean', text: String(value) };
  if (typeof value === 'number' || typeof value === 'bigint') return { type: 'Number', text: String(value) };
  if (Array.isArray(value)) return arrayOf(value.map(readValue));
  if (isObject(value)) return special(value) ?? objectOf(value);
  return { type: typeof value, text: plain(value) };
}

function arrayOf(items: BsonValue[]): BsonValue {
  return { type: 'Array', text: `[${items.map(inside).join(', ')}]`, items };
}

function objectOf(value: Json): BsonValue {
  const fields = Object.entries(value).map(([name, child]): [string, BsonValue] => [name, readValue(child)]);
  const inner = fields.map(([name, child]) => `${fieldName(name)}: ${inside(child)}`).join(', ');
  return { type: 'Object', text: inner === '' ? '{}' : `{ ${inner} }`, fields };
}

/** Inside another value there is no room for a type beside each, so the text itself tells it. */
export function inside({ type, text }: BsonValue): string {
  if (['ObjectId', 'Date', 'Decimal128', 'UUID'].includes(type)) return `${type}("${text}")`;
  if (['Long', 'Double', 'Code', 'Symbol'].includes(type)) return `${type}(${text})`;
  if (type === 'Timestamp') return `Timestamp${text}`;
  return type.startsWith('Binary') ? `${type} "${text}"` : text;
}

const fieldName = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

/** Text of what should be a string or a number; anything else as JSON. */
function plain(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number'
    ? String(value)
    : (JSON.stringify(value) ?? '');
}

/** Extended JSON's wrappers: one key of a fixed name. Everything else is an ordinary object. */
const wrappers: Record<string, (inner: unknown, whole: Json) => BsonValue | undefined> = {
  $oid: (inner) => ({ type: 'ObjectId', text: plain(inner) }),
  $numberInt: (inner) => ({ type: 'Int32', text: plain(inner) }),
  $numberLong: (inner) => ({ type: 'Long', text: plain(inner) }),
  $numberDouble: (inner) => ({ type: 'Double', text: plain(inner) }),
  $numberDecimal: (inner) => ({ type: 'Decimal128', text: plain(inner) }),
  $date: (inner) => ({ type: 'Date', text: dateText(inner) }),
  $uuid: (inner) => ({ type: 'UUID', text: plain(inner) }),
  $symbol: (inner) => ({ type: 'Symbol', text: JSON.stringify(inner) }),
  $undefined: () => ({ type: 'Undefined', text: 'undefined' }),
  $minKey: () => ({ type: 'MinKey', text: 'MinKey' }),
  $maxKey: () => ({ type: 'MaxKey', text: 'MaxKey' }),
  $code: (inner) => ({ type: 'Code', text: plain(inner) }),
  $binary: (inner) => {
    if (!isObject(inner)) return undefined;
    const base64 = plain(inner['base64'] ?? '');
    const subType = plain(inner['subType'] ?? '00');
    return subType === '04' && base64.length === 24
      ? { type: 'UUID', text: uuidText(base64) }
      : { type: `Binary (${subType})`, text: base64 };
  },
  $regularExpression: (inner) =>
    isObject(inner)
      ? { type: 'Regex', text: `/${plain(inner['pattern'])}/${plain(inner['options'] ?? '')}` }
      : undefined,
  $timestamp: (inner) =>
    isObject(inner) ? { type: 'Timestamp', text: `(${plain(inner['t'])}, ${plain(inner['i'])})` } : undefined,
};

function special(value: Json): BsonValue | undefined {
  const keys = Object.keys(value);
  const key = keys[0];
  if (key === undefined || keys.length > 2 || !Object.hasOwn(wrappers, key)) return undefined;
  if (keys.length === 2 && !(key === '$code' && keys[1] === '$scope')) return undefined;
  return wrappers[key]?.(value[key], value);
}

function dateText(inner: unknown): string {
  const wrapped = isObject(inner) ? inner['$numberLong'] : inner;
  if (typeof wrapped === 'string' && !isObject(inner)) return wrapped;
  const date = new Date(Number(wrapped));
  // Outside the years that JavaScript can write only the number is exact.
  return Number.isNaN(date.getTime()) ? `${plain(wrapped)} ms` : date.toISOString().replace('.000Z', 'Z');
}

function uuidText(base64: string): string {
  const hex = Array.from(atob(base64), (char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const equal = (a: BsonValue, b: BsonValue): boolean =>
  a.type === b.type && a.text === b.text && sameTypesInside(a, b);

function sameTypesInside(a: BsonValue, b: BsonValue): boolean {
  const left = children(a);
  const right = children(b);
  if (left.length !== right.length) return false;
  return left.every(([name, child], index) => {
    const other = right[index];
    return other !== undefined && other[0] === name && equal(child, other[1]);
  });
}

function children(value: BsonValue): [string, BsonValue][] {
  return value.fields ?? value.items?.map((item, index): [string, BsonValue] => [String(index), item]) ?? [];
}

/** Field by field in the order of the new document, removed fields where they stood. */
export function compareDocuments(before: BsonValue | null, after: BsonValue | null): FieldChange[] {
  return compareInside(before, after, '');
}

function compareInside(before: BsonValue | null, after: BsonValue | null, prefix: string): FieldChange[] {
  const old = new Map(before ? children(before) : []);
  const now = new Map(after ? children(after) : []);
  const changes: FieldChange[] = [];
  for (const name of mergedNames([...old.keys()], [...now.keys()])) {
    changes.push(...compareField(prefix + name, old.get(name), now.get(name)));
  }
  return changes;
}

function compareField(path: string, a: BsonValue | undefined, b: BsonValue | undefined): FieldChange[] {
  if (!a) return b ? [{ path, change: 'added', after: b }] : [];
  if (!b) return [{ path, change: 'removed', before: a }];
  if (equal(a, b)) return [{ path, change: 'same', before: a, after: b }];
  const goDeeper = a.type === b.type && (a.fields !== undefined || a.items?.length === b.items?.length);
  const inner = goDeeper ? compareInside(a, b, `${path}.`) : [];
  // Nothing differs inside: it is the value itself, or the order of its fields.
  return inner.some((field) => field.change !== 'same')
    ? inner
    : [{ path, change: 'changed', before: a, after: b }];
}

/** The names of `now`, with those that are only in `old` put behind their old neighbour. */
function mergedNames(old: string[], now: string[]): string[] {
  const merged = [...now];
  const there = new Set(now);
  old.forEach((name, index) => {
    if (there.has(name)) return;
    const previous = index > 0 ? merged.indexOf(old[index - 1] ?? '') : -1;
    merged.splice(previous + 1, 0, name);
    there.add(name);
  });
  return merged;
}

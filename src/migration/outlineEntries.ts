// From the values that a module exports to the entries of its outline.
import { basename } from 'node:path';
import type { MigrationKind } from './kinds';
import type { Outline, OutlineEntry } from './outline';
import type { ModuleScope, Properties, Value } from './outlineScope';

/** Whether a value is what the loader would take for a migration, a list of them or an object with one. */
export function holdsMigrations(value: Value, scope: ModuleScope): boolean {
  if (value.type === 'array') return true;
  return value.type === 'object' && (isMigration(value.properties) || listIn(value, scope) !== null);
}

/** The object of one migration as far as it can be read. */
export type ObjectValue = Value & { type: 'object' };

/** The outline, and the object of each of its entries. */
export function readOutline(
  value: Value,
  fileName: string,
  scope: ModuleScope,
): { outline: Outline; objects: ObjectValue[] } {
  if (value.type === 'other') return { outline: { entries: [], complete: true }, objects: [] };
  if (value.type === 'object' && !isMigration(value.properties)) {
    const list = listIn(value, scope);
    if (list) return readOutline(list, fileName, scope);
    return { outline: { entries: [], complete: value.complete && list === null }, objects: [] };
  }
  const objects = value.type === 'array' ? value.elements : [value];
  const outline: Outline = { entries: [], complete: value.complete };
  const read: ObjectValue[] = [];
  for (const [index, object] of objects.entries()) {
    if (object?.type !== 'object' || !isMigration(object.properties)) continue;
    // Beside others a migration needs a name of its own; the loader refuses one without.
    const fallback = objects.length > 1 ? null : basename(fileName);
    const { entry, complete } = readEntry(object, index, fallback, scope);
    outline.entries.push(entry);
    read.push(object);
    if (!complete) outline.complete = false;
  }
  return { outline, objects: read };
}

/** The array under `migrations`; null when there is surely none, undefined when that cannot be read. */
function listIn(value: ObjectValue, scope: ModuleScope): Value | null | undefined {
  const migrations = value.properties.get('migrations');
  if (!migrations) return value.complete ? null : undefined;
  const list = scope.value(migrations.node);
  return list && list.type !== 'array' ? null : list;
}

function isMigration(properties: Properties): boolean {
  return properties.has('up') || properties.has('source');
}

function readEntry(
  object: ObjectValue,
  index: number,
  fallbackName: string | null,
  scope: ModuleScope,
): { entry: OutlineEntry; complete: boolean } {
  const { properties, start, end } = object;
  /** The literal under a key in a box, a box of undefined without the key, undefined when it is computed. */
  const literal = (key: string): { value: unknown } | undefined => {
    const property = properties.get(key);
    return property ? scope.literal(property.node) : { value: undefined };
  };
  const isSet = (key: string): boolean => (literal(key) ?? { value: true }).value != null;
  const irreversible = literal('irreversible');
  const repeatable = literal('repeatable');
  const requires = readNames('requires', properties, scope);
  const replaces = readNames('replaces', properties, scope);
  const entry: OutlineEntry = {
    name: object.complete ? nameOf(literal('name'), fallbackName) : null,
    kind: kindOf(properties),
    index,
    start,
    end,
    hasDown: isSet('down') || isSet('revert') || isSet('revertPipeline'),
  };
  const description = literal('description')?.value;
  if (typeof description === 'string') entry.description = description;
  const reason = irreversible?.value;
  if (reason === true || typeof reason === 'string') entry.irreversible = reason;
  if (repeatable?.value === true) entry.repeatable = true;
  if (requires) entry.requires = requires;
  if (replaces) entry.replaces = replaces;
  const known =
    irreversible !== undefined && repeatable !== undefined && requires !== null && replaces !== null;
  const complete = entry.name !== null && known;
  return { entry, complete };
}

function nameOf(literal: { value: unknown } | undefined, fallback: string | null): string | null {
  if (literal && literal.value == null) return fallback;
  return typeof literal?.value === 'string' && literal.value !== '' ? literal.value : null;
}

function kindOf(properties: Properties): MigrationKind {
  if (!properties.has('source')) return 'script';
  return properties.has('pipeline') ? 'pipeline' : 'transform';
}

/** The names under a key; undefined without any, null when they are computed. */
function readNames(key: string, properties: Properties, scope: ModuleScope): string[] | undefined | null {
  const property = properties.get(key);
  return property ? scope.strings(property.node) : undefined;
}

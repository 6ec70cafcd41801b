// Numbers against the validator of their collection (L26): the driver writes 5 as an Int32, 5.5 as a Double.
import type { Action } from './actions';
import { inserts, replaces } from './actions';
import type { LintContext } from './finding';
import type { LintedMigration } from './migration';
import type { Env, Placed } from './names';
import { arrayOf, fieldOf, numberOf, objectOf, resolve, stringOf } from './names';
import type { Report, Rule } from './report';
import { operatorsOf } from './updates';

export const typeRules: Rule[] = [numberTypes];

/** BSON types that a field may have, by its path from the top. */
type Wanted = Map<string, Set<string>>;

function numberTypes({ actions }: LintedMigration, report: Report, { schemas = {} }: LintContext): void {
  const wanted = new Map<string, Wanted>();
  for (const [collection, schema] of Object.entries(schemas)) wanted.set(collection, wantedByValue(schema));
  for (const action of actions) {
    const { collection, direction } = action;
    if (collection === undefined || direction !== 'up') continue;
    const own = ownSchema(action);
    if (own) wanted.set(collection, own);
    const types = wanted.get(collection);
    if (types) checkAction(action, collection, types, report);
  }
}

function checkAction(action: Action, collection: string, types: Wanted, report: Report): void {
  const check = (value: Placed & { key?: Placed['node'] }, path: string): void => {
    const inner = objectOf(value.node, value.env);
    if (inner) {
      for (const [name, field] of inner.properties) check(field, path === '' ? name : `${path}.${name}`);
      return;
    }
    const number = numberOf(value.node, value.env);
    const allowed = types.get(path);
    if (number === undefined || !allowed) return;
    const written = Number.isInteger(number) && Math.abs(number) < 2 ** 31 ? 'int' : 'double';
    if (allowed.has(written) || allowed.has('number')) return;
    const [first = ''] = allowed;
    report(
      'L26',
      value.node,
      `${number} is written as ${words[written]}, but the validator of "${collection}" wants "${path}" to be ${[...allowed].join(' or ')}.`,
      `Write \`new ${classes[first] ?? 'Double'}(${first === 'decimal' ? `'${number}'` : number})\`.`,
    );
  };
  if (inserts.has(action.method) || replaces.has(action.method)) {
    const { documents } = action;
    if (!documents) return;
    for (const one of arrayOf(documents.node, documents.env)?.elements ?? [documents]) check(one, '');
  }
  const operators = operatorsOf(action);
  for (const name of ['$set', '$setOnInsert']) {
    const fields = operators?.get(name);
    for (const [path, value] of (fields && objectOf(fields.node, fields.env)?.properties) ?? [])
      check(value, path);
  }
}

const words = { int: 'an Int32', double: 'a Double' };
const classes: Record<string, string> = {
  double: 'Double',
  long: 'Long',
  decimal: 'Decimal128',
  int: 'Int32',
};
const numeric = new Set(['int', 'long', 'double', 'decimal', 'number']);

/** The validator that `createCollection` or `collMod` of the migration itself gives the collection. */
function ownSchema({ method, options }: Action): Wanted | undefined {
  if (!options || (method !== 'createCollection' && method !== 'collMod')) return undefined;
  const validator = fieldOf(options.node, options.env, 'validator');
  const schema = validator && fieldOf(validator.node, validator.env, '$jsonSchema');
  if (!schema) return undefined;
  const wanted: Wanted = new Map();
  collectNodes(schema, '', wanted);
  return wanted;
}

function collectNodes({ node, env }: Placed, path: string, into: Wanted): void {
  const properties = fieldOf(node, env, 'properties');
  for (const [name, field] of (properties && objectOf(properties.node, properties.env)?.properties) ?? []) {
    const at = path === '' ? name : `${path}.${name}`;
    const type = fieldOf(field.node, field.env, 'bsonType');
    note(at, type ? stringsOf(type.node, type.env) : undefined, into);
    collectNodes(field, at, into);
  }
}

function stringsOf(node: Placed['node'], env: Env): string[] | undefined {
  const one = stringOf(node, env);
  if (one !== undefined) return [one];
  const list = arrayOf(resolve(node, env)?.node ?? node, env)?.elements.map((each) =>
    stringOf(each.node, each.env),
  );
  return list?.every((each) => each !== undefined) ? list : undefined;
}

function wantedByValue(schema: unknown): Wanted {
  const wanted: Wanted = new Map();
  const collect = (value: unknown, path: string): void => {
    const { properties } = (value ?? {}) as { properties?: Record<string, { bsonType?: string | string[] }> };
    for (const [name, field] of Object.entries(properties ?? {})) {
      const at = path === '' ? name : `${path}.${name}`;
      note(at, field.bsonType === undefined ? undefined : [field.bsonType].flat(), wanted);
      collect(field, at);
    }
  };
  collect(schema, '');
  return wanted;
}

/** Only where numbers alone are asked for: what else a field may be, a number literal does not tell. */
function note(path: string, types: string[] | undefined, into: Wanted): void {
  const numbers = types?.filter((type) => numeric.has(type)) ?? [];
  if (numbers.length > 0) into.set(path, new Set(numbers));
}

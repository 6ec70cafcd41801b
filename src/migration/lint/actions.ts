// Calls of the driver as what they do, whichever way they are written: `collection.drop()`, `db.dropCollection('a')` and
// `db.command({ drop: 'a' })` are one action.
import type { Env, Kind, Placed } from './names';
import { arrayOf, objectOf, stringOf } from './names';
import type { FunctionNode, MethodCall, Node } from './nodes';

export type Direction = 'up' | 'down';

/** Where something stands. */
export interface Place {
  direction: Direction;
  env: Env;
  /** The nodes around it, outermost first, from the migration's function on. */
  path: readonly Node[];
  /** The call or property that makes it part of a transaction. */
  transaction?: Node;
}

/** `where` is the part of the text that a finding about it underlines. */
export interface Action extends Place {
  method: string;
  node: Node;
  where: Node;
  /** Undefined when it is computed. */
  collection?: string;
  filter?: Placed;
  update?: Placed;
  /** One document or an array of them. */
  documents?: Placed;
  keys?: Placed;
  options?: Placed;
  pipeline?: Placed;
  /** The new name of a rename, the name that an index is dropped by. */
  to?: Placed;
  /** It is one of the operations of a `bulkWrite`. */
  bulk?: boolean;
}

export const reads = new Set([
  'find',
  'findOne',
  'countDocuments',
  'estimatedDocumentCount',
  'distinct',
  'indexes',
  'listIndexes',
]);
export const updates = new Set(['updateOne', 'updateMany', 'findOneAndUpdate']);
export const replaces = new Set(['replaceOne', 'findOneAndReplace']);
export const deletes = new Set(['deleteOne', 'deleteMany', 'findOneAndDelete']);
export const inserts = new Set(['insertOne', 'insertMany']);
/** What changes documents. */
export const writes = new Set([...updates, ...replaces, ...deletes, ...inserts, 'bulkWrite']);
export const helpers = new Set(['batch', 'convert', 'extract', 'embed']);

/** Names that only a collection has: whatever they are called on is taken for one. */
const telling = new Set([
  ...writes,
  'aggregate',
  'countDocuments',
  'createIndex',
  'createIndexes',
  'dropIndex',
  'dropIndexes',
  'estimatedDocumentCount',
]);

/** What a call on something does; nothing for calls that no rule is about. */
export function actionsOf(call: MethodCall, on: Kind | undefined, place: Place): Action[] {
  const { env } = place;
  if (on?.type === 'db' || on?.type === 'admin') return ofDatabase(call, place);
  if (on?.type === 'ctx') return helpers.has(call.method) ? [ofHelper(call, place)] : [];
  if (on !== undefined && on.type !== 'collection') return [];
  if (on === undefined && !telling.has(call.method)) return [];
  return ofCollection(call.method, call.args, {
    ...place,
    node: call.node,
    where: call.property,
    method: call.method,
    collection: on?.type === 'collection' ? on.name : undefined,
  }).filter((action) => action.method !== 'aggregate' || on || arrayOf(call.args[0], env));
}

function ofCollection(method: string, args: (Node | undefined)[], base: Action): Action[] {
  const { env } = base;
  const at = (position: number): Placed | undefined => {
    const node = args[position];
    return node && { node, env };
  };
  if (updates.has(method)) return [{ ...base, filter: at(0), update: at(1), options: at(2) }];
  if (replaces.has(method)) return [{ ...base, filter: at(0), documents: at(1), options: at(2) }];
  if (deletes.has(method)) return [{ ...base, filter: at(0), options: at(1) }];
  if (inserts.has(method)) return [{ ...base, documents: at(0), options: at(1) }];
  switch (method) {
    case 'bulkWrite':
      return [{ ...base, options: at(1) }];
    case 'createIndex':
      return [{ ...base, keys: at(0), options: at(1) }];
    case 'createIndexes':
      return indexSpecs(args[0], base);
    case 'dropIndex':
      return [{ ...base, to: at(0) }];
    case 'dropIndexes':
    case 'drop':
      return [base];
    case 'rename':
      return [{ ...base, to: at(0), options: at(1) }];
    case 'aggregate':
      return [{ ...base, pipeline: at(0), options: at(1) }];
    case 'distinct':
      return [{ ...base, filter: at(1), options: at(2) }];
    case 'mapReduce':
      return [{ ...base, options: at(2) }];
    default:
      return reads.has(method) ? [{ ...base, filter: at(0), options: at(1) }] : [];
  }
}

function ofDatabase(call: MethodCall, place: Place): Action[] {
  const { method, args, node, property } = call;
  const { env } = place;
  const [first, second, third] = args;
  const base: Action = { ...place, node, where: property, method };
  const named = { ...base, collection: stringOf(first, env) };
  switch (method) {
    case 'createCollection':
      return [{ ...named, options: second && { node: second, env } }];
    case 'dropCollection':
      return [{ ...named, method: 'drop' }];
    case 'dropDatabase':
      return [base];
    case 'renameCollection':
      return [{ ...named, method: 'rename', to: second && { node: second, env } }];
    case 'createIndex':
      return ofCollection('createIndex', [second, third], named);
    case 'aggregate':
      return [{ ...base, pipeline: first && { node: first, env } }];
    case 'command':
      return ofCommand(first, base);
    default:
      return [];
  }
}

/** `db.command({…})`: its first key says what it does. */
function ofCommand(argument: Node | undefined, base: Action): Action[] {
  const command = objectOf(argument, base.env);
  const [first] = command?.properties ?? [];
  if (!command || !first) return [];
  const [name, { key, node, env }] = first;
  const action: Action = { ...base, where: key, method: name, collection: stringOf(node, env) };
  const field = (key: string): Placed | undefined => command.properties.get(key);
  const list = (key: string): Placed[] => {
    const value = field(key);
    return arrayOf(value?.node, value?.env ?? env)?.elements ?? [];
  };
  switch (name) {
    case 'update':
      return list('updates').flatMap((one) => ofStatement(one, 'updateMany', 'updateOne', action));
    case 'delete':
      return list('deletes').flatMap((one) => ofStatement(one, 'deleteMany', 'deleteOne', action));
    case 'drop':
    case 'dropDatabase':
    case 'mapReduce':
      return [action];
    case 'dropIndexes': {
      const index = field('index');
      return [{ ...action, method: stringOf(index?.node, env) === '*' ? name : 'dropIndex', to: index }];
    }
    case 'createIndexes':
      return indexSpecs(field('indexes')?.node, action);
    case 'renameCollection':
      return [{ ...action, method: 'rename', to: field('to') }];
    case 'collMod':
      return [{ ...action, options: argument && { node: argument, env: base.env } }];
    case 'aggregate':
      return [{ ...action, pipeline: field('pipeline') }];
    default:
      return [];
  }
}

/** `{ q, u, multi }` of an update command, `{ q, limit }` of a delete command. */
function ofStatement({ node, env }: Placed, many: string, one: string, base: Action): Action[] {
  const statement = objectOf(node, env);
  if (!statement) return [];
  const { properties } = statement;
  const flag = properties.get('multi')?.node;
  const limit = properties.get('limit')?.node;
  const all =
    (flag?.type === 'BooleanLiteral' && flag.value) ||
    (limit?.type === 'NumericLiteral' && limit.value === 0);
  const method = all ? many : one;
  return [{ ...base, env, where: node, method, filter: properties.get('q'), update: properties.get('u') }];
}

function indexSpecs(list: Node | undefined, base: Action): Action[] {
  return (arrayOf(list, base.env)?.elements ?? []).flatMap((spec) => {
    const keys = objectOf(spec.node, spec.env)?.properties.get('key');
    return keys ? [{ ...base, method: 'createIndex', where: spec.node, keys, options: spec }] : [];
  });
}

function ofHelper({ node, property, method, args }: MethodCall, place: Place): Action {
  const { env } = place;
  const [collection, second, third] = args;
  const action = { ...place, node, where: property, method, collection: stringOf(collection, env) };
  if (method !== 'batch') return action;
  return {
    ...action,
    filter: second && { node: second, env },
    update: third && third.type === 'ArrayExpression' ? { node: third, env } : undefined,
  };
}

const bulkOperations = new Set([
  'updateOne',
  'updateMany',
  'replaceOne',
  'deleteOne',
  'deleteMany',
  'insertOne',
]);

/** `{ updateOne: { filter, update } }`: an operation of a `bulkWrite`, wherever it is put together. */
export function bulkAction(node: Node, place: Place): Action | undefined {
  const [entry, more] = objectOf(node, place.env)?.properties ?? [];
  if (!entry || more || !bulkOperations.has(entry[0])) return undefined;
  const [method, { key, node: body, env }] = entry;
  const properties = objectOf(body, env)?.properties;
  if (!properties?.has('filter') && !properties?.has('document')) return undefined;
  return {
    ...place,
    method,
    node,
    where: key,
    bulk: true,
    filter: properties.get('filter'),
    update: properties.get('update'),
    documents: properties.get('replacement') ?? properties.get('document'),
    options: { node: body, env },
  };
}

/** Where a function was entered last on the way to a place. */
export function functionOf({ path }: Place): FunctionNode | undefined {
  return path.findLast((node) => node.type.includes('Function') || node.type.endsWith('Method')) as
    FunctionNode | undefined;
}

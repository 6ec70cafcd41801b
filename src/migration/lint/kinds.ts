// What an expression is: a database, a collection, a cursor … by the calls that it is made of.
import type { Env, Kind } from './names';
import { fieldOf, isEverything, stringOf } from './names';
import type { MethodCall, Node } from './nodes';
import { isFunction, methodCall, unwrap } from './nodes';
import { keyOf } from '../outlineScope';

const cursorSteps = new Set([
  'addCursorFlag',
  'allowDiskUse',
  'batchSize',
  'clone',
  'collation',
  'comment',
  'filter',
  'hint',
  'map',
  'match',
  'maxTimeMS',
  'project',
  'returnKey',
  'showRecordId',
  'skip',
  'sort',
  'stream',
  'withReadConcern',
  'withReadPreference',
]);

export function kindOf(expression: Node, env: Env): Kind | undefined {
  const node = unwrap(expression);
  if (node.type === 'Identifier') return env.kindOf(node.name);
  if (isFunction(node)) return { type: 'function', node, env };
  if (node.type === 'MemberExpression' || node.type === 'OptionalMemberExpression') {
    const object = kindOf(node.object, env);
    const name = keyOf(node.property, node.computed);
    if (object?.type === 'ctx' && name === 'session') return { type: 'session' };
    return object?.type === 'document' ? object : undefined;
  }
  const call = methodCall(node);
  const on = call && kindOf(call.object, env);
  return on && ofCall(on, call, env);
}

function ofCall(on: Kind, { method, args }: MethodCall, env: Env): Kind | undefined {
  const [first] = args;
  switch (on.type) {
    case 'client':
      if (method === 'db') return first ? { type: 'db', name: stringOf(first, env) } : { type: 'db' };
      return method === 'startSession' ? { type: 'session' } : undefined;
    case 'db':
      if (method === 'collection' || method === 'createCollection')
        return { type: 'collection', name: stringOf(first, env), db: on.name };
      if (method === 'admin') return { type: 'admin' };
      return method === 'aggregate' ? { type: 'cursor', pipeline: first, limited: true, env } : undefined;
    case 'collection':
      return ofCollectionCall(on, method, args, env);
    case 'cursor':
      return ofCursorCall(on, method, first, env);
    case 'documents':
      return method === 'at' || method === 'find'
        ? { type: 'document', collection: on.collection }
        : undefined;
    default:
      return undefined;
  }
}

function ofCollectionCall(
  { name }: Kind & { type: 'collection' },
  method: string,
  [first, options]: Node[],
  env: Env,
): Kind | undefined {
  if (method === 'find') {
    const limited = !isEverything(first, env) || fieldOf(options, env, 'limit') !== undefined;
    return { type: 'cursor', collection: name, filter: first, limited, env };
  }
  if (method === 'aggregate') {
    return { type: 'cursor', collection: name, pipeline: first, limited: !readsAll(first, env), env };
  }
  return method === 'findOne' ? { type: 'document', collection: name } : undefined;
}

/** An aggregation that gives as many documents as the collection has. */
function readsAll(pipeline: Node | undefined, env: Env): boolean {
  const node = pipeline && unwrap(pipeline);
  if (node?.type !== 'ArrayExpression') return false;
  const harmless = new Set(['$project', '$sort', '$set', '$addFields', '$unset', '$unwind', '$replaceWith']);
  return node.elements.every((stage) => {
    if (stage?.type !== 'ObjectExpression') return false;
    const [property] = stage.properties;
    const name =
      property && property.type !== 'SpreadElement' ? keyOf(property.key, property.computed) : null;
    return (
      name !== null && (harmless.has(name) || (name === '$match' && isEverything(valueOf(property), env)))
    );
  });
}

function valueOf(property: Node | undefined): Node | undefined {
  return property?.type === 'ObjectProperty' ? property.value : undefined;
}

function ofCursorCall(
  cursor: Kind & { type: 'cursor' },
  method: string,
  first: Node | undefined,
  env: Env,
): Kind | undefined {
  const { collection, limited } = cursor;
  if (method === 'limit') return { ...cursor, limited: true };
  // Another filter, by a method of the cursor itself.
  if (method === 'filter' && !isFunction(first))
    return { ...cursor, filter: first, limited: !isEverything(first, env) };
  if (cursorSteps.has(method)) return cursor;
  if (method === 'toArray') return { type: 'documents', collection, limited };
  if (method === 'next' || method === 'tryNext') return { type: 'document', collection };
  return undefined;
}

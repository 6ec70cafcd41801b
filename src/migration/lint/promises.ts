// Promises: what nobody awaits, and too many at once (L14).
import { functionOf } from './actions';
import { awaitFix } from './fixes';
import { kindOf } from './kinds';
import type { LintedMigration } from './migration';
import type { Kind } from './names';
import type { Node } from './nodes';
import { contains, isFunction, methodCall, someNode } from './nodes';
import type { Report, Rule } from './report';
import { stagesOf } from './updates';
import type { DriverCall } from './walk';

export const promiseRules: Rule[] = [notAwaited, tooMany];

const promising: Partial<Record<Kind['type'], ReadonlySet<string>>> = {
  db: new Set([
    'command',
    'createCollection',
    'createIndex',
    'dropCollection',
    'dropDatabase',
    'renameCollection',
  ]),
  admin: new Set(['command']),
  client: new Set(['bulkWrite', 'withSession']),
  session: new Set(['withTransaction', 'commitTransaction', 'abortTransaction']),
  ctx: new Set(['batch', 'convert', 'extract', 'embed']),
  cursor: new Set(['forEach', 'toArray']),
};
const ofCollection = new Set([
  'bulkWrite',
  'createIndex',
  'createIndexes',
  'deleteMany',
  'deleteOne',
  'drop',
  'dropIndex',
  'dropIndexes',
  'findOneAndDelete',
  'findOneAndReplace',
  'findOneAndUpdate',
  'insertMany',
  'insertOne',
  'rename',
  'replaceOne',
  'updateMany',
  'updateOne',
]);

function givesPromise({ call, on }: DriverCall): boolean {
  if (on === undefined || on.type === 'collection') return ofCollection.has(call.method);
  return promising[on.type]?.has(call.method) ?? false;
}

function notAwaited({ calls, actions }: LintedMigration, report: Report): void {
  for (const found of calls) {
    const { call, path } = found;
    const parent = path.at(-1);
    if (givesPromise(found) && parent?.type === 'ExpressionStatement') {
      const fix = awaitFix(call.node, functionOf(found));
      report(
        'L14',
        call.property,
        'Nobody waits for this: the migration counts as done before it is, and its errors are lost.',
        'Put `await` before it.',
        fix ? { fixes: [fix] } : {},
      );
    }
    if (givesPromise(found)) inForEach(found, report);
  }
  for (const { method, pipeline, path, where } of actions) {
    const parent = path.at(-1);
    const alone =
      parent?.type === 'ExpressionStatement' ||
      (parent?.type === 'AwaitExpression' && path.at(-2)?.type === 'ExpressionStatement');
    const writing = stagesOf(pipeline).some(({ name }) => name === '$out' || name === '$merge');
    if (method !== 'aggregate' || !alone || !writing) continue;
    report(
      'L14',
      where,
      'An aggregation runs only when its cursor is read, so this does nothing.',
      'Read it: `await ….toArray()`.',
    );
  }
}

/** `list.forEach(async (one) => …)`: `forEach` takes no notice of the promises. */
function inForEach({ call, path }: DriverCall, report: Report): void {
  const fnAt = path.findLastIndex((node) => isFunction(node));
  const outer = path[fnAt - 1];
  const fn = path[fnAt];
  const each = outer && methodCall(outer);
  if (!fn || each?.method !== 'forEach' || !each.args.includes(fn)) return;
  const returned = fn.type === 'ArrowFunctionExpression' && fn.body === call.node;
  const awaited = path.at(-1)?.type === 'AwaitExpression' || path.at(-1)?.type === 'ReturnStatement';
  if (!returned && !awaited) return;
  report(
    'L14',
    each.property,
    '`forEach` does not wait for what its function does with the database.',
    'Use `for (const … of …)` with `await`.',
  );
}

function tooMany({ calls }: LintedMigration, report: Report): void {
  for (const found of calls) {
    if (!givesPromise(found)) continue;
    const outer = found.path.at(-1);
    const push = outer && methodCall(outer);
    if (push?.method === 'push' && push.args.includes(found.call.node) && isUnbounded(found)) {
      tell(push.property, report);
    }
    const all = allOf(found);
    if (all) tell(all, report);
  }
}

function tell(where: Node, report: Report): void {
  report(
    'L14',
    where,
    'As many operations as there are documents are started at once.',
    'Send them in batches with `bulkWrite`, or use `ctx.batch`.',
  );
}

/** In a loop over documents of the database that never waits for what it has started. */
function isUnbounded({ path }: DriverCall): boolean {
  const fn = path.findLastIndex((node) => isFunction(node));
  const inFunction = path.slice(fn + 1);
  const loop = inFunction.find(
    (node) => node.type === 'WhileStatement' || (node.type === 'ForOfStatement' && node.await),
  );
  if (!loop) return false;
  return !someNode(loop, (node) => node.type === 'AwaitExpression' && isPromiseAll(node.argument));
}

function isPromiseAll(node: Node): boolean {
  const call = methodCall(node);
  return call !== undefined && call.method.startsWith('all') && isNamed(call.object, 'Promise');
}

function isNamed(node: Node, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}

/** `Promise.all(documents.map((one) => …))` over a whole collection: where `map` stands. */
function allOf({ path, call, env }: DriverCall): Node | undefined {
  const all = path.find((node) => isPromiseAll(node));
  const [list] = all?.type === 'CallExpression' ? all.arguments : [];
  const map = list && methodCall(list);
  if (map?.method !== 'map' || !map.args.some((fn) => contains(fn, call.node))) return undefined;
  const documents = kindOf(map.object, env);
  return documents?.type === 'documents' && !documents.limited ? map.property : undefined;
}

// What is read and what is written: whole collections in memory (L15), writes without a guard (L16), values that differ
// each time (L17).
import type { Action } from './actions';
import { replaces, updates, writes } from './actions';
import type { LintedMigration } from './migration';
import { arrayOf, type Env, fieldOf, objectOf, type Placed } from './names';
import type { Node } from './nodes';
import { calledName, children, contains, isFunction, methodCall, usedNames } from './nodes';
import { keyOf } from '../outlineScope';
import type { Report, Rule } from './report';

export const valueRules: Rule[] = [wholeCollections, unguarded, notRepeatable];

function wholeCollections({ calls }: LintedMigration, report: Report): void {
  for (const { call, on } of calls) {
    if (call.method !== 'toArray' || on?.type !== 'cursor' || on.limited || on.collection === undefined)
      continue;
    report(
      'L15',
      call.property,
      `This reads all of "${on.collection}" into memory, however large it has become.`,
      'Go through the cursor with `for await`, or give it a filter or a `limit`.',
    );
  }
}

function unguarded({ actions }: LintedMigration, report: Report): void {
  for (const action of actions) {
    const { filter, env, method, where, transaction, options } = action;
    if (!(updates.has(method) || replaces.has(method))) continue;
    // What a transaction has read, nobody else changes before it ends.
    if (transaction && fieldOf(options?.node, env, 'session')) continue;
    const conditions = filter && objectOf(filter.node, filter.env);
    if (!conditions?.complete || [...conditions.properties.keys()].join() !== '_id') continue;
    const id = conditions.properties.get('_id');
    const read = id && documentNames(id, env);
    if (!read || read.size === 0) continue;
    const value = action.update ?? action.documents;
    if (!value || !usesContent(value, read)) continue;
    report(
      'L16',
      where,
      'What is written was computed from a document read earlier: what somebody changed meanwhile is overwritten.',
      'Put the old value into the filter too (`{ _id, name }`), or use `ctx.batch` or an update pipeline.',
    );
  }
}

/** Names that hold documents of the database, when an expression is made of them. */
function documentNames({ node }: Placed, env: Env): Set<string> {
  return new Set([...usedNames(node)].filter((name) => env.kindOf(name)?.type === 'document'));
}

/** Whether a value is made of more of these documents than their `_id`. */
function usesContent({ node, env }: Placed, names: ReadonlySet<string>): boolean {
  const members: Node[] = [];
  const collect = (at: Node): void => {
    if (at.type === 'MemberExpression' && keyOf(at.property, at.computed) === '_id') return;
    if (at.type === 'Identifier') members.push(at);
    for (const child of valueChildren(at)) collect(child);
  };
  collect(node);
  return members.some((member) => {
    if (member.type !== 'Identifier' || member.name === '_id') return false;
    if (names.has(member.name) || env.kindOf(member.name)?.type === 'document') return true;
    const init = env.lookup(member.name)?.binding.init;
    return init !== undefined && [...usedNames(init)].some((name) => env.kindOf(name)?.type === 'document');
  });
}

/** Without the names of properties. */
function valueChildren(node: Node): Node[] {
  if (node.type === 'MemberExpression') return node.computed ? [node.object, node.property] : [node.object];
  if (node.type === 'ObjectProperty') return node.computed ? [node.key, node.value] : [node.value];
  return children(node);
}

function notRepeatable(
  { values, actions, entry, functionAt, env: moduleNames }: LintedMigration,
  report: Report,
): void {
  const up = actions.filter(({ direction, method }) => direction === 'up' && writes.has(method));
  const transform = functionAt('transform');
  for (const { node, direction, path, env } of values) {
    if (direction !== 'up') continue;
    const what = differing(node);
    if (what === undefined) continue;
    const written =
      up.some((action) => bodies(action).some((body) => contains(body, node))) ||
      (entry.kind === 'transform' &&
        transform !== undefined &&
        contains(transform, node) &&
        !isLogged(path)) ||
      isNamedAndWritten(node, path, up, env ?? moduleNames);
    if (!written) continue;
    report(
      'L17',
      node,
      `${what} is another one each time this runs, so a run that starts again leaves two kinds of documents.`,
      what.startsWith('`new Date()`') || what.startsWith('`Date.now()`')
        ? 'Use `ctx.run.startedAt`, or `$$NOW` in an update pipeline.'
        : 'Derive it from the document, so that it comes out the same again.',
    );
  }
}

function differing(node: Node): string | undefined {
  const name = calledName(node);
  const args = node.type === 'NewExpression' || node.type === 'CallExpression' ? node.arguments : [];
  if (args.length > 0) return undefined;
  if (node.type === 'NewExpression' && name === 'Date') return '`new Date()`';
  if (name === 'ObjectId' || name === 'ObjectID') return '`new ObjectId()`';
  if (name === 'randomUUID' || name === 'uuidv4') return `\`${name}()\``;
  const call = methodCall(node);
  if (call?.object.type !== 'Identifier') return undefined;
  if (call.object.name === 'Date' && call.method === 'now') return '`Date.now()`';
  return call.object.name === 'Math' && call.method === 'random' ? '`Math.random()`' : undefined;
}

function bodies({ update, documents }: Action): Node[] {
  return [update?.node, documents?.node].filter((node) => node !== undefined);
}

/** `ctx.log.info(Date.now())`, `console.log(…)`. */
function isLogged(path: readonly Node[]): boolean {
  return path.some((node) => /^(?:log|info|warn|error|debug)$/.test(methodCall(node)?.method ?? ''));
}

/** `const now = new Date()` whose name stands in what is written. */
function isNamedAndWritten(node: Node, path: readonly Node[], up: Action[], env: Env): boolean {
  if (path.at(-1)?.type !== 'VariableDeclaration') return false;
  const declaration = path.at(-1);
  if (declaration?.type !== 'VariableDeclaration') return false;
  const declarator = declaration.declarations.find(({ init }) => init === node);
  if (declarator?.id.type !== 'Identifier' || env.changed.reassigned.has(declarator.id.name)) return false;
  const { name } = declarator.id;
  return up.some((action) => {
    const belongs = action.env.lookup(name)?.binding.init === node;
    return belongs && bodies(action).some((body) => mentions({ node: body, env: action.env }, name));
  });
}

function mentions({ node, env }: Placed, name: string): boolean {
  if (usedNames(node).has(name)) return true;
  return (arrayOf(node, env)?.elements ?? []).some(
    (element) => !isFunction(element.node) && usedNames(element.node).has(name),
  );
}

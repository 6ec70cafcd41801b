// Small things about syntax trees: children, wrappers, names, functions.
import type * as Babel from '@babel/types';
import { keyOf } from '../outlineScope';
import { insideOf } from '../wrappers';

export type Node = Babel.Node;
export type FunctionNode =
  | Babel.FunctionDeclaration
  | Babel.FunctionExpression
  | Babel.ArrowFunctionExpression
  | Babel.ObjectMethod
  | Babel.ClassMethod;

export const startOf = (node: Node): number => node.start ?? 0;
export const endOf = (node: Node): number => node.end ?? 0;

/** Whether a node stands inside another one, or is it. */
export function contains(outer: Node, inner: Node): boolean {
  return startOf(outer) <= startOf(inner) && endOf(outer) >= endOf(inner);
}

export function isFunction(node: Node | null | undefined): node is FunctionNode {
  return (
    node?.type === 'FunctionDeclaration' ||
    node?.type === 'FunctionExpression' ||
    node?.type === 'ArrowFunctionExpression' ||
    node?.type === 'ObjectMethod' ||
    node?.type === 'ClassMethod'
  );
}

/** Where other things than code hang on a node. */
const besideCode = new Set([
  'loc',
  'extra',
  'errors',
  'leadingComments',
  'trailingComments',
  'innerComments',
]);

export function children(node: Node): Node[] {
  const found: Node[] = [];
  // Called for every node several times: `for in` spares the arrays of `Object.entries`.
  for (const key in node) {
    if (besideCode.has(key)) continue;
    const value = (node as unknown as Record<string, unknown>)[key];
    if (Array.isArray(value)) for (const item of value as unknown[]) if (isNode(item)) found.push(item);
    if (isNode(value)) found.push(value);
  }
  return found;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

/** Whether something holds for a node or any below it. */
export function someNode(root: Node, holds: (node: Node) => boolean): boolean {
  const waiting = [root];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (holds(node)) return true;
    waiting.push(...children(node));
  }
  return false;
}

/** Looks through casts, parentheses and `await`. */
export function unwrap(node: Node): Node {
  const inside = insideOf(node);
  return inside ? unwrap(inside) : node;
}

export interface MethodCall {
  node: Babel.CallExpression | Babel.OptionalCallExpression;
  object: Node;
  method: string;
  /** The method's name in the text. */
  property: Node;
  args: Node[];
}

/** `object.method(…)`. */
export function methodCall(node: Node): MethodCall | undefined {
  if (node.type !== 'CallExpression' && node.type !== 'OptionalCallExpression') return undefined;
  const { callee } = node;
  if (callee.type !== 'MemberExpression' && callee.type !== 'OptionalMemberExpression') return undefined;
  const method = keyOf(callee.property, callee.computed);
  if (method === null) return undefined;
  return { node, object: callee.object, method, property: callee.property, args: node.arguments };
}

/** `new Name(…)`, `Name(…)`, `x.Name(…)`: the name. */
export function calledName(node: Node): string | undefined {
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return undefined;
  const { callee } = node;
  if (callee.type === 'Identifier') return callee.name;
  if (callee.type === 'MemberExpression') return keyOf(callee.property, callee.computed) ?? undefined;
  return undefined;
}

/** Names that are assigned to, or whose value is changed in place, anywhere in a tree. */
export function changedNames(root: Node): { reassigned: Set<string>; mutated: Set<string> } {
  const reassigned = new Set<string>();
  const mutated = new Set<string>();
  const target = (node: Node): void => {
    if (node.type === 'Identifier') reassigned.add(node.name);
    else if (node.type === 'MemberExpression') mutated.add(rootName(node) ?? '');
  };
  const look = (node: Node): void => {
    if (node.type === 'AssignmentExpression') target(node.left);
    else if (node.type === 'UpdateExpression') target(node.argument);
    else if (node.type === 'UnaryExpression' && node.operator === 'delete') target(node.argument);
    const call = methodCall(node);
    if (!call) return;
    if (changing.has(call.method)) mutated.add(rootName(call.object) ?? '');
    const [first] = call.args;
    if (call.method === 'assign' && first) mutated.add(rootName(first) ?? '');
  };
  someNode(root, (node) => {
    look(node);
    return false;
  });
  return { reassigned, mutated };
}

const changing = new Set(['push', 'unshift', 'splice', 'pop', 'shift', 'sort', 'reverse', 'fill', 'set']);

/** `a` of `a.b.c`. */
export function rootName(node: Node): string | undefined {
  if (node.type === 'Identifier') return node.name;
  return node.type === 'MemberExpression' ? rootName(node.object) : undefined;
}

/** Names that an expression uses as values (no property names). */
export function usedNames(node: Node): Set<string> {
  const names = new Set<string>();
  const visit = (at: Node, parent: Node | undefined): void => {
    if (at.type === 'Identifier' && !isPropertyName(at, parent)) names.add(at.name);
    for (const child of children(at)) visit(child, at);
  };
  visit(node, undefined);
  return names;
}

function isPropertyName(node: Babel.Identifier, parent: Node | undefined): boolean {
  if (parent?.type === 'MemberExpression' || parent?.type === 'OptionalMemberExpression')
    return parent.property === node && !parent.computed;
  // In `{ a }` key and value are two nodes of one place.
  if (parent?.type === 'ObjectProperty' || parent?.type === 'ObjectMethod')
    return parent.key === node && !parent.computed;
  return false;
}

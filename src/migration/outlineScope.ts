// What the names and expressions at the top of one JavaScript module stand for, as far as its text alone tells.
import type * as Babel from '@babel/types';
import { insideOf } from './wrappers';

/** A node and the stretch of text that a lens belongs to. */
export interface Found {
  node: Babel.Node;
  start: number;
  end: number;
}
export type Properties = Map<string, Found>;

/** An object or an array out of the text; `complete` is false when parts of it cannot be read. */
export type Value =
  | { type: 'object'; properties: Properties; complete: boolean; start: number; end: number }
  /** An element is undefined when it cannot be read. */
  | { type: 'array'; elements: (Value | undefined)[]; complete: boolean }
  /** Surely something else: a function, a number, a class. */
  | { type: 'other' };

/** So deep do names refer to names before we give up (they may go in a circle). */
const deepest = 20;

export class ModuleScope {
  readonly #declared = new Map<string, Found>();
  readonly #touched = new Set<string>();

  constructor(program: Babel.Program) {
    for (const statement of program.body) this.#declare(statement);
  }

  /** The value that a top-level name was declared with. */
  declaration(name: string): Found | undefined {
    return this.#declared.get(name);
  }

  /** Whether top-level code uses a name in a way that may change what it holds (`migrations.push(…)`). */
  touches(name: string): boolean {
    return this.#touched.has(name);
  }

  /** What an expression stands for, or undefined when only running the code can tell. */
  value(node: Babel.Node, depth = 0): Value | undefined {
    const target = this.#follow(node, depth);
    if (!target) return undefined;
    switch (target.type) {
      case 'ObjectExpression':
        return this.#object(target, depth);
      case 'ArrayExpression':
        return this.#array(target, depth);
      case 'FunctionExpression':
      case 'FunctionDeclaration':
      case 'ArrowFunctionExpression':
      case 'ClassDeclaration':
      case 'ClassExpression':
        return { type: 'other' };
      default:
        return this.literal(target) === undefined ? undefined : { type: 'other' };
    }
  }

  /** The value of a literal in a box (it may be undefined itself), or undefined when it is none. */
  literal(node: Babel.Node): { value: unknown } | undefined {
    const target = this.#follow(node, 0);
    switch (target?.type) {
      case 'StringLiteral':
      case 'BooleanLiteral':
      case 'NumericLiteral':
        return { value: target.value };
      case 'NullLiteral':
        return { value: null };
      case 'TemplateLiteral':
        return target.expressions.length === 0 ? { value: target.quasis[0]?.value.cooked } : undefined;
      case 'Identifier':
        return target.name === 'undefined' ? { value: undefined } : undefined;
      default:
        return undefined;
    }
  }

  /** The strings of an array of string literals, or null when it is none. */
  strings(node: Babel.Node): string[] | null {
    const target = this.#follow(node, 0);
    if (target?.type !== 'ArrayExpression') return null;
    const values = target.elements.map((element) => element && this.literal(element)?.value);
    return values.every((value) => typeof value === 'string') ? values : null;
  }

  /** Looks through wrappers (`defineMigration(…)`, `as const`, `await`) and names to the node behind them. */
  #follow(node: Babel.Node, depth: number): Babel.Node | undefined {
    if (depth > deepest) return undefined;
    const inside = insideOf(node);
    if (inside) return this.#follow(inside, depth + 1);
    switch (node.type) {
      case 'CallExpression': {
        const [argument] = node.arguments;
        return argument && isTransparent(node.callee) ? this.#follow(argument, depth + 1) : undefined;
      }
      case 'Identifier': {
        if (node.name === 'undefined') return node;
        const declared = this.#touched.has(node.name) ? undefined : this.#declared.get(node.name);
        return declared && this.#follow(declared.node, depth + 1);
      }
      default:
        return node;
    }
  }

  #object(node: Babel.ObjectExpression, depth: number): Value {
    const properties: Properties = new Map();
    let complete = true;
    for (const property of node.properties) {
      if (property.type === 'SpreadElement') {
        const spread = this.value(property.argument, depth + 1);
        if (spread?.type === 'object') {
          for (const [key, found] of spread.properties) properties.set(key, found);
        }
        if (spread?.type !== 'object' || !spread.complete) complete = false;
        continue;
      }
      const key = keyOf(property.key, property.computed);
      if (key === null) complete = false;
      else if (property.type === 'ObjectMethod') properties.set(key, found(property));
      else properties.set(key, { ...found(property), node: property.value });
    }
    return { type: 'object', properties, complete, start: node.start ?? 0, end: node.end ?? 0 };
  }

  #array(node: Babel.ArrayExpression, depth: number): Value {
    const elements: (Value | undefined)[] = [];
    let complete = true;
    for (const element of node.elements) {
      if (element?.type === 'SpreadElement') {
        const spread = this.value(element.argument, depth + 1);
        if (spread?.type !== 'array' || !spread.complete) complete = false;
        if (spread?.type === 'array') elements.push(...spread.elements);
        // What stands behind a list of unknown length has no known place in the array.
        else break;
        continue;
      }
      const value = element ? this.value(element, depth + 1) : undefined;
      if (!value || (value.type === 'object' && !value.complete)) complete = false;
      elements.push(value);
    }
    return { type: 'array', elements, complete };
  }

  #declare(statement: Babel.Statement): void {
    switch (statement.type) {
      case 'ExportNamedDeclaration':
      case 'ExportDefaultDeclaration': {
        const { declaration } = statement;
        if (declaration && declaration.type.endsWith('Declaration')) {
          this.#declare(declaration as Babel.Statement);
        }
        return;
      }
      case 'FunctionDeclaration':
      case 'ClassDeclaration':
        if (statement.id) this.#declared.set(statement.id.name, found(statement));
        return;
      case 'VariableDeclaration':
        for (const { id, init } of statement.declarations) {
          if (id.type !== 'Identifier' || !init) continue;
          this.#declared.set(id.name, { ...found(statement), node: init });
        }
        return;
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'TSExportAssignment':
        return;
      case 'ExpressionStatement':
        if (!isExportAssignment(statement.expression)) collectNames(statement.expression, this.#touched);
        return;
      default:
        if (!statement.type.startsWith('TS')) collectNames(statement, this.#touched);
    }
  }
}

/** The name of a property, or null when it is computed. */
export function keyOf(key: Babel.Node, computed: boolean | null | undefined): string | null {
  if (key.type === 'StringLiteral') return key.value;
  if (key.type === 'NumericLiteral') return String(key.value);
  return key.type === 'Identifier' && !computed ? key.name : null;
}

/** `module.exports`. */
export function isModuleExports(node: Babel.Node): boolean {
  return (
    node.type === 'MemberExpression' &&
    node.object.type === 'Identifier' &&
    node.object.name === 'module' &&
    keyOf(node.property, node.computed) === 'exports'
  );
}

/** Assignments to `module.exports`, `exports.x` and compilers' `__esModule` mark, which the outline reads. */
export function isExportAssignment(node: Babel.Expression): boolean {
  if (node.type === 'CallExpression') {
    const key = node.arguments[1];
    return key?.type === 'StringLiteral' && key.value === '__esModule';
  }
  if (node.type !== 'AssignmentExpression' || node.operator !== '=') return false;
  const { left } = node;
  const exported =
    (left.type === 'Identifier' && left.name === 'exports') ||
    isModuleExports(left) ||
    (left.type === 'MemberExpression' &&
      (isModuleExports(left.object) ||
        (left.object.type === 'Identifier' && left.object.name === 'exports')));
  return exported && (node.right.type !== 'AssignmentExpression' || isExportAssignment(node.right));
}

/** Calls that hand their first argument back: `defineMigration`, `Promise.resolve`, `Object.freeze`. */
function isTransparent(callee: Babel.Node): boolean {
  if (callee.type === 'Identifier') return callee.name === 'defineMigration';
  if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return false;
  const { name } = callee.property;
  if (name === 'defineMigration') return true;
  const owner = callee.object.type === 'Identifier' ? callee.object.name : '';
  return (owner === 'Promise' && name === 'resolve') || (owner === 'Object' && name === 'freeze');
}

function collectNames(node: unknown, into: Set<string>): void {
  const waiting: unknown[] = [node];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (Array.isArray(next)) {
      waiting.push(...(next as unknown[]));
      continue;
    }
    const { type, name } = next as { type?: unknown; name?: unknown };
    if (typeof type !== 'string') continue;
    if (type === 'Identifier' && typeof name === 'string') into.add(name);
    else waiting.push(...Object.values(next));
  }
}

function found(node: Babel.Node): Found {
  return { node, start: node.start ?? 0, end: node.end ?? 0 };
}

// What names stand for inside a migration's functions, as far as the text tells: databases, collections, cursors,
// documents, and constants whose value can be read.
import type { FunctionNode, Node } from './nodes';
import { unwrap } from './nodes';
import { keyOf } from '../outlineScope';

/** What an expression is, where that matters to a rule. */
export type Kind =
  /** `name` of a database that is named in the code; `named` where that happens. */
  | { type: 'db'; name?: string }
  | { type: 'client' }
  | { type: 'session' }
  | { type: 'ctx' }
  | { type: 'admin' }
  /** `name` is undefined when it is computed. */
  | { type: 'collection'; name?: string; db?: string }
  | { type: 'cursor'; collection?: string; filter?: Node; pipeline?: Node; limited: boolean; env: Env }
  /** An array of all that a cursor gave. */
  | { type: 'documents'; collection?: string; limited: boolean }
  /** A document out of the database, or a part of one. */
  | { type: 'document'; collection?: string }
  | { type: 'function'; node: FunctionNode; env: Env };

export interface Binding {
  kind?: Kind;
  /** What it was declared with. */
  init?: Node;
}

export class Env {
  readonly #names = new Map<string, Binding>();

  constructor(
    readonly parent: Env | undefined,
    /** Names whose value cannot be told from their declaration, in the whole file. */
    readonly changed: { reassigned: ReadonlySet<string>; mutated: ReadonlySet<string> },
  ) {}

  inner(): Env {
    return new Env(this, this.changed);
  }

  declare(name: string, binding: Binding): void {
    this.#names.set(name, binding);
  }

  lookup(name: string): { binding: Binding; env: Env } | undefined {
    const binding = this.#names.get(name);
    return binding ? { binding, env: this } : this.parent?.lookup(name);
  }

  kindOf(name: string): Kind | undefined {
    return this.changed.reassigned.has(name) ? undefined : this.lookup(name)?.binding.kind;
  }
}

/** A node with the names that hold where it stands. */
export interface Placed {
  node: Node;
  env: Env;
}

const deepest = 20;

/** The node that holds the value of an expression: through casts, and constants that nobody changes. */
export function resolve(node: Node, env: Env, depth = 0): Placed | undefined {
  const bare = unwrap(node);
  if (bare.type !== 'Identifier') return { node: bare, env };
  if (bare.name === 'undefined') return { node: bare, env };
  if (depth > deepest || env.changed.reassigned.has(bare.name) || env.changed.mutated.has(bare.name))
    return undefined;
  const found = env.lookup(bare.name);
  return found?.binding.init && resolve(found.binding.init, found.env, depth + 1);
}

export function stringOf(node: Node | undefined, env: Env): string | undefined {
  const target = node && resolve(node, env)?.node;
  if (target?.type === 'StringLiteral') return target.value;
  if (target?.type === 'TemplateLiteral' && target.expressions.length === 0)
    return target.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

export function numberOf(node: Node | undefined, env: Env): number | undefined {
  const target = node && resolve(node, env)?.node;
  if (target?.type === 'NumericLiteral') return target.value;
  if (target?.type === 'UnaryExpression' && target.operator === '-') {
    const inner = numberOf(target.argument, env);
    return inner === undefined ? undefined : -inner;
  }
  return undefined;
}

export function booleanOf(node: Node | undefined, env: Env): boolean | undefined {
  const target = node && resolve(node, env)?.node;
  return target?.type === 'BooleanLiteral' ? target.value : undefined;
}

export interface Property extends Placed {
  /** The key in the text. */
  key: Node;
}

export interface ObjectLiteral {
  node: Node;
  properties: Map<string, Property>;
  /** False with computed keys and spreads that cannot be read. */
  complete: boolean;
}

export function objectOf(node: Node | undefined, env: Env): ObjectLiteral | undefined {
  const target = node && resolve(node, env);
  if (target?.node.type !== 'ObjectExpression') return undefined;
  const literal: ObjectLiteral = { node: target.node, properties: new Map(), complete: true };
  for (const property of target.node.properties) {
    if (property.type === 'SpreadElement') {
      const spread = objectOf(property.argument, target.env);
      if (!spread?.complete) literal.complete = false;
      for (const [name, value] of spread?.properties ?? []) literal.properties.set(name, value);
      continue;
    }
    const computed = property.computed ? stringOf(property.key, target.env) : undefined;
    const name = computed ?? keyOf(property.key, property.computed);
    if (name === null) literal.complete = false;
    else {
      const value = property.type === 'ObjectMethod' ? property : property.value;
      literal.properties.set(name, { key: property.key, node: value, env: target.env });
    }
  }
  return literal;
}

/** A field of an object literal. */
export function fieldOf(node: Node | undefined, env: Env, name: string): Property | undefined {
  return objectOf(node, env)?.properties.get(name);
}

export interface ArrayLiteral {
  node: Node;
  elements: Placed[];
  complete: boolean;
}

export function arrayOf(node: Node | undefined, env: Env): ArrayLiteral | undefined {
  const target = node && resolve(node, env);
  if (target?.node.type !== 'ArrayExpression') return undefined;
  const elements: Placed[] = [];
  let complete = true;
  for (const element of target.node.elements) {
    const spread = element?.type === 'SpreadElement' ? arrayOf(element.argument, target.env) : undefined;
    if (spread) elements.push(...spread.elements);
    if (element?.type === 'SpreadElement' && !spread?.complete) complete = false;
    if (element && element.type !== 'SpreadElement') elements.push({ node: element, env: target.env });
  }
  return { node: target.node, elements, complete };
}

/** `{}`, or nothing at all: every document is meant. */
export function isEverything(filter: Node | undefined, env: Env): boolean {
  if (!filter) return true;
  const target = resolve(filter, env)?.node;
  if (target?.type === 'NullLiteral') return true;
  if (target?.type === 'Identifier' && target.name === 'undefined') return true;
  const literal = objectOf(filter, env);
  return literal !== undefined && literal.complete && literal.properties.size === 0;
}

// Walks through the functions of a migration in the order of the text, into helpers of the same file with what they are
// given, and collects what is done with the database.
import type * as Babel from '@babel/types';
import type { Action, Direction, Place } from './actions';
import { actionsOf, bulkAction } from './actions';
import { kindOf } from './kinds';
import type { Kind } from './names';
import { Env } from './names';
import type { FunctionNode, MethodCall, Node } from './nodes';
import { changedNames, children, isFunction, methodCall, startOf } from './nodes';
import { keyOf } from '../outlineScope';

/** A method call on something that belongs to the database. */
export interface DriverCall extends Place {
  call: MethodCall;
  on: Kind | undefined;
}

export interface Facts {
  actions: Action[];
  calls: DriverCall[];
  /** Every `new …` and every plain call, for rules about values. */
  values: (Place & { node: Node })[];
}

/** The names at the top of a module. */
export function moduleEnv(program: Babel.Program): Env {
  const env = new Env(undefined, changedNames(program));
  for (const statement of program.body) declareStatement(statement, env);
  return env;
}

function declareStatement(statement: Node, env: Env): void {
  switch (statement.type) {
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
      if (statement.declaration) declareStatement(statement.declaration, env);
      return;
    case 'FunctionDeclaration':
      if (statement.id) env.declare(statement.id.name, { kind: { type: 'function', node: statement, env } });
      return;
    case 'VariableDeclaration':
      for (const { id, init } of statement.declarations) {
        if (id.type === 'Identifier' && init) env.declare(id.name, { init, kind: kindOf(init, env) });
      }
  }
}

const deepest = 12;

export class Walker {
  readonly facts: Facts = { actions: [], calls: [], values: [] };
  readonly #seen = new Set<string>();
  #path: Node[] = [];
  #direction: Direction = 'up';
  #transaction: Node | undefined;
  #depth = 0;

  /** @param params what the function's parameters are. */
  walk(
    fn: FunctionNode,
    params: (Kind | undefined)[],
    { env, direction, transaction }: { env: Env; direction: Direction; transaction?: Node },
  ): void {
    this.#direction = direction;
    this.#transaction = transaction;
    this.#enter(fn, params, env);
  }

  #enter(fn: FunctionNode, params: (Kind | undefined)[], env: Env): void {
    const inner = env.inner();
    fn.params.forEach((param, position) => declarePattern(param, params[position], undefined, inner));
    this.#inside(fn, () => {
      if (fn.body.type === 'BlockStatement') this.#block(fn.body, inner);
      else this.#visit(fn.body, inner);
    });
  }

  #inside(node: Node, work: () => void): void {
    this.#path.push(node);
    work();
    this.#path.pop();
  }

  #place(env: Env): Place {
    return { direction: this.#direction, env, path: [...this.#path], transaction: this.#transaction };
  }

  #block(node: Node & { body: Node[] }, env: Env): void {
    for (const statement of node.body)
      if (statement.type === 'FunctionDeclaration') declareStatement(statement, env);
    this.#inside(node, () => node.body.forEach((statement) => this.#visit(statement, env)));
  }

  #visit(node: Node, env: Env): void {
    switch (node.type) {
      case 'FunctionDeclaration':
      case 'ClassDeclaration':
        // Looked into where it is used.
        return;
      case 'BlockStatement':
        return this.#block(node, env.inner());
      case 'VariableDeclaration':
        return this.#inside(node, () => node.declarations.forEach((each) => this.#declarator(each, env)));
      case 'ForOfStatement':
        return this.#forOf(node, env);
      case 'ForStatement':
      case 'ForInStatement':
      case 'CatchClause':
        return this.#children(node, env.inner());
      case 'Identifier': {
        const kind = env.kindOf(node.name);
        if (kind?.type === 'function') this.#call(kind, [], node);
        return;
      }
      case 'MemberExpression':
      case 'OptionalMemberExpression':
        return this.#inside(node, () => {
          this.#visit(node.object, env);
          if (node.computed) this.#visit(node.property, env);
        });
      case 'ObjectExpression': {
        const [only] = node.properties.length === 1 ? node.properties : [];
        const bulk = only?.type === 'ObjectProperty' ? bulkAction(node, this.#place(env)) : undefined;
        if (bulk) this.facts.actions.push(bulk);
        return this.#children(node, env);
      }
      case 'ObjectProperty':
        return this.#inside(node, () => {
          if (node.computed) this.#visit(node.key, env);
          this.#visit(node.value, env);
        });
      case 'NewExpression':
        this.facts.values.push({ ...this.#place(env), node });
        return this.#children(node, env);
      case 'CallExpression':
      case 'OptionalCallExpression':
        return this.#callExpression(node, env);
      default:
        if (isFunction(node)) this.#enter(node, [], env);
        else this.#children(node, env);
    }
  }

  #children(node: Node, env: Env): void {
    this.#inside(node, () => children(node).forEach((child) => this.#visit(child, env)));
  }

  #declarator({ id, init }: Babel.VariableDeclarator, env: Env): void {
    if (!init) return;
    const kind = kindOf(init, env);
    if (kind?.type !== 'function') this.#visit(init, env);
    declarePattern(id, kind, init, env);
  }

  #forOf(node: Babel.ForOfStatement, env: Env): void {
    this.#visit(node.right, env);
    const inner = env.inner();
    const [declaration] = node.left.type === 'VariableDeclaration' ? node.left.declarations : [];
    if (declaration) declarePattern(declaration.id, elementOf(kindOf(node.right, env)), undefined, inner);
    this.#inside(node, () => this.#visit(node.body, inner));
  }

  #callExpression(node: Babel.CallExpression | Babel.OptionalCallExpression, env: Env): void {
    const call = methodCall(node);
    const on = call && kindOf(call.object, env);
    const place = this.#place(env);
    if (call) {
      const actions = actionsOf(call, on, place);
      this.facts.actions.push(...actions);
      if (on || actions.length > 0) this.facts.calls.push({ ...place, call, on });
    }
    this.facts.values.push({ ...place, node });
    this.#inside(node, () => {
      const called = call ? undefined : kindOf(node.callee, env);
      if (called?.type === 'function' && node.callee.type === 'Identifier') {
        this.#call(
          called,
          node.arguments.map((argument) => kindOf(argument, env)),
          node,
        );
      } else {
        this.#visit(node.callee, env);
      }
      const given = call ? callbackParams(call, on) : [];
      const before = this.#transaction;
      if (call?.method === 'withTransaction') this.#transaction = call.property;
      for (const argument of node.arguments) {
        if (isFunction(argument)) this.#enter(argument, given, env);
        else this.#visit(argument, env);
      }
      this.#transaction = before;
    });
  }

  /** Into a function that has a name, once for each kind of arguments. */
  #call({ node, env }: Kind & { type: 'function' }, params: (Kind | undefined)[], from: Node): void {
    const given = params.map((kind) => `${kind?.type}:${(kind as { name?: string } | undefined)?.name}`);
    const key = [startOf(node), this.#direction, this.#transaction && startOf(from), ...given].join(' ');
    if (this.#seen.has(key) || this.#depth >= deepest) return;
    this.#seen.add(key);
    this.#depth += 1;
    this.#enter(node, params, env);
    this.#depth -= 1;
  }
}

function elementOf(kind: Kind | undefined): Kind | undefined {
  if (kind?.type !== 'cursor' && kind?.type !== 'documents') return undefined;
  return { type: 'document', collection: kind.collection };
}

const overElements = new Set(['forEach', 'map', 'filter', 'flatMap', 'some', 'every', 'find']);

function callbackParams({ method }: MethodCall, on: Kind | undefined): (Kind | undefined)[] {
  if (method === 'withTransaction' || method === 'withSession') return [{ type: 'session' }];
  return overElements.has(method) ? [elementOf(on)] : [];
}

/** Gives the names of a pattern what they stand for. */
function declarePattern(pattern: Node, kind: Kind | undefined, init: Node | undefined, env: Env): void {
  switch (pattern.type) {
    case 'Identifier':
      return env.declare(pattern.name, { kind, init });
    case 'AssignmentPattern':
      return declarePattern(pattern.left, kind, undefined, env);
    case 'RestElement':
      return declarePattern(pattern.argument, part(kind), undefined, env);
    case 'ObjectPattern':
      for (const property of pattern.properties) {
        if (property.type === 'RestElement') declarePattern(property, kind, undefined, env);
        else
          declarePattern(property.value, part(kind, keyOf(property.key, property.computed)), undefined, env);
      }
      return;
    case 'ArrayPattern':
      for (const element of pattern.elements)
        if (element) declarePattern(element, elementOf(kind), undefined, env);
  }
}

function part(kind: Kind | undefined, name?: string | null): Kind | undefined {
  if (kind?.type === 'ctx' && name === 'session') return { type: 'session' };
  return kind?.type === 'document' ? kind : undefined;
}

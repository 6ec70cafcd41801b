// Options of calls: transactions around too much (L13), weak concerns (L18), validation turned off (L19).
import { helpers, writes } from './actions';
import type { LintedMigration } from './migration';
import type { Env } from './names';
import { booleanOf, fieldOf, isEverything, numberOf, objectOf, stringOf } from './names';
import type { Node } from './nodes';
import { kindOf } from './kinds';
import { methodCall, unwrap } from './nodes';
import type { Report, Rule } from './report';
import { stagesOf } from './updates';
import type { DriverCall } from './walk';

export const optionRules: Rule[] = [longTransactions, weakConcerns, withoutValidation];

function longTransactions({ actions, calls }: LintedMigration, report: Report): void {
  const tell = (where: Node, what: string): void =>
    report(
      'L13',
      where,
      `${what} in one transaction, which the server ends after 60 seconds.`,
      'Do it in parts, each in a transaction of its own, or use `ctx.batch`.',
    );
  for (const { transaction, method, filter, env, where, pipeline } of actions) {
    if (!transaction) continue;
    const all =
      (method === 'updateMany' || method === 'deleteMany') && isEverything(filter?.node, filter?.env ?? env);
    if (all) tell(where, 'This goes through the whole collection');
    if (stagesOf(pipeline).some(({ name }) => name === '$out' || name === '$merge'))
      tell(where, 'This writes a whole collection');
  }
  for (const found of calls) {
    const { transaction, call, on } = found;
    if (!transaction || !on) continue;
    if (loopsOver(found)) tell(call.property, 'This goes through the whole collection');
  }
}

/** `find()` without a bound as what a loop goes over. */
function loopsOver({ call, path, env }: DriverCall): boolean {
  const cursor = kindOf(call.node, env);
  if (cursor?.type !== 'cursor' || cursor.limited || cursor.collection === undefined) return false;
  // `find().forEach(…)`: between them stands the access to the method.
  const after = path.at(-2);
  const each = path.at(-1)?.type === 'MemberExpression' && after ? methodCall(after) : undefined;
  return each ? each.method === 'forEach' : isLoopedOver(path, call.node);
}

function isLoopedOver(path: readonly Node[], cursor: Node): boolean {
  const parent = path.at(-1);
  // The head of a loop is visited before the loop is entered, so its parent is the block around it.
  if (parent?.type !== 'BlockStatement') {
    if (parent?.type !== 'VariableDeclaration' || path.at(-2)?.type !== 'BlockStatement') return false;
  }
  const block = path.findLast((node) => node.type === 'BlockStatement');
  const name = parent?.type === 'VariableDeclaration' ? nameOf(parent, cursor) : undefined;
  return (block?.type === 'BlockStatement' ? block.body : []).some((statement) => {
    if (statement.type !== 'ForOfStatement') return false;
    const over = unwrap(statement.right);
    return over === cursor || (over.type === 'Identifier' && over.name === name);
  });
}

function nameOf(declaration: Node & { type: 'VariableDeclaration' }, init: Node): string | undefined {
  const found = declaration.declarations.find((each) => each.init && unwrap(each.init) === init);
  return found?.id.type === 'Identifier' ? found.id.name : undefined;
}

function weakConcerns(migration: LintedMigration, report: Report): void {
  const { calls, actions } = migration;
  const changes = actions.some(({ method }) => writes.has(method) || helpers.has(method));
  for (const { call, env, on } of calls) {
    if (!on || on.type === 'ctx') continue;
    for (const argument of call.args) {
      const weak = weakWrite(argument, env);
      if (weak) {
        report(
          'L18',
          weak,
          'A write that one member alone has acknowledged is lost when another member becomes primary.',
          'Leave the write concern at `majority`.',
        );
      }
      const preference = fieldOf(argument, env, 'readPreference');
      if (!changes || !preference || !isSecondary(preference.node, preference.env)) continue;
      report(
        'L18',
        preference.key,
        'A secondary may show documents as they were before the last writes, and what is written is computed from that.',
        'Read from the primary.',
      );
    }
  }
}

/** `{ w: 1 }`, `{ writeConcern: { w: 0 } }` as the options of a call. */
function weakWrite(options: Node, env: Env): Node | undefined {
  const concern = fieldOf(options, env, 'writeConcern');
  const w = fieldOf(concern?.node ?? options, concern?.env ?? env, 'w');
  // A document or filter with a field `w` is none: options have no operators and no `_id`.
  if (!w || (!concern && !isOptions(options, env))) return undefined;
  const value = numberOf(w.node, w.env);
  return value !== undefined && value < 2 ? w.key : undefined;
}

const optionNames = new Set([
  'w',
  'j',
  'wtimeout',
  'wtimeoutMS',
  'journal',
  'session',
  'ordered',
  'upsert',
  'comment',
  'hint',
  'collation',
  'arrayFilters',
  'retryWrites',
]);

function isOptions(options: Node, env: Env): boolean {
  const names = [...(objectOf(options, env)?.properties.keys() ?? [])];
  return names.every((name) => optionNames.has(name));
}

function isSecondary(node: Node, env: Env): boolean {
  const text = stringOf(node, env);
  if (text !== undefined) return /^(?:secondary|secondaryPreferred|nearest)$/.test(text);
  const member = unwrap(node);
  return (
    member.type === 'MemberExpression' &&
    member.property.type === 'Identifier' &&
    /^(?:SECONDARY|SECONDARY_PREFERRED|NEAREST)$/.test(member.property.name)
  );
}

function withoutValidation({ actions }: LintedMigration, report: Report): void {
  for (const { options, env, method } of actions) {
    if (!options) continue;
    const bypass = fieldOf(options.node, options.env, 'bypassDocumentValidation');
    if (bypass && booleanOf(bypass.node, bypass.env) === true) {
      report(
        'L19',
        bypass.key,
        'Documents that the validator would refuse are written, and every later change of them fails.',
        'Leave validation on, and mend the documents or the validator.',
      );
    }
    if (method !== 'collMod' && method !== 'createCollection') continue;
    const level = fieldOf(options.node, options.env, 'validationLevel');
    if (!level || stringOf(level.node, env) !== 'off') continue;
    report(
      'L19',
      level.key,
      'From here on nothing is validated in this collection, for anybody.',
      "Use `validationAction: 'warn'` or the level `moderate`, and turn it back in the same migration.",
    );
  }
}

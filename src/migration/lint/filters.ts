// Filters and operators of writes: everything at once (L3), changes that add up (L4), comparing objects (L5).
import type { Action } from './actions';
import { functionOf, updates } from './actions';
import { batchFix, filterFor } from './fixes';
import type { Fix } from './finding';
import type { LintedMigration } from './migration';
import type { Placed } from './names';
import { arrayOf, isEverything, objectOf } from './names';
import { endOf, startOf, unwrap } from './nodes';
import type { Report, Rule } from './report';
import { fieldsOf, operatorsOf, topOf } from './updates';

export const filterRules: Rule[] = [unbounded, addingUp, objectEquality];

/** They change nothing where there is nothing to change. */
const harmlessOnAll = new Set(['$unset', '$rename']);

function unbounded(migration: LintedMigration, report: Report): void {
  for (const action of migration.actions) {
    const { method, filter, env, where } = action;
    if (method !== 'updateMany' && method !== 'deleteMany') continue;
    if (!isEverything(filter?.node, filter?.env ?? env)) continue;
    const operators = operatorsOf(action);
    if (operators && [...operators.keys()].every((name) => harmlessOnAll.has(name))) continue;
    // A way back deletes all of a collection that `up` has filled: whether that is right, L2 says.
    if (method === 'deleteMany' && action.direction === 'down') continue;
    const range = filter ? unwrap(filter.node) : where;
    report(
      'L3',
      range,
      method === 'deleteMany'
        ? 'This deletes every document of the collection.'
        : 'This changes every document of the collection in one command, also those that are as they should be.',
      method === 'deleteMany'
        ? 'Give it a filter that matches only what has to go.'
        : 'Give it a filter that matches only what is still to be done, or use `ctx.batch`.',
      { fixes: method === 'updateMany' ? fixesFor(migration, action) : [] },
    );
  }
}

function fixesFor(migration: LintedMigration, action: Action): Fix[] {
  const { filter, update } = action;
  const fixes: Fix[] = [];
  const better = filterFor(update);
  if (better !== undefined && filter?.node.type === 'ObjectExpression') {
    const edit = { start: startOf(filter.node), end: endOf(filter.node), text: better };
    fixes.push({ kind: 'add-filter', edits: [edit] });
  }
  return [...fixes, ...throughBatch(migration, action)];
}

function throughBatch(migration: LintedMigration, action: Action): Fix[] {
  const { node, collection, filter, update, bulk } = action;
  if (bulk || node.type !== 'CallExpression' || action.method !== 'updateMany' || node.arguments.length > 2)
    return [];
  if (functionOf(action) !== migration.functionAt('up')) return [];
  const fix = batchFix(migration, node, { collection, filter: filter?.node, update: update?.node, args: 2 });
  return fix ? [fix] : [];
}

const adding = new Map([
  ['$inc', 'adds'],
  ['$mul', 'multiplies'],
  ['$push', 'appends'],
  ['$pop', 'removes'],
  ['$bit', 'flips bits'],
]);

function addingUp(migration: LintedMigration, report: Report): void {
  for (const action of migration.actions) {
    // What is in one transaction with the ledger, or goes through the kernel, is done exactly once.
    if (!updates.has(action.method) || isWithLedger(migration, action)) continue;
    const operators = operatorsOf(action);
    if (!operators || isGuarded(action)) continue;
    for (const [name, { key, node, env }] of operators) {
      const does = adding.get(name);
      const fields = objectOf(node, env);
      if (does === undefined || fields?.properties.size === 0) continue;
      report(
        'L4',
        key,
        `\`${name}\` ${does} once more each time this runs, and a run can be interrupted and start again.`,
        'Let the filter leave out what is done (it could name a field that this sets), or use `ctx.batch`, which changes each document once.',
        { fixes: throughBatch(migration, action) },
      );
    }
  }
}

function isWithLedger({ nodeAt }: LintedMigration, { transaction }: Action): boolean {
  return transaction !== undefined && transaction === nodeAt('transaction');
}

/** Whether the filter names a field that the update changes, so that what is done does not match any more. */
function isGuarded({ filter, update }: Action): boolean {
  const conditions = filter && objectOf(filter.node, filter.env);
  if (!conditions) return filter !== undefined;
  if (!conditions.complete) return true;
  const named = new Set(namesIn(filter));
  const operators = update && objectOf(update.node, update.env);
  for (const [, operator] of operators?.properties ?? []) {
    const fields = fieldsOf(operator);
    if (!fields?.complete) return true;
    for (const field of fields.properties.keys()) if (named.has(topOf(field))) return true;
  }
  return false;
}

/** Top-level fields that a filter speaks of. */
function namesIn(filter: Placed): string[] {
  return [...(objectOf(filter.node, filter.env)?.properties ?? [])].flatMap(([name, value]) => {
    if (!name.startsWith('$')) return [topOf(name)];
    return (arrayOf(value.node, value.env)?.elements ?? []).flatMap(namesIn);
  });
}

function objectEquality({ actions }: LintedMigration, report: Report): void {
  for (const action of actions) {
    const operators = operatorsOf(action);
    const addToSet = fieldsOf(operators?.get('$addToSet'));
    for (const value of addToSet?.properties.values() ?? []) {
      const each = objectOf(value.node, value.env)?.properties.get('$each');
      const values = each ? (arrayOf(each.node, each.env)?.elements ?? []) : [value];
      if (!values.some(hasOrder)) continue;
      report(
        'L5',
        value.key,
        '`$addToSet` takes an object for new whose fields stand in another order.',
        'Add it only where no element has its key: `{ items: { $not: { $elemMatch: { sku: 1 } } } }` with `$push`.',
      );
    }
    const pullAll = fieldsOf(operators?.get('$pullAll'));
    for (const value of pullAll?.properties.values() ?? []) {
      if (!arrayOf(value.node, value.env)?.elements.some(hasOrder)) continue;
      report(
        'L5',
        value.key,
        '`$pullAll` leaves objects whose fields stand in another order.',
        'Use `$pull` with the fields that tell them.',
      );
    }
    const pull = fieldsOf(operators?.get('$pull'));
    for (const value of pull?.properties.values() ?? []) {
      const inner = [...(objectOf(value.node, value.env)?.properties.values() ?? [])];
      if (!inner.some(hasOrder)) continue;
      report(
        'L5',
        value.key,
        '`$pull` compares an object inside of the elements with the order of its fields.',
        "Name its fields one by one: `{ items: { 'size.h': 1, 'size.w': 2 } }`.",
      );
    }
  }
}

/** A plain object of two fields and more. */
function hasOrder({ node, env }: Placed): boolean {
  const literal = objectOf(node, env);
  const names = [...(literal?.properties.keys() ?? [])];
  return names.length > 1 && names.every((name) => !name.startsWith('$'));
}

// Shapes and names: renames in one step (L10), databases named in the code (L22), field names that mean something else
// to the server (L23).
import type { Action } from './actions';
import { inserts, replaces } from './actions';
import type { LintContext } from './finding';
import { madeCollections } from './indexes';
import type { LintedMigration } from './migration';
import type { ObjectLiteral, Placed } from './names';
import { arrayOf, objectOf, stringOf } from './names';
import type { Node } from './nodes';
import type { Report, Rule } from './report';
import { fieldsOf, operatorsOf, pipelinesOf, stagesOf } from './updates';

export const reshapingRules: Rule[] = [renames, foreignDatabases, fieldNames];

function renames({ actions }: LintedMigration, report: Report): void {
  const up = actions.filter(({ direction }) => direction === 'up');
  const made = madeCollections(up);
  for (const stage of up.flatMap(({ pipeline }) => stagesOf(pipeline))) {
    const name = stage.name === '$out' ? stringOf(stage.value.node, stage.value.env) : undefined;
    if (name !== undefined) made.add(name);
  }
  for (const action of up) {
    const { method, collection, where } = action;
    const renamed = operatorsOf(action)?.get('$rename');
    if (renamed) {
      report(
        'L10',
        renamed.key,
        'From this moment programs that still read the old field find nothing there.',
        'Expand and contract: write both fields first, and remove the old one in a later migration.',
      );
    }
    if (method !== 'rename' || (collection !== undefined && made.has(collection))) continue;
    report(
      'L10',
      where,
      'From this moment programs that still use the old name find an empty collection.',
      'Expand and contract: let programs use both names first, and rename in a later migration.',
    );
  }
}

/** Databases of the server itself: commands for the whole of it go there. */
const ofServer = new Set(['admin', 'config', 'local']);

function foreignDatabases({ calls, actions }: LintedMigration, report: Report, context: LintContext): void {
  const tell = (where: Node, name: string): void => {
    if (ofServer.has(name) || name === context.database) return;
    report(
      'L22',
      where,
      `The database "${name}" is named here, whatever connection the migration runs on.`,
      'Use `db`, which is the database of the connection, or a name that comes from `ctx.args`.',
    );
  };
  for (const { call, on, env } of calls) {
    const [first] = call.args;
    const name = on?.type === 'client' && call.method === 'db' && first ? stringOf(first, env) : undefined;
    if (first && name !== undefined) tell(first, name);
  }
  for (const stage of actions.flatMap(pipelinesOf).flatMap(stagesOf)) {
    if (stage.name !== '$out' && stage.name !== '$merge') continue;
    const literal = objectOf(stage.value.node, stage.value.env);
    const into = literal?.properties.get('into');
    const db = (into ? objectOf(into.node, into.env) : literal)?.properties.get('db');
    const name = stringOf(db?.node, stage.value.env);
    if (db && name !== undefined) tell(db.node, name);
  }
}

function fieldNames({ actions }: LintedMigration, report: Report): void {
  for (const action of actions) {
    for (const [operator, value] of operatorsOf(action) ?? []) {
      if (!operator.startsWith('$')) continue;
      for (const [path, { key }] of fieldsOf(value)?.properties ?? []) updatePath(path, key, report);
    }
    if (inserts.has(action.method) || replaces.has(action.method) || action.method === 'insertOne') {
      for (const document of documentsOf(action)) documentNames(document, report);
    }
  }
}

function documentsOf({ documents }: Action): ObjectLiteral[] {
  if (!documents) return [];
  const list: Placed[] = arrayOf(documents.node, documents.env)?.elements ?? [documents];
  return list.flatMap(({ node, env }) => objectOf(node, env) ?? []);
}

function updatePath(path: string, key: Node, report: Report): void {
  const segments = path.split('.');
  if (segments.includes('')) {
    report('L23', key, `"${path}" has an empty part, which no update takes.`, 'Write the path without it.');
  } else if (segments.some((part) => part.startsWith('$') && !/^\$(?:\[\w*\])?$/.test(part))) {
    report(
      'L23',
      key,
      `"${path}" has a part that begins with "$", which the server does not take for a field.`,
      'Use `$setField` in an update pipeline for such names.',
    );
  } else if (segments.slice(1).some((part) => /^\d+$/.test(part))) {
    report(
      'L23',
      key,
      `"${path}" is a place in an array where there is one, and a field with a number for its name where there is none.`,
      'Address elements by `$[]` and `arrayFilters`, or let the filter ask for an array.',
    );
  }
}

function documentNames({ properties }: ObjectLiteral, report: Report): void {
  for (const [name, { key, node, env }] of properties) {
    if (name.includes('.') || name.startsWith('$')) {
      report(
        'L23',
        key,
        `A field called "${name}" can be stored, but neither queries nor updates reach it by its name.`,
        name.includes('.') ? 'Make it a field inside of another one.' : 'Choose a name without "$".',
      );
      continue;
    }
    const inner = node.type === 'ObjectExpression' ? objectOf(node, env) : undefined;
    // `{ $date: … }` in Extended JSON and operators are another thing.
    if (inner && ![...inner.properties.keys()].some((each) => each.startsWith('$')))
      documentNames(inner, report);
  }
}

// The way back: whether there is one (L1), whether it loses data (L2), and what nobody gets back (L6).
import { type Action, helpers, reads } from './actions';
import { addField } from './fixes';
import type { Fix } from './finding';
import type { LintedMigration } from './migration';
import { booleanOf, isEverything, objectOf, stringOf } from './names';
import { endOf, startOf } from './nodes';
import type { Report, Rule } from './report';
import { fieldsOf, operatorsOf, stagesOf, topOf } from './updates';

export const reversalRules: Rule[] = [noWayBack, losingWayBack, drops];

function noWayBack(migration: LintedMigration, report: Report): void {
  const { entry, object, nodeAt, env } = migration;
  if (entry.hasDown || entry.irreversible !== undefined || !object.complete) return;
  // Computed: it may be anything.
  if (object.properties.has('irreversible')) return;
  if (entry.kind === 'script') {
    const up = object.properties.get('up');
    if (!up || isForKernel(migration)) return;
    report(
      'L1',
      headOf(migration, up),
      'Without `down` this can be rolled back only as long as the journal of its run is kept.',
      'Add `down`, or mark it `irreversible` with the reason.',
      { fixes: waysBack(migration) },
    );
    return;
  }
  const backup = nodeAt('backup');
  if (entry.kind === 'transform' && backup && stringOf(backup, env) === 'none') {
    report(
      'L1',
      backup,
      'Without a journal and without `revert` this cannot be rolled back.',
      'Keep the journal, add `revert`, or mark it `irreversible` with the reason.',
    );
  }
}

/** Work of the helpers of `ctx` alone is journaled and undone as a transform's is. */
function isForKernel({ actions }: LintedMigration): boolean {
  const changing = actions.filter(({ method }) => !reads.has(method));
  return changing.length > 0 && changing.every(({ method }) => helpers.has(method));
}

/** `async up(db)` is underlined, not the whole function. */
function headOf(
  { text, functionAt }: LintedMigration,
  up: { start: number; end: number },
): {
  start: number;
  end: number;
} {
  const body = functionAt('up')?.body;
  const ends = body && startOf(body) > up.start && endOf(body) <= up.end ? startOf(body) : up.end;
  const [head = ''] = /^[^\r\n]*/.exec(text.slice(up.start, ends)) ?? [];
  return { start: up.start, end: up.start + head.replace(/\s*(?:=>)?\s*$/, '').length };
}

function waysBack(migration: LintedMigration): Fix[] {
  const up = migration.object.properties.get('up');
  if (!up) return [];
  const { properties, start } = migration.object;
  // `down: null` has the place already.
  if (properties.has('down')) return markIrreversible(migration);
  const at = { ...up.node, start: up.start, end: up.end } as typeof up.node;
  const down = addField(
    migration,
    at,
    `async down(db) {\n  // Take back what up has done.\n  throw new Error('down is not written yet');\n}`,
    `throw new Error('down is not written yet');`,
  );
  if (start > up.start) return [];
  return [...(down ? [{ kind: 'add-down' as const, edits: [down] }] : []), ...markIrreversible(migration)];
}

function markIrreversible(migration: LintedMigration): Fix[] {
  const up = migration.object.properties.get('up');
  const down = migration.object.properties.get('down') ?? up;
  if (!down) return [];
  const at = { ...down.node, start: down.start, end: down.end } as typeof down.node;
  const field = addField(
    migration,
    at,
    `irreversible: 'why it cannot be taken back'`,
    'why it cannot be taken back',
  );
  return field ? [{ kind: 'mark-irreversible', edits: [field] }] : [];
}

/** What `up` makes, as far as it can be read; `unknown` when it does things that cannot. */
interface Made {
  unknown: boolean;
  /** Collections that are there only because of it. */
  collections: Set<string>;
  /** Top-level fields by collection. */
  fields: Map<string, Set<string>>;
  /** Collections whose documents it changes in a way that cannot be read. */
  unreadable: Set<string>;
}

const makes = new Set([
  'createCollection',
  'rename',
  'insertOne',
  'insertMany',
  'embed',
  'extract',
  'convert',
  'batch',
]);

function losingWayBack(migration: LintedMigration, report: Report): void {
  const down = migration.actions.filter(({ direction }) => direction === 'down');
  if (down.length === 0) return;
  const made = madeBy(migration.actions.filter(({ direction }) => direction === 'up'));
  if (made.unknown) return;
  for (const action of down) {
    const { collection } = action;
    if (collection === undefined || made.unreadable.has(collection)) continue;
    if (action.method === 'drop' && !made.collections.has(collection)) {
      report(
        'L2',
        action.where,
        `\`down\` drops "${collection}", which \`up\` has not made: what was there before is lost.`,
        'Take back only what `up` has done.',
      );
    }
    if (action.method === 'deleteMany' && isEverything(action.filter?.node, action.env)) {
      if (made.collections.has(collection)) continue;
      report(
        'L2',
        action.where,
        `\`down\` deletes every document of "${collection}", not only what \`up\` has put there.`,
        'Give it a filter that matches what `up` has made.',
      );
    }
    losingUnset(action, collection, made, report);
  }
}

function losingUnset(action: Action, collection: string, made: Made, report: Report): void {
  const fields = fieldsOf(operatorsOf(action)?.get('$unset'));
  for (const [field, { key }] of fields?.properties ?? []) {
    if (made.fields.get(collection)?.has(topOf(field))) continue;
    report(
      'L2',
      key,
      `\`down\` removes "${field}", which \`up\` does not write: its values are lost.`,
      'Take back only what `up` has done, or keep the values somewhere first.',
    );
  }
}

function madeBy(actions: Action[]): Made {
  const made: Made = {
    unknown: actions.length === 0,
    collections: new Set(),
    fields: new Map(),
    unreadable: new Set(),
  };
  const note = (collection: string, field: string): void => {
    made.fields.set(collection, (made.fields.get(collection) ?? new Set()).add(topOf(field)));
  };
  for (const action of actions) {
    const { collection, method, options } = action;
    const outputs = stagesOf(action.pipeline).filter(({ name }) => name === '$out' || name === '$merge');
    if (outputs.length > 0) made.unknown ||= !outputs.every((stage) => outputOf(stage, made));
    if (
      makes.has(method) ||
      booleanOf(objectOf(options?.node, action.env)?.properties.get('upsert')?.node, action.env)
    ) {
      if (collection === undefined) made.unknown = true;
      else if (method === 'createCollection') made.collections.add(collection);
      else made.unreadable.add(collection);
      const to = stringOf(action.to?.node, action.env);
      if (to !== undefined) made.collections.add(to);
      else if (method === 'rename' || method === 'extract') made.unknown = true;
    }
    if (!action.update && !action.documents) continue;
    if (collection === undefined) {
      made.unknown = true;
      continue;
    }
    const operators = operatorsOf(action);
    if (!operators) made.unreadable.add(collection);
    for (const [name, value] of operators ?? []) {
      const fields = fieldsOf(value);
      if (!fields?.complete) made.unreadable.add(collection);
      for (const [field, { node, env }] of fields?.properties ?? []) {
        note(collection, field);
        const renamed = name === '$rename' ? stringOf(node, env) : undefined;
        if (renamed !== undefined) note(collection, renamed);
      }
    }
  }
  return made;
}

/** Notes the collection that a pipeline writes; false when it cannot be read. */
function outputOf({ value }: ReturnType<typeof stagesOf>[number], made: Made): boolean {
  const into = objectOf(value.node, value.env)?.properties.get('into') ?? value;
  const name = stringOf(into.node, into.env);
  if (name !== undefined) made.collections.add(name);
  return name !== undefined;
}

function drops({ actions, entry }: LintedMigration, report: Report): void {
  // Whoever has written down why it cannot be taken back knows what is dropped.
  if (typeof entry.irreversible === 'string') return;
  const temporary = new Set<string>();
  for (const action of actions) {
    const { method, collection, direction, where } = action;
    const made = stringOf(action.to?.node, action.env);
    if (method === 'createCollection' && collection !== undefined) temporary.add(collection);
    if (method === 'rename' && made !== undefined) temporary.add(made);
    for (const stage of stagesOf(action.pipeline)) {
      const name = stage.name === '$out' ? stringOf(stage.value.node, stage.value.env) : undefined;
      if (name !== undefined) temporary.add(name);
    }
    const range = { start: startOf(where), end: endOf(where) };
    if (method === 'dropDatabase') {
      report(
        'L6',
        range,
        'This drops the whole database.',
        'Drop the collections that are meant, one by one.',
      );
    }
    if (method === 'dropIndexes') {
      const what = collection === undefined ? 'the collection' : `"${collection}"`;
      report(
        'L6',
        range,
        `This drops every index of ${what}, also those that others need.`,
        'Drop the indexes that are meant by their names.',
      );
    }
    if (method === 'drop' && direction === 'up' && !(collection !== undefined && temporary.has(collection))) {
      const what = collection === undefined ? 'a collection' : `"${collection}"`;
      report(
        'L6',
        range,
        `This drops ${what} with all its documents.`,
        'Rename it and drop it in a later migration, or mark this one `irreversible` with the reason.',
      );
    }
  }
}

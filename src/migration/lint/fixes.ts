// Fixes that are the same whatever the migration is about. An edit never guesses what the author wants: where a person
// has to say something, its place is marked.
import type { Edit, Fix } from './finding';
import type { Lines } from './lines';
import type { LintedMigration } from './migration';
import { objectOf, type Placed } from './names';
import type { FunctionNode, Node } from './nodes';
import { endOf, isFunction, startOf } from './nodes';
import type { LintRuleId } from './rules';

/** A comment above a line. */
export function suppressionFix(rule: LintRuleId, line: number, lines: Lines, comment: string): Fix {
  const { text } = lines;
  const at = lines.startOf(line);
  const indent = /^[ \t]*/.exec(lines.lineText(line))?.[0] ?? '';
  const edit = {
    start: at,
    end: at,
    text: `${indent}${comment} migrate-ignore ${rule}: why${eol(text)}`,
    placeholder: 'why',
  };
  return { kind: 'suppress', edits: [edit] };
}

export function eol(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** A field behind the property `after` of a migration that is one object; nothing for `exports.up = …`. */
export function addField(
  migration: LintedMigration,
  after: Node,
  field: string,
  placeholder: string,
): Edit | undefined {
  const { object, lines } = migration;
  const { text } = lines;
  const isObject = text[object.start] === '{';
  if (!isObject || startOf(after) < object.start || endOf(after) > object.end) return undefined;
  const indent = /^[ \t]*/.exec(lines.lineText(lines.lineOf(startOf(after))))?.[0] ?? '';
  const newline = eol(text);
  const body = field.replaceAll('\n', `${newline}${indent}`);
  const comma = /^\s*,/.exec(text.slice(endOf(after)));
  const at = endOf(after) + (comma?.[0].length ?? 0);
  const lead = comma ? '' : ',';
  // On one line with what is before it, when the object is.
  const oneLine = !text.slice(object.start, startOf(after)).includes('\n');
  const space = oneLine ? ' ' : `${newline}${indent}`;
  const tail = comma ? ',' : '';
  return { start: at, end: at, text: `${lead}${space}${body}${tail}`, placeholder };
}

/** `await` before a call, and `async` before its function where that is missing. */
export function awaitFix(call: Node, fn: FunctionNode | undefined): Fix | undefined {
  if (!fn) return undefined;
  const edits: Edit[] = [{ start: startOf(call), end: startOf(call), text: 'await ' }];
  if (!fn.async) {
    const getter = (fn.type === 'ObjectMethod' || fn.type === 'ClassMethod') && fn.kind !== 'method';
    if (fn.generator || getter) return undefined;
    edits.unshift({ start: startOf(fn), end: startOf(fn), text: 'async ' });
  }
  return { kind: 'add-await', edits };
}

/** The smallest filter with which an update of constants does the same and nothing twice. */
export function filterFor(update: Placed | undefined): string | undefined {
  const operators = update && objectOf(update.node, update.env);
  const set = operators?.properties.get('$set');
  const fields = set && objectOf(set.node, set.env);
  if (!fields?.complete || operators?.properties.size !== 1 || fields.properties.size === 0) return undefined;
  const conditions: string[] = [];
  for (const [name, { node }] of fields.properties) {
    const value = constant(node);
    if (value === undefined) return undefined;
    const key = /^[A-Za-z_]\w*$/.test(name)
      ? name
      : `'${name.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
    conditions.push(`{ ${key}: { $ne: ${value} } }`);
  }
  const [only = ''] = conditions;
  return conditions.length === 1 ? only : `{ $or: [${conditions.join(', ')}] }`;
}

/** The text of a constant that `$ne` tells apart from a missing field. */
function constant(node: Node): string | undefined {
  if (node.type === 'StringLiteral')
    return `'${node.value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;
  if (node.type === 'NumericLiteral' || node.type === 'BooleanLiteral') return String(node.value);
  return undefined;
}

/** `collection.updateMany(filter, update)` as `ctx.batch('collection', filter, …)`. */
export function batchFix(
  migration: LintedMigration,
  call: Node,
  parts: { collection?: string; filter?: Node; update?: Node; args: number },
): Fix | undefined {
  const { text } = migration;
  const { collection, filter, update, args } = parts;
  const up = migration.functionAt('up');
  const inUp = up && isFunction(up) && startOf(up) <= startOf(call) && endOf(up) >= endOf(call);
  if (!inUp || collection === undefined || !update || args > 2) return undefined;
  const context = contextParam(up, text);
  if (!context) return undefined;
  const source = (node: Node): string => text.slice(startOf(node), endOf(node));
  const change = update.type === 'ArrayExpression' ? source(update) : `() => (${source(update)})`;
  const name = `'${collection.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const replaced = `${context.name}.batch(${name}, ${filter ? source(filter) : '{}'}, ${change})`;
  return {
    kind: 'use-batch',
    edits: [...context.edits, { start: startOf(call), end: endOf(call), text: replaced }],
  };
}

/** The name of the third parameter, with the edit that adds it where it is missing. */
function contextParam({ params }: FunctionNode, text: string): { name: string; edits: Edit[] } | undefined {
  const [first, second, third] = params;
  if (third) return third.type === 'Identifier' ? { name: third.name, edits: [] } : undefined;
  const last = second ?? first;
  if (!last) return undefined;
  const missing = second ? ', ctx' : ', client, ctx';
  // `db => …` has no parentheses to add to.
  const inParentheses = /^\s*[,)]/.test(text.slice(endOf(last)));
  return inParentheses
    ? { name: 'ctx', edits: [{ start: endOf(last), end: endOf(last), text: missing }] }
    : undefined;
}

// Which collections a migration names in its source, from the text alone. What it computes only a dry run can tell.
import { extname } from 'node:path';
import type * as Babel from '@babel/types';
import type { OutlineEntry } from './outline';
import { parseModule } from './parseModule';
import { keyOf, ModuleScope } from './outlineScope';
import { pythonTokens } from './pythonTokens';

/** Whose first argument is a collection: methods of a `Db` and the helpers of `ctx`. */
const methods = new Set([
  'collection',
  'createCollection',
  'dropCollection',
  'renameCollection',
  'get_collection',
  'create_collection',
  'drop_collection',
  'batch',
  'convert',
  'extract',
  'embed',
]);
/** The helpers of `ctx` have names that other objects use for something else. */
const helpers = new Set(['batch', 'convert', 'extract', 'embed']);
const keys = new Set(['source', 'into', '$out', '$merge', '$unionWith', 'coll']);

type Stretch = Pick<OutlineEntry, 'start' | 'end'>;

/**
 * The names of collections in the order in which they stand in the text; empty for one that does not parse.
 * @param stretch The migration, where the file holds several; the whole file otherwise.
 */
export function touchedCollections(text: string, fileName: string, stretch?: Stretch): string[] {
  const within = (offset: number): boolean =>
    stretch === undefined || (offset >= stretch.start && offset < stretch.end);
  const found = extname(fileName) === '.py' ? inPython(text, within) : inJavaScript(text, fileName, within);
  return [...new Set(found)];
}

type Within = (offset: number) => boolean;

function inJavaScript(text: string, fileName: string, within: Within): string[] {
  const parsed = parseModule(text, fileName, true);
  if ('problem' in parsed) return [];
  const scope = new ModuleScope(parsed.program);
  const found: string[] = [];
  const take = (node: Babel.Node | undefined): void => {
    const value = node && within(node.start ?? 0) ? scope.literal(node)?.value : undefined;
    if (typeof value === 'string' && value !== '') found.push(value);
  };
  walk(parsed.program, (node) => {
    if (node.type === 'CallExpression' && isCollectionCall(node)) take(node.arguments[0]);
    if (node.type === 'ObjectExpression') for (const value of namedIn(node)) take(value);
  });
  return found;
}

function isCollectionCall({ callee }: Babel.CallExpression): boolean {
  if (callee.type !== 'MemberExpression' && callee.type !== 'OptionalMemberExpression') return false;
  const name = keyOf(callee.property, callee.computed);
  if (name === null || !methods.has(name)) return false;
  return !helpers.has(name) || (callee.object.type === 'Identifier' && callee.object.name === 'ctx');
}

/** `source`, `into` and the stages that read or write another collection (`from` only beside `as`, as in `$lookup`). */
function namedIn({ properties }: Babel.ObjectExpression): Babel.Node[] {
  const named = new Map<string, Babel.Node>();
  for (const property of properties) {
    if (property.type !== 'ObjectProperty') continue;
    const name = keyOf(property.key, property.computed);
    if (name !== null) named.set(name, property.value);
  }
  const from = named.has('as') ? named.get('from') : undefined;
  return [...named].flatMap(([name, value]) => (keys.has(name) ? [value] : [])).concat(from ?? []);
}

function walk(node: Babel.Node, visit: (node: Babel.Node) => void): void {
  visit(node);
  for (const value of Object.values(node) as unknown[]) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit);
  }
}

/** Comments and places of the parser have no `start` and `end` beside a `type` of a node. */
function isNode(value: unknown): value is Babel.Node {
  if (typeof value !== 'object' || value === null) return false;
  const { type, start } = value as { type?: unknown; start?: unknown };
  return typeof type === 'string' && typeof start === 'number' && !type.startsWith('Comment');
}

/** What stands behind `db.` and is no collection. */
const databaseMembers = new Set([
  'aggregate',
  'client',
  'command',
  'create_collection',
  'cursor_command',
  'dereference',
  'drop_collection',
  'get_collection',
  'list_collection_names',
  'list_collections',
  'name',
  'validate_collection',
  'watch',
  'with_options',
]);

function inPython(text: string, within: Within): string[] {
  const tokens = pythonTokens(text) ?? [];
  return tokens.flatMap((token, at) => {
    if (!within(token.start)) return [];
    const [opening, named] = tokens.slice(at + 1, at + 3);
    if (token.text === 'db' && opening?.text === '.' && named?.type === 'name') {
      return databaseMembers.has(named.text) ? [] : [named.text];
    }
    const called = methods.has(token.text) && !helpers.has(token.text) && opening?.text === '(';
    const indexed = token.text === 'db' && opening?.text === '[';
    return (called || indexed) && typeof named?.value === 'string' ? [named.value] : [];
  });
}

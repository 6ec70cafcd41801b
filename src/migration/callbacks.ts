// Migrations for migrate-mongo up to 12 that say by a callback when they are done: `up(db, next)`, `up(db, client, next)`.
// migrate-mongo 14 passes none and takes them as applied at once.
import type * as Babel from '@babel/types';
import type { LoadedMigration } from './kinds';
import { parseModule } from './parseModule';

/** By these names migrate-mongo 12 knew one, as its last parameter. */
const callbackNames: ReadonlySet<string> = new Set(
  ['callback', 'cb', 'next', 'done'].flatMap((name) => [name, `${name}_`]),
);

type Author = (this: unknown, ...given: unknown[]) => unknown;

/**
 * The function with what it is to be called with, waiting for its callback where it takes one.
 * @returns null where it takes none.
 */
export function withCallback(
  author: Author,
): ((self: unknown, db: unknown, client: unknown) => Promise<unknown>) | null {
  const parameters = parametersOf(author);
  if (!callbackNames.has(parameters.at(-1) ?? '')) return null;
  return (self, db, client) =>
    new Promise((resolve, reject) => {
      const callback = (error: unknown, value: unknown): void => {
        // A callback's error may be any value; an empty one is none.
        if (!error) return resolve(value);
        const words = typeof error === 'string' ? error : 'It called back with an error.';
        reject(error instanceof Error ? error : new Error(words, { cause: error }));
      };
      const given = parameters.length < 3 ? [db, callback] : [db, client, callback];
      const returned = author.call(self, ...given);
      // What it returns says nothing of its end, but a failure is one.
      if (returned instanceof Promise) returned.catch(reject);
    });
}

/** The migration with functions that are done when their callback is called, where they take one. */
export function acceptCallbacks(migration: LoadedMigration): LoadedMigration {
  const { definition } = migration;
  const changed: PropertyDescriptorMap = {};
  for (const way of ['up', 'down'] as const) {
    const author: unknown = (definition as Partial<Record<typeof way, unknown>>)[way];
    const waiting = typeof author === 'function' ? withCallback(author as Author) : null;
    if (waiting) changed[way] = { value: (db: unknown, client: unknown) => waiting(definition, db, client) };
  }
  if (Object.keys(changed).length === 0) return migration;
  // Whatever else it has, also by its class, stays as it is.
  return { ...migration, definition: Object.create(definition, changed) as typeof definition };
}

/** The names of its parameters as they are written; empty where the text cannot be read. */
function parametersOf(author: Author): string[] {
  const text = String(author);
  if (![...callbackNames].some((name) => text.includes(name))) return [];
  const found = functionIn(`(${text})`) ?? functionIn(`({ ${text} })`);
  return (found?.params ?? []).map((parameter) => {
    const named = parameter.type === 'AssignmentPattern' ? parameter.left : parameter;
    return named.type === 'Identifier' ? named.name : '';
  });
}

function functionIn(text: string): Babel.Function | null {
  const parsed = parseModule(text, 'migration.js', false);
  if ('problem' in parsed) return null;
  const [statement] = parsed.program.body;
  if (statement?.type !== 'ExpressionStatement') return null;
  const { expression } = statement;
  if (expression.type === 'FunctionExpression' || expression.type === 'ArrowFunctionExpression')
    return expression;
  const property = expression.type === 'ObjectExpression' ? expression.properties[0] : undefined;
  return property?.type === 'ObjectMethod' ? property : null;
}

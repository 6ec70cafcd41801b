// Outline of JavaScript and TypeScript: which migrations a module exports, in every form that the loader takes.
// What names and expressions stand for is outlineScope.ts, what one migration says is outlineEntries.ts.
import type * as Babel from '@babel/types';
import type { Outline } from './outline';
import { holdsMigrations, type ObjectValue, readOutline } from './outlineEntries';
import type { Found, Properties, Value } from './outlineScope';
import { isModuleExports, keyOf, ModuleScope } from './outlineScope';
import { parseModule, type SyntaxProblem } from './parseModule';

/** What a module exports; `whole` is `module.exports = …` or `export = …`. */
interface Exports {
  whole?: Found;
  named: Properties;
  /** Something is exported that cannot be read here: from another file, inside an `if`, by a loop. */
  open: boolean;
}

export function outlineJavaScript(text: string, fileName: string): Outline {
  const parsed = parseModule(text, fileName, true);
  if ('problem' in parsed) return { entries: [], complete: true, error: parsed.problem };
  return outlineProgram(parsed.program, fileName).outline;
}

/** The outline of a parsed module beside the objects that its entries stand for, in the same order. */
export function outlineProgram(
  program: Babel.Program,
  fileName: string,
): { outline: Outline; objects: ObjectValue[]; scope: ModuleScope } {
  const scope = new ModuleScope(program);
  const exports = readExports(program, scope);
  const value = exportedValue(exports, scope);
  if (value === 'unknown') return { outline: { entries: [], complete: false }, objects: [], scope };
  const { outline, objects } = readOutline(value, fileName, scope);
  return { outline: exports.open ? { ...outline, complete: false } : outline, objects, scope };
}

/** Why a text is no JavaScript (TypeScript, by its name), or undefined when it parses. */
export function findSyntaxProblem(text: string, fileName: string): SyntaxProblem | undefined {
  const parsed = parseModule(text, fileName, false);
  return 'problem' in parsed ? parsed.problem : undefined;
}

/** Whether a module exports nothing but has its migrations in a top-level `migrations`. */
export function hasBareMigrations(text: string, fileName: string): boolean {
  const parsed = parseModule(text, fileName, true);
  if ('problem' in parsed) return false;
  const scope = new ModuleScope(parsed.program);
  const { named, whole, open } = readExports(parsed.program, scope);
  return !whole && !open && named.size === 0 && scope.declaration('migrations') !== undefined;
}

function readExports(program: Babel.Program, scope: ModuleScope): Exports {
  const exports: Exports = { named: new Map(), open: false };
  for (const statement of program.body) {
    switch (statement.type) {
      case 'ExportAllDeclaration':
        exports.open = true;
        break;
      case 'ExportDefaultDeclaration':
        exports.named.set('default', found(statement.declaration, statement));
        break;
      case 'TSExportAssignment':
        exports.whole = found(statement.expression, statement);
        break;
      case 'ExportNamedDeclaration':
        readNamedExport(statement, exports, scope);
        break;
      case 'ExpressionStatement':
        readAssignment(statement.expression, statement, exports);
        break;
    }
  }
  if (scope.touches('module') || scope.touches('exports')) exports.open = true;
  return exports;
}

function readNamedExport(
  statement: Babel.ExportNamedDeclaration,
  exports: Exports,
  scope: ModuleScope,
): void {
  const { declaration } = statement;
  if (statement.exportKind === 'type') return;
  if (declaration?.type === 'FunctionDeclaration' && declaration.id) {
    exports.named.set(declaration.id.name, found(declaration, statement));
  }
  if (declaration?.type === 'VariableDeclaration') {
    for (const { id, init } of declaration.declarations) {
      if (id.type === 'Identifier' && init) exports.named.set(id.name, found(init, statement));
      else if (id.type !== 'Identifier') exports.open = true;
    }
  }
  for (const specifier of statement.specifiers) {
    if (specifier.type !== 'ExportSpecifier' || specifier.exportKind === 'type') continue;
    const name =
      specifier.exported.type === 'Identifier' ? specifier.exported.name : specifier.exported.value;
    const local = statement.source ? undefined : scope.declaration(specifier.local.name);
    if (local) exports.named.set(name, local);
    else exports.open = true;
  }
}

/** `module.exports = …`, `exports.up = …`, also chained: `exports = module.exports = …`. */
function readAssignment(expression: Babel.Expression, statement: Babel.Statement, exports: Exports): void {
  if (expression.type !== 'AssignmentExpression' || expression.operator !== '=') return;
  const { left, right } = expression;
  if (right.type === 'AssignmentExpression') readAssignment(right, statement, exports);
  if (left.type !== 'MemberExpression') return;
  let value: Babel.Expression = right;
  while (value.type === 'AssignmentExpression') value = value.right;
  if (isModuleExports(left)) {
    exports.whole = found(value, statement);
    exports.named.clear();
    return;
  }
  const object = left.object;
  const onExports =
    isModuleExports(object) || (object.type === 'Identifier' && object.name === 'exports' && !exports.whole);
  if (!onExports) return;
  const name = keyOf(left.property, left.computed);
  if (name === null) exports.open = true;
  else exports.named.set(name, found(value, statement));
}

/** The value that holds the migrations, by the same precedence as the loader's (load.ts). */
function exportedValue(exports: Exports, scope: ModuleScope): Value | 'unknown' {
  const inDefault = exports.named.get('default');
  if (inDefault) {
    const value = valueOf(inDefault, scope);
    if (value === 'unknown' || holdsMigrations(value, scope)) return value;
  }
  if (exports.whole) return mergeExports(valueOf(exports.whole, scope), exports.named);
  const { named } = exports;
  if (named.size > 0) {
    const { start, end } = named.get('up') ?? named.get('source') ?? { start: 0, end: 0 };
    return { type: 'object', properties: named, complete: !exports.open, start, end };
  }
  const bare = exports.open ? undefined : scope.declaration('migrations');
  return bare ? valueOf(bare, scope) : { type: 'other' };
}

function valueOf(found: Found, scope: ModuleScope): Value | 'unknown' {
  return scope.value(found.node) ?? 'unknown';
}

/** `module.exports = {…}` with a further `module.exports.down = …` behind it is one object. */
function mergeExports(whole: Value | 'unknown', named: Properties): Value | 'unknown' {
  if (whole === 'unknown' || whole.type !== 'object' || named.size === 0) return whole;
  return { ...whole, properties: new Map([...whole.properties, ...named]) };
}

function found(node: Babel.Node, statement: Babel.Node): Found {
  return { node, start: statement.start ?? 0, end: statement.end ?? 0 };
}

// What somebody types stands mostly inside the body of a function, and no outline looks into one. Where only such a body
// has changed, it alone is parsed, and the outline of the text before holds on, moved along.
import { extname } from 'node:path';
import type * as Babel from '@babel/types';
import type { Outline } from './outline';
import { isExportAssignment } from './outlineScope';
import { parseFragment, parseModule } from './parseModule';
import { insideOf } from './wrappers';

/** A function with braces that stands in the values of a module, not in another function or a class. */
interface Body {
  /** Offsets: of the function, of its opening brace, and behind the closing one. */
  start: number;
  open: number;
  end: number;
  /** Written as a method: `up(db) { … }`. */
  method: boolean;
}

/** A text that parsed, what it holds, and where it may change without holding anything else (once somebody asked). */
export interface Outlined {
  text: string;
  outline: Outline;
  bodies?: readonly Body[];
}

/** The same for `text` when nothing but the inside of one function differs and it still parses; else undefined. */
export function outlinedAfter(before: Outlined, text: string, fileName: string): Outlined | undefined {
  if (extname(fileName) === '.py') return undefined;
  before.bodies ??= bodiesIn(before.text, fileName);
  const { from, to } = changedStretch(before.text, text);
  const body = before.bodies.find(({ open, end }) => open < from && to < end);
  if (!body) return undefined;
  const shift = text.length - before.text.length;
  if (!parsesAsBody(text.slice(body.start, body.end + shift), body, shift, fileName)) return undefined;
  const { outline, bodies } = before;
  const move = (offset: number): number => (offset >= body.end ? offset + shift : offset);
  return {
    text,
    outline: {
      ...outline,
      entries: outline.entries.map((entry) => ({ ...entry, start: move(entry.start), end: move(entry.end) })),
    },
    bodies: bodies.map((one) => ({
      ...one,
      start: move(one.start),
      open: move(one.open),
      end: move(one.end),
    })),
  };
}

/** Where two texts differ: `from` counts in both, `to` (behind the last difference) in the first. */
function changedStretch(before: string, after: string): { from: number; to: number } {
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && before.charCodeAt(from) === after.charCodeAt(from)) from++;
  let same = 0;
  while (
    same < shorter - from &&
    before.charCodeAt(before.length - 1 - same) === after.charCodeAt(after.length - 1 - same)
  )
    same++;
  return { from, to: before.length - same };
}

/** Whether the function is still this one function, by itself and up to its last character. */
function parsesAsBody(
  source: string,
  { start, end, method }: Body,
  shift: number,
  fileName: string,
): boolean {
  const [before, after] = method ? ['({', '})'] : ['(', ')'];
  const [statement, ...others] = parseFragment(`${before}${source}${after}`, fileName)?.body ?? [];
  if (statement?.type !== 'ExpressionStatement' || others.length > 0) return false;
  let node: Babel.Node | null | undefined = statement.expression;
  if (method) {
    if (node.type !== 'ObjectExpression' || node.properties.length !== 1) return false;
    node = node.properties[0];
  }
  const found = node && bodyOf(node);
  return (
    found?.method === method &&
    found.start === before.length &&
    found.end === before.length + end - start + shift
  );
}

/** Of a text that was parsed just before, as it mostly was, nothing is parsed. */
function bodiesIn(text: string, fileName: string): Body[] {
  const parsed = parseModule(text, fileName, true);
  return 'program' in parsed ? bodiesOf(parsed.program) : [];
}

/** The bodies in statements whose names the outline does not collect (outlineScope.ts), in the order of the text. */
function bodiesOf(program: Babel.Program): Body[] {
  const bodies: Body[] = [];
  const waiting: unknown[] = program.body.filter(isOnlyRead).toReversed();
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (Array.isArray(next)) {
      waiting.push(...(next as unknown[]).toReversed());
      continue;
    }
    const node = next as Babel.Node;
    if (typeof node.type !== 'string' || !isOfValues(node)) continue;
    const body = bodyOf(node);
    if (body) bodies.push(body);
    // A function's parameters, and what an arrow without braces hands back, may be anything.
    if (isFunction(node)) continue;
    waiting.push(...Object.values(node).toReversed());
  }
  return bodies;
}

function isOnlyRead(statement: Babel.Statement): boolean {
  switch (statement.type) {
    case 'FunctionDeclaration':
    case 'VariableDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
    case 'TSExportAssignment':
      return true;
    default:
      return statement.type === 'ExpressionStatement' && isExportAssignment(statement.expression);
  }
}

/** Types hold no functions that run, and what stands in a class knows its private names. */
function isOfValues(node: Babel.Node): boolean {
  if (node.type.startsWith('Class')) return false;
  return !node.type.startsWith('TS') || node.type === 'TSExportAssignment' || insideOf(node) !== undefined;
}

type FunctionNode =
  Babel.FunctionDeclaration | Babel.FunctionExpression | Babel.ArrowFunctionExpression | Babel.ObjectMethod;

function isFunction(node: Babel.Node): node is FunctionNode {
  return (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression' ||
    node.type === 'ObjectMethod'
  );
}

function bodyOf(node: Babel.Node): Body | undefined {
  if (!isFunction(node) || node.body?.type !== 'BlockStatement') return undefined;
  const { start, end, body } = node;
  if (start == null || end == null || body.start == null || body.end !== end) return undefined;
  return { start, open: body.start, end, method: node.type === 'ObjectMethod' };
}

// Which collection a piece of code speaks of, as far as the text says it: `db.collection('orders')`, a variable made
// of it, `db["orders"]` and `db.orders` in Python.
import { literal, openingOf } from './cursorFrames';
import type { SourceLanguage, SourceToken } from './sourceTokens';

/** How many tokens of an assignment are looked at. */
const farthest = 24;
const collectionMethods = new Set(['collection', 'getcollection']);

export interface Callee {
  /** Of the method, in small letters without underscores: `updatemany` for `update_many` too. */
  method: string;
  /** What the method belongs to is named by the text. */
  collection: string | undefined;
  /** `db.…`, `ctx.…`: the name before the dot, when it is one. */
  owner: string | undefined;
}

/** What is called with the arguments in the bracket at `open`; undefined when it is no method call. */
export function calleeOf(
  tokens: readonly SourceToken[],
  open: number,
  language: SourceLanguage,
): Callee | undefined {
  const at = beforeGenerics(tokens, open - 1);
  const token = tokens[at];
  if (token?.type !== 'name') return undefined;
  const method = normalMethod(token.text);
  if (tokens[at - 1]?.text !== '.') return { method, collection: undefined, owner: undefined };
  const base = tokens[at - 2]?.text === '?' ? at - 3 : at - 2;
  const owner = tokens[base]?.type === 'name' ? tokens[base].text : undefined;
  return { method, collection: collectionEndingAt(tokens, base, language), owner };
}

/** The value of the string at `at`, or of the name there when it was given one above. */
export function stringAt(tokens: readonly SourceToken[], at: number): string | undefined {
  const token = tokens[at];
  if (token?.type === 'string') return literal(token);
  if (token?.type !== 'name') return undefined;
  const value = tokens[assignmentOf(tokens, token.text, at)];
  return value?.type === 'string' ? literal(value) : undefined;
}

function collectionEndingAt(
  tokens: readonly SourceToken[],
  end: number,
  language: SourceLanguage,
): string | undefined {
  const token = tokens[end];
  if (!token) return undefined;
  if (token.text === ')') {
    const open = openingOf(tokens, end);
    const name = tokens[beforeGenerics(tokens, open - 1)];
    const isCollection = name?.type === 'name' && collectionMethods.has(normalMethod(name.text));
    return isCollection ? stringAt(tokens, open + 1) : undefined;
  }
  if (token.text === ']') {
    const open = openingOf(tokens, end);
    return tokens[open - 1]?.text === 'db' ? stringAt(tokens, open + 1) : undefined;
  }
  if (token.type !== 'name') return undefined;
  if (tokens[end - 1]?.text === '.') {
    const isAttribute = language === 'python' && tokens[end - 2]?.text === 'db';
    return isAttribute ? token.text : undefined;
  }
  return collectionAssignedTo(tokens, token.text, end, language);
}

/** `const orders = db.collection('orders')` above the use. */
function collectionAssignedTo(
  tokens: readonly SourceToken[],
  name: string,
  before: number,
  language: SourceLanguage,
): string | undefined {
  const start = assignmentOf(tokens, name, before);
  if (start < 0) return undefined;
  for (let at = start; at < Math.min(start + farthest, before, tokens.length); at++) {
    const token = tokens[at];
    if (!token || token.text === ';') return undefined;
    if (token.type === 'name' && collectionMethods.has(normalMethod(token.text))) {
      const open = tokens.findIndex((later, index) => index > at && later.text === '(');
      return open < 0 ? undefined : stringAt(tokens, open + 1);
    }
    if (token.text === 'db' && tokens[at + 1]?.text === '[') return stringAt(tokens, at + 2);
    if (language === 'python' && token.text === 'db' && tokens[at + 1]?.text === '.') {
      const attribute = tokens[at + 2];
      if (attribute && tokens[at + 3]?.text !== '(') return attribute.text;
    }
  }
  return undefined;
}

/** Index of the first token of what a name was given last before `before`, or -1. */
function assignmentOf(tokens: readonly SourceToken[], name: string, before: number): number {
  for (let at = before - 1; at >= 0; at--) {
    if (tokens[at]?.text !== name || tokens[at - 1]?.text === '.') continue;
    // `name: Type =` as well.
    for (let sign = at + 1; sign < Math.min(at + 8, before); sign++) {
      const mark = tokens[sign]?.text ?? '';
      if (mark === '=' && tokens[sign + 1]?.text !== '=') return sign + 1;
      if (sign === at + 1 ? mark !== ':' : /^[;,(){}]$/.test(mark)) break;
    }
  }
  return -1;
}

/** From `>` of `collection<Order>(` back to the name; other places stay. */
function beforeGenerics(tokens: readonly SourceToken[], at: number): number {
  if (tokens[at]?.text !== '>') return at;
  let depth = 0;
  for (let back = at; back >= 0 && back > at - farthest; back--) {
    if (tokens[back]?.text === '>') depth++;
    if (tokens[back]?.text === '<' && --depth === 0) return back - 1;
  }
  return at;
}

function normalMethod(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}

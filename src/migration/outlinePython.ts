// Outline of Python files: a top-level `migrations` list of dicts, else the module's `up` and `down` functions.
// Reads tokens only; what a name or a call stands for beyond this file only Python can tell.
import { basename } from 'node:path';
import type { Outline, OutlineEntry } from './outline';
import type { PythonLine, PythonToken } from './pythonTokens';
import { PythonProblem, pythonLines } from './pythonTokens';

type Tokens = readonly PythonToken[];

interface Module {
  /** Right-hand sides of top-level assignments. */
  values: Map<string, Tokens>;
  /** Stretches of top-level functions, in offsets. */
  functions: Map<string, { start: number; end: number }>;
  /** Names that other top-level code may change (`migrations.append(…)`, inside `if` or `for`). */
  touched: Set<string>;
}

export function outlinePython(text: string, fileName: string): Outline {
  let module: Module;
  try {
    module = readModule(pythonLines(text));
  } catch (error) {
    if (!(error instanceof PythonProblem)) throw error;
    const before = text.slice(0, error.offset).split('\n');
    const column = (before.at(-1) ?? '').length + 1;
    return { entries: [], complete: true, error: { message: error.message, line: before.length, column } };
  }
  const list = module.values.get('migrations');
  if (list) return readList(list, fileName, module);
  if (module.touched.has('migrations') || module.touched.has('*')) return { entries: [], complete: false };
  const up = module.functions.get('up') ?? stretch(module.values.get('up'));
  if (!up) return { entries: [], complete: !module.touched.has('up') };
  const hasDown = module.functions.has('down') || isSet(module.values.get('down'));
  const entry: OutlineEntry = { name: basename(fileName), kind: 'script', index: 0, ...up, hasDown };
  readFields(entry, module.values, module);
  const touched = ['up', 'down', 'irreversible', 'requires'].some((field) => module.touched.has(field));
  return { entries: [entry], complete: !touched };
}

/** Of an `up` that is assigned: a lambda, or the name of another function. */
function stretch(value: Tokens | undefined): { start: number; end: number } | undefined {
  const [first] = value ?? [];
  const last = value?.at(-1);
  return first && last && isSet(value) ? { start: first.start, end: last.end } : undefined;
}

/** What stands in a dict, and at the top of a module, under the same names. */
function readFields(entry: OutlineEntry, fields: Map<string, Tokens>, module: Module): void {
  const irreversible = fields.get('irreversible') ?? [];
  const reason = irreversible[0]?.text === 'True' || stringOf(irreversible, module);
  if (reason) entry.irreversible = reason;
  if (fields.get('repeatable')?.[0]?.text === 'True') entry.repeatable = true;
  const list = fields.get('requires') ?? [];
  const names = inside(list, '[', ']') ?? inside(list, '(', ')');
  const literals = names && split(names, ',').map((name) => stringOf(name, module));
  if (literals && literals.length > 0 && literals.every((name) => name !== null)) entry.requires = literals;
}

function readModule(lines: PythonLine[]): Module {
  const module: Module = { values: new Map(), functions: new Map(), touched: new Set() };
  /** What the indented lines under the current top-level statement belong to. */
  let block: { start: number; end: number } | 'touched' | 'ignored' = 'ignored';
  for (const { indent, tokens } of lines) {
    const [first, second] = tokens;
    const last = tokens.at(-1);
    if (!first || !last) continue;
    if (indent > 0) {
      if (block === 'touched') touch(tokens, module);
      else if (block !== 'ignored') block.end = last.end;
      continue;
    }
    const named = first.text === 'async' ? tokens[2] : second;
    const assigned = assignedValue(tokens);
    block = 'ignored';
    if ((first.text === 'def' || (first.text === 'async' && second?.text === 'def')) && named) {
      block = { start: first.start, end: last.end };
      module.functions.set(named.text, block);
    } else if (assigned) {
      module.values.set(first.text, assigned);
    } else if (first.text === 'from' || first.text === 'import') {
      touch(first.text === 'from' ? imported(tokens) : tokens, module);
    } else if (!['class', '@'].includes(first.text) && !isMainGuard(tokens)) {
      touch(tokens, module);
      block = 'touched';
    }
  }
  return module;
}

/** The names after `import` of a `from … import …`. */
function imported(tokens: Tokens): Tokens {
  return tokens.slice(tokens.findIndex((token) => token.text === 'import') + 1);
}

function touch(tokens: Tokens, module: Module): void {
  for (const { type, text } of tokens) {
    if (type === 'name' || text === '*') module.touched.add(text);
  }
}

/** `if __name__ == '__main__':` runs nothing when a migration is loaded. */
function isMainGuard(tokens: Tokens): boolean {
  return tokens[0]?.text === 'if' && tokens[1]?.text === '__name__';
}

/** The tokens behind the `=` of `name = …` and `name: type = …`. */
function assignedValue(tokens: Tokens): Tokens | undefined {
  if (tokens[0]?.type !== 'name') return undefined;
  const at = tokens.findIndex((token) => token.depth === 0 && token.text === '=');
  const plain = at === 1 && tokens[2]?.text !== '=';
  return plain || (at > 1 && tokens[1]?.text === ':') ? tokens.slice(at + 1) : undefined;
}

function readList(value: Tokens, fileName: string, module: Module): Outline {
  const list = inside(value, '[', ']');
  if (!list) return { entries: [], complete: false };
  const outline: Outline = { entries: [], complete: !module.touched.has('migrations') };
  const elements = split(list, ',');
  // Beside others a migration needs a name of its own.
  const fallback = elements.length > 1 ? null : basename(fileName);
  for (const [index, element] of elements.entries()) {
    if (element[0]?.text === '*') return { ...outline, complete: false };
    const dict = readDict(element, module);
    const entry = dict && readEntry(dict, index, fallback, module);
    if (entry) outline.entries.push(entry);
    if (!entry || entry.name === null || !dict.complete) outline.complete = false;
  }
  return outline;
}

interface Dict {
  items: Map<string, Tokens>;
  complete: boolean;
  start: number;
  end: number;
}

/** `{'name': …}`, `dict(name=…)`, or a name that stands for one of them. */
function readDict(tokens: Tokens, module: Module): Dict | undefined {
  const [first] = tokens;
  const last = tokens.at(-1);
  if (!first || !last) return undefined;
  const referred = tokens.length === 1 ? module.values.get(first.text) : undefined;
  if (referred)
    return module.touched.has(first.text) ? undefined : readDict(referred.slice(), noNames(module));
  const call = first.text === 'dict';
  const body = call ? inside(tokens.slice(1), '(', ')') : inside(tokens, '{', '}');
  if (!body) return undefined;
  const dict: Dict = { items: new Map(), complete: true, start: first.start, end: last.end };
  for (const item of split(body, ',')) {
    const [key, colon] = item;
    const name = call ? key?.text : key?.value;
    if (typeof name === 'string' && colon?.text === (call ? '=' : ':')) dict.items.set(name, item.slice(2));
    else dict.complete = false;
  }
  return dict;
}

/** A dict found through a name is not looked up a second time: names may go in a circle. */
function noNames(module: Module): Module {
  return { ...module, values: new Map() };
}

function readEntry(
  dict: Dict,
  index: number,
  fallback: string | null,
  module: Module,
): OutlineEntry | undefined {
  const { items, complete, start, end } = dict;
  if (!items.has('up')) return undefined;
  const nameItem = items.get('name');
  const name = nameItem ? stringOf(nameItem, module) : fallback;
  const hasDown = isSet(items.get('down'));
  const entry: OutlineEntry = { name: complete ? name : null, kind: 'script', index, start, end, hasDown };
  const description = stringOf(items.get('description') ?? [], module);
  if (description !== null) entry.description = description;
  readFields(entry, items, module);
  return entry;
}

function isSet(value: Tokens | undefined): boolean {
  return value !== undefined && !(value.length === 1 && value[0]?.text === 'None');
}

/** A string out of one or more adjacent literals, also in parentheses or through a name; null when computed. */
function stringOf(tokens: Tokens, module: Module): string | null {
  const literals = inside(tokens, '(', ')') ?? tokens;
  const [first] = literals;
  if (literals.length === 1 && first?.type === 'name' && !module.touched.has(first.text)) {
    const referred = module.values.get(first.text);
    return referred ? stringOf(referred, noNames(module)) : null;
  }
  let text = '';
  for (const literal of literals) {
    if (typeof literal.value !== 'string') return null;
    text += literal.value;
  }
  return literals.length > 0 && text !== '' ? text : null;
}

/** What stands between a pair of brackets that is the whole of `tokens`. */
function inside(tokens: Tokens, opening: string, closing: string): Tokens | undefined {
  const [first] = tokens;
  const last = tokens.at(-1);
  if (!first || !last || first.text !== opening || last.text !== closing) return undefined;
  const closes = tokens.findIndex(
    (token, at) => at > 0 && token.depth === first.depth && token.text === closing,
  );
  return closes === tokens.length - 1 ? tokens.slice(1, -1) : undefined;
}

/** Splits at a separator outside inner brackets and parameters of lambdas; a trailing separator adds nothing. */
function split(tokens: Tokens, separator: string): Tokens[] {
  const parts: PythonToken[][] = [[]];
  const depth = tokens[0]?.depth;
  /** Lambdas whose colon has not come. */
  let lambdas = 0;
  for (const token of tokens) {
    const here = token.depth === depth;
    if (here && token.text === 'lambda') lambdas += 1;
    else if (here && token.text === ':' && lambdas > 0) lambdas -= 1;
    if (here && token.text === separator && lambdas === 0) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

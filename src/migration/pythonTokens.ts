// A small tokenizer for Python: enough to find top-level statements, brackets and string literals. It knows
// nothing of the grammar above that.

export interface PythonToken {
  type: 'name' | 'string' | 'number' | 'op';
  text: string;
  /** Offsets in UTF-16 units. */
  start: number;
  end: number;
  /** What a string literal stands for; null for f-strings with fields and for bytes. */
  value?: string | null;
  /** Brackets around it: 0 outside all. An opening bracket and its closing one have the outer depth. */
  depth: number;
}

/** A logical line: it ends at a line break outside brackets. */
export interface PythonLine {
  indent: number;
  tokens: PythonToken[];
}

export class PythonProblem extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const pattern =
  /(?<space>[ \t\f\ufeff]+|\\\r?\n)|(?<newline>\r?\n|\r)|(?<comment>#[^\r\n]*)|(?<string>(?:[rR][bB]?|[bB][rR]?|[uU]|[fFtT][rR]?|[rR][fFtT])?(?:'''|"""|'|"))|(?<name>[\p{L}_][\p{L}\p{N}_]*)|(?<number>\.?\d[\w.]*)|(?<op>->|:=|\*\*|[^\s])/uy;

const closers: Record<string, string> = { '(': ')', '[': ']', '{': '}' };

/**
 * The logical lines of a Python text.
 * @throws PythonProblem when a string or a bracket is not closed.
 */
export function pythonLines(text: string): PythonLine[] {
  const lines: PythonLine[] = [];
  const open: PythonToken[] = [];
  let line: PythonLine | undefined;
  let lineStart = 0;
  pattern.lastIndex = 0;
  while (pattern.lastIndex < text.length) {
    const start = pattern.lastIndex;
    const groups = pattern.exec(text)?.groups;
    if (!groups) throw new PythonProblem('Unexpected character', start);
    if (groups.newline !== undefined) {
      lineStart = pattern.lastIndex;
      if (open.length === 0) line = undefined;
      continue;
    }
    if (groups.space !== undefined || groups.comment !== undefined) continue;
    const token = readToken(text, start, groups);
    pattern.lastIndex = token.end;
    const last = open.at(-1);
    if (token.type === 'op' && /^[)\]}]$/.test(token.text)) {
      if (!last || closers[last.text] !== token.text) {
        throw new PythonProblem(`Unexpected "${token.text}"`, token.start);
      }
      open.pop();
    }
    token.depth = open.length;
    if (token.type === 'op' && token.text in closers) open.push(token);
    if (!line) {
      line = { indent: indentOf(text.slice(lineStart, start)), tokens: [] };
      lines.push(line);
    }
    line.tokens.push(token);
  }
  const unclosed = open.at(-1);
  if (unclosed) throw new PythonProblem(`"${unclosed.text}" was never closed`, unclosed.start);
  return lines;
}

function indentOf(space: string): number {
  return space.replace(/^\ufeff/, '').length;
}

function readToken(text: string, start: number, groups: Record<string, string | undefined>): PythonToken {
  if (groups.string !== undefined) return readString(text, start, groups.string);
  const type = groups.name === undefined ? (groups.number === undefined ? 'op' : 'number') : 'name';
  const source = groups.name ?? groups.number ?? groups.op ?? '';
  return { type, text: source, start, end: start + source.length, depth: 0 };
}

function readString(text: string, start: number, opening: string): PythonToken {
  const [, prefix = '', quote = ''] = /^([a-zA-Z]*)(.*)$/.exec(opening) ?? [];
  const body = start + opening.length;
  const end = endOfString(text, body, quote);
  if (end === -1) throw new PythonProblem('The string is not terminated', start);
  const raw = text.slice(body, end);
  return {
    type: 'string',
    text: text.slice(start, end + quote.length),
    start,
    end: end + quote.length,
    value: stringValue(raw, prefix.toLowerCase()),
    depth: 0,
  };
}

/** Offset of the closing quote, or -1. */
function endOfString(text: string, from: number, quote: string): number {
  const long = quote.length === 3;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (!long && (char === '\n' || char === '\r')) return -1;
    else if (text.startsWith(quote, at)) return at;
  }
  return -1;
}

function stringValue(raw: string, prefix: string): string | null {
  if (prefix.includes('b')) return null;
  if (/[ft]/.test(prefix) && /[{}]/.test(raw)) return null;
  if (prefix.includes('r')) return raw;
  const simple: Record<string, string> = {
    n: '\n',
    t: '\t',
    r: '\r',
    '\n': '',
    a: '\x07',
    b: '\b',
    f: '\f',
    v: '\v',
    '0': '\0',
  };
  return raw.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(\r\n|[\s\S]))/g,
    (escape, byte?: string, short?: string, long?: string, char?: string) => {
      const code = byte ?? short ?? long;
      if (code !== undefined) {
        const point = Number.parseInt(code, 16);
        return point <= 0x10ffff ? String.fromCodePoint(point) : escape;
      }
      if (char === '\\' || char === "'" || char === '"') return char;
      return simple[char ?? ''] ?? (char === '\r\n' ? '' : escape);
    },
  );
}

/** All tokens of a text; undefined where it is no Python. */
export function pythonTokens(text: string): PythonToken[] | undefined {
  try {
    return pythonLines(text).flatMap((line) => line.tokens);
  } catch (error) {
    if (error instanceof PythonProblem) return undefined;
    throw error;
  }
}

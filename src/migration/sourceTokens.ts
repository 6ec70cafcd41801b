// Tokens of JavaScript, TypeScript and Python while somebody types: nothing is ever an error, a string that is not
// closed ends with its line. What completion and hover stand on; outlines are read by real parsers.

export type SourceLanguage = 'javascript' | 'python';

export interface SourceToken {
  type: 'name' | 'string' | 'number' | 'mark' | 'comment';
  /** As it stands in the text; one character for marks, but `=>`. */
  text: string;
  /** Offsets in UTF-16 units. */
  start: number;
  end: number;
  /** For strings: the stretch between the quotes, and whether the second one is there. */
  inside?: { start: number; end: number; closed: boolean };
}

const space = /[\s\ufeff]+/uy;
const name = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const number = /\.?\d[\w.]*/y;
const javaScriptComment = /\/\/[^\r\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const pythonComment = /#[^\r\n]*/y;
const regularExpression = /\/(?![*/])(?:[^\\/[\r\n]|\\.|\[(?:[^\]\\\r\n]|\\.)*\])+\/[a-z]*/y;
const pythonString = /[rbuft]{0,2}('''|"""|'|")/iy;
/** After these a slash begins a regular expression. */
const beforeExpression = /^(?:[(,=:[!&|?{};+\-*%<>~^]|=>|return|typeof|case|in|of|await)$/;

export function sourceTokens(text: string, language: SourceLanguage): SourceToken[] {
  const tokens: SourceToken[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const add = (type: SourceToken['type'], length: number): void => {
    tokens.push({ type, text: text.slice(at, at + length), start: at, end: at + length });
    at += length;
  };
  const comment = language === 'python' ? pythonComment : javaScriptComment;
  while (at < text.length) {
    at += match(space)?.length ?? 0;
    const remark = match(comment);
    if (remark !== undefined) {
      add('comment', remark.length);
      continue;
    }
    if (at >= text.length) break;
    const string = readString(text, at, language);
    if (string) {
      tokens.push(string);
      at = string.end;
      continue;
    }
    const word = match(name);
    const figure = word === undefined ? match(number) : undefined;
    const last = tokens.findLast(({ type }) => type !== 'comment')?.text;
    const expression =
      language === 'javascript' && text[at] === '/' && (last === undefined || beforeExpression.test(last))
        ? match(regularExpression)
        : undefined;
    if (word !== undefined) add('name', word.length);
    else if (figure !== undefined) add('number', figure.length);
    else if (expression !== undefined) add('number', expression.length);
    else add('mark', text.startsWith('=>', at) ? 2 : 1);
  }
  return tokens;
}

function readString(text: string, start: number, language: SourceLanguage): SourceToken | undefined {
  const quote = openingQuote(text, start, language);
  if (!quote) return undefined;
  const from = start + quote.length;
  const long = quote.mark.length === 3 || quote.mark === '`';
  let end = from;
  while (end < text.length && !text.startsWith(quote.mark, end)) {
    if (!long && (text[end] === '\n' || text[end] === '\r')) break;
    if (quote.mark === '`' && text.startsWith('${', end)) end = endOfSubstitution(text, end + 2);
    else end += text[end] === '\\' ? 2 : 1;
  }
  end = Math.min(end, text.length);
  const closed = text.startsWith(quote.mark, end);
  const after = closed ? end + quote.mark.length : end;
  return {
    type: 'string',
    text: text.slice(start, after),
    start,
    end: after,
    inside: { start: from, end, closed },
  };
}

function openingQuote(
  text: string,
  start: number,
  language: SourceLanguage,
): { mark: string; length: number } | undefined {
  if (language === 'javascript') {
    const mark = text[start] ?? '';
    return mark !== '' && `'"\``.includes(mark) ? { mark, length: 1 } : undefined;
  }
  pythonString.lastIndex = start;
  const found = pythonString.exec(text);
  return found ? { mark: found[1] ?? '', length: found[0].length } : undefined;
}

/** Behind the brace that closes `${…}` of a template. */
function endOfSubstitution(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length;) {
    const string = readString(text, at, 'javascript');
    if (string) {
      at = string.end;
      continue;
    }
    if (text[at] === '{') depth++;
    if (text[at] === '}' && --depth === 0) return at + 1;
    at++;
  }
  return text.length;
}

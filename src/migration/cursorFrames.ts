// Where a place in a half-typed text stands: the brackets around it, and how far each has come. Knows nothing of
// MongoDB; what a bracket means is cursorPlaces.ts.
import type { SourceLanguage, SourceToken } from './sourceTokens';
import { sourceTokens } from './sourceTokens';

/** A bracket that is open at the cursor. */
export interface Frame {
  mark: '(' | '[' | '{';
  /** Index of its token. */
  at: number;
  /** Index of the first token of the item (property, element, argument) that the cursor is in. */
  item: number;
  /** Items before this one. */
  index: number;
  /** Index of the first colon at this level in the item; `=` of a keyword argument in Python. */
  colon?: number;
}

/** The text around a cursor. */
export interface Surroundings {
  language: SourceLanguage;
  /** Without comments. */
  tokens: readonly SourceToken[];
  /** From the outside inwards. */
  frames: readonly Frame[];
  /** How many tokens end before the cursor; the word that it touches is the next one. */
  before: number;
  /** The name or string that the cursor touches. */
  word: SourceToken | undefined;
}

const opening: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

/** Undefined in comments, numbers and regular expressions. */
export function surroundings(
  text: string,
  offset: number,
  language: SourceLanguage,
): Surroundings | undefined {
  const all = sourceTokens(text, language);
  const touched = all.find(({ type, start, end }) => {
    if (type === 'comment') return start < offset && offset <= end;
    return type === 'number' && start < offset && offset < end;
  });
  if (touched) return undefined;
  const tokens = all.filter(({ type }) => type !== 'comment');
  const word = tokens.find((token) => touches(token, offset));
  const frames: Frame[] = [];
  let before = 0;
  for (const [at, token] of tokens.entries()) {
    if (token === word || token.start >= offset) break;
    before = at + 1;
    if (token.type === 'mark') advance(frames, token.text, at, language);
  }
  return { language, tokens, frames, before, word };
}

function touches({ type, start, end, inside }: SourceToken, offset: number): boolean {
  if (type === 'name') return start <= offset && offset <= end;
  return inside !== undefined && inside.start <= offset && offset <= inside.end;
}

function advance(frames: Frame[], mark: string, at: number, language: SourceLanguage): void {
  const frame = frames.at(-1);
  if (mark === '(' || mark === '[' || mark === '{') {
    frames.push({ mark, at, item: at + 1, index: 0 });
  } else if (mark in opening) {
    // A bracket that was not closed yet must not swallow what stands around it.
    const place = frames.findLastIndex((open) => open.mark === opening[mark]);
    if (place >= 0) frames.length = place;
  } else if (frame && mark === ',') {
    frame.index++;
    frame.item = at + 1;
    frame.colon = undefined;
  } else if (frame && frame.colon === undefined) {
    const named = language === 'python' && frame.mark === '(' && mark === '=' && at === frame.item + 1;
    if (named || (mark === ':' && frame.mark === '{')) frame.colon = at;
  }
}

/** Index of the bracket that the one at `close` closes, or -1. */
export function openingOf(tokens: readonly SourceToken[], close: number): number {
  let depth = 0;
  for (let at = close; at >= 0; at--) {
    const token = tokens[at];
    if (token?.type !== 'mark') continue;
    if (token.text in opening) depth++;
    else if ('([{'.includes(token.text) && --depth === 0) return at;
  }
  return -1;
}

/** The keys of an object at its own level, each with the index of the token behind its colon. */
export function* keysOf(tokens: readonly SourceToken[], open: number): Generator<[string, number]> {
  let depth = 0;
  for (let at = open + 1; at < tokens.length && depth >= 0; at++) {
    const token = tokens[at];
    if (!token) continue;
    if (token.type === 'mark') {
      if ('([{'.includes(token.text)) depth++;
      else if (token.text in opening) depth--;
      continue;
    }
    const before = tokens[at - 1]?.text;
    if (depth === 0 && tokens[at + 1]?.text === ':' && (before === ',' || before === '{')) {
      yield [literal(token), at + 2];
    }
  }
}

/** A name as it stands, a string without its quotes. */
export function literal({ text, start, inside }: SourceToken): string {
  return inside ? text.slice(inside.start - start, inside.end - start) : text;
}

// What is wanted where the cursor stands in a migration that is being written: the name of a collection or a field,
// a stage, an operator. From the text alone; cursorFrames.ts finds the brackets, cursorPlaces.ts says what MongoDB
// expects in them.
import { calleeOf, stringAt } from './cursorCollections';
import type { Frame, Surroundings } from './cursorFrames';
import { keysOf, literal, surroundings } from './cursorFrames';
import { argumentAt, migrationField } from './cursorMethods';
import type { Place, Want } from './cursorPlaces';
import { elementAt, keysAt, nothing, stringsAt, updatePipeline, valueAt } from './cursorPlaces';
import type { SourceLanguage } from './sourceTokens';

export type { Want } from './cursorPlaces';

export interface CursorContext {
  wants: readonly Want[];
  /** Whose fields are meant, when the text says it. */
  collection?: string;
  /** Path that the fields stand under, with its dot. */
  prefix?: string;
  /** Only the stages that an update takes. */
  update: boolean;
  /** The word that the cursor touches, without quotes; empty where nothing is written yet. */
  word: string;
  start: number;
  end: number;
  /** The quote that the word stands in; empty without one. */
  quote: string;
  /** The second quote is there too. */
  closed: boolean;
  /** The word is the key of an object, and whether its colon is there already. */
  key: boolean;
  colon: boolean;
}

/** Longer texts are not looked at: an editor must not wait. */
const longestText = 2_000_000;

/** Undefined where nothing of MongoDB's can stand. */
export function cursorContext(
  text: string,
  offset: number,
  language: SourceLanguage,
): CursorContext | undefined {
  if (text.length > longestText) return undefined;
  const around = surroundings(text, offset, language);
  if (!around) return undefined;
  const { frames, tokens, word, before } = around;
  const places = placesOf(around);
  const frame = frames.at(-1);
  const place = places.at(-1) ?? nothing;
  const key = frame?.mark === '{' && place.role !== 'code' && before === frame.item;
  const value = key ? place : positionIn(around, frame, place, before);
  const wants = key ? keysAt(place) : word?.inside ? stringsAt(value) : attributeWants(around);
  if (wants.length === 0) return undefined;
  const { start, end } = word?.inside ?? word ?? { start: offset, end: offset };
  return {
    wants,
    collection: value.collection,
    prefix: value.prefix,
    update: value.update === true,
    word: text.slice(start, end),
    start,
    end,
    quote: word?.inside ? text.slice(word.start, start) : '',
    closed: word?.inside?.closed === true,
    key,
    colon: tokens[word ? before + 1 : before]?.text === ':',
  };
}

/** `db.` of Python leads to a collection. */
function attributeWants({ language, tokens, before }: Surroundings): readonly Want[] {
  const isAttribute =
    language === 'python' && tokens[before - 1]?.text === '.' && tokens[before - 2]?.text === 'db';
  return isAttribute && tokens[before - 3]?.text !== '.' ? ['collection'] : [];
}

/** The place that each open bracket makes, from the outside inwards; the first is the file itself. */
function placesOf(around: Surroundings): Place[] {
  const places: Place[] = [{ role: 'code' }];
  for (const [depth, frame] of around.frames.entries()) {
    const outer = places[depth] ?? nothing;
    const position = positionIn(around, around.frames[depth - 1], outer, frame.at);
    places.push(entered(around, frame, position, outer));
  }
  return places;
}

/** The place of what stands at token `at` directly in a bracket. */
function positionIn(around: Surroundings, frame: Frame | undefined, place: Place, at: number): Place {
  const { tokens, language } = around;
  if (place.role === 'code' || !frame) return inCode(around, place, at, frame === undefined);
  if (frame.mark === '[') return elementAt(place);
  if (frame.mark === '(') {
    const callee = isCall(around, frame) ? calleeOf(tokens, frame.at, language) : undefined;
    if (!callee) return place;
    const keyword = frame.colon === undefined ? undefined : tokens[frame.item]?.text;
    const source = callee.collection ?? place.collection;
    return argumentAt(callee, frame.index, keyword, source, () => stringAt(tokens, frame.at + 1));
  }
  const name = tokens[tokens[frame.item]?.text === 'async' ? frame.item + 1 : frame.item];
  if (!name) return nothing;
  const sibling = (wanted: string): string | undefined => {
    for (const [key, value] of keysOf(tokens, frame.at)) {
      if (key === wanted) return stringAt(tokens, value);
    }
    return undefined;
  };
  if (place.role === 'migration') return migrationField(literal(name), sibling);
  return valueAt(place, literal(name), sibling);
}

/** Words that an expression follows. */
const expressionFollows = /^(?:return|await|yield|default|in|of|case|typeof|lambda|else|and|or|not|if|for)$/;

/** What a bracket that stands at `position` makes of it; `outer` is the place around it. */
function entered(around: Surroundings, frame: Frame, position: Place, outer: Place): Place {
  const { tokens, language } = around;
  const before = tokens[frame.at - 1];
  const follows = before?.text ?? '';
  const isName = before?.type === 'name' && !expressionFollows.test(follows);
  if (frame.mark === '{') {
    if (language === 'javascript' && (isBlock(follows, outer) || isName)) {
      const returns = position.returns ?? (outer.role === 'code' ? outer.returns : undefined);
      return { role: 'code', returns, collection: position.collection ?? outer.collection };
    }
    const given = isLambda(around, frame) ? (position.returns ?? nothing) : position;
    return given.object ?? given;
  }
  if (frame.mark === '[') {
    if (isName || follows === ')' || follows === ']') {
      return language === 'python' && follows === 'db' ? { role: 'collection' } : nothing;
    }
    const isResult = follows === '=>' || isLambda(around, frame);
    const given = isResult ? (position.returns ?? nothing) : position;
    return given.array ?? given;
  }
  if (isCall(around, frame)) return { role: 'none', collection: position.collection ?? outer.collection };
  return follows === '=>' ? (position.returns ?? nothing) : position;
}

function isBlock(follows: string, outer: Place): boolean {
  if (follows === '=>' || follows === ')' || follows === 'else') return true;
  return outer.role === 'code' && (follows === '' || follows === ';' || follows === '}' || follows === '{');
}

function isCall({ tokens }: Surroundings, frame: Frame): boolean {
  const before = tokens[frame.at - 1];
  if (before?.type === 'name') return !expressionFollows.test(before.text);
  return before?.text === ')' || before?.text === ']' || before?.text === '>';
}

/** `lambda doc: {…}` of Python, whose colon is no dict's. */
function isLambda({ language, tokens }: Surroundings, frame: Frame): boolean {
  if (language !== 'python' || tokens[frame.at - 1]?.text !== ':') return false;
  const names = tokens.slice(Math.max(0, frame.at - 6), frame.at - 1);
  const start = names.findLastIndex(({ text }) => text === 'lambda');
  return start >= 0 && names.slice(start).every(({ type, text }) => type === 'name' || text === ',');
}

const nameTells: [name: RegExp, place: Place][] = [
  [/pipeline$|stages$/i, { role: 'pipeline' }],
  [/filter$|query$/i, { role: 'query' }],
  [/update$|changes$/i, { role: 'update', array: updatePipeline() }],
];

/** A value among statements: what is returned, what a name is given, or an author's migration at the top. */
function inCode({ tokens, language }: Surroundings, place: Place, at: number, isTop: boolean): Place {
  const before = tokens[at - 1]?.text;
  if (before === 'return') {
    if (place.returns) return place.returns;
    if (language === 'python') return { role: 'update', array: updatePipeline() };
  }
  if (before === 'default' && isTop) return { role: 'migration' };
  if (before === '=>') return { role: 'none', returns: place.returns };
  if (before !== '=') return { role: 'none', collection: place.collection };
  const name = assignedName(tokens, at - 1);
  for (const [pattern, told] of nameTells)
    if (pattern.test(name)) return { ...told, collection: place.collection };
  return isTop ? { role: 'migration' } : nothing;
}

/** The name before `=`, also with a type between. */
function assignedName(tokens: Surroundings['tokens'], equals: number): string {
  for (let at = equals - 1; at > equals - 10; at--) {
    if (/^(?:const|let|var)$/.test(tokens[at]?.text ?? '')) return tokens[at + 1]?.text ?? '';
  }
  return tokens[equals - 1]?.text ?? '';
}

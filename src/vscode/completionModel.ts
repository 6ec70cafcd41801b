// What is offered where the cursor stands, and what a hover says, as plain values: from the context in the text, the
// table of operators and what was seen in the database. Knows nothing of the editor.
import type { CursorContext } from '../migration/cursorContext';
import type { Operator, OperatorKind } from '../migration/mongoOperators';
import { operatorsOf, updateStages } from '../migration/mongoOperators';
import type { SourceLanguage } from '../migration/sourceTokens';
import type { CollectionSample, SampledField } from '../protocol/runner';
import type { Translate } from './words';

/** What the database said; undefined where nobody could be asked. */
export interface Known {
  collections?: readonly string[];
  sample?: CollectionSample;
}

export interface Suggestion {
  label: string;
  kind: 'collection' | 'field' | 'operator' | 'stage' | 'variable';
  /** Beside the label. */
  detail: string;
  /** Markdown. */
  documentation: string;
  /** A snippet. */
  insert: string;
  /** Offsets of what it takes the place of; what was typed lies between `start` and the cursor. */
  start: number;
  end: number;
  /** All of that is replaced, also in an editor that only inserts: the text brings its own closing quote. */
  whole: boolean;
  /** What the typed text is compared with. */
  filter: string;
  sort: string;
}

export interface CompletionQuestion {
  context: CursorContext;
  known: Known;
  language: SourceLanguage;
  t: Translate;
}

export function suggestionsFor(question: CompletionQuestion): Suggestion[] {
  const { context, known } = question;
  const { wants } = context;
  const suggestions: Suggestion[] = [];
  if (wants.includes('collection')) {
    for (const name of known.collections ?? []) suggestions.push(collectionSuggestion(name, question));
  }
  if (wants.includes('field')) suggestions.push(...fieldSuggestions(question, ''));
  if (wants.includes('path')) suggestions.push(...fieldSuggestions(question, '$'));
  for (const operator of operatorsOf(wants as readonly OperatorKind[])) {
    if (context.update && !updateStages.includes(operator.name)) continue;
    suggestions.push(operatorSuggestion(operator, question));
  }
  return suggestions;
}

/** Markdown for the word under the pointer, or undefined when there is nothing to say. */
export function hoverText({ context, known, t }: CompletionQuestion): string | undefined {
  const { word, wants, collection } = context;
  const operator = operatorsOf(wants as readonly OperatorKind[]).find(({ name }) => name === word);
  if (operator)
    return `**\`${word}\`** · ${kindInWords(operator, wants, t)}\n\n${documented(operator, wants, t)}`;
  const path = wants.includes('path') && word.startsWith('$') ? word.slice(1) : word;
  if (!wants.includes('field') && path === word) return undefined;
  const found = fieldsUnder(known.sample, context.prefix).find(({ name }) => name === path);
  if (!found || !known.sample || collection === undefined) return undefined;
  return `**\`${inCode(found.field.path)}\`** · ${typesInWords(found.field)}\n\n${seenInWords(found.field, known.sample, collection, t)}`;
}

/** `string 98 %, null 2 %`; a single type goes without its share. */
export function typesInWords({ types, elements, count }: SampledField): string {
  const listed = (counts: Record<string, number>): string => {
    const sorted = Object.entries(counts).sort(([a, some], [b, others]) => others - some || (a < b ? -1 : 1));
    if (sorted.length === 1) return sorted[0]?.[0] ?? '';
    return sorted.map(([type, times]) => `${type} ${percent(times, count)}`).join(', ');
  };
  const own = listed(types);
  return elements ? `${own} [${Object.keys(elements).join(', ')}]` : own;
}

function seenInWords(
  field: SampledField,
  sample: CollectionSample,
  collection: string,
  t: Translate,
): string {
  return t(
    'In {0} of the {1} documents of `{2}` that were looked at.',
    percent(field.count, sample.documents),
    sample.documents,
    inCode(collection),
  );
}

/** Names come from a database, and must not get out of the code that they stand in. */
function inCode(name: string): string {
  return name.replaceAll('`', "'").replaceAll(/\s/g, ' ');
}

function percent(part: number, whole: number): string {
  const share = (100 * part) / whole;
  return share > 0 && share < 1 ? '< 1 %' : `${Math.round(share)} %`;
}

function fieldsUnder(
  sample: CollectionSample | undefined,
  prefix = '',
): { field: SampledField; name: string }[] {
  const fields = (sample?.fields ?? []).filter(({ path }) => path.startsWith(prefix));
  return fields.map((field) => ({ field, name: field.path.slice(prefix.length) }));
}

function fieldSuggestions(question: CompletionQuestion, sign: '' | '$'): Suggestion[] {
  const { context, known, t } = question;
  const { sample } = known;
  if (!sample) return [];
  return fieldsUnder(sample, sign === '' ? context.prefix : '').map(({ field, name }, place) => ({
    label: `${sign}${name}`,
    kind: 'field',
    detail: typesInWords(field),
    documentation: seenInWords(field, sample, context.collection ?? '', t),
    ...written(`${sign}${name}`, question, ''),
    // Fields of sub-documents come after all at the top; those that most documents have come first.
    sort: `1${name.includes('.') ? 1 : 0}${String(place).padStart(5, '0')}`,
  }));
}

function collectionSuggestion(name: string, question: CompletionQuestion): Suggestion {
  return {
    label: name,
    kind: 'collection',
    detail: question.t('collection'),
    documentation: '',
    ...written(name, question, undefined),
    sort: name,
  };
}

function operatorSuggestion(operator: Operator, question: CompletionQuestion): Suggestion {
  const { wants } = question.context;
  const isStage = wants.includes('stage');
  return {
    label: operator.name,
    kind: isStage ? 'stage' : operator.kinds.includes('variable') ? 'variable' : 'operator',
    detail: kindInWords(operator, wants, question.t),
    documentation: documented(operator, wants, question.t),
    ...written(operator.name, question, valueIn(question.language, operator)),
    sort: `2${rank(operator.name)}${operator.name}`,
  };
}

/** What most migrations are made of comes first; of what is typed alike, `$gt` before `$geoIntersects`. */
const usual = [
  '$set $unset $rename $inc $push $pull $addToSet $setOnInsert $currentDate',
  '$eq $ne $gt $gte $lt $lte $in $nin $exists $type $not $and $or $nor $regex $elemMatch $size $expr',
  '$match $project $group $addFields $sort $limit $lookup $unwind $merge $replaceRoot $replaceWith',
  '$cond $ifNull $concat $map $filter $reduce $mergeObjects $convert $toDate $toString $toInt $toDecimal $sum',
  '$$ROOT $$NOW $$REMOVE $$this',
]
  .join(' ')
  .split(' ');

function rank(name: string): string {
  const place = usual.indexOf(name);
  return String(place < 0 ? usual.length : place).padStart(2, '0');
}

/**
 * The text for a name, with quotes where it needs some, and behind a key its colon and value.
 * @param value snippet of the value; undefined for names that are never keys.
 */
function written(
  name: string,
  { context, language }: CompletionQuestion,
  value: string | undefined,
): Pick<Suggestion, 'insert' | 'start' | 'end' | 'whole' | 'filter'> {
  const { start, end, quote, closed, key, colon } = context;
  const bare =
    quote === '' && (!key || (language === 'javascript' && /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name)));
  const added = language === 'python' ? '"' : "'";
  const text = escapeSnippet(bare ? name : escapeIn(quote === '' ? added : quote, name));
  const rest = key && !colon && value !== undefined ? `: ${value}` : '';
  if (quote === '') {
    const insert = `${bare ? text : `${added}${text}${added}`}${rest}`;
    return { insert, start, end, whole: false, filter: name };
  }
  // A colon belongs behind the closing quote, which is taken in when it is there.
  const whole = rest !== '';
  return {
    insert: whole ? `${text}${quote}${rest}` : text,
    start,
    end: whole && closed ? end + quote.length : end,
    whole,
    filter: name,
  };
}

/** The table's snippets are JavaScript. */
function valueIn(language: SourceLanguage, { value = '' }: Operator): string {
  if (language === 'javascript') return value;
  return value
    .replaceAll("'", '"')
    .replaceAll('true,false', 'True,False')
    .replaceAll('true', 'True')
    .replaceAll(/(?<=[{,] )(\\?\$?[A-Za-z]\w*)(?=: )/g, '"$1"')
    .replaceAll(/(?<=\{ |, )(\$\d)(?=: )/g, '"$1"');
}

function escapeIn(quote: string, name: string): string {
  const mark = quote.at(-1) ?? '';
  const escaped = name.replaceAll('\\', '\\\\').replaceAll(mark, `\\${mark}`);
  return mark === '`' ? escaped.replaceAll('${', '\\${') : escaped;
}

function escapeSnippet(text: string): string {
  return text.replace(/[\\$}]/g, '\\$&');
}

function kindInWords(operator: Operator, wants: readonly string[], t: Translate): string {
  const words: Record<OperatorKind, string> = {
    stage: t('aggregation stage'),
    query: t('query operator'),
    condition: t('query operator'),
    parameter: t('part of a query operator'),
    update: t('update operator'),
    modifier: t('modifier of $push'),
    expression: t('expression'),
    accumulator: t('accumulator'),
    window: t('window operator'),
    variable: t('variable'),
  };
  const kind = operator.kinds.find((one) => wants.includes(one)) ?? 'expression';
  const since = operator.since === undefined ? '' : ` · ${t('MongoDB {0} or later', operator.since)}`;
  return `${words[kind]}${since}`;
}

const pages: Partial<Record<OperatorKind, string>> = {
  stage: 'aggregation',
  query: 'query',
  condition: 'query',
  update: 'update',
  modifier: 'update',
  expression: 'aggregation',
  accumulator: 'aggregation',
  window: 'aggregation',
};

function documented(operator: Operator, wants: readonly string[], t: Translate): string {
  const kind = operator.kinds.find((one) => wants.includes(one)) ?? 'expression';
  const page = pages[kind];
  if (page === undefined) return operator.doc;
  const address = `https://www.mongodb.com/docs/manual/reference/operator/${page}/${operator.name.slice(1)}/`;
  return `${operator.doc}\n\n[${t('Documentation')}](${address})`;
}

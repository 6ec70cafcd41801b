// Compares what two replays have made of an empty database: what is the same, what is of a kind that comes out different
// at every run (new ids, the time), and what differs beyond that.
import { BSON, type Document } from 'mongodb';
import { extendedJson } from '../documents';
import type { CollectionShape, Shape } from './shape';

export interface Comparison {
  /** `settings.createdAt`: ids and times that are made anew at every run. */
  generated: string[];
  /** What else differs, in words. */
  different: string[];
}

export function compareShapes(first: Shape, second: Shape): Comparison {
  const [ours, theirs] = [first, second].map(
    ({ collections }) => new Map(collections.map((shape) => [shape.name, shape])),
  );
  const found = { generated: new Set<string>(), different: new Set<string>() };
  for (const name of new Set([...ours!.keys(), ...theirs!.keys()])) {
    const [a, b] = [ours!.get(name), theirs!.get(name)];
    if (!a || !b) found.different.add(`${name} is there only once`);
    else compareCollection(a, b, found);
  }
  return { generated: [...found.generated], different: [...found.different] };
}

interface Found {
  generated: Set<string>;
  different: Set<string>;
}

function compareCollection(a: CollectionShape, b: CollectionShape, found: Found): void {
  if (a.type !== b.type || text(a.options) !== text(b.options))
    found.different.add(`the options of ${a.name}`);
  const [ours, theirs] = [a, b].map(({ indexes }) => indexes.map(indexText).sort().join('\n'));
  if (ours !== theirs) found.different.add(`the indexes of ${a.name}`);
  if (a.raw.length !== b.raw.length) {
    found.different.add(`how many documents ${a.name} holds`);
    return;
  }
  for (const [left, right] of pairs(a, b)) compareValues(a.name, left, right, found);
}

/** Documents that are not the same: those of one `_id`, and the others in their order. */
function* pairs(a: CollectionShape, b: CollectionShape): Generator<[Document, Document]> {
  const places = new Map(
    b.documents.map((document, place) => [text({ id: document['_id'] as unknown }), place]),
  );
  const alone: Document[] = [];
  for (const [place, document] of a.documents.entries()) {
    const key = text({ id: document['_id'] as unknown });
    const other = places.get(key);
    places.delete(key);
    if (other === undefined) alone.push(document);
    else if (!a.raw[place]!.equals(b.raw[other]!)) yield [document, b.documents[other]!];
  }
  const rest = [...places.values()].sort((one, two) => one - two);
  for (const [place, document] of alone.entries()) yield [document, b.documents[rest[place]!]!];
}

function compareValues(path: string, left: unknown, right: unknown, found: Found): void {
  const type = typeOf(left);
  if (type !== typeOf(right)) {
    found.different.add(path);
  } else if (madeAnew.has(type)) {
    if (text({ value: left }) !== text({ value: right })) found.generated.add(path);
  } else if (type === 'Object' || type === 'Array') {
    const [ours, theirs] = [Object.entries(left as object), Object.entries(right as object)] as const;
    if (ours.map(([key]) => key).join('\n') !== theirs.map(([key]) => key).join('\n'))
      found.different.add(path);
    // Elements of one array have one path.
    else
      for (const [place, [key, value]] of ours.entries())
        compareValues(type === 'Array' ? path : `${path}.${key}`, value, theirs[place]![1], found);
  } else if (text({ value: left }) !== text({ value: right })) {
    found.different.add(path);
  }
}

const madeAnew: ReadonlySet<string> = new Set(['ObjectId', 'Date', 'Timestamp']);

function typeOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return typeof value;
  if (Array.isArray(value)) return 'Array';
  if (value instanceof Date) return 'Date';
  return (value as { _bsontype?: string })._bsontype ?? 'Object';
}

function indexText({ ns: _ns, v: _v, ...spec }: Document): string {
  return text(spec);
}

function text(value: Document): string {
  return BSON.EJSON.stringify(extendedJson(value), { relaxed: false });
}

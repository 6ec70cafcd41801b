// What MongoDB expects at a place: which names may stand as keys of an object there, what its values are, what a
// string there means. One small grammar of filters, updates, pipelines and expressions, as tables.
import type { OperatorKind } from './mongoOperators';

/** What a person may want to write: names of the data, or an operator of a kind. */
export type Want = 'collection' | 'field' | 'path' | OperatorKind;

export interface Place {
  role: Role;
  /** Whose fields are meant. */
  collection?: string;
  /** Path that the fields stand under, with its dot: `lines.`. */
  prefix?: string;
  /** Update pipelines take some stages only. */
  update?: boolean;
  /** For `shape`: what stands under its keys. */
  shape?: Shape;
  /** When an object or an array opens here instead. */
  object?: Place;
  array?: Place;
  /** What functions in here give back. */
  returns?: Place;
}

export type Role =
  /** Nothing that is known. */
  | 'none'
  /** Statements; a value here may be anything. */
  | 'code'
  /** Of an author's migration, or what may become one. */
  | 'migration'
  | 'collection'
  | 'field'
  | 'fields'
  | 'query'
  | 'condition'
  | 'elements'
  | 'parameters'
  | 'update'
  | 'values'
  | 'pushed'
  | 'modifiers'
  | 'pulled'
  | 'pipeline'
  | 'stage'
  | 'computed'
  | 'group'
  | 'accumulator'
  | 'windows'
  | 'window'
  | 'expression'
  | 'indexes'
  | 'documents'
  | 'shape';

/** Stands for every key of a shape that is not named. */
const anyKey = '*';

export type Shape = Record<string, (around: Around) => Place>;
interface Around {
  place: Place;
  /** The string under another key of the same object. */
  sibling: (key: string) => string | undefined;
}

const keyWants: Partial<Record<Role, readonly Want[]>> = {
  fields: ['field'],
  query: ['field', 'query'],
  condition: ['condition'],
  elements: ['field', 'query', 'condition'],
  parameters: ['parameter'],
  update: ['update'],
  values: ['field'],
  pushed: ['field'],
  modifiers: ['modifier'],
  pulled: ['field'],
  stage: ['stage'],
  computed: ['field'],
  accumulator: ['accumulator'],
  window: ['window'],
  expression: ['expression'],
};
const stringWants: Partial<Record<Role, readonly Want[]>> = {
  collection: ['collection'],
  field: ['field'],
  indexes: ['field'],
  expression: ['path', 'variable'],
  computed: ['path', 'variable'],
  accumulator: ['path', 'variable'],
};

/** What may stand as a key of an object at this place. */
export function keysAt(place: Place): readonly Want[] {
  return keyWants[place.role] ?? [];
}

/** What a string at this place names. */
export function stringsAt(place: Place): readonly Want[] {
  return stringWants[place.role] ?? [];
}

export const nothing: Place = { role: 'none' };

/** The place of the value under `key`, in an object at `place`. */
export function valueAt(place: Place, key: string, sibling: Around['sibling']): Place {
  const { role } = place;
  const as = (next: Role, more: Partial<Place> = {}): Place => ({
    role: next,
    collection: place.collection,
    prefix: place.prefix,
    ...more,
  });
  const under = (next: Role): Place => as(next, { prefix: `${place.prefix ?? ''}${key}.` });
  const isOperator = key.startsWith('$');
  switch (role) {
    case 'shape': {
      const { shape = {} } = place;
      const make = Object.hasOwn(shape, key) ? shape[key] : shape[anyKey];
      return make ? make({ place, sibling }) : nothing;
    }
    case 'query':
    case 'elements':
      if (!isOperator) return under('condition');
      if (key === '$expr') return as('expression');
      if (key === '$text') return as('parameters');
      if (role === 'query' || /^\$(?:and|or|nor)$/.test(key)) return as(role);
      return conditionOperator(key, as);
    case 'condition':
      return conditionOperator(key, as);
    case 'update':
      return as(updateRoles[key] ?? 'values');
    case 'pushed':
      return under('modifiers');
    case 'pulled':
      return under('elements');
    case 'stage':
      return stageValue(key, as);
    case 'group':
      return as(key === '_id' ? 'expression' : 'accumulator');
    case 'windows':
      return as('window');
    case 'window':
      return isOperator ? as('expression') : nothing;
    case 'computed':
    case 'accumulator':
    case 'expression':
      return key === '$literal' ? nothing : as('expression');
    default:
      return nothing;
  }
}

/** The place of an element, in an array at `place`. */
export function elementAt(place: Place): Place {
  if (place.role === 'pipeline') return { ...place, role: 'stage' };
  if (place.role === 'documents') return { ...place, role: 'fields' };
  // A list of key patterns holds objects, tuples of Python or names.
  if (place.role === 'indexes') return { ...place, object: { ...place, role: 'fields' } };
  return place;
}

type As = (role: Role, more?: Partial<Place>) => Place;

const updateRoles: Record<string, Role> = {
  $push: 'pushed',
  $addToSet: 'pushed',
  $pull: 'pulled',
};

function conditionOperator(key: string, as: As): Place {
  if (key === '$elemMatch') return as('elements');
  if (key === '$not') return as('condition');
  return /^\$(?:near|nearSphere|geoWithin|geoIntersects)$/.test(key) ? as('parameters') : nothing;
}

function stageValue(key: string, as: As): Place {
  switch (key) {
    case '$match':
      return as('query', { prefix: undefined });
    case '$addFields':
    case '$set':
    case '$project':
      return as('computed');
    case '$group':
      return as('group');
    case '$sort':
      return as('fields');
    case '$unset':
      return as('field');
    case '$replaceWith':
    case '$sortByCount':
    case '$redact':
      return as('expression');
    case '$unwind':
      return as('expression', { object: as('shape', { shape: unwind }) });
    case '$facet':
      return as('shape', { shape: facet });
    case '$merge':
    case '$out':
      return as('collection', { object: as('shape', { shape: output }) });
    case '$unionWith':
      return as('collection', { object: as('shape', { shape: union }) });
    default:
      return Object.hasOwn(stageShapes, key) ? as('shape', { shape: stageShapes[key] }) : nothing;
  }
}

const of =
  (role: Role, more: Partial<Place> = {}): Shape[string] =>
  ({ place }) => ({ role, collection: place.collection, ...more });
/** Of the collection that a sibling names. */
const ofOther =
  (role: Role, key: string): Shape[string] =>
  ({ sibling }) => ({ role, collection: sibling(key) });

const facet: Shape = { [anyKey]: of('pipeline') };
const unwind: Shape = { path: of('expression') };
const outputCollection: Shape = { coll: of('collection') };
export const updatePipeline = (collection?: string): Place => ({
  role: 'pipeline',
  collection,
  update: true,
});
const output: Shape = {
  into: ({ place }) => ({ ...place, role: 'collection', object: { role: 'shape', shape: outputCollection } }),
  coll: of('collection'),
  on: ofOther('field', 'into'),
  whenMatched: ({ sibling }) => ({ role: 'none', array: updatePipeline(sibling('into')) }),
  let: of('computed'),
};
const union: Shape = { coll: of('collection'), pipeline: ofOther('pipeline', 'coll') };
const stageShapes: Record<string, Shape> = {
  $lookup: {
    from: of('collection'),
    localField: of('field'),
    foreignField: ofOther('field', 'from'),
    let: of('computed'),
    pipeline: ofOther('pipeline', 'from'),
  },
  $graphLookup: {
    from: of('collection'),
    startWith: of('expression'),
    connectFromField: ofOther('field', 'from'),
    connectToField: ofOther('field', 'from'),
    restrictSearchWithMatch: ofOther('query', 'from'),
  },
  $replaceRoot: { newRoot: of('expression') },
  $bucket: { groupBy: of('expression'), output: of('group') },
  $bucketAuto: { groupBy: of('expression'), output: of('group') },
  $setWindowFields: { partitionBy: of('expression'), sortBy: of('fields'), output: of('windows') },
  $densify: { field: of('field'), partitionByFields: of('field') },
  $fill: {
    partitionBy: of('expression'),
    partitionByFields: of('field'),
    sortBy: of('fields'),
    output: of('values'),
  },
  $geoNear: { query: of('query'), key: of('field') },
};

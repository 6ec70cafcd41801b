// What the arguments of the driver's methods and the fields of a migration are, in the words of cursorPlaces.ts.
// Methods are named in small letters without underscores, so one table serves the drivers of both languages.
import type { Callee } from './cursorCollections';
import type { Place, Shape } from './cursorPlaces';
import { nothing, updatePipeline } from './cursorPlaces';

type Argument =
  | 'query'
  | 'update'
  | 'pipeline'
  | 'collection'
  | 'field'
  | 'fields'
  | 'document'
  | 'documents'
  | 'index'
  | 'indexes'
  | 'writes'
  | 'options'
  | 'transform'
  | 'migration'
  | 'other';

const find: Argument[] = ['query', 'options'];
const change: Argument[] = ['query', 'update', 'options'];
const replace: Argument[] = ['query', 'document', 'options'];

const methods: Record<string, Argument[]> = {
  find,
  findone: find,
  countdocuments: find,
  deleteone: find,
  deletemany: find,
  findoneanddelete: find,
  updateone: change,
  updatemany: change,
  findoneandupdate: change,
  replaceone: replace,
  findoneandreplace: replace,
  distinct: ['field', 'query'],
  insertone: ['document'],
  insertmany: ['documents'],
  aggregate: ['pipeline', 'options'],
  watch: ['pipeline'],
  createindex: ['index', 'options'],
  createindexes: ['indexes'],
  bulkwrite: ['writes'],
  collection: ['collection'],
  getcollection: ['collection'],
  createcollection: ['collection'],
  dropcollection: ['collection'],
  renamecollection: ['collection'],
  // Of `ctx`: they name their collection themselves.
  batch: ['collection', 'query', 'transform'],
  convert: ['collection', 'fields', 'options'],
  extract: ['collection', 'field', 'options'],
  embed: ['collection', 'field', 'options'],
  // Of the helper for Python.
  batchupdate: ['other', 'query', 'transform'],
  definemigration: ['migration'],
  resolve: ['migration'],
  freeze: ['migration'],
};
const namesItsCollection = new Set(['batch', 'convert', 'extract', 'embed']);

/** Keyword arguments of Python. */
const keywords: Record<string, Argument> = {
  filter: 'query',
  update: 'update',
  replacement: 'document',
  pipeline: 'pipeline',
  document: 'document',
  documents: 'documents',
  keys: 'index',
  key: 'field',
};

/** The place of an argument. `first` reads the first argument where that names the collection. */
export function argumentAt(
  callee: Callee,
  index: number,
  keyword: string | undefined,
  source: string | undefined,
  first: () => string | undefined,
): Place {
  const known = Object.hasOwn(methods, callee.method) ? methods[callee.method] : undefined;
  if (!known) return nothing;
  const argument =
    keyword === undefined ? known[index] : Object.hasOwn(keywords, keyword) ? keywords[keyword] : 'other';
  const collection = namesItsCollection.has(callee.method) ? first() : source;
  return placeOf(argument ?? 'other', collection);
}

/** The place of a field of a migration. */
export function migrationField(field: string, sibling: (key: string) => string | undefined): Place {
  const collection = sibling('source');
  switch (field) {
    case 'source':
    case 'into':
      return { role: 'collection' };
    case 'filter':
      return placeOf('query', collection);
    case 'pipeline':
      return placeOf('pipeline', collection);
    case 'update':
    case 'revertPipeline':
      return { role: 'none', array: updatePipeline(collection) };
    case 'whenMatched':
      return { role: 'none', array: updatePipeline(sibling('into')) };
    case 'on':
      return placeOf('field', sibling('into'));
    case 'transform':
    case 'revert':
      return placeOf('transform', collection);
    case 'requiredIndexes':
      return placeOf('documents', collection);
    case 'migrations':
      return { role: 'migration' };
    default:
      return { role: 'none', collection };
  }
}

function placeOf(argument: Argument, collection: string | undefined): Place {
  const updates: Place = { role: 'update', collection, array: updatePipeline(collection) };
  switch (argument) {
    case 'query':
    case 'pipeline':
    case 'field':
    case 'fields':
    case 'documents':
    case 'collection':
      return { role: argument, collection };
    case 'update':
      return updates;
    case 'transform':
      return { role: 'none', collection, array: updatePipeline(collection), returns: updates };
    case 'document':
      return { role: 'fields', collection };
    case 'index':
      return { role: 'indexes', collection, object: { role: 'fields', collection } };
    case 'indexes':
      return { role: 'shape', collection, shape: indexModel };
    case 'writes':
      return { role: 'shape', collection, shape: writes };
    case 'options':
      return { role: 'shape', collection, shape: options };
    case 'migration':
      return { role: 'migration' };
    default:
      return nothing;
  }
}

const shaped =
  (argument: Argument): Shape[string] =>
  ({ place }) =>
    placeOf(argument, place.collection);

const indexModel: Shape = { key: shaped('fields'), partialFilterExpression: shaped('query') };
const oneWrite: Shape = {
  filter: shaped('query'),
  update: shaped('update'),
  replacement: shaped('document'),
  document: shaped('document'),
};
const write: Shape[string] = ({ place }) => ({
  role: 'shape',
  collection: place.collection,
  shape: oneWrite,
});
const writes: Shape = {
  insertOne: write,
  updateOne: write,
  updateMany: write,
  replaceOne: write,
  deleteOne: write,
  deleteMany: write,
};
const options: Shape = {
  filter: shaped('query'),
  partialFilterExpression: shaped('query'),
  sort: shaped('fields'),
  projection: ({ place }) => ({ role: 'computed', collection: place.collection }),
  into: shaped('collection'),
  from: shaped('collection'),
};

// A script's insert, update or delete taken apart into its statements, as bytes: which document each of them means as
// far as the filter alone can tell, and which reads bring all documents that a number of them may change.
import { ObjectId } from 'mongodb';
import type { DoorCommand } from '../../wire/door';
import {
  arrayValue,
  BsonType,
  bytesOf,
  document,
  element,
  elements,
  emptyDocument,
  findElement,
  intValue,
  keyOf,
  nameOf,
  objectValue,
  stringValue,
  valueOf,
} from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { hasIdInFront } from './predict';
import { documentIn, listIn, numberIn, valueIn } from './reply';
import { asBuffer, bare } from './transaction';

export type WriteKind = 'insert' | 'update' | 'delete';

export interface Statement {
  /** The document of an insert, the whole statement of an update or delete. */
  raw: Buffer;
  /** Where it stands in the command. */
  position: number;
  q: Buffer;
  /** The one `_id` that the filter allows. */
  id: RawValue | undefined;
  /** More than one document may be changed. */
  many: boolean;
  upsert: boolean;
  /** The filter has to be read with more than itself: a collation, variables. */
  special: boolean;
}

export interface WriteCommand {
  kind: WriteKind;
  database: string;
  collection: string;
  ordered: boolean;
  /** Everything of the command but its statements and its session. */
  parts: Buffer[];
  list: string;
  statements: Statement[];
  /** Variables for the filters. */
  variables: RawValue | undefined;
}

const lists: Record<WriteKind, string> = { insert: 'documents', update: 'updates', delete: 'deletes' };

export function isWriteKind(name: string): name is WriteKind {
  return name in lists;
}

/** As it will be forwarded: in a dry run with the names of the scratch databases. */
export function takeApart(command: DoorCommand, kind: WriteKind): WriteCommand {
  const body = asBuffer(command.raw.body);
  const list = lists[kind];
  const sequence = command.raw.sequences.find(({ identifier }) => identifier === list);
  const raws = sequence ? sequence.documents.map(asBuffer) : listIn(body, list);
  const variables = valueIn(body, 'let');
  return {
    kind,
    database: command.target,
    collection: command.collection ?? '',
    ordered: numberIn(body, 'ordered') !== 0,
    parts: bare(body, list),
    list,
    variables,
    statements: raws.map((raw, position) =>
      kind === 'insert' ? insertOf(raw, position) : statementOf(raw, position, kind, variables !== undefined),
    ),
  };
}

function insertOf(given: Buffer, position: number): Statement {
  // Without an `_id` the server would make one up, and nobody would know which.
  const raw = hasIdInFront(given) || findElement(given, '_id') ? given : withNewId(given);
  return { raw, position, q: emptyDocument, id: undefined, many: false, upsert: false, special: false };
}

function withNewId(given: Buffer): Buffer {
  const id = element('_id', { type: BsonType.objectId, bytes: new ObjectId().id });
  return document([id, ...elements(given).map((item) => bytesOf(given, item))]);
}

function statementOf(raw: Buffer, position: number, kind: WriteKind, variables: boolean): Statement {
  const q = documentIn(raw, 'q') ?? emptyDocument;
  const collation = findElement(raw, 'collation') !== undefined;
  return {
    raw,
    position,
    q,
    id: collation ? undefined : exactId(q),
    many: kind === 'update' ? numberIn(raw, 'multi') === 1 : numberIn(raw, 'limit') !== 1,
    upsert: numberIn(raw, 'upsert') === 1,
    special: collation || variables,
  };
}

/** The value that `_id` has to equal; undefined if the filter says it with operators or not at all. */
export function exactId(q: Buffer): RawValue | undefined {
  const found = findElement(q, '_id');
  if (!found || found.type === BsonType.regex) return undefined;
  const value = valueOf(q, found);
  return isOperators(value) ? undefined : value;
}

function isOperators(value: RawValue): boolean {
  return value.type === BsonType.object && value.bytes.length > 5 && value.bytes[5] === 0x24;
}

/** A read in the form of the elements of a `find`. */
export interface Lookup {
  filter: Buffer;
  collation: RawValue | undefined;
}

/** Reads that together find every document that the statements may change, and perhaps others. */
export function lookups(statements: readonly Statement[]): Lookup[] {
  const ids: RawValue[] = [];
  const seen = new Set<string>();
  const special = new Map<string, { collation: RawValue | undefined; filters: Buffer[] }>();
  for (const { id, q, raw } of statements) {
    if (id) {
      const key = keyOf(id);
      if (!seen.has(key)) ids.push(id);
      seen.add(key);
      continue;
    }
    const collation = valueIn(raw, 'collation');
    const key = collation ? keyOf(collation) : '';
    const group = special.get(key) ?? { collation, filters: [] };
    group.filters.push(q);
    special.set(key, group);
  }
  const found: Lookup[] = [...special.values()].map(({ collation, filters }) => ({
    filter: anyOf(filters),
    collation,
  }));
  if (ids.length > 0) found.unshift({ filter: byIds(ids), collation: undefined });
  return found;
}

export function byIds(ids: readonly RawValue[]): Buffer {
  const [only] = ids;
  if (ids.length === 1 && only) return document([element('_id', only)]);
  return document([element('_id', objectValue(document([element('$in', arrayValue(ids))])))]);
}

function anyOf(filters: readonly Buffer[]): Buffer {
  const [first] = filters;
  if (filters.length === 1 && first) return first;
  return sameField(filters) ?? document([element('$or', arrayValue(filters.map(objectValue)))]);
}

/** Many filters that compare the same one field are one filter with a list, which the server plans once. */
function sameField(filters: readonly Buffer[]): Buffer | undefined {
  let name: string | undefined;
  const values: RawValue[] = [];
  for (const filter of filters) {
    const list = elements(filter);
    const [item] = list;
    if (list.length !== 1 || !item) return undefined;
    const field = nameOf(filter, item);
    const value = valueOf(filter, item);
    if (field.startsWith('$') || isOperators(value)) return undefined;
    if (name !== undefined && field !== name) return undefined;
    name = field;
    values.push(value);
  }
  if (name === undefined) return undefined;
  return document([element(name, objectValue(document([element('$in', arrayValue(values))])))]);
}

export interface FindOptions {
  limit?: number;
  /** Documents of the first reply; by default as many as there are, or as it holds. */
  batch?: number;
  variables?: RawValue;
  extra?: Buffer[];
}

/** The `find` of a lookup, without its session. */
export function findParts(collection: string, lookup: Lookup, options: FindOptions = {}): Buffer[] {
  const { limit, batch = limit ?? 1_000_000 } = options;
  return [
    element('find', stringValue(collection)),
    element('filter', objectValue(lookup.filter)),
    ...(lookup.collation ? [element('collation', lookup.collation)] : []),
    ...(limit === undefined ? [] : [element('limit', intValue(limit))]),
    element('batchSize', intValue(batch)),
    ...(options.variables ? [element('let', options.variables)] : []),
    ...(options.extra ?? []),
  ];
}

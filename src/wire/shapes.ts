// How commands name what they touch: for each shape, the namespaces in it and the edits that redirect them.
// src/wire/commands.ts gives every command its shape.
import { type NamedCollection, namespacesOfPipeline, pipelineEdits } from './pipeline';
import {
  type Edits,
  editString,
  elementOf,
  elements,
  isArray,
  isDocument,
  stringValue,
  type RawElement,
} from './rawBson';
import type { RawSequence } from './message';
import { splitDocuments } from './message';

export type Access = 'read' | 'write';
type Target = (database: string) => string;

/** What a shape looks at: the command's first element, its body and its kind 1 sections. */
export interface CommandView {
  /** Type and value of the first element, whose name is the command's. */
  first: RawElement;
  body: Buffer;
  /** May cost a copy of the message, so only asked where a shape needs it. */
  sequences(): RawSequence[];
}

export interface Shape {
  touched(view: CommandView, access: Access): NamedCollection[];
  /** Beside `$db`, which is always redirected. */
  edits?(target: Target, first: string): Edits;
  /** Edits of each document in the kind 1 section of that name. */
  sequenceEdits?: Record<string, (target: Target) => Edits>;
}

/** `{find: 'orders'}`; anything but a string (`{aggregate: 1}`) means the database. */
function firstCollection(view: CommandView, access: Access): NamedCollection {
  return { collection: stringValue(view.first), access };
}

function splitNamespace(namespace: string | undefined): { database?: string; collection?: string } {
  if (namespace === undefined) return {};
  const dot = namespace.indexOf('.');
  return dot < 0
    ? { database: namespace }
    : { database: namespace.slice(0, dot), collection: namespace.slice(dot + 1) };
}

/** Edits the database in front of the first dot. */
export function namespaceEdit(target: Target): (namespace: string) => string {
  return (namespace) => {
    const dot = namespace.indexOf('.');
    return dot < 0 ? target(namespace) : target(namespace.slice(0, dot)) + namespace.slice(dot);
  };
}

function pipelineIn(body: Buffer, name: string): NamedCollection[] {
  const pipeline = elementOf(body, name);
  return isArray(pipeline) ? namespacesOfPipeline(pipeline.value) : [];
}

function namespacesIn(documents: Iterable<Buffer>, access: Access): NamedCollection[] {
  return [...documents].map((info) => ({ ...splitNamespace(stringValue(elementOf(info, 'ns'))), access }));
}

/** The command says nothing about any database's content. */
export const server: Shape = { touched: () => [] };

/** The whole database of the command. */
export const database: Shape = { touched: (_view, access) => [{ access }] };

/** The first value is a collection of the command's database. */
export const collection: Shape = { touched: (view, access) => [firstCollection(view, access)] };

/** `{getMore: id, collection: 'orders'}`. */
export const collectionField: Shape = {
  touched: (view, access) => [{ collection: stringValue(elementOf(view.body, 'collection')), access }],
};

/** `{filemd5: id, root: 'fs'}`. */
export const files: Shape = {
  touched: (view) => [
    { collection: `${stringValue(elementOf(view.body, 'root')) ?? 'fs'}.chunks`, access: 'read' },
  ],
};

export const aggregate: Shape = {
  touched: (view) => [firstCollection(view, 'read'), ...pipelineIn(view.body, 'pipeline')],
  edits: (target) => ({ pipeline: pipelineEdits(target) }),
};

/** create and collMod may define a view. */
export const definition: Shape = {
  touched: (view, access) => {
    const source = stringValue(elementOf(view.body, 'viewOn'));
    const on: NamedCollection[] = source === undefined ? [] : [{ collection: source, access: 'read' }];
    return [firstCollection(view, access), ...on, ...pipelineIn(view.body, 'pipeline')];
  },
  edits: (target) => ({ pipeline: pipelineEdits(target) }),
};

const OUTPUTS = ['replace', 'merge', 'reduce'];

export const mapReduce: Shape = {
  touched: (view) => {
    const touched = [firstCollection(view, 'read')];
    const out = elementOf(view.body, 'out');
    if (stringValue(out) !== undefined) touched.push({ collection: stringValue(out), access: 'write' });
    if (isDocument(out)) {
      for (const { name, ...value } of elements(out.value)) {
        if (!OUTPUTS.includes(name)) continue;
        const into = stringValue({ name, ...value });
        touched.push({
          database: stringValue(elementOf(out.value, 'db')),
          collection: into,
          access: 'write',
        });
      }
    }
    return touched;
  },
  edits: (target) => ({ out: { db: editString(target) } }),
};

/** `{renameCollection: 'db.a', to: 'db.b'}` on admin. */
export const rename: Shape = {
  touched: (view) => [
    { ...splitNamespace(stringValue(view.first)), access: 'write' },
    { ...splitNamespace(stringValue(elementOf(view.body, 'to'))), access: 'write' },
  ],
  edits: (target, first) => ({
    [first]: editString(namespaceEdit(target)),
    to: editString(namespaceEdit(target)),
  }),
};

/** `{shardCollection: 'db.a'}` or `{enableSharding: 'db'}` on admin. */
export const fullName: Shape = {
  touched: (view, access) => [{ ...splitNamespace(stringValue(view.first)), access }],
  edits: (target, first) => ({ [first]: editString(namespaceEdit(target)) }),
};

/** `{cloneCollectionAsCapped: 'a', toCollection: 'b'}`. */
export const cloneTo: Shape = {
  touched: (view) => [
    firstCollection(view, 'read'),
    { collection: stringValue(elementOf(view.body, 'toCollection')), access: 'write' },
  ],
};

/** `{bulkWrite: 1, ops, nsInfo: [{ns: 'db.a'}]}` on admin. */
export const bulkWrite: Shape = {
  touched: (view, access) => {
    const inline = elementOf(view.body, 'nsInfo');
    if (isArray(inline)) {
      return namespacesIn(
        [...elements(inline.value)].map((info) => info.value),
        access,
      );
    }
    const sequence = view.sequences().find((sequence) => sequence.identifier === 'nsInfo');
    return sequence ? namespacesIn(splitDocuments(sequence.bytes), access) : [];
  },
  edits: (target) => ({ nsInfo: { '*': { ns: editString(namespaceEdit(target)) } } }),
  sequenceEdits: { nsInfo: (target) => ({ ns: editString(namespaceEdit(target)) }) },
};

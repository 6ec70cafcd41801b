// Which other namespaces an aggregation pipeline names, and how their databases are redirected. Works on bytes,
// goes only where a stage can stand, and treats whatever it does not know as harmless to namespaces.
import type { RawElement } from './rawBson';
import { type Edits, editString, elementOf, elements, isArray, isDocument, stringValue } from './rawBson';

/** A namespace as a command names it; `database` is absent where the command's own database is meant. */
export interface NamedCollection {
  database?: string;
  collection?: string;
  access: 'read' | 'write';
}

/** `'name'`, `{db, coll}` or, of $merge, `{into: …}`. */
function named(value: RawElement | undefined, access: 'read' | 'write'): NamedCollection[] {
  const collection = stringValue(value);
  if (collection !== undefined) return [{ collection, access }];
  if (!isDocument(value)) return [];
  const coll = stringValue(elementOf(value.value, 'coll'));
  return coll === undefined
    ? []
    : [{ database: stringValue(elementOf(value.value, 'db')), collection: coll, access }];
}

function nested(document: RawElement, name: string): NamedCollection[] {
  const pipeline = elementOf(document.value, name);
  return isArray(pipeline) ? namespacesOfPipeline(pipeline.value) : [];
}

function nestedEach(document: RawElement): NamedCollection[] {
  return [...elements(document.value)].flatMap((inner) =>
    isArray(inner) ? namespacesOfPipeline(inner.value) : [],
  );
}

/** `{input: {pipelines: {name: pipeline}}}` of the fusing stages. */
function fused(stage: RawElement): NamedCollection[] {
  const input = elementOf(stage.value, 'input');
  const pipelines = isDocument(input) ? elementOf(input.value, 'pipelines') : undefined;
  return isDocument(pipelines) ? nestedEach(pipelines) : [];
}

const STAGES: Record<string, (stage: RawElement) => NamedCollection[]> = {
  $out: (stage) => named(stage, 'write'),
  $merge: (stage) => named(isDocument(stage) ? elementOf(stage.value, 'into') : stage, 'write'),
  $lookup: (stage) =>
    isDocument(stage) ? [...named(elementOf(stage.value, 'from'), 'read'), ...nested(stage, 'pipeline')] : [],
  $graphLookup: (stage) => (isDocument(stage) ? named(elementOf(stage.value, 'from'), 'read') : []),
  $unionWith: (stage) => [...named(stage, 'read'), ...(isDocument(stage) ? nested(stage, 'pipeline') : [])],
  $facet: (stage) => (isDocument(stage) ? nestedEach(stage) : []),
  $rankFusion: (stage) => (isDocument(stage) ? fused(stage) : []),
  $scoreFusion: (stage) => (isDocument(stage) ? fused(stage) : []),
};

/** Of the array `pipeline`, in the order of its stages. */
export function namespacesOfPipeline(pipeline: Buffer): NamedCollection[] {
  const found: NamedCollection[] = [];
  for (const stage of elements(pipeline)) {
    if (!isDocument(stage)) continue;
    for (const inner of elements(stage.value)) {
      if (Object.hasOwn(STAGES, inner.name)) found.push(...(STAGES[inner.name]?.(inner) ?? []));
    }
  }
  return found;
}

/** Whether the pipeline opens a change stream. */
export function isChangeStream(pipeline: Buffer): boolean {
  const first = elementOf(pipeline, '0');
  return isDocument(first) && elementOf(first.value, '$changeStream') !== undefined;
}

/** Edits of an array of stages that lead every database it names to where `target` says. */
export function pipelineEdits(target: (database: string) => string): Edits {
  const database = editString(target);
  const collection: Edits = { db: database };
  const stage: Edits = {};
  const pipeline: Edits = { '*': stage };
  Object.assign(stage, {
    $out: collection,
    $merge: { into: collection },
    $lookup: { from: collection, pipeline },
    $graphLookup: { from: collection },
    $unionWith: { db: database, pipeline },
    $facet: { '*': pipeline },
    $rankFusion: { input: { pipelines: { '*': pipeline } } },
    $scoreFusion: { input: { pipelines: { '*': pipeline } } },
  } satisfies Edits);
  return pipeline;
}

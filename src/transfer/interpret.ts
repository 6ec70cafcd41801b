// What a transform's answer means for one document: nothing, an update document, an update pipeline, a whole
// replacement, or a mistake that is named. Pure; nothing here talks to a server.
import { encodeFields, encodeValue } from './encode';
import { numberOf } from './encodeScalar';
import type { EncodeOptions } from './encode';
import { fastDiff } from './fastPatch';
import { fastReplacement, isPlain } from './fastReplacement';
import { fastUpdate } from './fastUpdate';
import type { Patch, TouchedPath } from './patch';
import { diff, hasTwins } from './patch';
import {
  arrayValue,
  BsonType,
  document,
  element,
  elements,
  idOf,
  nameOf,
  objectValue,
  sameBytes,
  sameValue,
  stringValue,
  valueOf,
} from './raw';
import type { RawValue } from './raw';
import { child, type Shown } from './shown';

/** The change of one document, ready to be sent. `u` is the value of an update statement's field of that name. */
export type DocumentChange =
  | { kind: 'skip' }
  | {
      kind: 'update';
      u: RawValue;
      /** What it touches; undefined = only the server knows (operators, pipelines). */
      patch: Patch | undefined;
      /** The same, already as the journal keeps it. */
      encodedPatch?: Buffer;
      /** The new version, where the answer was a whole document. */
      replacement?: Buffer;
    };

/** A transform's answer that means nothing; the message is for people. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/** Throws OutputError or EncodeError if the answer cannot be carried out. */
export function interpret(shown: Shown, output: unknown): DocumentChange {
  if (output === undefined || output === null) return { kind: 'skip' };
  if (Array.isArray(output)) return pipelineChange(shown, output);
  if (typeof output !== 'object') {
    throw new OutputError(
      `the transform returned ${describe(output)}; expected a document, a pipeline or nothing`,
    );
  }
  const fast = shown.lossy ? undefined : fastUpdate(shown, output);
  if (fast) return fast;
  const entries: [unknown, unknown][] = output instanceof Map ? [...output] : Object.entries(output);
  if (entries.length === 0)
    throw new OutputError('the transform returned an empty object; return nothing to skip a document');
  const operators = entries.filter(([key]) => String(key).startsWith('$')).length;
  if (operators === entries.length) return updateChange(shown, entries as [string, unknown][]);
  if (operators > 0 && !mayBeDocument(shown, entries)) {
    throw new OutputError('the transform returned update operators and plain fields in one object');
  }
  return replacementChange(shown, output, entries);
}

function describe(value: unknown): string {
  return typeof value === 'string' ? 'a string' : `the ${typeof value} ${String(value)}`;
}

/** A stored document may have a field that begins with `$`; handed back whole it is still a document. */
function mayBeDocument(shown: Shown, entries: [unknown, unknown][]): boolean {
  return entries.every(
    ([key]) => !String(key).startsWith('$') || child(objectValue(shown.raw), String(key)) !== undefined,
  );
}

function pipelineChange(shown: Shown, stages: unknown[]): DocumentChange {
  if (stages.length === 0)
    throw new OutputError('the transform returned an empty pipeline; return nothing to skip a document');
  const options: EncodeOptions = {
    origin: shown.origin,
    lossy: shown.lossy,
    undefinedAs: stringValue('$$REMOVE'),
  };
  const u = arrayValue(stages.map((stage, i) => encodeValue(stage, undefined, `stage ${i}`, options)));
  return { kind: 'update', u, patch: undefined };
}

function replacementChange(shown: Shown, output: object, entries: [unknown, unknown][]): DocumentChange {
  const id = entries.find(([key]) => key === '_id');
  if (!id) {
    throw new OutputError(
      'the transform returned an object without update operators and without _id; use {$set: …}, or return the whole document with its _id',
    );
  }
  const quick = shown.lossy ? undefined : fastReplacement(shown, output);
  const replacement = quick ?? encodeReplacement(shown, output, entries);
  if (!sameValue(idOf(replacement), idOf(shown.raw))) {
    throw new OutputError('the transform returned a document with another _id; _id cannot be changed');
  }
  if (sameBytes(replacement, shown.raw)) return { kind: 'skip' };
  return {
    kind: 'update',
    u: replacementValue(replacement),
    ...differences(shown.raw, replacement),
    replacement,
  };
}

function encodeReplacement(shown: Shown, output: object, entries: [unknown, unknown][]): Buffer {
  const kept = new Set(entries.filter(([, value]) => value !== undefined).map(([key]) => String(key)));
  const encoded = encodeValue(
    output,
    objectValue(shown.raw),
    '',
    optionsFor(shown, (name) => !kept.has(name)),
  );
  return idFirst(encoded.bytes as Buffer);
}

function differences(before: Buffer, after: Buffer): { patch: Patch | undefined; encodedPatch?: Buffer } {
  const fast = fastDiff(before, after);
  return fast ? { patch: undefined, encodedPatch: fast } : { patch: diff(before, after) };
}

/** The server keeps _id in front; so do we, so that what we expect is what is stored. */
function idFirst(bytes: Buffer): Buffer {
  const list = elements(bytes);
  const at = list.findIndex((item) => nameOf(bytes, item) === '_id');
  if (at <= 0) return bytes;
  const ordered = [list[at]!, ...list.filter((_, i) => i !== at)];
  return document(ordered.map((item) => bytes.subarray(item.start, item.end)));
}

/**
 * How a whole version is written. The plain form is the quickest, but the server takes a leading `$` for an operator
 * and fills in empty timestamps; the pipeline form with `$literal` stores exactly what it is given.
 */
export function replacementValue(version: Buffer): RawValue {
  if (isPlain(version)) return objectValue(version);
  const literal = document([element('$literal', objectValue(version))]);
  const stage = document([
    element('$replaceRoot', objectValue(document([element('newRoot', objectValue(literal))]))),
  ]);
  return arrayValue([objectValue(stage)]);
}

function updateChange(shown: Shown, entries: [string, unknown][]): DocumentChange {
  const set: Buffer[] = [];
  const unset: Buffer[] = [];
  const others: Buffer[] = [];
  const touched: TouchedPath[] = [];
  let known = true;
  const removed = new Set(Object.keys(entries.find(([key]) => key === '$unset')?.[1] ?? {}));
  const options = optionsFor(shown, (name) => removed.has(name));
  const touch = (path: string, after: RawValue | undefined) => {
    const entry = touchOf(shown.raw, path, after);
    if (entry === 'unknown') known = false;
    else if (entry) touched.push(entry);
  };
  for (const [operator, fields] of entries) {
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
      throw new OutputError(`the transform returned ${operator} without an object of fields`);
    }
    if (operator === '$set') {
      for (const [path, value] of Object.entries(fields)) {
        const before = resolve(shown.raw, path);
        if (value === undefined && before?.type !== BsonType.undefined) {
          unset.push(element(path, stringValue('')));
          touch(path, undefined);
        } else if (value !== undefined) {
          const encoded = encodeValue(value, before, path, options);
          set.push(element(path, encoded));
          if (path === '_id' && !sameValue(encoded, idOf(shown.raw)))
            throw new OutputError('the transform sets _id, which cannot be changed');
          touch(path, encoded);
        }
      }
    } else if (operator === '$unset') {
      for (const path of Object.keys(fields)) {
        unset.push(element(path, stringValue('')));
        touch(path, undefined);
      }
    } else {
      known = false;
      others.push(
        element(operator, objectValue(encodeFields(Object.entries(fields), undefined, operator, options))),
      );
    }
  }
  if (set.length) others.push(element('$set', objectValue(document(set))));
  if (unset.length) others.push(element('$unset', objectValue(document(unset))));
  if (others.length === 0) return { kind: 'skip' };
  if (overlapping(touched) || hasTwins(shown.raw)) known = false;
  return {
    kind: 'update',
    u: objectValue(document(others)),
    patch: known ? { kind: 'paths', touched } : undefined,
  };
}

/** Numbers that were read under a name that goes away keep their type under the new one; large ones always do. */
function optionsFor(shown: Shown, goesAway: (name: string) => boolean): EncodeOptions {
  return {
    origin: shown.origin,
    lossy: shown.lossy,
    numberType: (value) => {
      for (const item of elements(shown.raw)) {
        if (item.type !== BsonType.double && item.type !== BsonType.long) continue;
        const stored = valueOf(shown.raw, item);
        if (!Object.is(numberOf(stored), value)) continue;
        if (Math.abs(value) > 0x7fffffff || goesAway(nameOf(shown.raw, item))) return stored;
      }
      return undefined;
    },
  };
}

/** The stored value at a dotted path, through sub-documents and array positions. */
function resolve(raw: Buffer, path: string): RawValue | undefined {
  let at: RawValue | undefined = objectValue(raw);
  for (const name of path.split('.')) at = at && child(at, name);
  return at;
}

/** What setting (or removing) a dotted path touches, as the server carries it out; undefined = nothing. */
export function touchOf(
  raw: Buffer,
  dotted: string,
  after: RawValue | undefined,
): TouchedPath | 'unknown' | undefined {
  const names = dotted.split('.');
  let at: RawValue = objectValue(raw);
  for (let i = 0; i < names.length; i++) {
    if (at.type !== BsonType.object) return 'unknown';
    const next = child(at, names[i]!);
    const last = i === names.length - 1;
    if (last) return sameValue(next, after) ? undefined : { path: names, after };
    if (!next) {
      if (!after) return undefined;
      const made = names
        .slice(i + 1)
        .reduceRight<RawValue>((inner, name) => objectValue(document([element(name, inner)])), after);
      return { path: names.slice(0, i + 1), after: made };
    }
    at = next;
  }
  return 'unknown';
}

/** Two paths of which one contains the other, or that create the same parent: their outcome is the server's. */
export function overlapping(touched: TouchedPath[]): boolean {
  if (touched.length < 2) return false;
  const names = touched.map(({ path }) => `${path.join('\0')}\0`);
  names.sort();
  return names.some((name, i) => i > 0 && name.startsWith(names[i - 1]!));
}

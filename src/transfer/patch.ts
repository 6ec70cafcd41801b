// What a change did to one document, as a list of touched paths with their values after it; how to read it off two
// versions, how to store it, and how to take it back from a document without losing what others wrote since.
// Paths lead through sub-documents only: an array that changed is touched as a whole.
import { createHash } from 'node:crypto';
import {
  arrayValue,
  binaryValue,
  bytesOf,
  document,
  element,
  elements,
  emptyDocument,
  findElement,
  nameOf,
  objectValue,
  sameBytes,
  sameValue,
  stringValue,
  valueOf,
  BsonType,
} from './raw';
import type { RawElement, RawValue } from './raw';

export interface TouchedPath {
  path: string[];
  /** The value after the change; undefined = the change removed it. */
  after: RawValue | undefined;
}

export type Patch =
  | { kind: 'paths'; touched: TouchedPath[] }
  /** The document as a whole: it was created, deleted, or holds names that cannot be told apart. */
  | { kind: 'whole'; after: Buffer | undefined }
  /** A document that was created, known by the hash of its bytes: it can be told whether it is still the same. */
  | { kind: 'print'; sha256: Buffer };

export function printOf(created: Buffer): Patch {
  return { kind: 'print', sha256: sha256(created) };
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** The touched paths between two versions of a document; none if they are the same bytes. */
export function diff(before: Buffer, after: Buffer): Patch {
  const touched: TouchedPath[] = [];
  if (sameBytes(before, after)) return { kind: 'paths', touched };
  // No path says that only the order of the fields changed; the whole document does.
  if (!diffLevel(before, after, [], touched) || touched.length === 0) return { kind: 'whole', after };
  return { kind: 'paths', touched };
}

/** What decoding shows in the place of bytes that are no UTF-8: such names do not tell which they are. */
export const replacementSign = '\uFFFD';

/** False if the level holds a name twice, so that names do not tell its elements apart. */
function diffLevel(before: Buffer, after: Buffer, path: string[], touched: TouchedPath[]): boolean {
  const a = elements(before);
  const b = elements(after);
  if (a.length !== b.length || !sameNames(before, a, after, b)) {
    return diffByName(before, a, after, b, path, touched);
  }
  if (hasTwins(before, a)) return false;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (before.compare(after, y.start, y.end, x.start, x.end) === 0) continue;
    const name = nameOf(before, x);
    if (name.includes(replacementSign)) return false;
    diffValue(name, valueOf(before, x), valueOf(after, y), path, touched);
  }
  return true;
}

function diffValue(name: string, x: RawValue, y: RawValue, path: string[], touched: TouchedPath[]): void {
  const inner = [...path, name];
  const mark = touched.length;
  if (x.type === BsonType.object && y.type === BsonType.object) {
    // Nothing found although the bytes differ: only the order of fields changed.
    if (diffLevel(x.bytes as Buffer, y.bytes as Buffer, inner, touched) && touched.length > mark) return;
    touched.length = mark;
  }
  touched.push({ path: inner, after: y });
}

function diffByName(
  before: Buffer,
  a: RawElement[],
  after: Buffer,
  b: RawElement[],
  path: string[],
  touched: TouchedPath[],
): boolean {
  const old = byName(before, a);
  const now = byName(after, b);
  if (old.size !== a.length || now.size !== b.length) return false;
  for (const [key, x] of old) {
    const y = now.get(key);
    if (sameValue(x, y)) continue;
    const name = nameOfKey(key);
    if (name.includes(replacementSign)) return false;
    if (y === undefined) touched.push({ path: [...path, name], after: undefined });
    else diffValue(name, x, y, path, touched);
  }
  for (const [key, y] of now) {
    if (old.has(key)) continue;
    const name = nameOfKey(key);
    if (name.includes(replacementSign)) return false;
    touched.push({ path: [...path, name], after: y });
  }
  return true;
}

function sameNames(before: Buffer, a: RawElement[], after: Buffer, b: RawElement[]): boolean {
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x.value - x.start !== y.value - y.start) return false;
    if (before.compare(after, y.start + 1, y.value, x.start + 1, x.value) !== 0) return false;
  }
  return true;
}

/** Whether a name occurs twice. Names are compared only if two of them have the same hash. */
export function hasTwins(buffer: Buffer, list = elements(buffer)): boolean {
  const hashes = new Set<number>();
  for (const item of list) {
    let hash = 0;
    for (let at = item.start + 1; at < item.value - 1; at++) hash = (hash * 31 + buffer[at]!) | 0;
    hashes.add(hash);
  }
  return hashes.size !== list.length && byName(buffer, list).size !== list.length;
}

function byName(buffer: Buffer, list: RawElement[]): Map<string, RawValue> {
  return new Map(list.map((item) => [keyOfName(buffer, item), valueOf(buffer, item)]));
}

/** The bytes of a name as a text of one sign a byte: also names that are no UTF-8 are told apart. */
function keyOfName(buffer: Buffer, item: RawElement): string {
  return buffer.toString('latin1', item.start + 1, item.value - 1);
}

function nameOfKey(key: string): string {
  return Buffer.from(key, 'latin1').toString();
}

/** As a raw document for the journal: `{p: path, a: value}` per touched path, `{w: version}` or `{h: hash}` for the whole. */
export function encodePatch(patch: Patch): Buffer {
  if (patch.kind === 'print') return document([element('h', binaryValue(patch.sha256))]);
  if (patch.kind === 'whole') {
    return patch.after ? document([element('w', objectValue(patch.after))]) : emptyDocument;
  }
  return document(
    patch.touched.map(({ path, after }, i) => {
      const where = path.length === 1 ? stringValue(path[0]!) : arrayValue(path.map(stringValue));
      const parts = [element('p', where)];
      if (after) parts.push(element('a', after));
      return element(String(i), objectValue(document(parts)));
    }),
  );
}

export function decodePatch(bytes: Buffer): Patch {
  const list = elements(bytes);
  const first = list[0];
  if (!first) return { kind: 'whole', after: undefined };
  if (nameOf(bytes, first) === 'w') return { kind: 'whole', after: bytes.subarray(first.value, first.end) };
  if (nameOf(bytes, first) === 'h')
    return { kind: 'print', sha256: bytes.subarray(first.value + 5, first.end) };
  return {
    kind: 'paths',
    touched: list.map((item) => {
      const entry = bytes.subarray(item.value, item.end);
      const where = findElement(entry, 'p')!;
      const after = findElement(entry, 'a');
      return { path: readPath(entry, where), after: after && valueOf(entry, after) };
    }),
  };
}

function readPath(entry: Buffer, where: RawElement): string[] {
  const text = (buffer: Buffer, at: RawElement) => buffer.toString('utf8', at.value + 4, at.end - 1);
  if (where.type === BsonType.string) return [text(entry, where)];
  return elements(entry, where.value).map((part) => text(entry, part));
}

interface Node {
  name: string;
  leaf: boolean;
  after: RawValue | undefined;
  /** By the bytes of their names. */
  children: Map<string, Node>;
}

function treeOf(touched: TouchedPath[]): Node {
  const root: Node = { name: '', leaf: false, after: undefined, children: new Map() };
  for (const { path, after } of touched) {
    let node = root;
    for (const name of path) {
      const key = Buffer.from(name).toString('latin1');
      let next = node.children.get(key);
      if (!next)
        node.children.set(key, (next = { name, leaf: false, after: undefined, children: new Map() }));
      node = next;
    }
    node.leaf = true;
    node.after = after;
  }
  return root;
}

/** The document with the change made; touched fields that are new come last. */
export function applyPatch(before: Buffer, patch: Patch): Buffer {
  if (patch.kind === 'print') return before;
  if (patch.kind === 'whole') return patch.after ?? before;
  return applyLevel(before, treeOf(patch.touched));
}

function applyLevel(before: Buffer, node: Node): Buffer {
  const parts: Buffer[] = [];
  const seen = new Set<string>();
  for (const item of elements(before)) {
    const key = keyOfName(before, item);
    seen.add(key);
    const child = node.children.get(key);
    if (!child) parts.push(bytesOf(before, item));
    else if (!child.leaf) {
      parts.push(element(child.name, objectValue(applyLevel(before.subarray(item.value, item.end), child))));
    } else if (child.after) parts.push(element(child.name, child.after));
  }
  for (const [key, child] of node.children) {
    if (!seen.has(key) && child.after) parts.push(element(child.name, child.after));
  }
  return document(parts);
}

/** Whether the touched paths hold what they held after the change. */
export function isApplied(patch: Patch, current: Buffer): boolean {
  if (patch.kind === 'print') return sameBytes(patch.sha256, sha256(current));
  if (patch.kind === 'whole') return patch.after !== undefined && sameBytes(patch.after, current);
  return patch.touched.every(({ path, after }) => sameValue(valueAt(current, path), after));
}

/** Whether the touched paths hold what they held before the change. */
export function isUnapplied(patch: Patch, before: Buffer, current: Buffer): boolean {
  if (patch.kind !== 'paths') return sameBytes(before, current);
  return patch.touched.every(({ path }) => sameValue(valueAt(current, path), valueAt(before, path)));
}

function valueAt(raw: Buffer, path: readonly string[]): RawValue | undefined {
  let at: RawValue | undefined = objectValue(raw);
  for (const name of path) {
    if (at?.type !== BsonType.object) return undefined;
    const bytes: Buffer = at.bytes as Buffer;
    const found = findElement(bytes, name);
    at = found && valueOf(bytes, found);
  }
  return at;
}

/**
 * The document with the change taken back: the touched paths as they were before, everything else as it is now, in
 * the old order of fields. Undefined if a touched path no longer holds what the change wrote.
 * Where nobody wrote since, the result is the old version byte for byte.
 */
export function takeBack(before: Buffer, patch: Patch, current: Buffer): Buffer | undefined {
  if (patch.kind !== 'paths') return isApplied(patch, current) ? before : undefined;
  return takeBackLevel(before, treeOf(patch.touched), current);
}

function takeBackLevel(before: Buffer, node: Node, current: Buffer): Buffer | undefined {
  const now = new Map(elements(current).map((item) => [keyOfName(current, item), item]));
  const parts: Buffer[] = [];
  for (const [key, child] of node.children) {
    const found = now.get(key);
    if (child.leaf && !sameValue(found && valueOf(current, found), child.after)) return undefined;
  }
  const seen = new Set<string>();
  for (const item of elements(before)) {
    const key = keyOfName(before, item);
    seen.add(key);
    const child = node.children.get(key);
    const found = now.get(key);
    if (child?.leaf) parts.push(bytesOf(before, item));
    else if (child) {
      if (found?.type !== BsonType.object || item.type !== BsonType.object) return undefined;
      const inner = takeBackLevel(
        before.subarray(item.value, item.end),
        child,
        current.subarray(found.value, found.end),
      );
      if (!inner) return undefined;
      parts.push(element(child.name, objectValue(inner)));
    } else if (found) parts.push(bytesOf(current, found));
  }
  for (const [key, found] of now) {
    if (!seen.has(key) && !node.children.get(key)?.leaf) parts.push(bytesOf(current, found));
  }
  return document(parts);
}

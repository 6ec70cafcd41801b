// Which top-level fields an update pipeline can touch, where it says so itself, and putting such fields as they are
// after the update together with the rest of the document before it: the rest need not be read a second time.
import type { Document } from 'mongodb';
import { fastDiff, fastFieldsDiff } from './fastPatch';
import { diff, encodePatch } from './patch';
import { sameBytes } from './raw';
import { Scan } from './scan';
import { Arena } from './writer';

/**
 * The top-level fields that the stages set or remove; undefined where a stage builds the document anew, or where a
 * field is touched by several stages, so that it may have gone and come back at another place.
 */
export function touchedFields(update: readonly Document[]): string[] | undefined {
  const touched = new Set<string>();
  for (const stage of update) {
    const names = fieldsOfStage(stage);
    if (!names) return undefined;
    const tops = new Set(names.map((name) => name.split('.', 1)[0]!));
    for (const top of tops) {
      if (top === '' || top === '_id' || top.startsWith('$') || touched.has(top)) return undefined;
      touched.add(top);
    }
  }
  return [...touched];
}

function fieldsOfStage(stage: Document): string[] | undefined {
  const [name, ...more] = Object.keys(stage);
  if (name === undefined || more.length > 0) return undefined;
  const value: unknown = stage[name];
  if (name === '$set' || name === '$addFields') {
    return typeof value === 'object' && value !== null ? Object.keys(value) : undefined;
  }
  if (name !== '$unset') return undefined;
  const names: unknown[] = Array.isArray(value) ? value : [value];
  return names.every((each) => typeof each === 'string') ? names : undefined;
}

const idName = Buffer.from('_id\0');
const arena = new Arena();
const a = new Scan();
const b = new Scan();

/**
 * The document after the update: `before` with the touched fields (and nothing else of `part` but `_id`) as `part` has
 * them: in their old place, or at the end where they are new. Undefined where names do not tell the fields apart.
 */
export function withFields(before: Buffer, part: Buffer, names: readonly Uint8Array[]): Buffer | undefined {
  a.read(before);
  b.read(part);
  if (a.mayHaveTwins() || b.mayHaveTwins()) return undefined;
  const writer = arena.open();
  const begun = writer.begin();
  let copied = 4;
  const places = names.map((name) => a.find(name)).filter((place) => place >= 0);
  const kept: number[] = [];
  for (const place of places.sort((x, y) => x - y)) {
    writer.copy(before, copied, a.start[place]);
    copied = a.end[place]!;
    const now = b.find(before.subarray(a.start[place]! + 1, a.value[place]));
    if (now < 0) continue;
    kept.push(now);
    writer.copy(part, b.start[now], b.end[now]);
  }
  writer.copy(before, copied, before.length - 1);
  // The server puts `_id` in front of what it projects.
  for (let i = b.find(idName) + 1; i < b.count; i++) {
    if (!kept.includes(i)) writer.copy(part, b.start[i], b.end[i]);
  }
  writer.end(begun);
  return writer.since(begun);
}

/**
 * The patch of a change of which only the touched fields were read; `null` if nothing changed, undefined where names do
 * not tell the fields apart.
 */
export function patchOfFields(
  before: Buffer,
  part: Buffer,
  names: readonly Uint8Array[],
): Buffer | null | undefined {
  const fast = fastFieldsDiff(before, part, names);
  if (fast !== undefined) return fast;
  const after = withFields(before, part, names);
  return after && patchBetween(before, after);
}

/** The patch between two versions; `null` if they are the same. */
export function patchBetween(before: Buffer, after: Buffer): Buffer | null {
  const fast = fastDiff(before, after);
  if (fast !== undefined) return fast;
  return sameBytes(before, after) ? null : encodePatch(diff(before, after));
}

/** Names as their elements hold them. */
export function namesWithEnd(names: readonly string[]): Buffer[] {
  return names.map((name) => Buffer.from(`${name}\0`));
}

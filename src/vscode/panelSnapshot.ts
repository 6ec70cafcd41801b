// A run as the panel gets it: the same snapshot, with what would freeze a page left out. Texts are cut with a note,
// large documents are named only; the editor opens both whole, out of the snapshot itself.
import type { RunSnapshot } from '../protocol/events';
import { tooLarge } from '../protocol/panel';
import type { Translate } from './words';

/** In characters, and of documents in values too, each counted as a few. `crowded` is for texts after `all` is used up. */
const limits = { text: 10_000, crowded: 500, document: 50_000, all: 4_000_000 };
const perValue = 8;

const documents = new Set(['before', 'after', 'current']);
/** What is sent back to say which one is meant. */
const kept = new Set(['_id', 'id']);

export function panelSnapshot(snapshot: RunSnapshot, t: Translate): RunSnapshot {
  return new Cutter(t).lighter(snapshot) as RunSnapshot;
}

class Cutter {
  #left = limits.all;

  constructor(private readonly t: Translate) {}

  /** What needs no cutting stays the same object. */
  lighter(value: unknown): unknown {
    if (typeof value === 'string') return this.#shorter(value);
    if (typeof value !== 'object' || value === null || value instanceof Date) return value;
    if (Array.isArray(value)) {
      const items = value.map((item) => this.lighter(item));
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    let changed: Record<string, unknown> | undefined;
    for (const [key, child] of Object.entries(value)) {
      if (kept.has(key)) continue;
      const light = documents.has(key) ? this.#lightDocument(child) : this.lighter(child);
      if (light !== child) changed = { ...(changed ?? value), [key]: light };
    }
    return changed ?? value;
  }

  #shorter(text: string): string {
    const limit = this.#left > limits.text ? limits.text : limits.crowded;
    this.#left -= Math.min(limit, text.length);
    const rest = text.length - limit;
    return rest <= 0 ? text : `${text.slice(0, limit)}\n${this.t('… {0} more characters', rest)}`;
  }

  #lightDocument(document: unknown): unknown {
    // That there is none says something.
    if (document === null || document === undefined) return document;
    const limit = Math.min(limits.document, this.#left);
    const size = sizeUpTo(limit, document);
    if (size > limit) return tooLarge;
    this.#left -= size;
    return document;
  }
}

/** Looks no further than it has to: a document of many megabytes costs no more than one of the limit. */
function sizeUpTo(limit: number, value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return perValue;
  let size = perValue;
  for (const [key, child] of fieldsOf(value)) {
    size += key.length + sizeUpTo(limit - size, child);
    if (size > limit) break;
  }
  return size;
}

function* fieldsOf(value: object): Generator<[string, unknown]> {
  if (Array.isArray(value)) for (const item of value) yield ['', item];
  // Not `entries`, which would copy all of them first.
  else for (const key in value) yield [key, (value as Record<string, unknown>)[key]];
}

// Remembers outlines, so that lenses stay where they are while somebody types and the text does not parse.
import type { Outline } from './outline';
import { type Outlined, outlinedAfter } from './outlineIncrement';
import { outlineSource } from './outlineSource';

interface Kept {
  text: string;
  outline: Outline;
  /** The newest text that parsed, with its outline. */
  good?: Outlined;
}

/** The newest outline that parsed for each document, keyed by whatever names a document (its URI). */
export class OutlineKeeper {
  readonly #kept = new Map<string, Kept>();

  /**
   * The outline of `text`; while it does not parse, the entries of the last text that did, moved along with the
   * edit, beside today's `error`. The same text is parsed once only.
   */
  outline(key: string, text: string, fileName: string): Outline {
    const kept = this.#kept.get(key);
    if (kept && kept.text === text) return kept.outline;
    const next = kept?.good && outlinedAfter(kept.good, text, fileName);
    if (next) {
      this.#kept.set(key, { text, outline: next.outline, good: next });
      return next.outline;
    }
    const fresh = outlineSource(text, fileName);
    const good = fresh.error ? kept?.good : { text, outline: fresh };
    const outline = fresh.error && good ? { ...moved(good, text), error: fresh.error } : fresh;
    this.#kept.set(key, { text, outline, good });
    return outline;
  }

  /** Forgets a document that was closed. */
  forget(key: string): void {
    this.#kept.delete(key);
  }
}

/** Entries behind the edited stretch keep their distance from the end of the text, those before it stay. */
function moved(good: { text: string; outline: Outline }, text: string): Outline {
  const shift = text.length - good.text.length;
  const limit = Math.min(text.length, good.text.length);
  let same = 0;
  while (same < limit && text.charCodeAt(same) === good.text.charCodeAt(same)) same++;
  const move = (offset: number): number =>
    Math.min(text.length, offset <= same ? offset : Math.max(same, offset + shift));
  return {
    ...good.outline,
    entries: good.outline.entries.map((entry) => ({
      ...entry,
      start: move(entry.start),
      end: move(entry.end),
    })),
  };
}

import type { Fix } from '../../../src/migration/lint/finding';

/** The text with a fix applied, its placeholders as they stand. */
export function applyFix(text: string, { edits }: Fix): string {
  return [...edits]
    .sort((a, b) => b.start - a.start)
    .reduce((result, { start, end, text }) => result.slice(0, start) + text + result.slice(end), text);
}
